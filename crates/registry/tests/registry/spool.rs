use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headstart_registry::{
    NotRecorded, OutcomeKind, OutcomeRecord, Outcomes, ProposalReport, Registrations, Registry,
};
use headstart_types::{
    BlockHash, BlsSignature, ExecutionAddress, FixedBytes, Outcome, SignedValidatorRegistration, Slot,
    UnixMillis, ValidatorRegistration, Wei,
};

use crate::world::{Away, NOW, World, eventually, validator};

const SLOT: Slot = Slot(100);

fn registration(number: u16, timestamp: u64) -> SignedValidatorRegistration {
    let (fee_recipient, pubkey) = (ExecutionAddress::default(), validator(number));
    let message = ValidatorRegistration { fee_recipient, gas_limit: 1, timestamp, pubkey };
    SignedValidatorRegistration { message, signature: BlsSignature::default() }
}

fn report(operator: &str, at: i64) -> ProposalReport {
    ProposalReport {
        slot: SLOT,
        validator: validator(1),
        operator: operator.to_owned(),
        report: format!("{{\"at\":{at}}}"),
        reported_at: NOW + at,
    }
}

fn outcome(number: i64) -> OutcomeRecord {
    OutcomeRecord {
        kind: if number % 2 == 0 { OutcomeKind::Header } else { OutcomeKind::Submission },
        cluster: Some(Arc::from("alpha")).filter(|_| number % 3 != 0),
        slot: SLOT,
        parent_hash: BlockHash(FixedBytes::repeat_byte(1)),
        proposer: Some(validator(1)).filter(|_| number % 5 != 0),
        outcome: if number % 2 == 0 { Outcome::Hit } else { Outcome::Revealed },
        value: Some(Wei::new(number.unsigned_abs().into())).filter(|_| number % 2 == 0),
        block_hash: BlockHash(FixedBytes::repeat_byte(2)),
        relay: Some("one".to_owned()),
        asked_ms: Some(-number),
        took: Duration::from_micros(17),
        at: UnixMillis(NOW.0 + number),
    }
}

/// The registry as a process of its own sees it, with its spool in that folder.
fn process(world: &World, spool: &Path) -> Registry {
    world.another_process().with_spool(spool).unwrap()
}

async fn loaded(registry: &Registry) -> Registrations {
    let registrations = Registrations::open(registry);
    registrations.loaded().await;
    registrations
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_while_the_database_was_away_is_in_it_afterwards() {
    for away in [Away::Stopped, Away::Frozen] {
        let (world, spool) = (World::postgres_of_its_own().await, tempfile::tempdir().unwrap());
        let registry = process(&world, spool.path());
        let registrations = loaded(&registry).await;
        let (outcomes, writer) = Outcomes::open(&registry);
        let writer = tokio::spawn(writer);
        assert_eq!(registrations.record(NOW, vec![registration(1, 100)]).await, [Ok(())]);

        world.take_away(away);
        (0..20).for_each(|number| outcomes.note(outcome(number)));
        let taken = registrations.record(NOW, vec![registration(1, 200), registration(2, 100)]).await;
        assert_eq!(taken, [Ok(()), Ok(())]);
        assert_eq!(registrations.of(&validator(2)), Some(registration(2, 100)), "it is used at once");
        let older = registrations.record(NOW, vec![registration(1, 150)]).await;
        assert!(matches!(older[..], [Err(NotRecorded::Rejected(_))]), "{older:?}");
        assert!(registry.report_proposal("alpha", &report("one", 1)).await.unwrap());
        eventually(async || registry.spool_depth() == 23).await;

        world.bring_back(away);
        eventually(async || registry.spool_depth() == 0).await;
        let afterwards = world.another_process();
        let recorded = loaded(&afterwards).await;
        assert_eq!(recorded.of(&validator(1)), Some(registration(1, 200)));
        assert_eq!(recorded.of(&validator(2)), Some(registration(2, 100)));
        assert_eq!(afterwards.proposal_reports("alpha", SLOT).await.unwrap(), [report("one", 1)]);
        drop(outcomes);
        writer.await.unwrap();
        let all: Vec<_> = (0..20).map(outcome).collect();
        assert_eq!(afterwards.outcomes(SLOT).await.unwrap(), all);
        assert_eq!(registry.spool_dropped(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_left_in_the_spool_is_written_by_the_next_one_and_nothing_newer_is_replaced() {
    let (world, spool) = (World::postgres_of_its_own().await, tempfile::tempdir().unwrap());
    let first = process(&world, spool.path());
    let registrations = loaded(&first).await;
    world.take_away(Away::Stopped);
    let both = vec![registration(1, 100), registration(2, 100)];
    assert_eq!(registrations.record(NOW, both).await, [Ok(()), Ok(())]);
    for operator in ["one", "two"] {
        assert!(first.report_proposal("alpha", &report(operator, 1)).await.unwrap());
    }
    drop((first, registrations));
    world.bring_back(Away::Stopped);
    // Another process was faster with something newer.
    let other = world.another_process();
    loaded(&other).await.record(NOW, vec![registration(1, 300)]).await;
    assert!(other.report_proposal("alpha", &report("one", 5)).await.unwrap());

    let second = process(&world, spool.path());
    eventually(async || other.proposal_reports("alpha", SLOT).await.unwrap().len() == 2).await;
    eventually(async || second.spool_depth() == 0).await;
    let reports = other.proposal_reports("alpha", SLOT).await.unwrap();
    assert_eq!(reports, [report("one", 5), report("two", 1)]);
    let recorded = loaded(&other).await;
    assert_eq!(recorded.of(&validator(1)), Some(registration(1, 300)));
    assert_eq!(recorded.of(&validator(2)), Some(registration(2, 100)));
}

/// As a copy answers: everything can be read and nothing written.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_only_reads_costs_nothing_that_was_taken() {
    let (world, spool) = (World::postgres_of_its_own().await, tempfile::tempdir().unwrap());
    let first = process(&world, spool.path());
    let registrations = loaded(&first).await;
    world.take_away(Away::Stopped);
    assert_eq!(registrations.record(NOW, vec![registration(1, 100)]).await, [Ok(())]);
    drop((first, registrations));
    world.bring_back(Away::Stopped);
    world.let_read_only().await;

    let second = process(&world, spool.path());
    let registrations = loaded(&second).await;
    assert_eq!(registrations.record(NOW, vec![registration(2, 100)]).await, [Ok(())]);
    assert!(second.report_proposal("alpha", &report("one", 1)).await.unwrap());
    eventually(async || second.spool_depth() == 3).await;
    let before = world.undone().await;
    eventually(async || world.undone().await > before + 1).await;
    assert_eq!((second.spool_depth(), second.spool_dropped()), (3, 0));

    world.let_write().await;
    eventually(async || second.spool_depth() == 0).await;
    let recorded = loaded(&world.another_process()).await;
    assert_eq!(recorded.of(&validator(1)), Some(registration(1, 100)));
    assert_eq!(recorded.of(&validator(2)), Some(registration(2, 100)));
    assert_eq!(second.proposal_reports("alpha", SLOT).await.unwrap(), [report("one", 1)]);
    assert_eq!(second.spool_dropped(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_spool_or_before_everything_is_loaded_nothing_is_promised() {
    let (world, spool) = (World::postgres_of_its_own().await, tempfile::tempdir().unwrap());
    let without = loaded(&world.registry).await;
    world.take_away(Away::Stopped);
    let not_durable = [Err(NotRecorded::NotDurable)];
    assert_eq!(without.record(NOW, vec![registration(1, 100)]).await, not_durable);
    let unloaded = Registrations::open(&process(&world, spool.path()));
    assert_eq!(unloaded.record(NOW, vec![registration(1, 100)]).await, not_durable);
    assert!(world.registry.report_proposal("alpha", &report("one", 1)).await.is_err());
}

#[tokio::test]
async fn outcomes_are_found_by_their_slot_and_forgotten_after_a_week() {
    crate::world::on_both(async |world| {
        let (outcomes, writer) = Outcomes::open(&world.registry);
        let writer = tokio::spawn(writer);
        outcomes.note(outcome(1));
        outcomes.note(OutcomeRecord { slot: Slot(101), ..outcome(2) });
        eventually(async || world.registry.outcomes(Slot(101)).await.unwrap().len() == 1).await;
        assert_eq!(world.registry.outcomes(SLOT).await.unwrap(), [outcome(1)]);
        outcomes.note(OutcomeRecord { slot: Slot(100 + 50_401), ..outcome(3) });
        drop(outcomes);
        writer.await.unwrap();
        assert_eq!(world.registry.outcomes(SLOT).await.unwrap(), []);
        assert_eq!(world.registry.outcomes(Slot(101)).await.unwrap().len(), 1);
    })
    .await;
}
