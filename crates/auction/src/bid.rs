use bytes::Bytes;
use headstart_types::{
    AuctionKey, BlockHash, EMPTY_TRANSACTIONS_ROOT, Encoding, ForkName, Network, PublicKey, RelayId, Root,
    SignedBuilderBid, UnixMillis, Wei, beside, signing_root,
};

/// A verified bid. There is no way to make one but [`Bid::verify`], so whatever holds a `Bid` may be served.
///
/// Both encodings are made here, once, and shared by every reply.
#[derive(Clone, Debug)]
pub struct Bid {
    relay: RelayId,
    fork: ForkName,
    value: Wei,
    block_hash: BlockHash,
    asked_at: UnixMillis,
    came_at: UnixMillis,
    /// What the beacon node's facts must agree with, also when they come after the bid.
    claims: ParentFacts,
    ssz: Bytes,
    json: Bytes,
}

/// What is known of the payload that must follow one parent, announced by a beacon node in `payload_attributes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParentFacts {
    pub prev_randao: Root,
    /// `None` when only the parent's hash is known.
    pub parent_block_number: Option<u64>,
    pub withdrawals_root: Root,
}

/// What a bid of one auction must be like. Built once an auction, used for every bid in it.
#[derive(Clone, Debug)]
pub struct Expectations {
    key: AuctionKey,
    fork: ForkName,
    timestamp: u64,
    max_blobs: usize,
    builder_domain: Root,
    parent: Option<ParentFacts>,
}

/// Why a bid is not believed. Each is named so that a relay's operator can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BidRejected {
    #[error("believe the bid: its pubkey is not the relay's")]
    RelayKey,
    #[error("believe the bid: it builds on another parent")]
    ParentHash,
    #[error("believe the bid: its timestamp is not the slot's")]
    Timestamp,
    #[error("believe the bid: its value is zero")]
    ZeroValue,
    #[error("believe the bid: its value is more than anyone ever paid")]
    AbsurdValue,
    #[error("believe the bid: its block hash is zero")]
    BlockHash,
    #[error("believe the bid: its fee recipient is zero")]
    FeeRecipient,
    #[error("believe the bid: it has no transactions")]
    NoTransactions,
    #[error("believe the bid: it has more blobs than the slot allows")]
    TooManyBlobs,
    #[error("believe the bid: its prev_randao is not the announced one")]
    PrevRandao,
    #[error("believe the bid: its block number does not follow the parent's")]
    BlockNumber,
    #[error("believe the bid: its withdrawals are not the announced ones")]
    Withdrawals,
    #[error("believe the bid: its signature does not fit")]
    Signature,
}

impl BidRejected {
    /// The word for logs and counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RelayKey => "relay_key",
            Self::ParentHash => "parent_hash",
            Self::Timestamp => "timestamp",
            Self::ZeroValue => "zero_value",
            Self::AbsurdValue => "absurd_value",
            Self::BlockHash => "block_hash",
            Self::FeeRecipient => "fee_recipient",
            Self::NoTransactions => "no_transactions",
            Self::TooManyBlobs => "too_many_blobs",
            Self::PrevRandao => "prev_randao",
            Self::BlockNumber => "block_number",
            Self::Withdrawals => "withdrawals",
            Self::Signature => "signature",
        }
    }
}

/// 10,000 ether: above it a value is taken for a fault of the relay.
const PLAUSIBLE_VALUE: Wei = Wei::new(10_000_000_000_000_000_000_000);

impl Expectations {
    /// What bids of `key` must satisfy; `None` when the slot belongs to a fork that we do not speak.
    pub fn new(network: &Network, key: AuctionKey, parent: Option<ParentFacts>) -> Option<Self> {
        Some(Self {
            key,
            fork: network.fork_at(key.slot)?,
            timestamp: network.payload_timestamp(key.slot),
            max_blobs: network.max_blobs(key.slot),
            builder_domain: network.builder_domain(),
            parent,
        })
    }

    pub fn fork(&self) -> ForkName {
        self.fork
    }

    pub fn set_parent(&mut self, facts: ParentFacts) {
        self.parent = Some(facts);
    }

    /// The checks of wire contract and beacon nodes but the signature, which costs a thousand of them and goes last.
    fn check(&self, signed: &SignedBuilderBid, relay_key: &PublicKey) -> Result<(), BidRejected> {
        let bid = &signed.message;
        let header = bid.header();
        let fail_if = |fault: bool, reason| if fault { Err(reason) } else { Ok(()) };
        fail_if(bid.pubkey() != relay_key.compress(), BidRejected::RelayKey)?;
        fail_if(header.parent_hash() != self.key.parent_hash, BidRejected::ParentHash)?;
        fail_if(header.timestamp() != self.timestamp, BidRejected::Timestamp)?;
        fail_if(bid.value().is_zero(), BidRejected::ZeroValue)?;
        fail_if(bid.value() > PLAUSIBLE_VALUE, BidRejected::AbsurdValue)?;
        fail_if(header.block_hash().is_zero(), BidRejected::BlockHash)?;
        fail_if(header.fee_recipient().is_zero(), BidRejected::FeeRecipient)?;
        fail_if(header.transactions_root() == EMPTY_TRANSACTIONS_ROOT, BidRejected::NoTransactions)?;
        fail_if(bid.commitments().len() > self.max_blobs, BidRejected::TooManyBlobs)?;
        if let Some(parent) = &self.parent {
            ParentFacts::claimed_by(signed).agree_with(parent)?;
        }
        Ok(())
    }

    fn check_signature(&self, signed: &SignedBuilderBid, relay_key: &PublicKey) -> Result<(), BidRejected> {
        let root = || signing_root(signed.message.tree_hash_root(), self.builder_domain);
        relay_key.verify_in_pool(root, signed.signature).then_some(()).ok_or(BidRejected::Signature)
    }
}

impl ParentFacts {
    /// What a bid says of its parent.
    fn claimed_by(signed: &SignedBuilderBid) -> Self {
        let header = signed.message.header();
        Self {
            prev_randao: header.prev_randao(),
            parent_block_number: header.block_number().checked_sub(1),
            withdrawals_root: header.withdrawals_root(),
        }
    }

    fn agree_with(&self, known: &Self) -> Result<(), BidRejected> {
        if self.prev_randao != known.prev_randao {
            return Err(BidRejected::PrevRandao);
        }
        if self.withdrawals_root != known.withdrawals_root {
            return Err(BidRejected::Withdrawals);
        }
        if known.parent_block_number.is_some() && self.parent_block_number != known.parent_block_number {
            return Err(BidRejected::BlockNumber);
        }
        Ok(())
    }
}

impl Bid {
    /// Verifies what `relay` answered to a call that left at `asked_at`. About 1.3 ms, most of it the signature; 0.9 ms
    /// in a rayon pool with a thread that has nothing to do.
    pub fn verify(
        signed: &SignedBuilderBid,
        relay: RelayId,
        relay_key: &PublicKey,
        asked_at: UnixMillis,
        expectations: &Expectations,
    ) -> Result<Self, BidRejected> {
        expectations.check(signed, relay_key)?;
        let (fork, to_encode) = (expectations.fork, signed.clone());
        let encode = move || (to_encode.to_ssz().into(), to_encode.to_json(fork).into());
        let (believed, (ssz, json)) = beside(|| expectations.check_signature(signed, relay_key), encode);
        believed?;
        Ok(Self {
            relay,
            fork,
            value: signed.message.value(),
            block_hash: signed.message.header().block_hash(),
            asked_at,
            came_at: asked_at,
            claims: ParentFacts::claimed_by(signed),
            ssz,
            json,
        })
    }

    /// The bid, which has come here at that moment; without this, as soon as it was asked for.
    #[must_use]
    pub fn that_came_at(self, came_at: UnixMillis) -> Self {
        Self { came_at, ..self }
    }

    /// The same bid, given again by the same relay to a later call: no need to verify it twice.
    #[must_use]
    pub fn again_at(&self, asked_at: UnixMillis) -> Self {
        Self { asked_at, ..self.clone() }
    }

    /// Whether the bid still stands once the beacon node has told of its parent.
    pub fn stands(&self, facts: &ParentFacts) -> Result<(), BidRejected> {
        self.claims.agree_with(facts)
    }

    pub fn relay(&self) -> RelayId {
        self.relay
    }

    pub fn fork(&self) -> ForkName {
        self.fork
    }

    pub fn value(&self) -> Wei {
        self.value
    }

    pub fn block_hash(&self) -> BlockHash {
        self.block_hash
    }

    /// When the call that brought this bid left us: of two bids of one relay, the later-asked is the newer.
    pub fn asked_at(&self) -> UnixMillis {
        self.asked_at
    }

    /// When it was here for the first time, still to be verified.
    pub fn came_at(&self) -> UnixMillis {
        self.came_at
    }

    /// The reply body, ready to send; cloning it copies a pointer.
    pub fn body(&self, encoding: Encoding) -> &Bytes {
        match encoding {
            Encoding::Ssz => &self.ssz,
            Encoding::Json => &self.json,
        }
    }
}

#[cfg(test)]
#[path = "bid_tests.rs"]
mod tests;
