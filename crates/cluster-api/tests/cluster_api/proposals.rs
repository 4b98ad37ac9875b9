use headstart_proto::v1::report_proposal_request::Fate;
use headstart_proto::v1::{LegacyHeader, ReportProposalRequest};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::world::{World, parent, pubkey};

fn report(world: &World, validator: u32) -> ReportProposalRequest {
    ReportProposalRequest {
        slot: world.current_slot().0,
        validator_pubkey: pubkey(validator).0.to_vec(),
        legacy: Some(LegacyHeader {
            block_hash: Some(parent(2).0.to_vec()),
            value_wei: "12345678901234567890123".to_owned(),
            parent_hash: parent(1).0.to_vec(),
            asked_offset_ms: -20,
            answered_offset_ms: 450,
            relay: "a-relay".to_owned(),
        }),
        fate: Fate::Proposed.into(),
        block_hash: Some(parent(2).0.to_vec()),
    }
}

async fn refused(world: &World, report: ReportProposalRequest) -> Status {
    world.client("alpha", "one").report(report).await.unwrap_err().status().unwrap().clone()
}

#[tokio::test]
async fn a_report_is_kept_for_its_cluster_and_operator() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    for operator in ["one", "two", "two"] {
        world.client("alpha", operator).report(report(&world, 1)).await.unwrap();
    }
    let slot = world.current_slot();
    let kept = world.registry.proposal_reports("alpha", slot).await.unwrap();
    assert_eq!(kept.iter().map(|report| report.operator.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(kept[0].report.contains(r#""value_wei":"12345678901234567890123""#), "{}", kept[0].report);
    assert!(world.registry.proposal_reports("beta", slot).await.unwrap().is_empty());
}

#[tokio::test]
async fn anothers_validator_and_nobodys_are_answered_alike() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    world.claim("beta", &[2]).await;
    let (others, nobodys) =
        (refused(&world, report(&world, 2)).await, refused(&world, report(&world, 3)).await);
    assert_eq!(others.code(), Code::NotFound);
    assert_eq!(
        (others.code(), others.message(), others.details()),
        (nobodys.code(), nobodys.message(), nobodys.details())
    );
}

#[tokio::test]
async fn a_report_that_cannot_be_true_names_its_field() {
    let world = World::new().await;
    world.claim("alpha", &[1]).await;
    let good = report(&world, 1);
    let legacy = |change: fn(&mut LegacyHeader)| {
        let mut legacy = good.legacy.clone().unwrap();
        change(&mut legacy);
        ReportProposalRequest { legacy: Some(legacy), ..good.clone() }
    };
    let wrong = [
        ("slot", ReportProposalRequest { slot: good.slot + 5, ..good.clone() }),
        ("slot", ReportProposalRequest { slot: u64::MAX, ..good.clone() }),
        ("slot", ReportProposalRequest { slot: 1, ..good.clone() }),
        ("validator_pubkey", ReportProposalRequest { validator_pubkey: vec![], ..good.clone() }),
        ("fate", ReportProposalRequest { fate: 0, ..good.clone() }),
        ("block_hash", ReportProposalRequest { block_hash: Some(vec![1]), ..good.clone() }),
        ("legacy.block_hash", legacy(|legacy| legacy.block_hash = Some(vec![1]))),
        ("legacy.value_wei", legacy(|legacy| legacy.value_wei = "1.5 ETH".to_owned())),
        ("legacy.parent_hash", legacy(|legacy| legacy.parent_hash = vec![])),
        ("legacy.relay", legacy(|legacy| legacy.relay = "r".repeat(101))),
    ];
    for (field, report) in wrong {
        let status = refused(&world, report).await;
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!((status.code(), violations[0].field.as_str()), (Code::InvalidArgument, field));
    }
}
