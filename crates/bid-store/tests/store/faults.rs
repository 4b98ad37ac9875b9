//! What a process does when the shared store does not do its part.

use std::time::Duration;

use bytes::Bytes;
use headstart_bid_store::{BidStore, Condition, Heard, Notice, RedisConfig, SubmissionKey};
use headstart_types::{BlsPublicKey, Network, Root, Slot};

use crate::away::{ONE_CALL, next_gap, use_all};
use crate::redis_server::RedisServer;
use crate::shared::submission;
use crate::world::{SLOT, bid, connect, connect_with, eventually, hash, key, keyed};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_the_server_empty_tells_itself_and_the_others() {
    let server = RedisServer::start();
    let (fetcher, other) = (connect(&server.url(), None).await, connect(&server.url(), None).await);
    fetcher.take_hints().await;
    let (mut feed, mut of_other) = (fetcher.listen(), other.listen());
    next_gap(&mut feed).await;
    next_gap(&mut of_other).await;
    use_all(&fetcher).await;

    server.cli(&["FLUSHALL"]);
    fetcher.take_hints().await;

    next_gap(&mut feed).await;
    fetcher.refill().await;
    assert!(other.shared_origin(SLOT, hash(10)).await.is_some(), "it has put there what it holds");
    eventually("the other is told", async || {
        let heard = tokio::time::timeout(Duration::from_millis(100), of_other.next()).await;
        matches!(heard, Ok(Some(Heard::Notice(_, Notice::Emptied))))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_still_passes_bids_on() {
    let server = RedisServer::start_with(&["--maxmemory", "1mb", "--maxmemory-policy", "noeviction"]);
    let (store, other) = (connect(&server.url(), None).await, connect(&server.url(), None).await);
    let mut feed = other.listen();
    next_gap(&mut feed).await;
    store.open(key(SLOT)).unwrap();
    store.offer(&key(SLOT), bid(1, 10, 100), 1).await;
    let heard = tokio::time::timeout(ONE_CALL * 10, feed.next()).await.unwrap();
    assert!(matches!(heard, Some(Heard::Notice(..))), "{heard:?}");
    assert!(store.is_shared(), "a server that refuses is not away");
    assert_eq!(store.condition(), Condition::Refusing("bids"), "but it is not well");
    assert!(store.refused() > 0);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    eventually("it takes bids again", async || {
        store.offer(&key(SLOT), bid(1, 11, 200), 1).await;
        store.condition() == Condition::Well
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_not_heard_of_the_fetchers_is_well() {
    let server = RedisServer::start();
    let store = connect(&server.url(), None).await;
    store.take_hints().await;
    assert_eq!((store.condition(), store.refused()), (Condition::Well, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn provenance_outlasts_pressure_that_evicts_bids() {
    let server = RedisServer::start_with(&["--maxmemory", "3mb", "--maxmemory-policy", "volatile-ttl"]);
    let (store, other) = (connect(&server.url(), None).await, connect(&server.url(), None).await);
    store.open(key(SLOT)).unwrap();
    store.offer(&key(SLOT), bid(1, 10, 100), 1).await;
    let filler = "x".repeat(10_000);
    for number in 0..600 {
        server.cli(&["SET", &format!("flood:{number}"), &filler, "EX", "600"]);
    }
    assert!(server.info("evicted_keys") > 100, "there was pressure");
    assert!(other.shared_origin(SLOT, hash(10)).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_that_nobody_has_forgotten_are_swept_and_the_newer_ones_and_strangers_stay() {
    let server = RedisServer::start();
    let (gone, other) = (connect(&server.url(), None).await, connect(&server.url(), None).await);
    let (old, recent) = (Slot(SLOT.0 - 900), Slot(SLOT.0 - 2));
    for slot in [old, recent, SLOT] {
        gone.claim(slot, &BlsPublicKey::default(), Root::repeat_byte(1)).await;
    }
    gone.open(key(SLOT)).unwrap();
    gone.offer(&key(SLOT), bid(1, 10, 100), 1).await;
    drop(gone);
    // More than one step has, and some of them look much alike.
    let strangers =
        "for n = 1, 3000 do redis.call('SET', '{headstart:0000000000000000:' .. n .. '}:origins', n) end";
    server.cli(&["EVAL", strangers, "0"]);

    assert!(other.sweep_shared(recent).await);

    let second = Root::repeat_byte(2);
    let held = async |slot| other.claim(slot, &BlsPublicKey::default(), second).await != Some(second);
    assert!(!held(old).await, "it was forgotten");
    assert!(held(recent).await && held(SLOT).await, "they are not over");
    assert!(other.shared_origin(SLOT, hash(10)).await.is_some());
    assert_eq!(
        server.cli(&["EVAL", "return #redis.call('KEYS', '{headstart:0000000000000000:*')", "0"]),
        "3000"
    );
    server.kill();
    eventually("it says that it could not look", async || !other.sweep_shared(SLOT).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_not_whole_or_of_an_unknown_version_are_misses() {
    let server = RedisServer::start();
    let (store, other) = (connect(&server.url(), None).await, connect(&server.url(), None).await);
    store.open(key(SLOT)).unwrap();
    store.offer(&key(SLOT), bid(1, 10, 100), 1).await;
    assert_eq!(other.shared_bids(&key(SLOT)).await.len(), 1);
    for name in server.cli(&["KEYS", "*"]).lines() {
        let script = "for _, f in ipairs(redis.call('HKEYS', KEYS[1])) do \
            redis.call('HSET', KEYS[1], f, string.char(9) .. string.sub(redis.call('HGET', KEYS[1], f), 2)) end";
        server.cli(&["EVAL", script, "1", name]);
    }
    assert!(other.shared_bids(&key(SLOT)).await.is_empty());
    assert_eq!(other.shared_origin(SLOT, hash(10)).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_there_without_the_key_or_moves_what_is_there_is_not_believed() {
    let server = RedisServer::start();
    let stranger = connect(&server.url(), None).await;
    let (one, other) = (connect_with(keyed(&server.url())).await, connect_with(keyed(&server.url())).await);
    stranger.put_answer(submission(), Bytes::new()).await;
    assert!(stranger.answer(&submission()).await.is_some() && one.answer(&submission()).await.is_none());
    let (proposer, root) = (BlsPublicKey::default(), Root::repeat_byte(1));
    stranger.claim(SLOT, &proposer, Root::repeat_byte(2)).await;
    assert_eq!(one.claim(SLOT, &proposer, root).await, None, "as if nobody could be asked");

    one.put_answer(submission(), Bytes::new()).await;
    assert!(other.answer(&submission()).await.is_some());
    let name = server.cli(&["KEYS", "*answer*"]);
    let next = SubmissionKey { slot: SLOT.next(), ..submission() };
    server.cli(&["COPY", &name, &name.replace(&SLOT.to_string(), &next.slot.to_string())]);
    assert_eq!(server.cli(&["KEYS", "*answer*"]).lines().count(), 2);
    assert!(other.answer(&next).await.is_none(), "it is the answer to another one");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_is_none_is_refused_without_being_shown() {
    let config = RedisConfig::new("http://:secret@host");
    let error = BidStore::redis(&config, &Network::mainnet()).unwrap_err().to_string();
    assert!(error.contains("redis://") && !error.contains("secret"), "{error}");
}
