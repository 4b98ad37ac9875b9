use headstart_types::{AuctionKey, BlockHash, BlsPublicKey};
use proptest::prelude::*;

use super::*;
use crate::{Answer, AskMoment, Interest, RoundTrip};

const RELAY: RelayId = RelayId(1);
const START: UnixMillis = UnixMillis(1_700_000_000_000);
const RTT_MS: i64 = 40;
const EXPECTED_ASK_MS: i64 = 170;

/// One relay's part in one auction, played millisecond by millisecond from four seconds before the slot on.
struct Play {
    auction: Auction,
    now_ms: i64,
    in_flight: Vec<i64>,
    asked: Vec<i64>,
    opened: Vec<i64>,
}

impl Play {
    fn new(policy: CallPolicy, streams: bool) -> Self {
        let turn = AskTurn::new(policy, RoundTrip::steady(RTT_MS));
        let turn = if streams { turn.with_stream() } else { turn };
        let key = AuctionKey {
            slot: Slot(100),
            parent_hash: BlockHash::default(),
            proposer: BlsPublicKey::default(),
        };
        let mut auction = Auction::new(key, START, [(RELAY, turn)], 3_900);
        let interest = Interest { moment: AskMoment::at(EXPECTED_ASK_MS), sticky_ms: 0 };
        auction.expect(&"alpha".into(), interest);
        Self { auction, now_ms: -4_000, in_flight: Vec::new(), asked: Vec::new(), opened: Vec::new() }
    }

    fn now(&self) -> UnixMillis {
        START + self.now_ms
    }

    /// Goes on until that moment; before each millisecond something may happen.
    fn until(&mut self, end_ms: i64, mut happens: impl FnMut(&mut Self)) {
        while self.now_ms < end_ms {
            happens(self);
            let now = self.now();
            if self.in_flight.first().is_some_and(|sent| sent + RTT_MS == self.now_ms) {
                self.in_flight.remove(0);
                self.auction.answered(RELAY, now, Answer::Bid);
            }
            if !self.auction.streams_due(now, Some(Slot(99))).relays.is_empty() {
                self.opened.push(self.now_ms);
            }
            for _ in self.auction.decide(now, Some(Slot(99))).asks {
                self.asked.push(self.now_ms);
                self.in_flight.push(self.now_ms);
            }
            self.now_ms += 1;
        }
    }

    /// A stream that was opened at once brings a bid every 50 ms.
    fn bring_bids(&mut self) {
        if self.now_ms % 50 == 0 {
            self.auction.stream_heard(RELAY, self.now());
        }
    }
}

fn eth(milli: u128) -> Wei {
    Wei::new(milli * 1_000_000_000_000_000)
}

#[test]
fn a_relay_whose_stream_brings_bids_is_polled_once_just_before_the_beacon_node_asks() {
    for policy in [CallPolicy::HELIX, CallPolicy::MEV_BOOST_RELAY, CallPolicy::ULTRASOUND] {
        let mut play = Play::new(policy, true);
        play.until(policy.first_ms, |_| {});
        assert_eq!(play.opened, [] as [i64; 0], "not before the relay may be asked");
        play.until(policy.first_ms + 1, |_| {});
        assert_eq!(play.opened, [policy.first_ms]);
        play.auction.stream_opened(RELAY);
        play.asked.retain(|at| *at > policy.first_ms);
        play.until(3_000, Play::bring_bids);
        assert_eq!(play.asked, [EXPECTED_ASK_MS - RTT_MS], "{policy:?}");
        assert_eq!(play.opened.len(), 1);
    }
}

#[test]
fn a_one_shot_relays_only_call_is_left_to_it() {
    let mut play = Play::new(CallPolicy::ULTRASOUND, true);
    play.until(1, |_| {});
    play.auction.stream_opened(RELAY);
    play.until(100, Play::bring_bids);
    assert_eq!(play.auction.calls(), 0, "neither the opening nor a frame is a call");
    play.auction.stream_lost(RELAY, play.now());
    play.until(3_000, |_| {});
    assert_eq!(play.asked, [EXPECTED_ASK_MS - RTT_MS], "and when the stream is lost it is still there");
}

#[test]
fn a_stream_that_is_lost_is_replaced_by_polls_at_once_and_opened_again_soon() {
    let mut play = Play::new(CallPolicy::MEV_BOOST_RELAY, true);
    play.until(-2_499, |_| {});
    play.auction.stream_opened(RELAY);
    play.until(-1_000, Play::bring_bids);
    let before = play.asked.len();
    play.auction.stream_lost(RELAY, play.now());
    play.until(-500, |_| {});
    assert_eq!(play.asked[before], -1_000, "the next poll is due at once");
    assert_eq!(play.opened[1], -900, "a tenth of a second later");
    play.auction.stream_lost(RELAY, play.now());
    play.until(500, |_| {});
    assert_eq!(play.opened[2], -300, "and then after twice as long");
}

#[test]
fn a_silent_stream_is_polled_beside_until_it_is_heard_again() {
    let mut play = Play::new(CallPolicy::MEV_BOOST_RELAY, true);
    play.until(-2_499, |_| {});
    play.auction.stream_opened(RELAY);
    play.until(-1_490, |_| {});
    assert_eq!(play.asked, [-2_500], "it has not brought anything yet");
    play.until(-1_390, Play::bring_bids);
    play.asked.clear();
    play.until(-401, |_| {});
    assert!(play.asked.is_empty(), "{:?}", play.asked);
    play.until(0, |_| {});
    assert!(!play.asked.is_empty() && play.opened.len() == 1, "polled beside, with the stream still open");
}

#[test]
fn a_stream_that_is_not_admitted_is_not_asked_for_again_in_this_auction() {
    for refusal in [StreamRefusal::NotAdmitted, StreamRefusal::RateLimited { retry_after_ms: None }] {
        let mut play = Play::new(CallPolicy::MEV_BOOST_RELAY, true);
        play.until(-2_499, |_| {});
        play.auction.stream_refused(RELAY, play.now(), refusal);
        let mut polled = Play::new(CallPolicy::MEV_BOOST_RELAY, false);
        play.until(3_000, |_| {});
        polled.until(3_000, |_| {});
        assert_eq!((play.opened.len(), play.asked), (1, polled.asked), "polled as if there were no stream");
    }
}

#[test]
fn a_relay_that_asks_for_rest_before_the_next_stream_gets_it() {
    let mut play = Play::new(CallPolicy::MEV_BOOST_RELAY, true);
    play.until(-2_499, |_| {});
    let limited = StreamRefusal::RateLimited { retry_after_ms: Some(1_500) };
    play.auction.stream_refused(RELAY, play.now(), limited);
    play.until(0, |_| {});
    assert_eq!(play.opened, [-2_500, -999]);
}

#[test]
fn a_stream_that_always_breaks_is_opened_so_often_and_no_more() {
    let mut play = Play::new(CallPolicy { first_ms: -60_000, ..CallPolicy::MEV_BOOST_RELAY }, true);
    play.now_ms = -60_000;
    play.until(3_000, |play| {
        if play.opened.last() == Some(&(play.now_ms - 1)) {
            // Each one brings a bid, so that the pause between them stays the shortest.
            play.auction.stream_heard(RELAY, play.now());
            play.auction.stream_lost(RELAY, play.now());
        }
    });
    assert_eq!(play.opened.len(), usize::try_from(OPENINGS_MAX).unwrap());
}

#[test]
fn a_head_gated_relays_stream_waits_for_the_head() {
    let mut play = Play::new(CallPolicy::HELIX, true);
    let due = play.auction.streams_due(START - 2_000, Some(Slot(98)));
    assert_eq!(due, StreamsDue { relays: vec![], wake_at: Some(START - MISSED_SLOT_LEAD_MS) });
    assert_eq!(play.auction.streams_due(START - 2_000, Some(Slot(99))).relays, [RELAY]);
}

#[test]
fn a_top_bid_above_what_is_held_brings_the_next_poll_forward() {
    let mut play = Play::new(CallPolicy::MEV_BOOST_RELAY, false);
    play.until(-2_490, |_| {});
    assert_eq!(play.asked.last(), Some(&-2_500), "calm so far");
    play.auction.top_bid_rose(RELAY, eth(10), Some(eth(10)));
    play.until(-2_450, |_| {});
    assert_eq!(play.asked.last(), Some(&-2_500), "it has not risen");
    play.auction.top_bid_rose(RELAY, eth(11), Some(eth(10)));
    play.until(-1_000, |_| {});
    assert_eq!(play.asked.last(), Some(&-2_420), "80 ms after the one before, as the relay allows, and once");
}

#[test]
fn a_top_bid_moves_neither_a_one_shot_relays_call_nor_that_of_a_stream_that_is_heard() {
    let rise = |play: &mut Play| play.auction.top_bid_rose(RELAY, eth(9), None);
    let mut one_shot = Play::new(CallPolicy::ULTRASOUND, false);
    one_shot.until(3_000, rise);
    assert_eq!(one_shot.asked, [EXPECTED_ASK_MS - RTT_MS]);
    let mut streamed = Play::new(CallPolicy::MEV_BOOST_RELAY, true);
    streamed.until(-2_499, |_| {});
    streamed.auction.stream_opened(RELAY);
    streamed.until(3_000, |play| {
        play.bring_bids();
        rise(play);
    });
    assert_eq!(streamed.asked[1..], [EXPECTED_ASK_MS - RTT_MS]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn whatever_streams_do_and_announce_polls_keep_to_the_policy(
        policy in prop::sample::select(CallPolicy::PRESETS.map(|(_, policy)| policy).to_vec()),
        happenings in prop::collection::vec((0_u8..5, 1_i64..120), 0..120),
    ) {
        let mut play = Play::new(policy, true);
        for (what, wait_ms) in happenings {
            let now = play.now();
            match what {
                0 => play.auction.stream_opened(RELAY),
                1 => play.auction.stream_heard(RELAY, now),
                2 => play.auction.stream_lost(RELAY, now),
                _ => play.auction.top_bid_rose(RELAY, eth(9), None),
            }
            play.until(play.now_ms + wait_ms, |_| {});
        }
        play.until(3_500, |play| play.auction.top_bid_rose(RELAY, eth(9), None));
        let asked = &play.asked;
        prop_assert!(asked.len() <= usize::try_from(policy.calls_max).unwrap());
        // A burst, and then one more for each gap.
        for (first, from) in asked.iter().enumerate() {
            for (last, to) in asked.iter().enumerate().skip(first) {
                let paid = i64::from(policy.burst.max(1)) + (to - from) / policy.min_gap_ms;
                prop_assert!(i64::try_from(last - first).unwrap() < paid, "{:?}", asked);
            }
        }
        prop_assert!(asked.iter().all(|at| (policy.first_ms..=policy.last_ms).contains(at)));
        prop_assert!(asked.iter().any(|at| *at >= EXPECTED_ASK_MS - RTT_MS), "the one that counts is made");
    }
}
