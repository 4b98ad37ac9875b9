//! What a process does while a server does not answer, and when it is back.

use std::time::{Duration, Instant};

use headstart_auction::LeaseAnswer;
use headstart_bid_store::{BidStore, Condition, Feed, Heard, LeaseName, Notice, RedisConfig, SubmissionKey};
use headstart_types::{BlsPublicKey, Network, RelayId, Root};

use crate::gateway::Gateway;
use crate::redis_server::RedisServer;
use crate::world::{SLOT, bid, connect, connect_within, eventually, hash, key};

/// What one call may take: its deadline, and a machine that is busy with other tests.
pub(crate) const ONE_CALL: Duration = Duration::from_secs(2);

pub(crate) async fn next_gap(feed: &mut Feed) {
    eventually("a gap is told", async || {
        let heard = tokio::time::timeout(Duration::from_millis(100), feed.next()).await;
        matches!(heard, Ok(Some(Heard::Gap)))
    })
    .await;
}

/// Does one of everything, and asserts that nothing takes long.
pub(crate) async fn use_all(store: &BidStore) -> LeaseAnswer {
    store.open(key(SLOT)).unwrap();
    let began = Instant::now();
    store.offer(&key(SLOT), bid(1, 10, 100), 1).await;
    store.shared_bids(&key(SLOT)).await;
    store.shared_origin(SLOT, hash(77)).await;
    store.claim(SLOT, &BlsPublicKey::default(), Root::ZERO).await;
    let answer = store.lease(LeaseName::Auction(key(SLOT))).await;
    assert!(began.elapsed() < ONE_CALL, "{:?}", began.elapsed());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_never_there_keeps_nobody() {
    let config = RedisConfig::new("redis://127.0.0.1:1");
    let store = BidStore::redis(&config, &Network::mainnet()).unwrap();
    assert_eq!(use_all(&store).await, LeaseAnswer::Away);
    assert!(store.auction(&key(SLOT)).unwrap().offers().contains(hash(10)), "the process goes on by itself");
    assert!(!store.is_shared());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_or_dies_is_left_alone_until_it_answers_and_is_then_filled_again() {
    type Fault = fn(&RedisServer);
    let faults: [(&str, Fault, Fault); 3] = [
        ("frozen", RedisServer::freeze, RedisServer::thaw),
        ("killed", RedisServer::kill, RedisServer::restart),
        ("paused", |server| _ = server.cli(&["CLIENT", "PAUSE", "60000", "ALL"]), |_| ()),
    ];
    for (name, begin, end) in faults {
        let server = RedisServer::start();
        let store = connect_within(RedisConfig::DEADLINE, &server.url(), None).await;
        let other = connect(&server.url(), None).await;
        let mut feed = store.listen();
        next_gap(&mut feed).await;
        begin(&server);
        eventually("it is found to be away", async || use_all(&store).await == LeaseAnswer::Away).await;
        let quick = Instant::now();
        for _ in 0..1_000 {
            assert_eq!(store.lease(LeaseName::Auction(key(SLOT))).await, LeaseAnswer::Away, "{name}");
        }
        assert!(quick.elapsed() < ONE_CALL, "{name}: one that is away costs nothing: {:?}", quick.elapsed());
        if name == "paused" {
            continue;
        }
        end(&server);
        next_gap(&mut feed).await;
        store.refill().await;
        eventually("the other is connected again", async || !other.shared_bids(&key(SLOT)).await.is_empty())
            .await;
        assert!(other.shared_origin(SLOT, hash(10)).await.is_some(), "{name}: provenance is back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_provenance_that_goes_and_comes_back_empty_is_missed_and_filled_again() {
    let (bids, provenance) = (RedisServer::start(), RedisServer::start());
    let store = connect(&bids.url(), Some(&provenance.url())).await;
    let mut feed = store.listen();
    next_gap(&mut feed).await;
    use_all(&store).await;
    assert_eq!((bids.cli(&["KEYS", "*origins"]), provenance.cli(&["KEYS", "*bids*"])), Default::default());

    provenance.kill();
    eventually("it is missed", async || {
        use_all(&store).await;
        store.condition() == Condition::Away("provenance")
    })
    .await;
    assert!(!store.is_shared() && !store.shared_bids(&key(SLOT)).await.is_empty(), "bids are shared on");
    provenance.restart();
    next_gap(&mut feed).await;
    store.refill().await;

    let other = connect(&bids.url(), Some(&provenance.url())).await;
    assert!(other.shared_origin(SLOT, hash(10)).await.is_some(), "provenance is back");
    assert_eq!(store.condition(), Condition::Well);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_server_of_provenance_was_never_there_is_not_shared() {
    let bids = RedisServer::start();
    let provenance_url = Some("redis://127.0.0.1:1".to_owned());
    let config = RedisConfig { provenance_url, ..RedisConfig::new(bids.url()) };
    let store = BidStore::redis(&config, &Network::mainnet()).unwrap();
    eventually("bids are shared", async || store.notify(Notice::Hinted).await).await;
    assert_eq!((store.condition(), store.is_shared()), (Condition::Away("provenance"), false));
}

/// Whether a notice of the other process comes soon.
async fn hears(feed: &mut Feed, other: &BidStore) -> bool {
    other.notify(Notice::Hinted).await;
    let heard = tokio::time::timeout(Duration::from_millis(100), feed.next()).await;
    matches!(heard, Ok(Some(Heard::Notice(..))))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_connections_went_without_a_word_hears_again_as_soon_as_it_calls_again() {
    let server = RedisServer::start();
    let gateway = Gateway::to(&server).await;
    let other = connect(&server.url(), None).await;
    let store = connect_within(RedisConfig::DEADLINE, &gateway.url(), None).await;
    let mut feed = store.listen();
    next_gap(&mut feed).await;
    let began = Instant::now();
    gateway.swallow();
    eventually("it is found to be away", async || use_all(&store).await == LeaseAnswer::Away).await;
    eventually("it hears", async || hears(&mut feed, &other).await).await;
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}: not for the silence", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_only_listens_notices_that_nobody_is_there() {
    let server = RedisServer::start();
    let gateway = Gateway::to(&server).await;
    let (store, other) = (connect(&gateway.url(), None).await, connect(&server.url(), None).await);
    let mut feed = store.listen();
    next_gap(&mut feed).await;
    gateway.swallow();
    next_gap(&mut feed).await;
    eventually("it hears", async || hears(&mut feed, &other).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_not_be_written_to_is_left_for_the_one_that_has_taken_its_place() {
    let demotion: &[&[&str]] = &[&["REPLICAOF", "127.0.0.1", "1"]];
    let orphaned: &[&[&str]] =
        &[&["CONFIG", "SET", "replica-serve-stale-data", "no"], &["REPLICAOF", "127.0.0.1", "1"]];
    let forbidden: &[&[&str]] = &[&["ACL", "SETUSER", "default", "-hset"]];
    for (name, fault) in [("demoted", demotion), ("orphaned", orphaned), ("forbidden", forbidden)] {
        let (before, after) = (RedisServer::start(), RedisServer::start());
        let gateway = Gateway::to(&before).await;
        let (store, other) = (connect(&gateway.url(), None).await, connect(&after.url(), None).await);
        let mut feed = store.listen();
        next_gap(&mut feed).await;
        gateway.lead_to(&after);
        for command in fault {
            before.cli(command);
        }
        use_all(&store).await;
        next_gap(&mut feed).await;
        store.refill().await;
        assert!(other.shared_origin(SLOT, hash(10)).await.is_some(), "{name}: it is on record at the other");
        assert!(store.is_shared(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_is_away_until_it_does() {
    let server = RedisServer::start();
    let store = connect(&server.url(), None).await;
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    use_all(&store).await;
    assert!(!store.is_shared());
    let refused = server.info("total_error_replies");
    eventually("it is tried more than once", async || server.info("total_error_replies") > refused + 1).await;
    assert!(!store.is_shared(), "a connection that cannot write is none");
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    eventually("it is back", async || store.is_shared()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_late_does_not_take_the_next_connection_with_it() {
    const DEADLINE: Duration = Duration::from_millis(200);
    let server = RedisServer::start();
    let gateway = Gateway::to(&server).await;
    let store = connect_within(DEADLINE, &gateway.url(), None).await;
    let call = || {
        let store = store.clone();
        tokio::spawn(async move { store.lease(LeaseName::Auction(key(SLOT))).await })
    };
    gateway.swallow();
    assert_eq!(call().await.unwrap(), LeaseAnswer::Away);
    let mut second = call();
    assert!(tokio::time::timeout(DEADLINE / 2, &mut second).await.is_err(), "it waits in vain");
    let late = call();
    assert_eq!(second.await.unwrap(), LeaseAnswer::Away);
    eventually("there is another connection", async || store.is_shared()).await;
    gateway.cut();
    assert_eq!(late.await.unwrap(), LeaseAnswer::Away);
    assert!(store.is_shared(), "which is well");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_for_one_another_are_one_miss() {
    let server = RedisServer::start();
    let store = connect_within(Duration::from_millis(100), &server.url(), None).await;
    server.cli(&["CLIENT", "PAUSE", "400", "ALL"]);
    let lease = async || store.lease(LeaseName::Auction(key(SLOT))).await;
    let answers = futures_util::future::join_all([(); 20].map(|()| lease())).await;
    assert!(answers.iter().all(|answer| *answer == LeaseAnswer::Away), "{answers:?}");
    assert!(store.is_shared(), "it has stalled once");
    eventually("it answers again", async || lease().await != LeaseAnswer::Away).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_that_was_not_sent_in_time_reaches_the_others_all_the_same() {
    /// More than a connection takes in while nothing passes.
    const FILLS_THE_CONNECTION: usize = 32 << 20;
    let server = RedisServer::start();
    let gateway = Gateway::to(&server).await;
    let store = connect_within(Duration::from_millis(500), &gateway.url(), None).await;
    let other = connect(&server.url(), None).await;
    let entry = store.open(key(SLOT)).unwrap();
    let submission = SubmissionKey { slot: SLOT, block_root: Root::ZERO, version: 2 };
    let before = store.put_answer(submission, vec![0; FILLS_THE_CONNECTION].into());
    let (auction, offered) = (key(SLOT), bid(1, 10, 100));
    let held_until_it_is_near = async {
        entry.wait_for(|offers| !offers.is_empty()).await;
        gateway.let_go();
    };
    gateway.hold();
    tokio::join!(before, store.offer(&auction, offered, 1), held_until_it_is_near);
    assert!(store.is_shared(), "it has stalled once");
    let shared = other.shared_bids(&key(SLOT)).await;
    assert_eq!(shared.iter().map(|bid| bid.relay).collect::<Vec<_>>(), [RelayId(1)]);
    assert!(other.shared_origin(SLOT, hash(10)).await.is_some());
}
