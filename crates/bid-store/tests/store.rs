//! What the store promises, with real bids: provenance before sight, newest of each relay, bounds, and forgetting.

#![expect(clippy::unwrap_used, reason = "a vector that does not decode fails its test")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headstart_auction::{Bid, Expectations, Offered, ParentFacts};
use headstart_bid_store::{BidStore, MAX_AUCTIONS};
use headstart_types::{
    AuctionKey, BlockHash, BlsPublicKey, BuilderBid, ForkName, Network, PublicKey, RelayId, Root, SecretKey,
    SignedBuilderBid, Slot, U256, UnixMillis, Wei, signing_root,
};

const SLOT: Slot = Slot(13_165_563);

fn golden() -> SignedBuilderBid {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap()
}

fn key(slot: Slot) -> AuctionKey {
    let parent_hash = golden().message.header().parent_hash();
    AuctionKey { slot, parent_hash, proposer: BlsPublicKey::default() }
}

/// A verified bid of that relay for the block of that number.
fn bid(relay: u64, block: u8, asked_at: i64) -> Bid {
    let BuilderBid::Electra(mut message) = golden().message else { panic!("a Fulu bid has Electra's shape") };
    let secret = SecretKey::from_seed(&[5; 32]).unwrap();
    message.value = Wei(U256::from(block));
    message.pubkey = secret.public_key();
    message.header.block_hash = hash(block);
    let message = BuilderBid::Electra(message);
    let signature = secret.sign(signing_root(message.tree_hash_root(), Network::mainnet().builder_domain()));
    let expectations = Expectations::new(&Network::mainnet(), key(SLOT), None).unwrap();
    let relay_key = PublicKey::decompress(&secret.public_key()).unwrap();
    let signed = SignedBuilderBid { message, signature };
    Bid::verify(&signed, RelayId(relay), &relay_key, UnixMillis(asked_at), &expectations).unwrap()
}

fn hash(block: u8) -> BlockHash {
    BlockHash([block; 32].into())
}

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
    assert_eq!(store.offer(&key(SLOT), bid(1, 10, 100)), Offered::Newest);
    assert_eq!(store.offer(&key(SLOT), bid(2, 20, 100)), Offered::Newest);
    assert_eq!(store.offer(&key(SLOT), bid(1, 5, 200)), Offered::Newest, "a relay may lower its bid");
    assert_eq!(store.offer(&key(SLOT), bid(1, 99, 150)), Offered::Overtaken);
    assert_eq!(held(&store), [(1, hash(5)), (2, hash(20))]);
}

#[test]
fn every_relay_that_ever_offered_a_block_is_known_until_its_slot_is_forgotten() {
    let store = open_store();
    for (relay, block, asked_at) in [(1, 10, 100), (2, 10, 110), (1, 11, 200), (2, 12, 210)] {
        store.offer(&key(SLOT), bid(relay, block, asked_at));
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
    store.offer(&key(SLOT), bid(1, 10, 100));
    assert!(store.auction(&key(SLOT.next())).is_none());
    assert!(store.auction(&AuctionKey { parent_hash: hash(1), ..key(SLOT) }).is_none());
    assert!(store.auction(&AuctionKey { proposer: BlsPublicKey([1; 48].into()), ..key(SLOT) }).is_none());
}

#[test]
fn a_withdrawn_bid_is_not_served_but_can_still_be_revealed() {
    let store = open_store();
    store.offer(&key(SLOT), bid(1, 10, 100));
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
    store.offer(&key(SLOT), bid(1, 10, 100));
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
fn the_first_served_header_is_remembered() {
    let store = open_store();
    let entry = store.auction(&key(SLOT)).unwrap();
    assert_eq!(entry.first_served_at(), None);
    entry.mark_served(UnixMillis(7));
    entry.mark_served(UnixMillis(9));
    assert_eq!(entry.first_served_at(), Some(UnixMillis(7)));
}
