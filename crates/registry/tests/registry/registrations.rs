use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use headstart_registry::{NotRecorded, Recorded, Registrations};
use headstart_types::{
    BlsSignature, ExecutionAddress, FixedBytes, RegistrationRejected, SignedValidatorRegistration,
    ValidatorRegistration,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use tokio::task::JoinHandle;

use crate::world::{Away, NOW, World, eventually, on_both, validator};

/// `content` tells registrations of one validator and timestamp apart.
fn registration(number: u16, timestamp: u64, content: u8) -> SignedValidatorRegistration {
    let message = ValidatorRegistration {
        fee_recipient: ExecutionAddress::default(),
        gas_limit: u64::MAX - u64::from(content),
        timestamp,
        pubkey: validator(number),
    };
    let mut signature = BlsSignature(FixedBytes::repeat_byte(content));
    signature.0[88..].copy_from_slice(&timestamp.to_be_bytes());
    SignedValidatorRegistration { message, signature }
}

async fn open(world: &World) -> Registrations {
    let registrations = Registrations::open(&world.another_process());
    registrations.loaded().await;
    registrations
}

#[tokio::test]
async fn what_was_recorded_is_there_after_a_restart() {
    on_both(async |world| {
        let all: Vec<_> = (0..1_234).map(|number| registration(number, 100, 1)).collect();
        let verdicts = open(&world).await.record(NOW, all.clone()).await;
        assert!(verdicts.iter().all(Result::is_ok) && verdicts.len() == all.len());
        let again = open(&world).await;
        assert_eq!(again.len(), all.len());
        for registration in &all {
            assert_eq!(again.compare(registration), Ok(Recorded::Unchanged));
            assert_eq!(again.of(&registration.message.pubkey), Some(*registration));
        }
    })
    .await;
}

#[tokio::test]
async fn each_registration_of_a_body_has_its_own_verdict() {
    on_both(async |world| {
        let registrations = open(&world).await;
        registrations.record(NOW, vec![registration(1, 100, 1), registration(2, 100, 1)]).await;
        let body = vec![
            registration(1, 99, 1),
            registration(2, 100, 2),
            registration(2, 100, 1),
            registration(3, 50, 1),
            registration(3, 60, 1),
            registration(3, 55, 1),
            registration(4, u64::MAX, 1),
        ];
        let rejected = |why| Err(NotRecorded::Rejected(why));
        let expected = [
            rejected(RegistrationRejected::OlderThanRecorded),
            rejected(RegistrationRejected::ConflictsWithRecorded),
            Ok(()),
            Ok(()),
            Ok(()),
            rejected(RegistrationRejected::OlderThanRecorded),
            rejected(RegistrationRejected::FromTheFuture),
        ];
        assert_eq!(registrations.record(NOW, body).await, expected);
        assert_eq!(registrations.of(&validator(3)), Some(registration(3, 60, 1)));
        assert_eq!(registrations.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_process_that_knows_less_cannot_bring_back_what_is_older() {
    on_both(async |world| {
        let (one, two) = (open(&world).await, open(&world).await);
        assert_eq!(one.record(NOW, vec![registration(1, 200, 1)]).await, [Ok(())]);
        // The second process may not have looked yet; the database knows.
        let verdicts = two.record(NOW, vec![registration(1, 150, 1)]).await;
        assert_eq!(verdicts, [Err(NotRecorded::Rejected(RegistrationRejected::OlderThanRecorded))]);
        let verdicts = two.record(NOW, vec![registration(1, 200, 2)]).await;
        assert_eq!(verdicts, [Err(NotRecorded::Rejected(RegistrationRejected::ConflictsWithRecorded))]);
        assert_eq!(two.record(NOW, vec![registration(1, 200, 1)]).await, [Ok(())]);
        assert_eq!(two.of(&validator(1)), Some(registration(1, 200, 1)));
        assert_eq!(open(&world).await.of(&validator(1)), Some(registration(1, 200, 1)));
    })
    .await;
}

#[tokio::test]
async fn a_process_learns_what_another_one_recorded() {
    on_both(async |world| {
        let (one, two) = (open(&world).await, open(&world).await);
        one.record(NOW, vec![registration(1, 200, 1)]).await;
        eventually(async || two.of(&validator(1)) == Some(registration(1, 200, 1))).await;
    })
    .await;
}

/// Many tasks in two processes record the same validators in random order: whatever was accepted, the newest of it is
/// what is on record, and everybody agrees.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timestamps_never_go_back_however_writers_interleave() {
    on_both(async |world| {
        let processes = [open(&world).await, open(&world).await];
        let mut tasks = Vec::new();
        for seed in 0..16 {
            let process = processes[seed % 2].clone();
            tasks.push(tokio::spawn(write_at_random(process, u64::try_from(seed).unwrap())));
        }
        let mut newest: HashMap<u16, u64> = HashMap::new();
        for task in tasks {
            for (number, timestamp) in task.await.unwrap() {
                let known = newest.entry(number).or_default();
                *known = timestamp.max(*known);
            }
        }
        let again = open(&world).await;
        assert_eq!(again.len(), newest.len());
        for (number, timestamp) in newest {
            assert_eq!(again.of(&validator(number)).unwrap().message.timestamp, timestamp);
        }
    })
    .await;
}

/// Answers what was accepted.
async fn write_at_random(registrations: Registrations, seed: u64) -> Vec<(u16, u64)> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut accepted = Vec::new();
    for _ in 0..20 {
        let mut validators: Vec<u16> = (0..40).collect();
        validators.shuffle(&mut random);
        validators.truncate(random.random_range(1..20));
        let body: Vec<_> =
            validators.iter().map(|number| registration(*number, random.random_range(1..50), 1)).collect();
        let verdicts = registrations.record(NOW, body.clone()).await;
        for ((number, registration), verdict) in validators.iter().zip(&body).zip(verdicts) {
            match verdict {
                Ok(()) => accepted.push((*number, registration.message.timestamp)),
                Err(reason) => assert_ne!(reason, NotRecorded::NotDurable),
            }
        }
    }
    accepted
}

#[tokio::test]
async fn callers_that_come_together_share_one_transaction() {
    on_both(async |world| {
        let registrations = open(&world).await;
        for caller in record_each(&registrations, 0..500) {
            assert_eq!(caller.await.unwrap(), [Ok(())]);
        }
        let transactions = world.number("SELECT number FROM revisions WHERE name = 'registrations'").await;
        assert!(transactions < 100, "{transactions} transactions for 500 callers");
    })
    .await;
}

/// Each by a caller of its own.
fn record_each(
    registrations: &Registrations,
    validators: Range<u16>,
) -> Vec<JoinHandle<Vec<Result<(), NotRecorded>>>> {
    let record = |number| {
        let registrations = registrations.clone();
        tokio::spawn(async move { registrations.record(NOW, vec![registration(number, 100, 1)]).await })
    };
    validators.map(record).collect()
}

#[tokio::test]
async fn a_database_that_is_away_is_told_of_at_once_and_is_used_when_it_is_back() {
    let world = World::postgres_of_its_own().await;
    let registrations = open(&world).await;
    let known = registration(1, 100, 1);
    registrations.record(NOW, vec![known]).await;
    for (away, new) in [(Away::Stopped, registration(2, 100, 1)), (Away::Frozen, registration(3, 100, 1))] {
        world.take_away(away);
        let begun = Instant::now();
        for caller in record_each(&registrations, 100..120) {
            assert_eq!(caller.await.unwrap(), [Err(NotRecorded::NotDurable)], "{away:?}");
        }
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "{away:?}: {took:?}");
        // What is on record is still known, and accepted.
        assert_eq!(registrations.compare(&known), Ok(Recorded::Unchanged));
        assert_eq!(registrations.record(NOW, vec![known]).await, [Ok(())]);
        world.bring_back(away);
        eventually(async || registrations.record(NOW, vec![new]).await == [Ok(())]).await;
        assert_eq!(open(&world).await.of(&new.message.pubkey), Some(new));
    }
}
