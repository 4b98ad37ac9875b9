//! Thousands of simulated slots: how old the served bid is, and how many calls it took.
//!
//! The world is as simple as can be: relays answer after their round trip, and look at their books half-way. What no
//! schedule can change, that an answer's news is half a round trip old, is not counted against it.

#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a simulation's small numbers, in a test"
)]

use std::sync::Arc;

use headstart_auction::{Answer, AskMoments, AskTurn, Auction, CallPolicy, Interest, RoundTrips};
use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Slot, UnixMillis};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const SLOT_MS: i64 = 12_000;
/// Slots in which habits and round trips are still being learnt.
const LEARNING: u64 = 5;

struct World {
    random: StdRng,
    round_trips: Vec<i64>,
    policy: CallPolicy,
    known: RoundTrips,
    moments: AskMoments,
    cluster: Arc<str>,
}

/// What one slot came to.
struct Played {
    /// How much older than need be the newest news were when the beacon node asked.
    age_ms: Option<i64>,
    calls: Vec<u32>,
}

impl World {
    fn new(policy: CallPolicy, round_trips: &[i64]) -> Self {
        Self {
            random: StdRng::seed_from_u64(7),
            round_trips: round_trips.to_vec(),
            policy,
            known: RoundTrips::default(),
            moments: AskMoments::default(),
            cluster: Arc::from("alpha"),
        }
    }

    fn play(&mut self, slot: u64, asked_ms: i64) -> Played {
        let start = UnixMillis(i64::try_from(slot).unwrap() * SLOT_MS);
        let key = AuctionKey {
            slot: Slot(slot),
            parent_hash: BlockHash::default(),
            proposer: BlsPublicKey::default(),
        };
        let moment = self.moments.expected(&self.cluster, 0, start - 2_500);
        let turns = (0..).zip(&self.round_trips).map(|(relay, _)| {
            (RelayId(relay), AskTurn::new(self.policy, self.known.expected(RelayId(relay))))
        });
        let mut auction = Auction::new(key, start, turns, 2_000);
        // Whoever wants the best each time costs the most calls.
        auction.expect(&self.cluster, Interest { moment, sticky_ms: 0 });
        let (mut under_way, mut calls) = (Vec::<(i64, i64, usize)>::new(), vec![0; self.round_trips.len()]);
        let (mut newest, mut age_ms, mut wake_ms) = (vec![None; self.round_trips.len()], None, -2_500);
        for now_ms in -2_500..2_000 {
            let now = start + now_ms;
            let answered: Vec<_> = under_way.extract_if(.., |(at, ..)| *at <= now_ms).collect();
            for (_, sent_ms, relay) in &answered {
                newest[*relay] = Some(*sent_ms);
                self.known.heard(RelayId(*relay as u64), now_ms - sent_ms);
                auction.answered(RelayId(*relay as u64), now, Answer::Bid);
            }
            let comes = now_ms == asked_ms;
            if comes {
                age_ms = self.age_ms(&newest, asked_ms);
                self.moments.heard(&self.cluster, None, 0, asked_ms);
                auction.served(|_| Some(now));
            }
            if comes || !answered.is_empty() || wake_ms <= now_ms {
                let decision = auction.decide(now, Some(Slot(slot - 1)));
                for ask in decision.asks {
                    let relay = usize::try_from(ask.relay.0).unwrap();
                    calls[relay] += 1;
                    let took_ms = self.round_trips[relay] + self.random.random_range(0..=1);
                    under_way.push((now_ms + took_ms, now_ms, relay));
                }
                wake_ms = decision.wake_at.map_or(2_000, |at| at - start);
            }
        }
        Played { age_ms, calls }
    }

    /// The book that was looked at last, against the last that could have been looked at.
    fn age_ms(&self, newest: &[Option<i64>], asked_ms: i64) -> Option<i64> {
        let relays = newest.iter().zip(&self.round_trips);
        let looked_at = relays.filter_map(|(sent, rtt)| sent.map(|sent| sent + rtt / 2)).max()?;
        let could_be = self.round_trips.iter().map(|rtt| asked_ms - rtt / 2).max()?;
        Some((could_be - looked_at).max(0))
    }
}

/// Plays so many slots with a beacon node that asks around `offset_ms`; the mean age, and the mean calls of a relay.
fn play(policy: CallPolicy, round_trips: &[i64], offset_ms: i64, jitter_ms: i64) -> (f64, f64) {
    let (mut world, mut ages, mut calls) = (World::new(policy, round_trips), Vec::new(), Vec::new());
    for slot in 1..600 {
        let off_ms = world.random.random_range(-jitter_ms..=jitter_ms);
        let played = world.play(slot, offset_ms + off_ms);
        if slot > LEARNING {
            ages.push(played.age_ms.expect("something is held") as f64);
            calls.extend(played.calls.into_iter().map(f64::from));
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    (mean(&ages), mean(&calls))
}

#[test]
fn what_is_served_is_hardly_older_than_light_allows_and_takes_few_calls() {
    for offset_ms in [0, 170, 500, 1_100] {
        let (age_ms, calls) = play(CallPolicy::MEV_BOOST_RELAY, &[30, 60, 90, 120, 150], offset_ms, 4);
        println!("asked at {offset_ms} +-4 ms: {age_ms:.2} ms older than need be, {calls:.2} calls a relay");
        assert!(age_ms < 4.0, "{age_ms} ms at {offset_ms}");
        assert!(calls < 47.0 / 5.0, "{calls} calls at {offset_ms}");
    }
}

#[test]
fn a_beacon_node_without_a_habit_is_met_within_the_span_of_its_asks() {
    let (age_ms, calls) = play(CallPolicy::MEV_BOOST_RELAY, &[30, 60, 90, 120, 150], 170, 60);
    println!("asked at 170 +-60 ms: {age_ms:.2} ms older than need be, {calls:.2} calls a relay");
    assert!(age_ms < 40.0 && calls < 47.0 / 5.0, "{age_ms} ms, {calls} calls");
}
