//! Property: whatever relays answer in whatever order, the best bid is that of a naive model.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a vector that does not decode fails its test, and the numbers are below a hundred"
)]

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use headstart_auction::{Bid, Choice, ClusterPolicy, Expectations, Offers, best, may_win};
use headstart_types::{
    AuctionKey, BlockHash, BlsPublicKey, BuilderBid, ForkName, Network, PublicKey, RelayId, SecretKey,
    SignedBuilderBid, Slot, U256, UnixMillis, Wei, signing_root,
};
use proptest::prelude::*;

const RELAYS: u64 = 4;
const VALUES: u64 = 6;

/// Verified bids of every relay and value, signed once: each has a block hash of its own.
fn bids() -> &'static Vec<Vec<Bid>> {
    static BIDS: OnceLock<Vec<Vec<Bid>>> = OnceLock::new();
    BIDS.get_or_init(|| {
        (0..RELAYS).map(|relay| (1..=VALUES).map(|value| bid(relay, value)).collect()).collect()
    })
}

fn bid(relay: u64, value: u64) -> Bid {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    let golden = SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap();
    let BuilderBid::Electra(mut message) = golden.message else { panic!("a Fulu bid has Electra's shape") };
    let secret = SecretKey::from_seed(&[9; 32]).unwrap();
    message.value = Wei(U256::from(value));
    message.pubkey = secret.public_key();
    message.header.block_hash = BlockHash([(relay * 16 + value) as u8 + 1; 32].into());
    let key = AuctionKey {
        slot: Slot(13_165_563),
        parent_hash: message.header.parent_hash,
        proposer: BlsPublicKey::default(),
    };
    let message = BuilderBid::Electra(message);
    let signature = secret.sign(signing_root(message.tree_hash_root(), Network::mainnet().builder_domain()));
    let signed = SignedBuilderBid { message, signature };
    let expectations = Expectations::new(&Network::mainnet(), key, None).unwrap();
    let relay_key = PublicKey::decompress(&secret.public_key()).unwrap();
    Bid::verify(&signed, RelayId(relay), &relay_key, UnixMillis(0), &expectations).unwrap()
}

#[derive(Clone, Copy, Debug)]
struct Event {
    relay: u64,
    value: u64,
    asked_at: i64,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (0..RELAYS, 1..=VALUES, 0_i64..8);
    prop::collection::vec(event.prop_map(|(relay, value, asked_at)| Event { relay, value, asked_at }), 0..24)
}

fn play(events: &[Event]) -> Offers {
    events.iter().fold(Offers::default(), |offers, event| {
        let bid = bids()[event.relay as usize][event.value as usize - 1].again_at(UnixMillis(event.asked_at));
        offers.with(Arc::new(bid)).unwrap_or(offers)
    })
}

/// The value of the later-asked event of a relay; among equals, the later-arrived.
fn newest(events: &[Event], relay: u64) -> Option<Event> {
    events.iter().copied().filter(|event| event.relay == relay).fold(None, |newest, event| match newest {
        Some(Event { asked_at, .. }) if asked_at > event.asked_at => newest,
        _ => Some(event),
    })
}

proptest! {
    #[test]
    fn the_best_is_the_highest_of_the_newest_of_the_trusted(
        events in events(),
        trusted in prop::collection::vec(0..RELAYS, 0..RELAYS as usize),
        min_bid in 0..=VALUES,
    ) {
        let offers = play(&events);
        let policy = ClusterPolicy::new(trusted.iter().copied().map(RelayId).collect(), Wei(U256::from(min_bid)), 2_000, 0);
        let model = trusted.iter().filter_map(|relay| newest(&events, *relay)).map(|event| event.value).max();
        match (best(&offers, &policy), model) {
            (Choice::NoBid, None) => {}
            (Choice::BelowMinBid, Some(value)) => prop_assert!(value < min_bid),
            (Choice::Bid(bid), Some(value)) => {
                prop_assert!(value >= min_bid, "a bid of exactly the minimum is served, none below");
                prop_assert_eq!(bid.value(), Wei(U256::from(value)));
                let rivals = offers.bids().iter().filter(|rival| policy.trusts(rival.relay()) && rival.value() == bid.value());
                prop_assert!(rivals.into_iter().all(|rival| bid.block_hash() <= rival.block_hash()));
            }
            (choice, model) => prop_assert!(false, "{:?} where the model has {:?}", choice, model),
        }
    }

    #[test]
    fn the_order_of_the_relays_changes_nothing(events in events()) {
        let mut by_relay = events.clone();
        by_relay.sort_by_key(|event| event.relay);
        let policy = ClusterPolicy::new((0..RELAYS).map(RelayId).collect(), Wei::ZERO, 2_000, 0);
        let chosen = |offers: &Offers| match best(offers, &policy) {
            Choice::Bid(bid) => Some((bid.block_hash(), bid.value())),
            _ => None,
        };
        prop_assert_eq!(chosen(&play(&events)), chosen(&play(&by_relay)));
    }

    #[test]
    fn a_bid_that_may_not_win_changes_nobodys_best_one(
        events in events(),
        trusted in prop::collection::vec(prop::collection::vec(0..RELAYS, 0..RELAYS as usize), 1..3),
        min_bid in 0..=VALUES,
        next in (0..RELAYS, 1..=VALUES),
    ) {
        let (offers, (relay, value)) = (play(&events), next);
        let policies: Vec<_> = trusted
            .into_iter()
            .map(|relays| ClusterPolicy::new(relays.into_iter().map(RelayId).collect(), Wei(U256::from(min_bid)), 2_000, 0))
            .collect();
        let after = play(&[events.as_slice(), &[Event { relay, value, asked_at: 99 }]].concat());
        let value_of = |offers: &Offers, policy: &ClusterPolicy| match best(offers, policy) {
            Choice::Bid(bid) => Some(bid.value()),
            _ => None,
        };
        let changes = policies.iter().any(|policy| value_of(&offers, policy) != value_of(&after, policy));
        let may_win = may_win(&offers, policies.iter(), RelayId(relay), Wei(U256::from(value)));
        prop_assert!(may_win || !changes);
        prop_assert!(changes || !may_win || offers.of(RelayId(relay)).is_some_and(|held| {
            policies.iter().any(|policy| matches!(best(&offers, policy), Choice::Bid(best) if best.relay() == held.relay()))
        }), "what changes nothing is told apart unless its relay holds the best");
    }
}
