use e2e::{Process, auction, eth, eventually, header_request};
use headstart_auction::Hint;
use headstart_bid_store::{BidStore, RedisConfig, SharedHint};
use headstart_types::ForkName;

use super::World;

const FORMS: [&str; 2] = ["previous", "current"];

/// A fetcher that writes one form gets the bid, and relays and fetcher are gone before the process that answers beacon
/// nodes, and writes the other form, is asked for the first time.
async fn a_bid_is_served_from_redis_alone(fetcher_writes: &str, door_writes: &str) {
    let mut world = World::new().await;
    let writing = |form: &str| format!("write_version = \"{form}\"");
    let door = world.setup_with(&["builder-api"], &writing(door_writes));
    let mut fetcher = Process::start(&world.setup_with(&["fetcher"], &writing(fetcher_writes))).await;
    let store = BidStore::redis(&RedisConfig::new(world.redis.url()), &world.network).expect("it is a URL");
    let key = auction(&world.proposer);
    let hint = Hint {
        slot: key.slot,
        proposer: key.proposer,
        parent_hash: Some(key.parent_hash),
        dependent_root: None,
        expected_ask_ms: None,
    };
    let hint = SharedHint { cluster: "alpha".into(), hint };
    eventually("the hint is on its way", async || store.put_hint(hint.clone()).await).await;
    eventually("both relays' bids are shared", async || store.shared_bids(&key).await.len() == 2).await;
    fetcher.kill().await;
    for relay in world.relays.drain(..) {
        relay.stop().await;
    }

    let door = Process::start(&door).await;
    // Nobody else has the bid, so whichever getHeader gets it, it comes from there.
    let mut reply = door.client().call(&header_request(&key)).await;
    eventually(&format!("{fetcher_writes} for {door_writes}: a header"), async || {
        if reply.status != 200 {
            reply = door.client().call(&header_request(&key)).await;
        }
        reply.status == 200
    })
    .await;

    assert_eq!(reply.bid(ForkName::Fulu).message.value(), eth("0.03"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_of_either_form_are_served_by_processes_that_write_the_other() {
    for (fetcher, door) in FORMS.map(|form| FORMS.map(|other| (form, other))).concat() {
        a_bid_is_served_from_redis_alone(fetcher, door).await;
    }
}
