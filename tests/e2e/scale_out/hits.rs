use e2e::{Process, auction, eventually, header_request};
use headstart_auction::Hint;
use headstart_bid_store::{BidStore, Notice, RedisConfig, SharedHint};
use headstart_types::ForkName;

use super::World;

const HITS: usize = 10_000;
/// So many looks in a row find the server left alone: far longer than a lease lasts.
const STILL: usize = 50;

/// Commands that the server has been given, but for those that only keep a silent connection alive and this one.
fn commands(world: &World) -> u64 {
    let stats = world.redis.cli(&["INFO", "COMMANDSTATS"]);
    let calls =
        stats.lines().filter(|line| !line.starts_with("cmdstat_ping") && !line.starts_with("cmdstat_info"));
    calls.filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_hits_ask_redis_for_nothing() {
    let world = World::new().await;
    let (door, mut fetcher) =
        tokio::join!(async { Process::start(&world.setup(&["builder-api"])).await }, async {
            Process::start(&world.setup(&["fetcher"])).await
        });
    let config = RedisConfig::new(world.redis.url());
    let cluster_api = BidStore::redis(&config, &world.network).expect("it is a URL");
    let key = auction(&world.proposer);
    let hint = Hint {
        slot: key.slot,
        proposer: key.proposer,
        parent_hash: Some(key.parent_hash),
        dependent_root: None,
        expected_ask_ms: None,
    };
    let hint = SharedHint { cluster: "alpha".into(), hint };
    eventually("the hint is on its way", async || cluster_api.put_hint(hint.clone()).await).await;
    let mut connection = door.client().connect().await;
    let request = header_request(&key).to_bytes();
    let mut feed = cluster_api.listen();
    eventually("the fetcher's bid is told", async || {
        let heard = tokio::time::timeout(std::time::Duration::from_secs(1), feed.next()).await;
        matches!(heard, Ok(Some(headstart_bid_store::Heard::Notice(_, Notice::Bid(_)))))
            || !cluster_api.shared_bids(&key).await.is_empty()
    })
    .await;
    eventually("a header is served", async || {
        let reply = connection.exchange(&request).await.expect("it is answered");
        reply.status == 200
    })
    .await;
    // A process that had to wait for its header knows the auction and would take it over from the dead one, lease and
    // all. The proposer has signed, so there is nothing left to take over.
    eventually("the auction is over for all", async || {
        cluster_api.notify(Notice::Submitted(key)).await
            && world.redis.cli(&["--scan", "--pattern", "*:lease:*"]).is_empty()
    })
    .await;
    fetcher.kill().await;
    let mut last = 0;
    let mut still = 0;
    eventually("what is under way has ended", async || {
        let now = commands(&world);
        still = if now == last { still + 1 } else { 0 };
        last = now;
        still == STILL
    })
    .await;

    let before = commands(&world);
    for _ in 0..HITS {
        let reply = connection.exchange(&request).await.expect("it is answered");
        assert_eq!(reply.status, 200);
    }
    let after = commands(&world);

    assert_eq!(after - before, 0, "commands for {HITS} hits");
    let bid = connection.exchange(&request).await.expect("it is answered").bid(ForkName::Fulu);
    assert_eq!(bid.message.value(), e2e::eth("0.03"));
}
