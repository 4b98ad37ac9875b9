//! What processes tell one another through the store, and the bytes of it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use headstart_auction::Hint;
use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Root, Slot, UnixMillis};
use ssz::{Decode, Encode};
use ssz_derive::{Decode, Encode};

/// One process among those that share a store; another one after each start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub(crate) [u8; 16]);

impl ProcessId {
    /// One that nobody else has.
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// A bid as another process holds it. It is not verified here, so nobody may serve it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedBid {
    pub key: AuctionKey,
    pub relay: RelayId,
    /// When the call that brought it left that process.
    pub asked_at: UnixMillis,
    /// The `SignedBuilderBid`.
    pub ssz: Bytes,
}

/// What a cluster was served first. The bid comes with it, since its relay may have replaced it before anybody else saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedServed {
    pub cluster: Arc<str>,
    pub at: UnixMillis,
    /// When the beacon node had asked for it, which may have had to wait.
    pub asked_at: UnixMillis,
    pub bid: SharedBid,
}

/// A hint of one of the cluster's operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedHint {
    pub cluster: Arc<str>,
    pub hint: Hint,
}

/// What one process tells all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A relay's newest bid.
    Bid(SharedBid),
    /// The sender asks relays for this auction; others stand by.
    Leading(AuctionKey),
    /// Somebody of the cluster waits at the sender for a bid of this auction; whoever leads it is to ask at once. The sender
    /// counts.
    Hurry { key: AuctionKey, cluster: Arc<str>, number: u64 },
    /// Every relay has been asked since these hurries, and has answered.
    Settled { key: AuctionKey, heard: Vec<(ProcessId, u64)> },
    /// The cluster was served this header first, at that moment.
    Served(SharedServed),
    /// The proposer has signed: relays need not be asked any more.
    Submitted(AuctionKey),
    /// Hints wait for a fetcher.
    Hinted,
    /// The store was found empty: whoever holds something of the current slots is to put it there again.
    Emptied,
    /// The relay does not answer the sender's header calls, which leaves it alone for a while.
    RelayLeftAlone(RelayId),
}

#[derive(Encode, Decode)]
struct Key {
    slot: Slot,
    parent_hash: BlockHash,
    proposer: BlsPublicKey,
}

#[derive(Encode, Decode)]
struct BidBody {
    key: Key,
    relay: u64,
    asked_at_ms: u64,
    ssz: Vec<u8>,
}

#[derive(Encode, Decode)]
struct HurryBody {
    key: Key,
    number: u64,
    cluster: Vec<u8>,
}

#[derive(Encode, Decode)]
struct HeardBody {
    process: [u8; 16],
    number: u64,
}

#[derive(Encode, Decode)]
struct SettledBody {
    key: Key,
    heard: Vec<HeardBody>,
}

#[derive(Encode, Decode)]
struct ServedBody {
    at_ms: u64,
    asked_at_ms: u64,
    cluster: Vec<u8>,
    bid: BidBody,
}

#[derive(Encode, Decode)]
struct HintBody {
    slot: Slot,
    proposer: BlsPublicKey,
    parent_hash: Option<BlockHash>,
    dependent_root: Option<Root>,
    expected_ask_ms: Option<u64>,
    cluster: Vec<u8>,
}

#[derive(Encode, Decode)]
#[ssz(enum_behaviour = "union")]
enum Body {
    Bid(BidBody),
    Leading(Key),
    Hurry(HurryBody),
    Settled(SettledBody),
    Served(ServedBody),
    Submitted(Key),
    Hinted(u8),
    Emptied(u8),
    RelayLeftAlone(u64),
}

impl Notice {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let body = match self {
            Self::Bid(bid) => Body::Bid(bid.into()),
            Self::Leading(key) => Body::Leading((*key).into()),
            Self::Hurry { key, cluster, number } => Body::Hurry(HurryBody {
                key: (*key).into(),
                number: *number,
                cluster: cluster.as_bytes().to_vec(),
            }),
            Self::Settled { key, heard } => {
                let heard =
                    heard.iter().map(|(process, number)| HeardBody { process: process.0, number: *number });
                Body::Settled(SettledBody { key: (*key).into(), heard: heard.collect() })
            }
            Self::Served(served) => Body::Served(ServedBody {
                at_ms: unsigned(served.at.0),
                asked_at_ms: unsigned(served.asked_at.0),
                cluster: served.cluster.as_bytes().to_vec(),
                bid: (&served.bid).into(),
            }),
            Self::Submitted(key) => Body::Submitted((*key).into()),
            Self::Hinted => Body::Hinted(0),
            Self::Emptied => Body::Emptied(0),
            Self::RelayLeftAlone(relay) => Body::RelayLeftAlone(relay.0),
        };
        body.as_ssz_bytes()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(match Body::from_ssz_bytes(bytes).ok()? {
            Body::Bid(bid) => Self::Bid(bid.into()),
            Body::Leading(key) => Self::Leading(key.into()),
            Body::Hurry(HurryBody { key, number, cluster }) => {
                Self::Hurry { key: key.into(), cluster: name(cluster)?, number }
            }
            Body::Settled(SettledBody { key, heard }) => {
                let heard = heard.into_iter().map(|heard| (ProcessId(heard.process), heard.number));
                Self::Settled { key: key.into(), heard: heard.collect() }
            }
            Body::Served(served) => Self::Served(SharedServed {
                cluster: name(served.cluster)?,
                at: millis(served.at_ms),
                asked_at: millis(served.asked_at_ms),
                bid: served.bid.into(),
            }),
            Body::Submitted(key) => Self::Submitted(key.into()),
            Body::Hinted(_) => Self::Hinted,
            Body::Emptied(_) => Self::Emptied,
            Body::RelayLeftAlone(relay) => Self::RelayLeftAlone(RelayId(relay)),
        })
    }
}

/// The bytes of an auction's key alone.
pub(crate) fn key_to_bytes(key: &AuctionKey) -> Vec<u8> {
    Key::from(*key).as_ssz_bytes()
}

pub(crate) fn key_from_bytes(bytes: &[u8]) -> Option<AuctionKey> {
    Key::from_ssz_bytes(bytes).ok().map(AuctionKey::from)
}

impl SharedHint {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let Hint { slot, proposer, parent_hash, dependent_root, expected_ask_ms } = self.hint;
        let body = HintBody {
            slot,
            proposer,
            parent_hash,
            dependent_root,
            expected_ask_ms: expected_ask_ms.map(i64::cast_unsigned),
            cluster: self.cluster.as_bytes().to_vec(),
        };
        body.as_ssz_bytes()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let body = HintBody::from_ssz_bytes(bytes).ok()?;
        let hint = Hint {
            slot: body.slot,
            proposer: body.proposer,
            parent_hash: body.parent_hash,
            dependent_root: body.dependent_root,
            expected_ask_ms: body.expected_ask_ms.map(u64::cast_signed),
        };
        Some(Self { cluster: name(body.cluster)?, hint })
    }
}

impl From<AuctionKey> for Key {
    fn from(AuctionKey { slot, parent_hash, proposer }: AuctionKey) -> Self {
        Self { slot, parent_hash, proposer }
    }
}

impl From<Key> for AuctionKey {
    fn from(Key { slot, parent_hash, proposer }: Key) -> Self {
        Self { slot, parent_hash, proposer }
    }
}

impl From<&SharedBid> for BidBody {
    fn from(bid: &SharedBid) -> Self {
        let asked_at_ms = unsigned(bid.asked_at.0);
        Self { key: bid.key.into(), relay: bid.relay.0, asked_at_ms, ssz: bid.ssz.to_vec() }
    }
}

impl From<BidBody> for SharedBid {
    fn from(BidBody { key, relay, asked_at_ms, ssz }: BidBody) -> Self {
        Self { key: key.into(), relay: RelayId(relay), asked_at: millis(asked_at_ms), ssz: ssz.into() }
    }
}

/// A cluster's.
fn name(bytes: Vec<u8>) -> Option<Arc<str>> {
    String::from_utf8(bytes).ok().map(Arc::from)
}

/// Moments before 1970 belong to no slot.
fn unsigned(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or_default()
}

fn millis(ms: u64) -> UnixMillis {
    UnixMillis(i64::try_from(ms).unwrap_or(i64::MAX))
}
