use headstart_registry::{Error, IssuedToken, TOKEN_LEEWAY_MS};

use crate::world::{NOW, key, on_both, root};

fn token(jti: &str) -> IssuedToken {
    IssuedToken {
        jti: jti.to_owned(),
        cluster: "alpha".to_owned(),
        operator: "op1".to_owned(),
        scopes: "hint view".to_owned(),
        expires_at: NOW + 60_000,
    }
}

#[tokio::test]
async fn a_revoked_token_is_told_until_nobody_would_believe_it_anyway() {
    on_both(async |world| {
        let world = world.with_cluster("alpha").await;
        let registry = &world.registry;
        for jti in ["t1", "t2"] {
            registry.record_token(&root(), NOW, &token(jti)).await.unwrap();
        }
        registry.revoke_token(&root(), NOW, "t1").await.unwrap();
        registry.revoke_token(&root(), NOW, "t1").await.unwrap();
        let revoked = async |now| registry.rows(None, now).await.unwrap().revoked_tokens;
        assert_eq!(revoked(NOW).await, ["t1"]);
        assert_eq!(revoked(NOW + 60_000 + TOKEN_LEEWAY_MS - 1).await, ["t1"]);
        assert_eq!(revoked(NOW + 60_000 + TOKEN_LEEWAY_MS).await, [""; 0]);
        assert!(matches!(registry.revoke_token(&root(), NOW, "t3").await, Err(Error::NotFound(_))));
        assert!(matches!(registry.record_token(&root(), NOW, &token("t2")).await, Err(Error::Conflict(_))));
        let operators = &registry.rows(None, NOW).await.unwrap().clusters[0].operators;
        assert_eq!(operators[0].name, "op1", "whoever gets a token is a member");
    })
    .await;
}

#[tokio::test]
async fn the_service_signs_with_the_keys_that_live() {
    on_both(async |world| {
        let registry = &world.registry;
        registry.add_service_key(&root(), NOW, &key("s1")).await.unwrap();
        registry.add_service_key(&root(), NOW + 1, &key("s2")).await.unwrap();
        assert!(matches!(registry.add_service_key(&root(), NOW, &key("s1")).await, Err(Error::Conflict(_))));
        assert_eq!(registry.rows(None, NOW).await.unwrap().service_keys, [key("s1"), key("s2")]);
        registry.revoke_service_key(&root(), NOW, "s1").await.unwrap();
        assert_eq!(registry.rows(None, NOW).await.unwrap().service_keys, [key("s2")]);
        assert!(matches!(registry.revoke_service_key(&root(), NOW, "s1").await, Err(Error::NotFound(_))));
    })
    .await;
}
