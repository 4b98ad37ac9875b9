use headstart_registry::ProposalReport;
use headstart_types::{Slot, UnixMillis};

use crate::world::{NOW, on_both, validator};

fn report(slot: u64, operator: u16, text: &str) -> ProposalReport {
    let operator = format!("op{operator}");
    ProposalReport {
        slot: Slot(slot),
        validator: validator(1),
        operator,
        report: text.to_owned(),
        reported_at: NOW,
    }
}

#[tokio::test]
async fn an_operators_newest_report_on_a_slot_counts() {
    on_both(async |world| {
        let registry = &world.registry;
        for text in ["missed", "proposed"] {
            assert!(registry.report_proposal("alpha", &report(7, 1, text)).await.unwrap());
        }
        assert_eq!(registry.proposal_reports("alpha", Slot(7)).await.unwrap(), [report(7, 1, "proposed")]);
        assert_eq!(registry.proposal_reports("beta", Slot(7)).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_cluster_tells_of_one_slot_only_so_often_and_old_slots_are_forgotten() {
    on_both(async |world| {
        let registry = &world.registry;
        for operator in 0..64 {
            assert!(registry.report_proposal("alpha", &report(7, operator, "")).await.unwrap());
        }
        assert!(!registry.report_proposal("alpha", &report(7, 64, "")).await.unwrap());
        assert!(registry.report_proposal("alpha", &report(7, 63, "again")).await.unwrap());
        assert!(registry.report_proposal("beta", &report(7, 64, "")).await.unwrap());
        assert!(registry.report_proposal("alpha", &report(100_000, 1, "")).await.unwrap());
        assert_eq!(registry.proposal_reports("alpha", Slot(7)).await.unwrap(), []);
        assert_eq!(registry.proposal_reports("beta", Slot(7)).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_challenge_is_answered_once_and_in_time() {
    on_both(async |world| {
        let registry = &world.registry;
        let create = async |nonce: &[u8]| {
            registry.create_challenge("alpha", &validator(1), nonce, NOW + 1_000).await.unwrap();
        };
        let consume = async |cluster, nonce: &[u8], now: UnixMillis| {
            registry.consume_challenge(cluster, &validator(1), nonce, now).await.unwrap()
        };
        create(b"first").await;
        create(b"second").await;
        assert_eq!(
            registry.challenge("alpha", &validator(1), NOW).await.unwrap().as_deref(),
            Some(&b"second"[..])
        );
        assert!(!consume("alpha", b"first", NOW).await, "another one took its place");
        assert!(!consume("beta", b"second", NOW).await, "it is another cluster's");
        assert!(!consume("alpha", b"second", NOW + 1_000).await, "it is too late");
        assert!(consume("alpha", b"second", NOW + 999).await);
        assert!(!consume("alpha", b"second", NOW).await, "it was answered");
        assert_eq!(registry.challenge("alpha", &validator(1), NOW).await.unwrap(), None);
    })
    .await;
}
