use std::collections::BTreeMap;

use headstart_registry::{Error, RelayRow};
use headstart_types::RelayId;

use crate::world::{NOW, on_both, root};

fn relay(name: &str, id: u64) -> RelayRow {
    RelayRow {
        name: name.to_owned(),
        id: RelayId(id),
        url: format!("https://0xabc@{name}.example"),
        headers: BTreeMap::from([("x-key".to_owned(), "canary".to_owned())]),
        policy: "helix".to_owned(),
        first_ms: Some(-6_000),
        last_ms: None,
        min_gap_ms: Some(0),
        burst: Some(u32::MAX),
        calls_max: Some(u32::MAX),
        head_required: Some(true),
        stream: Some(true),
        top_bid_url: Some(format!("wss://{name}.example/top_bid")),
    }
}

#[tokio::test]
async fn a_relay_of_the_catalogue_is_as_it_was_added() {
    on_both(async |world| {
        let registry = &world.registry;
        let (one, two) = (relay("one", u64::MAX), relay("two", 2));
        for relay in [&two, &one] {
            registry.add_relay(&root(), NOW, relay).await.unwrap();
        }
        assert_eq!(registry.list_relays().await.unwrap(), [one.clone(), two.clone()]);
        assert_eq!(registry.rows(None, NOW).await.unwrap().relays, [one.clone(), two]);
        for same in [relay("one", 3), relay("three", 2)] {
            assert!(matches!(registry.add_relay(&root(), NOW, &same).await, Err(Error::Conflict(_))));
        }
        registry.remove_relay(&root(), NOW, "two").await.unwrap();
        assert_eq!(registry.list_relays().await.unwrap(), [one]);
        assert!(matches!(registry.remove_relay(&root(), NOW, "two").await, Err(Error::NotFound(_))));
        let audit = registry.audit(None, 0, 10).await.unwrap();
        assert!(audit.iter().all(|record| !record.detail.contains("canary")), "a header may be a credential");
    })
    .await;
}
