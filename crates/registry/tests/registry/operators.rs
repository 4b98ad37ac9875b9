use headstart_registry::Error;

use crate::world::{NOW, key, on_both, root};

#[tokio::test]
async fn an_operator_has_two_live_keys_at_most() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let registry = &world.registry;
        let add =
            async |operator, kid| registry.add_operator_key(&root(), NOW, "alpha", operator, &key(kid)).await;
        add("op1", "k1").await.unwrap();
        add("op1", "k2").await.unwrap();
        assert!(matches!(add("op1", "k3").await, Err(Error::Conflict(why)) if why.contains("revoke one")));
        add("op2", "k3").await.unwrap();
        registry.revoke_operator_key(&root(), NOW, "alpha", "k1").await.unwrap();
        add("op1", "k4").await.unwrap();
        let rows = registry.rows(None, NOW).await.unwrap();
        let kids = |operator: usize| -> Vec<_> {
            rows.clusters[0].operators[operator].keys.iter().map(|key| key.kid.as_str()).collect()
        };
        assert_eq!((kids(0), kids(1)), (vec!["k2", "k4"], vec!["k3"]));
        assert_eq!(rows.clusters[0].operators[0].keys[0], key("k2"));
    })
    .await;
}

#[tokio::test]
async fn a_key_id_is_used_once_even_after_it_was_revoked() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await.with_cluster("beta").await;
        let registry = &world.registry;
        let add = async |cluster, operator| {
            registry.add_operator_key(&root(), NOW, cluster, operator, &key("k1")).await
        };
        add("alpha", "op1").await.unwrap();
        let taken = Error::Conflict("add key k1 of cluster alpha: it exists already".to_owned());
        assert_eq!(add("alpha", "op2").await, Err(taken.clone()));
        registry.revoke_operator_key(&root(), NOW, "alpha", "k1").await.unwrap();
        assert_eq!(add("alpha", "op1").await, Err(taken));
        add("beta", "op1").await.unwrap();
        let again = registry.revoke_operator_key(&root(), NOW, "alpha", "k1").await;
        assert!(matches!(again, Err(Error::NotFound(_))));
    })
    .await;
}

#[tokio::test]
async fn a_member_is_added_once_and_to_a_cluster_that_is_there() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let registry = &world.registry;
        registry.add_operator(&root(), NOW, "alpha", "op1").await.unwrap();
        let revision = registry.revision().await.unwrap();
        registry.add_operator(&root(), NOW, "alpha", "op1").await.unwrap();
        assert_eq!(registry.revision().await.unwrap(), revision);
        let nobody = registry.add_operator(&root(), NOW, "beta", "op1").await;
        assert_eq!(nobody, Err(Error::NotFound("cluster beta".to_owned())));
        let nobody = registry.add_operator_key(&root(), NOW, "beta", "op1", &key("k1")).await;
        assert_eq!(nobody, Err(Error::NotFound("cluster beta".to_owned())));
    })
    .await;
}
