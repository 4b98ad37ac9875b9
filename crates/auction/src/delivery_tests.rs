use std::collections::BTreeSet;

use headstart_types::Network;
use proptest::prelude::*;

use super::*;
use crate::lane::BATCH_MAX;

const START: UnixMillis = UnixMillis(1_700_000_000_000);
const EPOCH_MS: i64 = 384_000;

fn validator(number: u64) -> BlsPublicKey {
    let mut key = BlsPublicKey::default();
    key.0[..8].copy_from_slice(&number.to_be_bytes());
    key
}

fn due(number: u64) -> Due {
    Due { validator: validator(number), mark: 1, urgent: false }
}

fn many(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Due> {
    numbers.map(due)
}

fn cluster(name: &str) -> Arc<str> {
    Arc::from(name)
}

/// A relay that answers after 200 ms, and what it was sent.
struct Relay {
    delivery: Delivery,
    now: UnixMillis,
    under_way: Vec<(UnixMillis, Batch)>,
    sent: Vec<(i64, Batch)>,
    given_up: Vec<BlsPublicKey>,
}

const ROUND_TRIP_MS: i64 = 200;

impl Relay {
    fn new() -> Self {
        let delivery = Delivery::new(Pace::of(&Network::mainnet()));
        Self { delivery, now: START, under_way: Vec::new(), sent: Vec::new(), given_up: Vec::new() }
    }

    fn offer(&mut self, name: &str, due: impl IntoIterator<Item = Due>) -> usize {
        self.delivery.offer(self.now, &cluster(name), due).len()
    }

    /// Lets time pass until `until_ms` after the start; `answer` is the relay's to each batch.
    fn play(&mut self, until_ms: i64, answer: impl Fn(&Batch, i64) -> DeliveryAnswer) {
        let end = START + until_ms;
        loop {
            while let Next::Send(batch) = self.delivery.next(self.now) {
                self.sent.push((self.now - START, batch.clone()));
                self.under_way.push((self.now + ROUND_TRIP_MS, batch));
                assert!(self.under_way.len() <= CALLS_AT_ONCE);
            }
            let Next::Wait(wake) = self.delivery.next(self.now) else { continue };
            let answered = self.under_way.first().map(|(at, _)| *at);
            let next = wake.into_iter().chain(answered).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            assert!(next > self.now || answered == Some(next), "it never wakes for nothing");
            self.now = next;
            if answered.is_some_and(|at| at <= self.now) {
                let (_, batch) = self.under_way.remove(0);
                let answer = answer(&batch, self.now - START);
                self.given_up.extend(self.delivery.answered(self.now, batch, answer));
            }
        }
        self.now = end;
    }

    fn of(&self, name: &str) -> Vec<(i64, usize)> {
        let its_own = self.sent.iter().filter(|(_, batch)| &*batch.cluster == name);
        its_own.map(|(at, batch)| (*at, batch.validators.len())).collect()
    }
}

fn accepts(_: &Batch, _: i64) -> DeliveryAnswer {
    DeliveryAnswer::Accepted
}

/// A relay that refuses every batch with one of these in it.
fn dislikes(disliked: &[u64]) -> impl Fn(&Batch, i64) -> DeliveryAnswer {
    let disliked: BTreeSet<_> = disliked.iter().map(|number| validator(*number)).collect();
    move |batch, _| {
        let refused = batch.validators.iter().any(|validator| disliked.contains(validator));
        if refused { DeliveryAnswer::Refused } else { DeliveryAnswer::Accepted }
    }
}

#[test]
fn a_few_registrations_go_at_once_and_together() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..3));
    relay.play(10_000, accepts);
    assert_eq!(relay.of("alpha"), [(0, 3)]);
    assert!(relay.delivery.is_empty());
}

#[test]
fn no_batch_is_larger_than_a_relay_takes() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..620));
    relay.play(10_000, accepts);
    assert_eq!(relay.of("alpha"), [(0, BATCH_MAX), (500, 120)]);
}

#[test]
fn much_is_spread_over_most_of_the_epoch() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..50_000));
    relay.play(EPOCH_MS, accepts);
    let sent = relay.of("alpha");
    assert_eq!(sent.len(), 100);
    let last = sent.last().unwrap().0;
    assert!((EPOCH_MS * 7 / 10..=EPOCH_MS * 8 / 10 + 2_000).contains(&last), "the last at {last} ms");
    let longest = sent.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap();
    assert!(longest < 10_000, "evenly: never {longest} ms apart");
}

#[test]
fn the_few_of_one_cluster_never_wait_for_the_many_of_another() {
    let mut relay = Relay::new();
    relay.offer("whale", many(0..50_000));
    for round in 1..20 {
        relay.play(round * 10_000, accepts);
        relay.offer("alpha", [due(1_000_000 + round.cast_unsigned())]);
    }
    relay.play(EPOCH_MS, accepts);
    let waits = relay.of("alpha").into_iter().map(|(at, _)| at % 10_000).max().unwrap();
    assert!(waits <= 500, "{waits} ms");
    assert_eq!(relay.of("alpha").len(), 19);
}

#[test]
fn clusters_take_turns_and_are_never_mixed() {
    let mut relay = Relay::new();
    for (place, name) in ["alpha", "beta", "gamma"].into_iter().enumerate() {
        let first = place as u64 * 10_000;
        relay.offer(name, many(first..first + 1_000));
    }
    relay.play(60_000, accepts);
    let names: Vec<_> = relay.sent.iter().map(|(_, batch)| &*batch.cluster).collect();
    assert_eq!(names, ["alpha", "beta", "gamma", "alpha", "beta", "gamma"]);
    for (_, batch) in &relay.sent {
        let first = ["alpha", "beta", "gamma"].iter().position(|name| **name == *batch.cluster).unwrap();
        let own = validator(first as u64 * 10_000)..validator((first as u64 + 1) * 10_000);
        assert!(batch.validators.iter().all(|validator| own.contains(validator)));
    }
}

#[test]
fn a_cluster_that_trickles_does_not_keep_the_others_waiting() {
    let mut relay = Relay::new();
    for tick in 0..300_u64 {
        relay.offer("trickle", [due(1_000_000 + tick)]);
        if tick == 100 {
            relay.offer("alpha", many(0..500));
            relay.offer("beta", many(10_000..10_500));
        }
        relay.play((tick.cast_signed() + 1) * 200, accepts);
    }
    for name in ["alpha", "beta"] {
        let (at, _) = relay.of(name)[0];
        assert!(at <= 22_000, "{name} waited until {at} ms");
    }
}

#[test]
fn validators_about_to_propose_go_first_also_when_that_becomes_known_later() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..10_000));
    relay.play(5_000, accepts);
    relay.delivery.hurry(&validator(9_999));
    relay.offer("alpha", [Due { urgent: true, ..due(9_000) }, Due { urgent: true, ..due(77_777) }]);
    relay.play(6_000, accepts);
    let urgent: BTreeSet<_> = relay.sent.last().unwrap().1.validators.iter().copied().collect();
    assert_eq!(urgent, [9_000, 9_999, 77_777].map(validator).into());
    relay.play(EPOCH_MS, accepts);
    let sent: usize = relay.sent.iter().map(|(_, batch)| batch.validators.len()).sum();
    assert_eq!(sent, 10_001, "and nothing is sent twice");
}

#[test]
fn one_disliked_registration_is_found_and_left_alone() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..500));
    relay.play(60_000, dislikes(&[123]));
    assert_eq!(relay.given_up, [validator(123)]);
    assert!(relay.sent.len() <= 19, "{} calls", relay.sent.len());
    assert!(relay.delivery.is_empty());
    let calls = relay.sent.len();
    relay.offer("alpha", many(0..500).filter(|due| due.validator == validator(123)));
    relay.play(120_000, dislikes(&[123]));
    assert_eq!(relay.sent.len(), calls, "it rests until it changes");
    relay.offer("alpha", [Due { mark: 2, ..due(123) }]);
    relay.play(130_000, accepts);
    assert_eq!(relay.sent.last().unwrap().1.validators, [validator(123)]);
}

#[test]
fn what_was_refused_a_day_ago_is_tried_again_alone() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..3));
    relay.play(20_000, dislikes(&[1]));
    let a_day = crate::REFRESH_MS;
    relay.play(a_day + 20_000, dislikes(&[1]));
    let calls = relay.sent.len();
    relay.offer("alpha", many(0..3));
    relay.play(a_day + 40_000, dislikes(&[1]));
    let mut sizes: Vec<_> = relay.sent[calls..].iter().map(|(_, batch)| batch.validators.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2], "the others are not spoilt by it");
    assert_eq!(relay.given_up, [validator(1); 2]);
}

#[test]
fn a_relay_that_dislikes_everything_is_searched_slowly_and_delays_no_other_cluster() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..500));
    let all: Vec<_> = (0..500).collect();
    relay.play(120_000, dislikes(&all));
    assert!(relay.sent.len() < 60, "{} calls in two minutes", relay.sent.len());
    relay.offer("beta", many(10_000..10_003));
    relay.play(121_000, dislikes(&all));
    assert_eq!(relay.of("beta"), [(120_000, 3)]);
    relay.play(2 * 3_600_000, dislikes(&all));
    assert_eq!(relay.given_up.len(), 500);
}

#[test]
fn a_relay_that_had_enough_is_left_alone_for_as_long_as_it_asks() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..10));
    relay.offer("beta", many(100..110));
    relay.play(60_000, |_, at| {
        if at < 1_000 {
            DeliveryAnswer::Limited { retry_after_ms: Some(30_000) }
        } else {
            DeliveryAnswer::Accepted
        }
    });
    let moments: Vec<_> = relay.sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(moments.len(), 4, "{moments:?}");
    assert!(moments[2] >= 30_000);
}

#[test]
fn a_relay_out_of_reach_is_tried_ever_less_often_and_told_everything_in_the_end() {
    let mut relay = Relay::new();
    relay.offer("alpha", many(0..1_200));
    relay.play(3_600_000, |_, _| DeliveryAnswer::Failed);
    let calls = relay.sent.len();
    assert!((10..40).contains(&calls), "{calls} calls in an hour");
    relay.play(4_600_000, accepts);
    let told: BTreeSet<_> = relay.sent[calls..].iter().flat_map(|(_, batch)| &batch.validators).collect();
    assert_eq!(told.len(), 1_200);
    assert!(relay.delivery.is_empty());
}

#[test]
fn a_batch_that_makes_a_relay_fail_delays_only_its_own_cluster() {
    let mut relay = Relay::new();
    relay.offer("poison", many(0..10));
    for round in 0..30_u64 {
        relay.offer("alpha", [due(1_000 + round)]);
        relay.play((round.cast_signed() + 1) * 10_000, |batch, _| {
            if &*batch.cluster == "poison" { DeliveryAnswer::Failed } else { DeliveryAnswer::Accepted }
        });
    }
    assert_eq!(relay.of("alpha").len(), 30);
    assert!(relay.of("alpha").iter().all(|(at, _)| at % 10_000 <= 1_500), "{:?}", relay.of("alpha"));
    assert!(relay.of("poison").len() < 12, "{:?}", relay.of("poison"));
}

#[test]
fn a_registration_that_is_replaced_while_it_waits_is_sent_once() {
    let mut relay = Relay::new();
    relay.play(1_000, accepts);
    relay.offer("alpha", [due(1)]);
    relay.offer("alpha", [Due { mark: 2, ..due(1) }]);
    relay.offer("beta", [Due { mark: 3, ..due(1) }]);
    relay.play(10_000, accepts);
    assert_eq!(relay.sent.len(), 1);
}

#[test]
fn a_registration_that_is_replaced_under_way_is_sent_again_afterwards() {
    let mut relay = Relay::new();
    relay.offer("alpha", [due(1)]);
    let Next::Send(batch) = relay.delivery.next(START) else { panic!("it is due") };
    relay.offer("alpha", [due(1)]);
    relay.offer("alpha", [Due { mark: 2, ..due(1) }]);
    assert_eq!(relay.delivery.next(START), Next::Wait(None), "never twice at a time");
    relay.delivery.answered(START + 100, batch, DeliveryAnswer::Accepted);
    relay.now = START + 100;
    relay.play(10_000, accepts);
    assert_eq!(relay.sent.len(), 1);
    assert!(relay.delivery.is_empty());
}

#[test]
fn a_relay_that_publishes_something_older_is_told_once_more_and_then_left_alone() {
    let mut relay = Relay::new();
    for (round, told) in [(0, true), (1, false)] {
        relay.offer("alpha", [due(1)]);
        relay.play((round + 1) * 10_000, accepts);
        assert_eq!(relay.delivery.disputed(relay.now, &validator(1), 1), told);
    }
    assert_eq!(relay.sent.len(), 2);
    relay.offer("alpha", [due(1)]);
    relay.play(30_000, accepts);
    assert_eq!(relay.sent.len(), 2);
    relay.offer("alpha", [Due { mark: 2, ..due(1) }]);
    relay.play(40_000, accepts);
    assert_eq!(relay.sent.len(), 3, "another registration is another matter");
}

#[test]
fn a_full_lane_says_how_many_it_left_out_and_leaves_the_others_alone() {
    let mut relay = Relay::new();
    assert_eq!(relay.offer("whale", many(0..WAITING_MAX as u64 + 10)), 10);
    assert_eq!(relay.offer("whale", many(0..10)), 0, "what waits already needs no room");
    assert_eq!(relay.offer("alpha", many(1_000_000..1_000_003)), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_relay_answers_every_registration_ends_accepted_or_given_up_and_clusters_stay_apart(
        sizes in prop::collection::vec(1_u64..1_200, 1..4),
        disliked in prop::collection::btree_set(0_u64..1_200, 0..6),
        faults in prop::collection::vec(0_u8..6, 0..40),
    ) {
        let mut relay = Relay::new();
        for (place, size) in sizes.iter().enumerate() {
            let first = place as u64 * 10_000;
            relay.offer(&format!("cluster-{place}"), many(first..first + size));
        }
        let all: Vec<_> = (0..sizes.len() as u64).flat_map(|place| disliked.iter().map(move |number| place * 10_000 + number)).collect();
        let (honest, calls, accepted) = (dislikes(&all), std::cell::Cell::new(0), std::cell::RefCell::new(BTreeSet::new()));
        relay.play(3 * 3_600_000, |batch, at| {
            let call = calls.replace(calls.get() + 1);
            let answer = match faults.get(call) {
                Some(0) => DeliveryAnswer::Failed,
                Some(1) => DeliveryAnswer::Limited { retry_after_ms: Some(3_000) },
                Some(2) => DeliveryAnswer::Limited { retry_after_ms: None },
                _ => honest(batch, at),
            };
            if answer == DeliveryAnswer::Accepted {
                for validator in &batch.validators {
                    assert!(accepted.borrow_mut().insert(*validator), "accepted once");
                }
            }
            answer
        });
        prop_assert!(relay.delivery.is_empty());
        let given_up: BTreeSet<_> = relay.given_up.iter().copied().collect();
        for (place, size) in sizes.iter().enumerate() {
            for number in 0..*size {
                let validator = validator(place as u64 * 10_000 + number);
                prop_assert!(accepted.borrow().contains(&validator) != given_up.contains(&validator));
                prop_assert_eq!(given_up.contains(&validator), disliked.contains(&number));
            }
        }
        for (_, batch) in &relay.sent {
            let place: u64 = batch.cluster["cluster-".len()..].parse().unwrap();
            let own = validator(place * 10_000)..validator((place + 1) * 10_000);
            prop_assert!(batch.validators.len() <= BATCH_MAX);
            prop_assert!(batch.validators.iter().all(|validator| own.contains(validator)));
        }
    }
}
