use headstart_registry::ClaimLevel::Proven;
use headstart_registry::{Actor, AuditBreak};

use crate::world::{NOW, World, claim, key, on_both, root};

/// Two clusters with a history, and the platform with one.
async fn with_history(world: World) -> World {
    let world = world.with_cluster("alpha").await.with_cluster("beta").await;
    let registry = &world.registry;
    registry.add_operator_key(&root(), NOW + 1, "alpha", "op1", &key("k1")).await.unwrap();
    let by = Actor::operator("alpha", "op1");
    registry.add_claims(&by, NOW + 2, "alpha", &[claim(1, Proven)], 10).await.unwrap();
    registry.add_service_key(&root(), NOW + 3, &key("s1")).await.unwrap();
    world
}

#[tokio::test]
async fn every_change_is_on_record_in_the_chain_of_its_cluster() {
    on_both(async |world| {
        let world = with_history(world).await;
        let records = world.registry.audit(Some("alpha"), 0, 100).await.unwrap();
        let told: Vec<_> =
            records.iter().map(|record| (record.seq, &*record.actor, &*record.action)).collect();
        let expected = [
            (1, "cli:root", "cluster.add"),
            (2, "cli:root", "operator.add"),
            (3, "cli:root", "operator_key.add"),
            (4, "operator:alpha/op1", "claims.add"),
        ];
        assert_eq!(told, expected);
        assert_eq!(records[3].subject, claim(1, Proven).pubkey.to_string());
        assert_eq!(world.registry.audit(Some("alpha"), 2, 1).await.unwrap(), records[2..3]);
        assert_eq!(world.registry.audit(Some("beta"), 0, 100).await.unwrap().len(), 1);
        assert_eq!(world.registry.audit(None, 0, 100).await.unwrap()[0].action, "service_key.add");
    })
    .await;
}

#[tokio::test]
async fn a_whole_audit_verifies_and_tells_its_heads() {
    on_both(async |world| {
        let world = with_history(world).await;
        let report = world.registry.verify_audit().await.unwrap();
        assert_eq!(report.broken, []);
        let heads: Vec<_> = report.heads.iter().map(|head| (&*head.chain, head.seq)).collect();
        assert_eq!(heads, [("", 1), ("alpha", 4), ("beta", 1)]);
        let last = &world.registry.audit(Some("alpha"), 3, 1).await.unwrap()[0];
        assert_eq!(report.heads[1].hash, last.hash);
    })
    .await;
}

#[tokio::test]
async fn a_changed_a_moved_and_a_missing_record_are_found() {
    let tampering = [
        ("UPDATE audit SET actor = 'cli:nobody' WHERE chain = 'alpha' AND seq = 2", "alpha", 2),
        ("UPDATE audit SET at = at + 1 WHERE chain = 'alpha' AND seq = 4", "alpha", 4),
        ("UPDATE audit SET detail = detail || ' ' WHERE chain = 'alpha' AND seq = 1", "alpha", 1),
        ("DELETE FROM audit WHERE chain = 'alpha' AND seq = 3", "alpha", 3),
        ("UPDATE audit SET chain = 'gamma' WHERE chain = 'beta'", "gamma", 1),
    ];
    for (sql, chain, seq) in tampering {
        on_both(async |world| {
            let world = with_history(world).await;
            world.tamper(sql).await;
            let report = world.registry.verify_audit().await.unwrap();
            assert_eq!(report.broken, [AuditBreak { chain: chain.to_owned(), seq }], "{sql}");
        })
        .await;
    }
}
