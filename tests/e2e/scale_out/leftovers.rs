use e2e::{Process, SLOT, eventually};
use headstart_bid_store::{BidStore, RedisConfig};
use headstart_types::{BlsPublicKey, Root, Slot};

use super::World;

#[tokio::test(flavor = "multi_thread")]
async fn what_processes_left_behind_that_all_died_is_gone_soon_after_the_next_start() {
    let world = World::new().await;
    let store = BidStore::redis(&RedisConfig::new(world.redis.url()), &world.network).expect("it is a URL");
    let (old, current) = (Slot(SLOT.0 - 60), SLOT);
    let (proposer, root) = (BlsPublicKey::default(), Root::repeat_byte(1));
    for slot in [old, current] {
        eventually("a block is on record", async || store.claim(slot, &proposer, root).await == Some(root))
            .await;
    }
    let held = |slot: Slot| world.redis.cli(&["KEYS", &format!("*:{}}}:guard", slot.0)]).lines().count();
    assert_eq!((held(old), held(current)), (1, 1));

    let _fetcher = Process::start(&world.setup(&["fetcher"])).await;

    eventually("the old slot is forgotten", async || held(old) == 0).await;
    assert_eq!(held(current), 1);
}
