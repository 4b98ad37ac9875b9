use headstart_auction::{Mode, TimingPreset};
use headstart_registry::{Error, PolicyRow, QuotaRow};
use headstart_types::Wei;

use crate::world::{NOW, on_both, root};

fn policy() -> PolicyRow {
    PolicyRow {
        relays: Some(vec!["first".to_owned(), "second".to_owned()]),
        min_bid: Some(
            "115792089237316195423570985008687907853269984665640564039457584007913129639935".parse().unwrap(),
        ),
        cutoff_ms: Some(-1),
        expected_ask_ms: Some(170),
        sticky: Some(false),
        sticky_ms: Some(2_500),
        timing: Some(TimingPreset::Obol),
        mode: Some(Mode::Shadow),
    }
}

#[tokio::test]
async fn a_cluster_is_as_it_was_added_and_is_added_once() {
    on_both(async |world| {
        let quotas = QuotaRow { hints_per_s: Some(u32::MAX), streams: Some(0), ..QuotaRow::default() };
        let registry = &world.registry;
        registry.add_cluster(&root(), NOW, "alpha", &policy(), &quotas).await.unwrap();
        let rows = registry.rows(None, NOW).await.unwrap();
        let alpha = &rows.clusters[0];
        assert_eq!((alpha.name.as_str(), alpha.declared, alpha.suspended), ("alpha", false, false));
        assert_eq!((&alpha.policy, alpha.quotas), (&policy(), quotas));
        let again = registry.add_cluster(&root(), NOW, "alpha", &PolicyRow::default(), &quotas).await;
        assert_eq!(again, Err(Error::Conflict("add cluster alpha: it exists already".to_owned())));
        assert_eq!(registry.rows(None, NOW).await.unwrap(), rows, "a refused change leaves nothing behind");
    })
    .await;
}

#[tokio::test]
async fn policy_and_quotas_are_replaced_as_a_whole() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let registry = &world.registry;
        registry.set_policy(&root(), NOW, "alpha", &policy()).await.unwrap();
        let min_bid = PolicyRow { min_bid: Some(Wei::new(7)), ..PolicyRow::default() };
        registry.set_policy(&root(), NOW, "alpha", &min_bid).await.unwrap();
        let quotas = QuotaRow { validators: Some(5), ..QuotaRow::default() };
        registry.set_quotas(&root(), NOW, "alpha", &quotas).await.unwrap();
        let rows = registry.rows(None, NOW).await.unwrap();
        assert_eq!((&rows.clusters[0].policy, rows.clusters[0].quotas), (&min_bid, quotas));
        let nobody = registry.set_quotas(&root(), NOW, "beta", &quotas).await;
        assert_eq!(nobody, Err(Error::NotFound("cluster beta".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn a_suspended_cluster_is_told_as_such_until_it_is_resumed() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let registry = &world.registry;
        let is_suspended = async || registry.rows(None, NOW).await.unwrap().clusters[0].suspended;
        registry.suspend_cluster(&root(), NOW, "alpha").await.unwrap();
        registry.suspend_cluster(&root(), NOW + 1, "alpha").await.unwrap();
        assert!(is_suspended().await);
        assert_eq!(
            registry.list_clusters().await.unwrap()[0].suspended_at,
            Some(NOW),
            "since the first time"
        );
        registry.resume_cluster(&root(), NOW, "alpha").await.unwrap();
        assert!(!is_suspended().await);
        let nobody = registry.suspend_cluster(&root(), NOW, "beta").await;
        assert_eq!(nobody, Err(Error::NotFound("cluster beta".to_owned())));
    })
    .await;
}

#[tokio::test]
async fn a_declared_cluster_has_members_here_and_its_policy_in_the_file() {
    on_both(async |world| {
        let registry = &world.registry;
        registry.declare_clusters(NOW, &["alpha", "beta"]).await.unwrap();
        let revision = registry.revision().await.unwrap();
        registry.declare_clusters(NOW, &["beta", "alpha"]).await.unwrap();
        assert_eq!(registry.revision().await.unwrap(), revision, "declaring it again changes nothing");
        registry.add_operator(&root(), NOW, "alpha", "op1").await.unwrap();
        let listed = registry.list_clusters().await.unwrap();
        assert!(listed.iter().all(|cluster| cluster.declared));
        assert_eq!((listed[0].name.as_str(), listed[0].operators, listed[0].validators), ("alpha", 1, 0));
        let policy = registry.set_policy(&root(), NOW, "alpha", &policy()).await;
        assert!(matches!(policy, Err(Error::Conflict(why)) if why.contains("configuration file")));
        let add =
            registry.add_cluster(&root(), NOW, "alpha", &PolicyRow::default(), &QuotaRow::default()).await;
        assert!(matches!(add, Err(Error::Conflict(_))));
    })
    .await;
}

#[tokio::test]
async fn a_cluster_takes_no_name_that_stands_for_something_else() {
    on_both(async |world| {
        for name in ["", "Alpha", "a/b", "-a", "headstart"] {
            let (policy, quotas) = (PolicyRow::default(), QuotaRow::default());
            let added = world.registry.add_cluster(&root(), NOW, name, &policy, &quotas).await;
            assert!(matches!(added, Err(Error::Other(_))), "{name}");
        }
        assert_eq!(world.registry.list_clusters().await.unwrap(), []);
    })
    .await;
}
