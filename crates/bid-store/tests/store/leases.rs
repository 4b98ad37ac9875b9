//! Who holds a lease, and for how long, on each backend.

use std::time::{Duration, Instant};

use headstart_auction::{LEASE_MS, LeaseAnswer};
use headstart_bid_store::{BidStore, LeaseName};
use headstart_types::Slot;

use crate::shared::submission;
use crate::world::{Backend, SLOT, eventually, key};

/// What the two are told: the one takes the lease, renews it and gives it back, and the other would have it all the time.
async fn pass_between(one: &BidStore, other: &BidStore, name: LeaseName) -> [LeaseAnswer; 5] {
    let (taken, wanted, renewed) = (one.lease(name).await, other.lease(name).await, one.lease(name).await);
    other.release(&name).await;
    let wanted_again = other.lease(name).await;
    one.release(&name).await;
    [taken, wanted, renewed, wanted_again, other.lease(name).await]
}

fn assert_passed(answers: [LeaseAnswer; 5], backend: &str) {
    let [taken, wanted, renewed, wanted_again, had] = answers;
    let LeaseAnswer::Granted { fence } = taken else { panic!("{backend}: it is free") };
    let LeaseAnswer::Held { left_ms } = wanted else { panic!("{backend}: it is held") };
    assert!((0..=LEASE_MS).contains(&left_ms), "{backend}: {left_ms}");
    assert_eq!(renewed, LeaseAnswer::Granted { fence }, "{backend}: renewed");
    assert!(matches!(wanted_again, LeaseAnswer::Held { .. }), "{backend}: not the other's to give back");
    let LeaseAnswer::Granted { fence: next } = had else { panic!("{backend}: it is free") };
    assert!(next > fence, "{backend}: {next} after {fence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_holds_a_lease_and_the_next_one_has_a_higher_fence() {
    for backend in Backend::each() {
        let (one, other) = (backend.process().await, backend.process().await);
        // On a busy machine a lease can run out between two calls.
        let mut slots = (0..).map(|ahead| Slot(SLOT.0 + ahead));
        eventually("a lease outlasts what is asserted of it", async || {
            let name = LeaseName::Auction(key(slots.next().unwrap()));
            let began = Instant::now();
            let answers = pass_between(&one, &other, name).await;
            let in_time = began.elapsed() < Duration::from_millis(LEASE_MS.unsigned_abs());
            if in_time {
                assert_passed(answers, backend.name());
            }
            in_time
        })
        .await;
        let submission = LeaseName::Submission(submission());
        assert!(matches!(one.lease(submission).await, LeaseAnswer::Granted { .. }), "another matter");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_not_renewed_is_free_in_time_for_the_slot() {
    for backend in Backend::each() {
        let (one, other) = (backend.process().await, backend.process().await);
        let name = LeaseName::Auction(key(SLOT));
        let held_since = Instant::now();
        one.lease(name).await;
        eventually("the lease runs out", async || {
            matches!(other.lease(name).await, LeaseAnswer::Granted { .. })
        })
        .await;
        let lasted = held_since.elapsed();
        assert!(lasted >= Duration::from_millis(LEASE_MS.unsigned_abs()), "{}: {lasted:?}", backend.name());
    }
}
