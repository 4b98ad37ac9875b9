//! The header that a cluster was first served is served to it again, for as long as its operators need it.

#![expect(clippy::unwrap_used, reason = "a vector that does not decode fails its test")]

use std::path::PathBuf;
use std::sync::Arc;

use headstart_auction::{
    AskedAt, Bid, Choice, ClusterPolicy, DEFAULT_STICKY_MS, Expectations, FirstServed, Offers, Serving,
};
use headstart_types::{
    AuctionKey, BlockHash, BlsPublicKey, BuilderBid, ForkName, Network, PublicKey, RelayId, SecretKey,
    SignedBuilderBid, Slot, U256, UnixMillis, Wei, signing_root,
};

const SERVED_AT: UnixMillis = UnixMillis(1_000_000);

/// So many milliseconds after the first header was served, in earnest.
fn after(ms: i64) -> AskedAt {
    AskedAt { now: SERVED_AT + ms, earnest_from: SERVED_AT }
}

/// A verified bid of that relay, of so many wei.
fn bid(relay: u64, value: u8, asked_at: i64) -> Arc<Bid> {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    let golden = SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap();
    let BuilderBid::Electra(mut message) = golden.message else { panic!("a Fulu bid has Electra's shape") };
    let secret = SecretKey::from_seed(&[9; 32]).unwrap();
    message.value = wei(value);
    message.pubkey = secret.public_key();
    message.header.block_hash = BlockHash([value; 32].into());
    let parent_hash = message.header.parent_hash;
    let key = AuctionKey { slot: Slot(13_165_563), parent_hash, proposer: BlsPublicKey::default() };
    let message = BuilderBid::Electra(message);
    let signature = secret.sign(signing_root(message.tree_hash_root(), Network::mainnet().builder_domain()));
    let signed = SignedBuilderBid { message, signature };
    let expectations = Expectations::new(&Network::mainnet(), key, None).unwrap();
    let relay_key = PublicKey::decompress(&secret.public_key()).unwrap();
    let bid = Bid::verify(&signed, RelayId(relay), &relay_key, UnixMillis(asked_at), &expectations);
    Arc::new(bid.unwrap())
}

fn policy(relays: &[u64], min_bid: u8) -> ClusterPolicy {
    let relays = relays.iter().copied().map(RelayId).collect();
    let mut policy = ClusterPolicy::new(relays, wei(min_bid), 2_000, 0);
    policy.sticky = true;
    policy
}

/// A policy that trusts both relays, with a window of its own.
fn sticky_for(sticky_ms: i64) -> ClusterPolicy {
    let mut policy = policy(&[1, 2], 0);
    policy.sticky_ms = sticky_ms;
    policy
}

fn offers(bids: &[&Arc<Bid>]) -> Offers {
    bids.iter().fold(Offers::default(), |offers, bid| offers.with(Arc::clone(bid)).unwrap())
}

/// What is served; nothing, where there is no bid.
fn value(choice: &Choice) -> Wei {
    match choice {
        Choice::Bid(bid) => bid.value(),
        Choice::BelowMinBid | Choice::NoBid => Wei::ZERO,
    }
}

fn wei(value: u8) -> Wei {
    Wei(U256::from(value))
}

#[test]
fn the_first_header_stays_the_clusters_while_its_operators_ask() {
    let (low, high, cluster, policy) = (bid(1, 10, 0), bid(2, 20, 0), "alpha".into(), policy(&[1, 2], 0));
    let mut served = FirstServed::default();
    let mut at = |ms: i64, offers: &Offers| value(&served.choose(&cluster, &policy, after(ms), offers).0);
    assert_eq!(at(0, &offers(&[])), Wei::ZERO, "what is not there cannot be served, nor stuck to");
    assert_eq!(at(1, &offers(&[&low])), wei(10));
    assert_eq!(at(DEFAULT_STICKY_MS, &offers(&[&low, &high])), wei(10));
    assert_eq!(
        at(1 + DEFAULT_STICKY_MS, &offers(&[&low, &high])),
        wei(20),
        "a later round gets the best there is"
    );
    let higher = bid(1, 30, 1);
    assert_eq!(
        at(2 * DEFAULT_STICKY_MS, &offers(&[&higher, &high])),
        wei(20),
        "and all of that round get it"
    );
}

#[test]
fn the_clusters_own_window_says_how_long_a_round_lasts() {
    let (low, high, cluster) = (bid(1, 10, 0), bid(2, 20, 0), "alpha".into());
    for sticky_ms in [1, 300, 2_000, 12_000] {
        let policy = sticky_for(sticky_ms);
        let mut served = FirstServed::default();
        let mut at = |ms: i64, offers: &Offers| value(&served.choose(&cluster, &policy, after(ms), offers).0);
        assert_eq!(at(0, &offers(&[&low])), wei(10));
        assert_eq!(at(sticky_ms - 1, &offers(&[&low, &high])), wei(10), "{sticky_ms}");
        assert_eq!(at(sticky_ms, &offers(&[&low, &high])), wei(20), "a better bid for a later round");
    }
}

#[test]
fn all_operators_get_one_header_at_whichever_instance_they_ask_within_the_window() {
    let (low, high, cluster) = (bid(1, 10, 0), bid(2, 20, 0), "alpha".into());
    let policy = sticky_for(2_000);
    let mut instances = [FirstServed::default(), FirstServed::default(), FirstServed::default()];
    let first = instances[0].choose(&cluster, &policy, after(0), &offers(&[&low])).0;
    assert_eq!(value(&first), wei(10));
    // The last instance has served another header before it heard of the first.
    let hasty = instances[2].choose(&cluster, &policy, after(5), &offers(&[&low, &high])).0;
    assert_eq!(value(&hasty), wei(20));
    for instance in &mut instances[1..] {
        instance.adopt(&cluster, &low, SERVED_AT, policy.sticky_ms);
    }
    for (operator, ms) in [(0_usize, 10), (1, 350), (2, 1_000), (3, 1_700), (4, 1_999)] {
        let instance = &mut instances[operator % 3];
        let got = instance.choose(&cluster, &policy, after(ms), &offers(&[&low, &high])).0;
        assert_eq!(value(&got), wei(10), "operator {operator}");
    }
    for instance in &mut instances {
        let got = instance.choose(&cluster, &policy, after(2_000), &offers(&[&low, &high])).0;
        assert_eq!(value(&got), wei(20), "the next round gets the better one, and everywhere");
    }
}

#[test]
fn what_another_instance_served_first_counts_within_one_window_and_later_only_what_is_newer() {
    let (low, high, cluster) = (bid(1, 10, 0), bid(2, 20, 0), "alpha".into());
    let policy = sticky_for(300);
    let mut served = FirstServed::default();
    served.choose(&cluster, &policy, after(300), &offers(&[&high]));
    served.adopt(&cluster, &low, SERVED_AT, policy.sticky_ms);
    let again = |served: &FirstServed| served.again(&cluster, &policy, after(301)).map(|bid| bid.value());
    assert_eq!(again(&served), Some(wei(20)), "a round that is over");
    served.adopt(&cluster, &low, SERVED_AT + 1, policy.sticky_ms);
    assert_eq!(again(&served), None, "the round of the earlier one ends with its own window");
}

#[test]
fn a_bid_that_its_relay_replaced_is_stuck_to_and_a_withdrawn_one_is_not() {
    let (first, replacement, cluster, policy) =
        (bid(1, 10, 0), bid(1, 5, 1), "alpha".into(), policy(&[1], 0));
    let mut served = FirstServed::default();
    served.choose(&cluster, &policy, after(0), &offers(&[&first]));
    let again = served.choose(&cluster, &policy, after(0), &offers(&[&replacement])).0;
    assert_eq!(value(&again), wei(10), "the relay offered it, and will reveal it");

    served.withdraw(|bid| bid.block_hash() != first.block_hash());
    assert!(served.again(&cluster, &policy, after(0)).is_none());
    assert_eq!(value(&served.choose(&cluster, &policy, after(0), &offers(&[&replacement])).0), wei(5));
}

#[test]
fn one_clusters_header_is_nothing_to_another() {
    let (low, high) = (bid(1, 10, 0), bid(2, 20, 0));
    let mut served = FirstServed::default();
    let both = offers(&[&low, &high]);
    let alpha = served.choose(&"alpha".into(), &policy(&[1], 0), after(0), &both).0;
    let beta = served.choose(&"beta".into(), &policy(&[1, 2], 0), after(0), &both).0;
    assert_eq!((value(&alpha), value(&beta)), (wei(10), wei(20)));
}

#[test]
fn a_changed_policy_is_respected_at_once() {
    let (low, high, cluster) = (bid(1, 10, 0), bid(2, 20, 0), "alpha".into());
    let mut served = FirstServed::default();
    served.choose(&cluster, &policy(&[1], 0), after(0), &offers(&[&low]));
    assert!(
        served.again(&cluster, &policy(&[2], 0), after(0)).is_none(),
        "the relay is not trusted any more"
    );
    assert!(served.again(&cluster, &policy(&[1], 11), after(0)).is_none(), "the minimum was raised");
    let both = served.choose(&cluster, &policy(&[2], 0), after(0), &offers(&[&low, &high])).0;
    assert_eq!(value(&both), wei(20));
}

#[test]
fn any_number_of_clusters_is_served_although_not_all_are_remembered() {
    let (low, high, policy) = (bid(1, 10, 0), bid(2, 20, 0), policy(&[1, 2], 0));
    let mut served = FirstServed::default();
    for number in 0..100 {
        let cluster = format!("cluster-{number}").into();
        assert_eq!(value(&served.choose(&cluster, &policy, after(0), &offers(&[&low])).0), wei(10));
    }
    let at = |served: &FirstServed, number: u32| {
        served.again(&format!("cluster-{number}"), &policy, after(0)).is_some()
    };
    assert!(at(&served, 0) && !at(&served, 99));
    let last = served.choose(&"cluster-99".into(), &policy, after(0), &offers(&[&low, &high])).0;
    assert_eq!(value(&last), wei(20));
}

#[test]
fn whoever_asks_long_before_the_slot_pins_nothing_that_is_signed() {
    let (low, high, cluster, policy) = (bid(1, 10, 0), bid(2, 20, 0), "alpha".into(), policy(&[1, 2], 0));
    let mut served = FirstServed::default();
    let mut ask = |ms: i64, offers: &Offers| {
        let (choice, serving) = served.choose(&cluster, &policy, after(ms), offers);
        (value(&choice), serving)
    };
    assert_eq!(ask(-300, &offers(&[&low])), (wei(10), Serving::First));
    assert_eq!(ask(-1, &offers(&[&low, &high])), (wei(10), Serving::Again), "it is sticky while it is early");
    assert_eq!(ask(0, &offers(&[&low, &high])), (wei(20), Serving::NextRound));
    assert_eq!(ask(10, &offers(&[&low])), (wei(20), Serving::Again));
}

#[test]
fn a_cluster_that_wants_the_best_each_time_is_told_of_once() {
    let (low, high, cluster, mut best) = (bid(1, 10, 0), bid(2, 20, 0), "alpha".into(), policy(&[1, 2], 0));
    best.sticky = false;
    let mut served = FirstServed::default();
    let first = served.choose(&cluster, &best, after(0), &offers(&[&low]));
    let second = served.choose(&cluster, &best, after(5), &offers(&[&low, &high]));
    assert_eq!((value(&first.0), first.1), (wei(10), Serving::First));
    assert_eq!((value(&second.0), second.1), (wei(20), Serving::Again));
    assert_eq!(served.moments().next().map(|(_, at)| at), Some(SERVED_AT));
}
