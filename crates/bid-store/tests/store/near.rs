//! What is near, with real bids: provenance before sight, newest of each relay, bounds, and forgetting.

use std::sync::Arc;
use std::time::Duration;

use headstart_auction::{AskedAt, Choice, ClusterPolicy, Offered, ParentFacts, Serving};
use headstart_bid_store::{AuctionEvent, AuctionEventKind, BidStore, MAX_AUCTIONS};
use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Root, Slot, UnixMillis, Wei};

use crate::world::{SLOT, bid, hash, key};

fn open_store() -> BidStore {
    let store = BidStore::default();
    store.open(key(SLOT)).unwrap();
    store
}

fn held(store: &BidStore) -> Vec<(u64, BlockHash)> {
    let offers = store.auction(&key(SLOT)).unwrap().offers();
    offers.bids().iter().map(|bid| (bid.relay().0, bid.block_hash())).collect()
}

#[test]
fn each_relays_newest_bid_is_held_and_an_overtaken_one_changes_nothing() {
    let store = open_store();
    assert_eq!(store.take(&key(SLOT), bid(1, 10, 100)), Offered::Newest);
    assert_eq!(store.take(&key(SLOT), bid(2, 20, 100)), Offered::Newest);
    assert_eq!(store.take(&key(SLOT), bid(1, 5, 200)), Offered::Newest, "a relay may lower its bid");
    assert_eq!(store.take(&key(SLOT), bid(1, 99, 150)), Offered::Overtaken);
    assert_eq!(held(&store), [(1, hash(5)), (2, hash(20))]);
}

#[test]
fn every_relay_that_ever_offered_a_block_is_known_until_its_slot_is_forgotten() {
    let store = open_store();
    for (relay, block, asked_at) in [(1, 10, 100), (2, 10, 110), (1, 11, 200), (2, 12, 210)] {
        store.take(&key(SLOT), bid(relay, block, asked_at));
    }
    let origin = store.origin(hash(10)).unwrap();
    assert_eq!((origin.key, origin.relays), (key(SLOT), vec![RelayId(1), RelayId(2)]));
    store.forget_before(SLOT);
    assert!(store.origin(hash(10)).is_some());
    store.forget_before(SLOT.next());
    assert_eq!((store.origin(hash(10)), store.size()), (None, (0, 0)));
}

#[test]
fn only_the_exact_key_finds_an_auction() {
    let store = open_store();
    store.take(&key(SLOT), bid(1, 10, 100));
    assert!(store.auction(&key(SLOT.next())).is_none());
    assert!(store.auction(&AuctionKey { parent_hash: hash(1), ..key(SLOT) }).is_none());
    assert!(store.auction(&AuctionKey { proposer: BlsPublicKey([1; 48].into()), ..key(SLOT) }).is_none());
}

#[test]
fn a_withdrawn_bid_is_not_served_but_can_still_be_revealed() {
    let store = open_store();
    store.take(&key(SLOT), bid(1, 10, 100));
    let facts =
        ParentFacts { prev_randao: Root::ZERO, parent_block_number: None, withdrawals_root: Root::ZERO };
    assert_eq!(store.withdraw(&key(SLOT), |bid| bid.stands(&facts).is_ok()), 1);
    assert!(held(&store).is_empty());
    assert!(store.origin(hash(10)).is_some());
}

#[test]
fn a_full_store_refuses_new_auctions_and_keeps_the_old() {
    let store = BidStore::default();
    for slot in 0..MAX_AUCTIONS as u64 {
        assert!(store.open(key(Slot(slot))).is_some());
    }
    assert!(store.open(key(Slot(u64::MAX))).is_none());
    assert!(store.open(key(Slot(0))).is_some(), "what is open stays open");
    store.forget_before(Slot(1));
    assert!(store.open(key(Slot(u64::MAX))).is_some());
}

#[tokio::test]
async fn whoever_waits_learns_of_a_bid_at_once_and_of_settled_relays_too() {
    let store = open_store();
    let entry = store.auction(&key(SLOT)).unwrap();
    let waiting = tokio::spawn({
        let entry = Arc::clone(&entry);
        async move { entry.wait_for(|offers| !offers.is_empty()).await }
    });
    store.take(&key(SLOT), bid(1, 10, 100));
    let offers = tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap();
    assert_eq!(offers.bids().len(), 1);

    entry.settle(0, true);
    let in_vain = entry.wait_for(|offers| offers.bids().len() == 2);
    let offers = tokio::time::timeout(Duration::from_secs(10), in_vain).await.unwrap();
    assert_eq!(offers.bids().len(), 1, "nothing more is to be expected");
}

#[tokio::test]
async fn a_judgement_from_before_somebody_came_is_void() {
    let store = open_store();
    let entry = store.auction(&key(SLOT)).unwrap();
    let before = entry.hurries();
    entry.hurry();
    entry.settle(before, true);
    let waiting = tokio::time::timeout(Duration::from_millis(50), entry.wait_for(|_| false));
    assert!(waiting.await.is_err(), "relays are asked anew first");

    entry.settle(entry.hurries(), true);
    entry.wait_for(|_| false).await;
    entry.close();
    entry.hurry();
    entry.wait_for(|_| false).await;
}

#[test]
fn the_first_served_header_is_remembered_and_each_clusters_moment_too() {
    let (store, policy) = (open_store(), sticky());
    let entry = store.auction(&key(SLOT)).unwrap();
    assert!(entry.served().is_none());
    store.take(&key(SLOT), bid(1, 10, 100));
    let offers = entry.offers();
    entry.mark_served(UnixMillis(7), &"alpha".into(), &offers.bids()[0]);
    entry.mark_served(UnixMillis(9), &"beta".into(), &offers.bids()[0]);
    let served = entry.served().unwrap();
    assert_eq!((served.at, &*served.cluster), (UnixMillis(7), "alpha"));
    let mut best = policy.clone();
    best.sticky = false;
    for (cluster, policy) in [("alpha", &policy), ("beta", &best)] {
        let serving = |ms| entry.choose(&cluster.into(), policy, at(ms)).serving;
        assert_eq!([serving(11), serving(12)], [Serving::First, Serving::Again], "{cluster}");
    }
    assert_eq!(entry.moments(), [("alpha".into(), UnixMillis(11)), ("beta".into(), UnixMillis(11))]);
    assert!(!entry.adopt(&"beta".into(), &offers.bids()[0], UnixMillis(10), 0), "it had one");
    assert!(entry.adopt(&"gamma".into(), &offers.bids()[0], UnixMillis(10), 0));
}

/// An ask in earnest.
fn at(ms: i64) -> AskedAt {
    AskedAt { now: UnixMillis(ms), earnest_from: UnixMillis(0) }
}

fn sticky() -> ClusterPolicy {
    let mut policy = ClusterPolicy::new(vec![RelayId(1), RelayId(2)], Wei::ZERO, 2_000, 0);
    policy.sticky = true;
    policy
}

fn chosen(store: &BidStore, policy: &ClusterPolicy) -> Option<BlockHash> {
    match store.auction(&key(SLOT)).unwrap().choose(&"alpha".into(), policy, at(7)).choice {
        Choice::Bid(bid) => Some(bid.block_hash()),
        Choice::BelowMinBid | Choice::NoBid => None,
    }
}

#[test]
fn a_sticky_header_stays_although_better_bids_come_and_its_relay_replaces_it() {
    let (store, sticky) = (open_store(), sticky());
    let mut best = sticky.clone();
    best.sticky = false;
    assert_eq!(chosen(&store, &sticky), None);
    store.take(&key(SLOT), bid(1, 10, 100));
    assert_eq!(chosen(&store, &sticky), Some(hash(10)));
    store.take(&key(SLOT), bid(2, 20, 100));
    store.take(&key(SLOT), bid(1, 30, 200));
    assert_eq!((chosen(&store, &sticky), chosen(&store, &best)), (Some(hash(10)), Some(hash(30))));
}

#[test]
fn a_header_never_sticks_across_a_changed_parent() {
    let (store, policy) = (open_store(), sticky());
    store.take(&key(SLOT), bid(1, 10, 100));
    assert_eq!(chosen(&store, &policy), Some(hash(10)));
    let changed = AuctionKey { parent_hash: hash(99), ..key(SLOT) };
    store.open(changed).unwrap();
    let entry = store.auction(&changed).unwrap();
    let at_once = entry.choose(&"alpha".into(), &policy, at(8)).choice;
    assert!(matches!(at_once, Choice::NoBid), "nobody has bid on it");
    store.take(&changed, bid(2, 20, 100));
    let choice = entry.choose(&"alpha".into(), &policy, at(9)).choice;
    assert!(matches!(choice, Choice::Bid(bid) if bid.block_hash() == hash(20)));
    assert_eq!(chosen(&store, &policy), Some(hash(10)), "and the former parent's header is still its own");
}

#[test]
fn a_withdrawn_bid_is_not_stuck_to_even_when_its_relay_has_replaced_it() {
    let (store, policy) = (open_store(), sticky());
    store.take(&key(SLOT), bid(1, 10, 100));
    assert_eq!(chosen(&store, &policy), Some(hash(10)));
    store.take(&key(SLOT), bid(1, 20, 200));
    assert_eq!(store.withdraw(&key(SLOT), |bid| bid.block_hash() != hash(10)), 0, "it is not held any more");
    assert_eq!(chosen(&store, &policy), Some(hash(20)));
    assert_eq!(store.withdraw(&key(SLOT), |_| false), 1);
    assert_eq!(chosen(&store, &policy), None);
}

#[test]
fn operators_that_ask_at_the_same_moment_get_the_same_header() {
    let (store, policy) = (open_store(), sticky());
    store.take(&key(SLOT), bid(1, 10, 100));
    let headers: Vec<_> = std::thread::scope(|scope| {
        let offering = scope.spawn(|| {
            for block in 11..60 {
                store.take(&key(SLOT), bid(1, block, i64::from(block) + 100));
            }
        });
        let operators = (0..4).map(|_| scope.spawn(|| chosen(&store, &policy)));
        let operators: Vec<_> = operators.collect();
        offering.join().unwrap();
        operators.into_iter().map(|operator| operator.join().unwrap().unwrap()).collect()
    });
    assert!(headers.windows(2).all(|two| two[0] == two[1]), "{headers:?}");
}

#[tokio::test]
async fn events_come_to_those_who_watch_and_a_slow_watcher_holds_nobody_up() {
    let store = open_store();
    let armed = |slot| AuctionEvent {
        cluster: Some("alpha".into()),
        key: key(Slot(slot)),
        at: UnixMillis(7),
        what: AuctionEventKind::Armed,
    };
    store.tell(armed(0));
    let (mut watching, mut slow) = (store.watch(), store.watch());
    store.clone().tell(armed(1));
    assert_eq!(watching.recv().await.unwrap(), armed(1), "what happened before is not told");
    for slot in 2..2_000 {
        store.tell(armed(slot));
    }
    assert!(slow.recv().await.is_err(), "it has missed some");
    assert!(slow.recv().await.unwrap().key.slot > Slot(2));
}
