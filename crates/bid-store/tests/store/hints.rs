//! What becomes of hints when fetchers die and servers forget.

use std::time::Duration;

use headstart_bid_store::{HintId, Notice};
use headstart_types::Slot;

use crate::redis_server::RedisServer;
use crate::shared::hint;
use crate::world::{SLOT, connect, eventually};

/// How many hints the server has.
fn held(server: &RedisServer) -> usize {
    let streams = server.cli(&["KEYS", "*:hints"]);
    streams.lines().map(|stream| server.cli(&["XLEN", stream]).parse::<usize>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_is_put_on_the_stream_again_only_where_it_is_not() {
    let server = RedisServer::start();
    let (store, other) = (connect(&server.url(), None).await, connect(&server.url(), None).await);
    store.refill().await;
    assert!(store.put_hint(hint(SLOT)).await && store.put_hint(hint(SLOT.next())).await);
    for _ in 0..3 {
        store.refill().await;
    }
    assert_eq!(held(&server), 2, "nothing was lost");

    server.kill();
    eventually("it is away", async || store.take_hints().await.is_empty() && !store.is_shared()).await;
    assert!(!store.put_hint(hint(Slot(SLOT.0 + 2))).await);
    server.restart();
    for process in [&other, &store] {
        eventually("it is back", async || process.notify(Notice::Hinted).await).await;
    }
    // The other is there first, and what it has found empty is not empty any more.
    other.refill().await;
    other.put_hint(hint(Slot(SLOT.0 + 3))).await;
    for _ in 0..3 {
        store.refill().await;
    }
    assert_eq!(held(&server), 4, "what was lost, and what could not be put there");
    assert!(other.take_hints().await.is_empty(), "it makes the group anew");
    let taken = other.take_hints().await.into_iter();
    let ahead: Vec<_> = taken.map(|taken| taken.hint.unwrap().hint.slot.0 - SLOT.0).collect();
    assert_eq!(ahead, [3, 0, 1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_fetchers_hint_is_found_behind_thousands_that_another_keeps() {
    let server = RedisServer::start();
    let living = connect(&server.url(), None).await;
    let (dead, another) = (connect(&server.url(), None).await, connect(&server.url(), None).await);
    living.take_hints().await;
    // More than one look goes through.
    let mut kept: Vec<HintId> = Vec::new();
    for _ in 0..3_000 {
        assert!(living.put_hint(hint(SLOT)).await);
    }
    while kept.len() < 3_000 {
        kept.extend(living.take_hints().await.into_iter().map(|taken| taken.id));
    }
    living.put_hint(hint(SLOT.next())).await;
    let [lost] = &dead.take_hints().await[..] else { panic!("it is the only one left") };
    drop(dead);

    let mut reclaimed = Vec::new();
    eventually("it is found", async || {
        living.keep_hints(&kept).await;
        reclaimed = another.reclaim_hints(Duration::from_secs(1)).await;
        !reclaimed.is_empty()
    })
    .await;
    assert_eq!(reclaimed, std::slice::from_ref(lost));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fetchers_that_are_gone_nothing_stays_but_what_they_held() {
    let server = RedisServer::start();
    let fetchers = || {
        let stream = server.cli(&["KEYS", "*:hints"]);
        let told = server.cli(&["XINFO", "CONSUMERS", &stream, "fetchers"]);
        told.lines().filter(|line| *line == "pending").count()
    };
    let first = connect(&server.url(), None).await;
    first.take_hints().await;
    first.put_hint(hint(SLOT)).await;
    assert_eq!(first.take_hints().await.len(), 1);
    for _ in 0..5 {
        let gone = connect(&server.url(), None).await;
        gone.put_hint(hint(SLOT)).await;
        let [taken] = &gone.take_hints().await[..] else { panic!("there is one") };
        gone.done_with_hints(std::slice::from_ref(&taken.id)).await;
    }
    assert_eq!(fetchers(), 6);
    drop(first);

    let next = connect(&server.url(), None).await;
    next.reclaim_hints(Duration::from_mins(1)).await;
    assert_eq!(fetchers(), 6, "nobody has been silent for long");
    eventually("only the one is left that has the hint now", async || {
        next.reclaim_hints(Duration::from_millis(100)).await;
        fetchers() == 1
    })
    .await;
}
