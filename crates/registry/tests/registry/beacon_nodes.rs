use headstart_registry::{BeaconNodeRow, Error, SecretRow};
use headstart_types::FixedBytes;

use crate::world::{NOW, World, on_both, root};

fn secret(id: &str) -> SecretRow {
    SecretRow { id: id.to_owned(), digest: FixedBytes::repeat_byte(id.as_bytes()[0]) }
}

async fn node(world: &World) -> BeaconNodeRow {
    let rows = world.registry.rows(None, NOW).await.unwrap();
    assert_eq!(world.registry.list_beacon_nodes().await.unwrap(), rows.beacon_nodes);
    rows.beacon_nodes[0].clone()
}

#[tokio::test]
async fn a_beacon_node_is_granted_by_the_clusters_that_say_so() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await.with_cluster("beta").await.with_cluster("gamma").await;
        let registry = &world.registry;
        registry.add_beacon_node(&root(), NOW, "bn", &["beta", "alpha"], &secret("aaaaaaaa")).await.unwrap();
        let added = node(&world).await;
        assert_eq!(
            (added.name.as_str(), &added.clusters[..]),
            ("bn", &["alpha".to_owned(), "beta".to_owned()][..])
        );
        assert_eq!(added.secrets, [secret("aaaaaaaa")]);
        registry.grant_beacon_node(&root(), NOW, "bn", "gamma").await.unwrap();
        registry.grant_beacon_node(&root(), NOW, "bn", "gamma").await.unwrap();
        registry.revoke_grant(&root(), NOW, "bn", "alpha").await.unwrap();
        assert_eq!(node(&world).await.clusters, ["beta", "gamma"]);
        assert!(matches!(registry.revoke_grant(&root(), NOW, "bn", "alpha").await, Err(Error::NotFound(_))));
        assert!(matches!(
            registry.grant_beacon_node(&root(), NOW, "other", "beta").await,
            Err(Error::NotFound(_))
        ));
    })
    .await;
}

#[tokio::test]
async fn a_beacon_node_of_a_cluster_that_is_not_there_is_not_added() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let add = async |name, clusters: &[&str], id| {
            world.registry.add_beacon_node(&root(), NOW, name, clusters, &secret(id)).await
        };
        let nobody = add("bn", &["alpha", "beta"], "aaaaaaaa").await;
        assert_eq!(nobody, Err(Error::NotFound("cluster beta".to_owned())));
        assert_eq!(world.registry.list_beacon_nodes().await.unwrap(), []);
        add("bn", &["alpha"], "aaaaaaaa").await.unwrap();
        assert!(matches!(add("bn", &["alpha"], "bbbbbbbb").await, Err(Error::Conflict(_))));
        assert!(matches!(add("other", &["alpha"], "aaaaaaaa").await, Err(Error::Conflict(_))));
        assert_eq!(world.registry.list_beacon_nodes().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn two_secrets_live_while_one_replaces_the_other() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let registry = &world.registry;
        registry.add_beacon_node(&root(), NOW, "bn", &["alpha"], &secret("aaaaaaaa")).await.unwrap();
        let rotate = async |ms, id| registry.rotate_beacon_node(&root(), NOW + ms, "bn", &secret(id)).await;
        assert_eq!(rotate(1, "bbbbbbbb").await.unwrap(), [""; 0]);
        assert_eq!(rotate(2, "cccccccc").await.unwrap(), ["aaaaaaaa"]);
        assert_eq!(node(&world).await.secrets, [secret("bbbbbbbb"), secret("cccccccc")]);
        registry.revoke_beacon_node_secret(&root(), NOW, "cccccccc").await.unwrap();
        assert_eq!(node(&world).await.secrets, [secret("bbbbbbbb")]);
        let again = registry.revoke_beacon_node_secret(&root(), NOW, "cccccccc").await;
        assert!(matches!(again, Err(Error::NotFound(_))));
        let nobody = registry.rotate_beacon_node(&root(), NOW, "other", &secret("dddddddd")).await;
        assert!(matches!(nobody, Err(Error::NotFound(_))));
    })
    .await;
}
