use headstart_auction::{DeliveryState, REFRESH_MS};
use headstart_registry::{Deliveries, Registrations, Telling, mark};
use headstart_types::{
    BlsSignature, ExecutionAddress, FixedBytes, RelayId, SignedValidatorRegistration, ValidatorRegistration,
};

use crate::world::{Away, NOW, World, eventually, on_both, validator};

const ONE: RelayId = RelayId(u64::MAX);
const TWO: RelayId = RelayId(2);

fn registration(number: u16, timestamp: u64) -> SignedValidatorRegistration {
    let pubkey = validator(number);
    let message =
        ValidatorRegistration { fee_recipient: ExecutionAddress::default(), gas_limit: 1, timestamp, pubkey };
    let mut signature = BlsSignature(FixedBytes::repeat_byte(0xff));
    signature.0[88..].copy_from_slice(&(timestamp | 1 << 63).to_be_bytes());
    SignedValidatorRegistration { message, signature }
}

async fn open(world: &World) -> Deliveries {
    let deliveries = Deliveries::open(&world.another_process());
    deliveries.loaded().await;
    deliveries
}

#[tokio::test]
async fn what_a_relay_was_told_is_known_after_a_restart() {
    on_both(async |world| {
        let deliveries = open(&world).await;
        let all: Vec<_> = (0..3_000).map(|number| registration(number, 100)).collect();
        deliveries.note(ONE, &all, DeliveryState::Accepted, NOW);
        deliveries.note(TWO, &all[..1], DeliveryState::Confirmed, NOW);
        deliveries.note_fault(TWO, &all[1..2], "400: unknown \0 validator", NOW);
        deliveries.flush().await.unwrap();
        let again = open(&world).await;
        for registration in &all {
            assert_eq!(again.state(ONE, registration, NOW), DeliveryState::Accepted);
        }
        for number in 0..3 {
            let (before, after) =
                (deliveries.of_validator(&validator(number)), again.of_validator(&validator(number)));
            assert_eq!(before.len(), after.len());
            assert!(before.iter().all(|told| after.contains(told)), "{before:?} {after:?}");
        }
        let told = &again.of_validator(&validator(1));
        let two = told.iter().find(|told| told.relay == TWO).unwrap();
        assert_eq!((two.state, two.mark, two.timestamp), (DeliveryState::Pending, mark(&all[1]), 100));
        assert_eq!((two.fault.as_deref(), two.noted_at), (Some("400: unknown  validator"), NOW));
    })
    .await;
}

#[tokio::test]
async fn another_registration_and_a_long_time_make_it_due_again() {
    on_both(async |world| {
        let deliveries = open(&world).await;
        let (old, new) = (registration(1, 100), registration(1, 200));
        let state = |registration, now| deliveries.state(ONE, registration, now);
        assert_eq!(state(&old, NOW), DeliveryState::Pending);
        deliveries.note(ONE, &[old], DeliveryState::Accepted, NOW);
        assert_eq!(state(&old, NOW), DeliveryState::Accepted);
        assert_eq!(state(&old, NOW + REFRESH_MS), DeliveryState::Stale);
        assert_eq!(state(&new, NOW), DeliveryState::Pending);
        assert_eq!(deliveries.state(TWO, &old, NOW), DeliveryState::Pending);
    })
    .await;
}

#[tokio::test]
async fn notes_are_written_without_being_asked_and_after_the_database_was_away() {
    let world = World::postgres_of_its_own().await;
    let deliveries = open(&world).await;
    world.take_away(Away::Stopped);
    deliveries.note(ONE, &[registration(1, 100)], DeliveryState::Accepted, NOW);
    assert!(deliveries.flush().await.is_err());
    assert_eq!(deliveries.state(ONE, &registration(1, 100), NOW), DeliveryState::Accepted);
    world.bring_back(Away::Stopped);
    let written = async || open(&world).await.of_validator(&validator(1)).len() == 1;
    eventually(written).await;
}

#[tokio::test]
async fn relays_that_refuse_for_ever_new_reasons_do_not_fill_the_memory() {
    let deliveries = Deliveries::in_memory();
    let registration = registration(1, 100);
    for number in 0..5_000 {
        deliveries.note_fault(ONE, &[registration], &format!("reason {number}"), NOW);
    }
    let fault = deliveries.of_validator(&validator(1))[0].fault.clone();
    assert_eq!(fault.as_deref(), Some("it refuses for one of too many different reasons"));
}

#[tokio::test]
async fn what_another_process_noted_is_known_a_moment_later() {
    on_both(async |world| {
        let (one, other) = (open(&world).await, open(&world).await);
        let registration = registration(1, 100);
        one.note(ONE, &[registration], DeliveryState::Accepted, NOW);
        eventually(async || other.state(ONE, &registration, NOW) == DeliveryState::Accepted).await;
        other.note(ONE, &[registration], DeliveryState::Confirmed, NOW);
        eventually(async || one.state(ONE, &registration, NOW) == DeliveryState::Confirmed).await;
    })
    .await;
}

#[tokio::test]
async fn a_file_has_one_process_which_tells_everything() {
    let world = World::sqlite().await;
    let deliveries = open(&world).await;
    deliveries.stand_for_telling();
    assert_eq!(deliveries.telling(), Telling::Everything);
}

#[tokio::test]
async fn one_process_tells_relays_and_when_it_ends_another_does() {
    let world = World::postgres().await;
    let (bystander, first) = (open(&world).await, open(&world).await);
    first.stand_for_telling();
    eventually(async || first.telling() == Telling::Everything).await;
    let second = open(&world).await;
    second.stand_for_telling();
    assert_eq!(second.telling(), Telling::Nothing);

    let told = registration(1, 100);
    first.note(ONE, &[told], DeliveryState::Accepted, NOW);
    first.flush().await.unwrap();
    first.hand_over().await.unwrap();
    eventually(async || second.telling() == Telling::Everything).await;
    assert_eq!(second.state(ONE, &told, NOW), DeliveryState::Accepted, "it knows what was told before it");
    eventually(async || first.telling() == Telling::Nothing).await;

    let third = open(&world).await;
    third.stand_for_telling();
    // It ends without a word, as a process that is killed does.
    drop(second);
    eventually(async || third.telling() == Telling::Everything).await;
    assert_eq!(bystander.telling(), Telling::Nothing);
}

#[tokio::test]
async fn while_the_database_is_away_every_process_tells_of_what_it_accepts() {
    let world = World::postgres_of_its_own().await;
    let (first, second) = (open(&world).await, open(&world).await);
    first.stand_for_telling();
    eventually(async || first.telling() == Telling::Everything).await;
    second.stand_for_telling();

    world.take_away(Away::Stopped);
    eventually(async || second.telling() == Telling::WhatWasAcceptedHere).await;
    eventually(async || first.telling() == Telling::WhatWasAcceptedHere).await;

    world.bring_back(Away::Stopped);
    let tells = |one: &Deliveries| one.telling() == Telling::Everything;
    eventually(async || tells(&first) != tells(&second)).await;
}

#[tokio::test]
async fn whatever_writes_in_the_background_is_kept_alive() {
    let (world, spool) = (World::sqlite().await, tempfile::tempdir().unwrap());
    let registry = world.another_process().with_spool(spool.path()).unwrap();
    let _open = (Registrations::open(&registry), Deliveries::open(&registry));
    let kept: Vec<_> = registry.restarts().into_iter().collect();
    assert_eq!(kept, [("delivery_writer", 0), ("registration_writer", 0), ("spool", 0)]);
}
