use headstart_types::{BlockHash, BlsPublicKey};

use super::*;
use crate::{CallPolicy, RoundTrip};

const START: UnixMillis = UnixMillis(1_700_000_000_000);
const SLOT: Slot = Slot(100);
const INTEREST: Interest = Interest { moment: AskMoment::about(0), sticky_ms: 0 };

fn auction(relays: &[CallPolicy]) -> Auction {
    let key = AuctionKey { slot: SLOT, parent_hash: BlockHash::default(), proposer: BlsPublicKey::default() };
    let relays = relays
        .iter()
        .enumerate()
        .map(|(index, policy)| (RelayId(index as u64), AskTurn::new(*policy, RoundTrip::steady(40))));
    let mut auction = Auction::new(key, START, relays, 2_000);
    auction.expect(&"alpha".into(), INTEREST);
    auction
}

/// Plays an auction against relays that answer after `rtt_ms`; gives (moment, relay) of every ask.
fn play(
    auction: &mut Auction,
    head_at_ms: i64,
    rtt_ms: i64,
    mut each_ms: impl FnMut(&mut Auction, i64),
) -> Vec<(i64, u64)> {
    let (mut asks, mut answers) = (Vec::new(), Vec::new());
    let mut wake_at = START - 4_000;
    for offset in -4_000..3_500 {
        let now = START + offset;
        each_ms(auction, offset);
        let due: Vec<RelayId> =
            answers.extract_if(.., |(at, _)| *at <= now).map(|(_, relay)| relay).collect();
        let woken = !due.is_empty();
        for relay in due {
            auction.answered(relay, now, Answer::Bid);
        }
        if woken || wake_at <= now {
            let head = if offset >= head_at_ms { SLOT.previous() } else { Slot(SLOT.0 - 2) };
            let decision = auction.decide(now, Some(head));
            if decision.closed {
                break;
            }
            for ask in decision.asks {
                asks.push((offset, ask.relay.0));
                answers.push((now + rtt_ms, ask.relay));
            }
            wake_at = decision.wake_at.expect("an open auction says when to decide again");
        }
    }
    asks
}

#[test]
fn asks_are_few_early_and_dense_when_the_beacon_node_is_expected() {
    let asks = play(&mut auction(&[CallPolicy::MEV_BOOST_RELAY]), -8_000, 40, |_, _| {});
    let asks: Vec<_> = asks.into_iter().map(|(at, _)| at).collect();
    assert_eq!(
        asks[..7],
        [-2_500, -188, -108, -100, -70, -40, -10],
        "answers land from just before 60 ms before to 60 ms after"
    );
    assert!(asks[7..].len() <= 10, "and ever less often when nobody comes: {asks:?}");
    assert!(asks.iter().all(|at| *at < 2_000), "nothing is asked past the cut-off");
}

#[test]
fn after_the_first_header_was_served_relays_get_their_rest() {
    let mut auction = auction(&[CallPolicy::MEV_BOOST_RELAY]);
    let asks = play(&mut auction, -8_000, 40, |auction, offset| {
        if offset == 100 {
            auction.served(|_| Some(START + offset));
        }
    });
    let after = asks.iter().filter(|(at, _)| *at >= 400).count();
    assert!(after <= 2, "{asks:?}");
}

#[test]
fn while_all_are_served_the_same_again_no_relay_is_asked() {
    let mut auction = auction(&[CallPolicy::MEV_BOOST_RELAY]);
    auction.expect(&"alpha".into(), Interest { sticky_ms: 1_000, ..INTEREST });
    let asks = play(&mut auction, -8_000, 40, |auction, offset| {
        if offset == 100 {
            auction.served(|_| Some(START + offset));
        }
    });
    assert!(asks.iter().all(|(at, _)| !(100..1_100).contains(at)), "{asks:?}");
    assert_eq!(asks.last().map(|(at, _)| *at), Some(1_100), "a later round may as well have a better one");
}

#[test]
fn what_a_header_might_have_been_is_asked_of_every_relay_that_allows_it() {
    let mut auction = auction(&[CallPolicy::MEV_BOOST_RELAY, CallPolicy::ULTRASOUND]);
    auction.expect(&"alpha".into(), Interest { sticky_ms: 1_000, ..INTEREST });
    let asks = play(&mut auction, -8_000, 40, |auction, offset| {
        if offset == 300 {
            auction.served(|_| Some(START + offset));
            auction.compare(START + offset);
        }
    });
    let compared: Vec<_> = asks.iter().filter(|(at, _)| (300..1_300).contains(at)).collect();
    assert_eq!(compared, [&(315, 0)], "as soon as its rate lets it; the one-shot relay had its call");
}

#[test]
fn nothing_is_asked_once_the_block_is_signed() {
    let mut auction = auction(&[CallPolicy::MEV_BOOST_RELAY, CallPolicy::HELIX]);
    let asks = play(&mut auction, -8_000, 40, |auction, offset| {
        if offset == 300 {
            auction.submitted();
        }
    });
    assert!(asks.iter().all(|(at, _)| *at < 300));
}

#[test]
fn a_head_gated_relay_waits_for_the_head_but_not_for_a_missed_slot() {
    let asks = play(&mut auction(&[CallPolicy::HELIX]), 9_000, 40, |_, _| {});
    assert_eq!(asks[0].0, -500, "the slot before was missed");
    let mut gated = auction(&[CallPolicy::HELIX]);
    let early = gated.decide(START - 2_500, Some(Slot(SLOT.0 - 2)));
    assert!(early.asks.is_empty());
    let with_head = gated.decide(START - 1_800, Some(SLOT.previous()));
    assert_eq!(with_head.asks.len(), 1);
}

#[test]
fn a_one_shot_relay_is_asked_once_beside_polled_ones() {
    let asks =
        play(&mut auction(&[CallPolicy::ULTRASOUND, CallPolicy::MEV_BOOST_RELAY]), -8_000, 60, |_, _| {});
    let one_shot: Vec<_> = asks.iter().filter(|(_, relay)| *relay == 0).collect();
    assert_eq!(one_shot, [&(0, 0)]);
}

#[test]
fn a_hurried_auction_asks_at_once_and_settles_with_the_answers() {
    let mut auction = auction(&[CallPolicy::MEV_BOOST_RELAY, CallPolicy::ULTRASOUND]);
    auction.hurry(&"alpha".into(), START + 120);
    let decision = auction.decide(START + 120, None);
    assert_eq!(decision.asks.len(), 2);
    assert!(!auction.is_settled());
    auction.answered(RelayId(0), START + 160, Answer::NoBid);
    assert!(!auction.is_settled(), "the other relay is still being asked");
    auction.answered(RelayId(1), START + 170, Answer::Failed);
    assert!(auction.is_settled());
}

#[test]
fn a_cluster_that_asks_early_takes_nothing_from_another() {
    let alone = play(&mut auction(&[CallPolicy::MEV_BOOST_RELAY]), -8_000, 40, |_, _| {});
    let eve: Arc<str> = "eve".into();
    let mut watched = auction(&[CallPolicy::MEV_BOOST_RELAY]);
    watched.expect(&eve, Interest { moment: AskMoment::at(-1_800), sticky_ms: 2_000 });
    let beside = play(&mut watched, -8_000, 40, |auction, offset| {
        if offset == -3_900 {
            auction.hurry(&eve, START + offset);
        }
        if offset == -1_800 {
            auction.served(|cluster| (cluster == "eve").then_some(START + offset));
        }
    });
    let from =
        |asks: &[(i64, u64)]| asks.iter().filter(|(at, _)| (-200..100).contains(at)).copied().collect();
    let (alone, beside): (Vec<_>, Vec<_>) = (from(&alone), from(&beside));
    assert_eq!((alone.len(), alone), (7, beside));
}

#[test]
fn a_relay_may_hold_its_answer_back_only_while_somebody_waits_for_it() {
    let mut auction = auction(&[CallPolicy::MEV_BOOST_RELAY]);
    let asks = auction.decide(START - 2_500, None).asks;
    assert_eq!((asks[0].hold_ms, asks[0].deadline), (100, START - 1_500));
    auction.hurry(&"alpha".into(), START - 2_300);
    assert_eq!(auction.decide(START - 2_300, None).asks[0].hold_ms, 800);
}

#[test]
fn an_auction_without_relays_is_settled_and_ends_at_its_cut_off() {
    let mut auction = auction(&[]);
    assert!(auction.is_settled());
    assert_eq!(auction.decide(START, None).wake_at, Some(START + 61), "the span is over then");
    assert_eq!(auction.decide(START + 500, None).wake_at, Some(START + 2_000));
    assert!(auction.decide(START + 2_000, None).closed);
}
