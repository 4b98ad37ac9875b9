//! What processes share, scenario by scenario, on each backend.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bytes::Bytes;
use headstart_auction::{Hint, Origin};
use headstart_bid_store::{
    BidStore, Feed, Heard, Notice, ProcessId, RedisConfig, SharedBid, SharedHint, SharedServed,
    SubmissionKey, TakenHint,
};
use headstart_types::{BlsPublicKey, Encoding, Network, RelayId, Root, Slot, UnixMillis};

use crate::redis_server::RedisServer;
use crate::world::{Backend, SLOT, bid, connect, eventually, hash, key};

const NO_TIME: Duration = Duration::ZERO;

async fn next_notice(feed: &mut Feed) -> (ProcessId, Notice) {
    loop {
        let heard = tokio::time::timeout(Duration::from_secs(10), feed.next()).await.unwrap().unwrap();
        if let Heard::Notice(from, notice) = heard {
            return (from, notice);
        }
    }
}

/// Listens, and returns once what others tell is heard.
async fn listening(to: &BidStore) -> Feed {
    let mut feed = to.listen();
    let begun = tokio::time::timeout(Duration::from_secs(10), feed.next()).await.unwrap();
    assert_eq!(begun, Some(Heard::Gap), "what was told before is to be read");
    feed
}

pub(crate) fn hint(slot: Slot) -> SharedHint {
    let hint = Hint {
        slot,
        proposer: BlsPublicKey::default(),
        parent_hash: Some(hash(9)),
        dependent_root: None,
        expected_ask_ms: Some(-170),
    };
    SharedHint { cluster: "alpha".into(), hint }
}

pub(crate) fn submission() -> SubmissionKey {
    SubmissionKey { slot: SLOT, block_root: Root::repeat_byte(3), version: 2 }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_that_one_process_offers_comes_to_the_others_and_can_be_read_by_them() {
    for backend in Backend::each() {
        let (one, other) = (backend.process().await, backend.process().await);
        let mut feed = listening(&other).await;
        one.open(key(SLOT)).unwrap();
        let offered = bid(1, 10, 100);
        let ssz = offered.body(Encoding::Ssz).clone();

        one.offer(&key(SLOT), offered, 1).await;

        let (from, notice) = next_notice(&mut feed).await;
        let Notice::Bid(told) = notice else { panic!("{}: {notice:?}", backend.name()) };
        assert_eq!(
            (from, told.key, told.relay),
            (one.process(), key(SLOT), RelayId(1)),
            "{}",
            backend.name()
        );
        assert_eq!((told.asked_at, &told.ssz), (UnixMillis(100), &ssz));
        assert_eq!(other.shared_bids(&key(SLOT)).await, [told]);
        assert!(other.auction(&key(SLOT)).is_none(), "what is not verified here is not near");
        assert!(other.shared_bids(&key(SLOT.next())).await.is_empty(), "another auction has its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_bids_of_a_relay_the_later_lease_wins_and_then_the_later_ask() {
    for backend in Backend::each() {
        let (one, other) = (backend.process().await, backend.process().await);
        one.open(key(SLOT)).unwrap();
        other.open(key(SLOT)).unwrap();
        let newest = async || {
            let bids = one.shared_bids(&key(SLOT)).await;
            bids.into_iter().map(|bid| bid.asked_at.0).collect::<Vec<_>>()
        };
        one.offer(&key(SLOT), bid(1, 10, 100), 7).await;
        other.offer(&key(SLOT), bid(1, 11, 200), 7).await;
        one.offer(&key(SLOT), bid(1, 12, 150), 7).await;
        assert_eq!(newest().await, [200], "{}: the later ask", backend.name());
        one.offer(&key(SLOT), bid(1, 13, 120), 8).await;
        assert_eq!(newest().await, [120], "{}: the later lease", backend.name());
        other.offer(&key(SLOT), bid(1, 14, 900), 7).await;
        assert_eq!(newest().await, [120], "{}: who has lost its lease has no say", backend.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_knows_which_relays_offered_a_block_to_any_of_them() {
    for backend in Backend::each() {
        let (one, other) = (backend.process().await, backend.process().await);
        one.open(key(SLOT)).unwrap();
        one.offer(&key(SLOT), bid(1, 10, 100), 1).await;
        one.offer(&key(SLOT), bid(2, 10, 100), 1).await;
        one.offer(&key(SLOT), bid(1, 20, 200), 1).await;
        let origin = Some(Origin { key: key(SLOT), relays: vec![RelayId(1), RelayId(2)] });
        assert_eq!(other.origin(hash(10)), None);
        assert_eq!(other.shared_origin(SLOT, hash(10)).await, origin, "{}", backend.name());
        assert_eq!(other.shared_origin(SLOT, hash(99)).await, None);
        one.forget_shared(SLOT).await;
        assert_eq!(other.shared_origin(SLOT, hash(10)).await, None, "{}: its slot is over", backend.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_block_of_a_proposer_is_seen_by_whichever_process() {
    for backend in Backend::each() {
        let (one, other) = (backend.process().await, backend.process().await);
        let (proposer, first, second) = (BlsPublicKey::default(), Root::repeat_byte(1), Root::repeat_byte(2));
        assert_eq!(one.claim(SLOT, &proposer, first).await, Some(first), "{}", backend.name());
        assert_eq!(other.claim(SLOT, &proposer, second).await, Some(first), "{}", backend.name());
        assert_eq!(other.claim(SLOT, &proposer, first).await, Some(first));
        assert_eq!(other.claim(SLOT.next(), &proposer, second).await, Some(second));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_submission_came_to_is_there_for_the_others() {
    for backend in Backend::each() {
        let (one, other) = (backend.process().await, backend.process().await);
        assert_eq!(other.answer(&submission()).await, None);
        one.put_answer(submission(), Bytes::from_static(b"published")).await;
        assert_eq!(
            other.answer(&submission()).await,
            Some(Bytes::from_static(b"published")),
            "{}",
            backend.name()
        );
        let first_version = SubmissionKey { version: 1, ..submission() };
        assert_eq!(other.answer(&first_version).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hint_has_one_fetcher_and_that_of_a_dead_one_goes_to_another() {
    for backend in Backend::each() {
        let (door, fetcher, another) =
            (backend.process().await, backend.process().await, backend.process().await);
        // The first look makes the group, and what was put there before is not lost.
        assert!(fetcher.take_hints().await.is_empty());
        let mut feed = listening(&fetcher).await;
        assert!(door.put_hint(hint(SLOT)).await);
        assert_eq!(next_notice(&mut feed).await, (door.process(), Notice::Hinted), "{}", backend.name());

        let taken = fetcher.take_hints().await;
        let [TakenHint { id, hint: Some(first) }] = &taken[..] else {
            panic!("{}: {taken:?}", backend.name())
        };
        assert_eq!(*first, hint(SLOT));
        assert!(another.take_hints().await.is_empty(), "it is taken");

        fetcher.keep_hints(std::slice::from_ref(id)).await;
        let long = Duration::from_mins(1);
        assert!(another.reclaim_hints(long).await.is_empty(), "its fetcher keeps it");
        let reclaimed = another.reclaim_hints(NO_TIME).await;
        assert_eq!(reclaimed, taken, "{}: its fetcher is silent", backend.name());

        another.done_with_hints(std::slice::from_ref(id)).await;
        assert!(another.reclaim_hints(NO_TIME).await.is_empty(), "{}: it is over", backend.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_notice_comes_as_it_was_sent() {
    for backend in Backend::each() {
        let (one, other) = (backend.process().await, backend.process().await);
        let mut feed = listening(&other).await;
        let key = key(SLOT);
        let (cluster, at): (Arc<str>, _) = ("alpha".into(), UnixMillis(1_700_000_000_123));
        let bid = SharedBid { key, relay: RelayId(7), asked_at: at + 1, ssz: Bytes::from_static(b"a bid") };
        let notices = [
            Notice::Leading(key),
            Notice::Hurry { key, cluster: Arc::clone(&cluster), number: 3 },
            Notice::Settled { key, heard: vec![(other.process(), 3), (one.process(), 1)] },
            Notice::Served(SharedServed { cluster, at, asked_at: at + 2, bid }),
            Notice::Submitted(key),
            Notice::Hinted,
            Notice::Emptied,
            Notice::RelayLeftAlone(RelayId(7)),
        ];
        for notice in notices {
            assert!(one.notify(notice.clone()).await);
            assert_eq!(next_notice(&mut feed).await, (one.process(), notice), "{}", backend.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_the_same_validators_that_was_begun_anew_has_nothing_of_the_one_before() {
    let server = RedisServer::start();
    let (before, again) = (connect(&server.url(), None).await, {
        let mainnet = Network::mainnet();
        let anew = Network { genesis_time_ms: mainnet.genesis_time_ms + 86_400_000, ..mainnet };
        BidStore::redis(&RedisConfig::new(server.url()), &anew).unwrap()
    });
    eventually("the server is reached", async || again.is_shared()).await;
    before.open(key(SLOT)).unwrap();
    before.offer(&key(SLOT), bid(1, 10, 100), 1).await;
    before.put_answer(submission(), Bytes::from_static(b"published")).await;

    eventually("the server answers", async || again.notify(Notice::Hinted).await).await;
    assert!(again.shared_bids(&key(SLOT)).await.is_empty());
    assert_eq!(again.shared_origin(SLOT, hash(10)).await, None);
    assert_eq!(again.answer(&submission()).await, None);
    assert!(before.shared_origin(SLOT, hash(10)).await.is_some(), "the one before has it all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_writes_what_the_release_before_reads_for_as_long_as_it_is_told_to() {
    let backend = Backend::RedisOfTwoReleases(RedisServer::start(), AtomicUsize::new(0));
    let (previous, current) = (backend.process().await, backend.process().await);
    for (process, relay) in [(&previous, 1), (&current, 2)] {
        process.open(key(SLOT)).unwrap();
        process.offer(&key(SLOT), bid(relay, 10, 100), 1).await;
    }
    let Backend::RedisOfTwoReleases(server, _) = &backend else { panic!("it was made so") };
    let first_bytes = "local first = {} \
        for _, value in ipairs(redis.call('HVALS', KEYS[1])) do table.insert(first, string.byte(value)) end \
        table.sort(first) return table.concat(first, ',')";
    let held = server.cli(&["KEYS", "*"]);
    assert_eq!(held.lines().count(), 2, "the auction's bids, and their provenance: {held}");
    for name in held.lines() {
        assert_eq!(server.cli(&["EVAL", first_bytes, "1", name]), "1,2", "{name}");
    }
    let origin = Some(Origin { key: key(SLOT), relays: vec![RelayId(1), RelayId(2)] });
    for process in [&previous, &current] {
        assert_eq!(process.shared_bids(&key(SLOT)).await.len(), 2);
        process.forget_before(SLOT.next());
        assert_eq!(process.shared_origin(SLOT, hash(10)).await, origin);
    }
}
