use std::path::PathBuf;
use std::sync::Arc;

use headstart_types::{BlsPublicKey, BuilderBid, ExecutionAddress, SecretKey, Slot};
use serde::Deserialize;

use super::*;
use crate::{Choice, ClusterPolicy, Offers, best};

#[derive(Deserialize)]
struct Golden {
    slot: Slot,
    parent_hash: BlockHash,
    proposer_pubkey: BlsPublicKey,
}

#[derive(Deserialize)]
struct Keys {
    relays: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    secret: Root,
}

fn golden(path: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden").join(path))
        .unwrap()
}

fn relay_key(index: usize) -> SecretKey {
    let keys: Keys = serde_json::from_slice(&golden("keys.json")).unwrap();
    SecretKey::from_bytes(&keys.relays[index].secret.0).unwrap()
}

/// One fork's golden bid, what it must satisfy, and the means to sign it again after a change.
struct Case {
    signed: SignedBuilderBid,
    expectations: Expectations,
    relay: SecretKey,
}

impl Case {
    fn new(fork: ForkName) -> Self {
        let vector: Golden = serde_json::from_slice(&golden(&format!("{fork}/expected.json"))).unwrap();
        let signed =
            SignedBuilderBid::from_ssz(fork, &golden(&format!("{fork}/signed_builder_bid.ssz"))).unwrap();
        let key = AuctionKey {
            slot: vector.slot,
            parent_hash: vector.parent_hash,
            proposer: vector.proposer_pubkey,
        };
        let header = signed.message.header();
        let facts = ParentFacts {
            prev_randao: header.prev_randao(),
            parent_block_number: Some(header.block_number() - 1),
            withdrawals_root: header.withdrawals_root(),
        };
        let expectations = Expectations::new(&Network::mainnet(), key, Some(facts)).unwrap();
        Self { signed, expectations, relay: relay_key(0) }
    }

    fn verify(&self, signed: &SignedBuilderBid) -> Result<Bid, BidRejected> {
        let key = PublicKey::decompress(&self.relay.public_key()).unwrap();
        Bid::verify(signed, RelayId(1), &key, UnixMillis(0), &self.expectations)
    }

    /// The golden bid after `change`, with a signature that fits again.
    fn changed(&self, change: impl FnOnce(&mut BuilderBid)) -> SignedBuilderBid {
        let mut message = self.signed.message.clone();
        change(&mut message);
        self.sign(message)
    }

    fn sign(&self, message: BuilderBid) -> SignedBuilderBid {
        let root = signing_root(message.tree_hash_root(), Network::mainnet().builder_domain());
        SignedBuilderBid { signature: self.relay.sign(root), message }
    }
}

/// Applies `$change` to the header of whichever fork's bid.
macro_rules! with_header {
    ($bid:expr, $header:ident => $change:expr) => {
        match $bid {
            BuilderBid::Capella(bid) => {
                let $header = &mut bid.header;
                $change
            }
            BuilderBid::Deneb(bid) => {
                let $header = &mut bid.header;
                $change
            }
            BuilderBid::Electra(bid) => {
                let $header = &mut bid.header;
                $change
            }
        }
    };
}

fn set_value(bid: &mut BuilderBid, value: Wei) {
    match bid {
        BuilderBid::Capella(bid) => bid.value = value,
        BuilderBid::Deneb(bid) => bid.value = value,
        BuilderBid::Electra(bid) => bid.value = value,
    }
}

fn set_pubkey(bid: &mut BuilderBid, key: BlsPublicKey) {
    match bid {
        BuilderBid::Capella(bid) => bid.pubkey = key,
        BuilderBid::Deneb(bid) => bid.pubkey = key,
        BuilderBid::Electra(bid) => bid.pubkey = key,
    }
}

/// More commitments than any blob schedule allows; Capella has none to add to.
fn add_commitments(bid: &mut BuilderBid) {
    let many = vec![FixedBytes48::default(); 22].try_into().unwrap();
    match bid {
        BuilderBid::Capella(_) => {}
        BuilderBid::Deneb(bid) => bid.blob_kzg_commitments = many,
        BuilderBid::Electra(bid) => bid.blob_kzg_commitments = many,
    }
}

type FixedBytes48 = headstart_types::FixedBytes<48>;
type Mutation = (BidRejected, fn(&mut BuilderBid));

/// One mutation for every checked field.
fn mutations() -> Vec<Mutation> {
    vec![
        (BidRejected::RelayKey, |bid| set_pubkey(bid, relay_key(1).public_key())),
        (BidRejected::ParentHash, |bid| with_header!(bid, header => header.parent_hash.0[0] ^= 1)),
        (BidRejected::Timestamp, |bid| with_header!(bid, header => header.timestamp += 12)),
        (BidRejected::ZeroValue, |bid| set_value(bid, Wei::ZERO)),
        (BidRejected::AbsurdValue, |bid| set_value(bid, Wei(headstart_types::U256::MAX))),
        (BidRejected::BlockHash, |bid| with_header!(bid, header => header.block_hash = BlockHash::default())),
        (
            BidRejected::FeeRecipient,
            |bid| with_header!(bid, header => header.fee_recipient = ExecutionAddress::default()),
        ),
        (
            BidRejected::NoTransactions,
            |bid| with_header!(bid, header => header.transactions_root = EMPTY_TRANSACTIONS_ROOT),
        ),
        (BidRejected::TooManyBlobs, add_commitments),
        (BidRejected::PrevRandao, |bid| with_header!(bid, header => header.prev_randao.0[31] ^= 1)),
        (BidRejected::BlockNumber, |bid| with_header!(bid, header => header.block_number += 1)),
        (BidRejected::Withdrawals, |bid| with_header!(bid, header => header.withdrawals_root.0[7] ^= 1)),
    ]
}

#[test]
fn a_true_bid_is_believed_in_every_fork() {
    for fork in ForkName::ALL {
        let case = Case::new(fork);
        let bid = case.verify(&case.signed).unwrap();
        assert_eq!(bid.body(Encoding::Ssz), &golden(&format!("{fork}/signed_builder_bid.ssz")));
        assert_eq!(SignedBuilderBid::from_json(fork, bid.body(Encoding::Json)).unwrap(), case.signed);
    }
}

#[test]
fn every_changed_field_is_refused_for_its_own_reason_and_the_second_best_bid_is_served() {
    for fork in ForkName::ALL {
        let case = Case::new(fork);
        let second_best = Arc::new(case.verify(&case.signed).unwrap());
        let policy = ClusterPolicy::new(vec![RelayId(1), RelayId(2)], Wei::ZERO, 2_000, 0);
        for (reason, mutate) in mutations() {
            if fork == ForkName::Capella && reason == BidRejected::TooManyBlobs {
                continue;
            }
            // The false bid promises more, so it would win if it were believed.
            let twice = Wei(case.signed.message.value().0 * headstart_types::U256::from(2));
            let false_bid = case.changed(|bid| {
                set_value(bid, twice);
                mutate(bid);
            });
            assert_eq!(case.verify(&false_bid).map(|bid| bid.value()), Err(reason), "{fork}");
            let offers = Offers::default().with(Arc::clone(&second_best)).unwrap();
            assert!(matches!(best(&offers, &policy), Choice::Bid(bid) if Arc::ptr_eq(&bid, &second_best)));
        }
    }
}

#[test]
fn a_signature_by_another_key_or_over_another_domain_is_refused() {
    for fork in ForkName::ALL {
        let case = Case::new(fork);
        let mut signed = case.signed.clone();
        signed.signature = relay_key(1).sign(Root::ZERO);
        assert_eq!(case.verify(&signed).err(), Some(BidRejected::Signature), "{fork}");
        let hoodi = signing_root(signed.message.tree_hash_root(), Network::hoodi().builder_domain());
        signed.signature = case.relay.sign(hoodi);
        assert_eq!(case.verify(&signed).err(), Some(BidRejected::Signature), "{fork}");
    }
}

#[test]
fn blob_limits_are_those_of_the_slot_and_include_the_limit_itself() {
    let case = Case::new(ForkName::Electra);
    let with_blobs = |count: usize| {
        case.changed(|bid| {
            let BuilderBid::Electra(bid) = bid else { panic!("the vector is an Electra bid") };
            bid.blob_kzg_commitments = vec![FixedBytes48::default(); count].try_into().unwrap();
        })
    };
    assert!(case.verify(&with_blobs(9)).is_ok());
    assert_eq!(case.verify(&with_blobs(10)).err(), Some(BidRejected::TooManyBlobs));
}

#[test]
fn without_a_beacon_node_the_parents_facts_are_not_checked() {
    let mut case = Case::new(ForkName::Fulu);
    case.expectations.parent = None;
    for (reason, mutate) in mutations() {
        let believed = case.verify(&case.changed(mutate)).is_ok();
        let needs_facts =
            matches!(reason, BidRejected::PrevRandao | BidRejected::BlockNumber | BidRejected::Withdrawals);
        assert_eq!(believed, needs_facts, "{reason}");
    }
}

#[test]
fn no_bid_is_believed_in_a_fork_that_we_do_not_speak() {
    let key = AuctionKey {
        slot: Slot(11_296_768),
        parent_hash: BlockHash::default(),
        proposer: BlsPublicKey::default(),
    };
    assert!(Expectations::new(&Network::sepolia(), key, None).is_none());
}
