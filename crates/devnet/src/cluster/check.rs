//! What beacon nodes check of an answer, all of it together.

use headstart_types::{
    AuctionKey, CELLS_PER_EXT_BLOB, EMPTY_TRANSACTIONS_ROOT, ForkName, Network, PublicKey,
    SignedBlindedBeaconBlock, SignedBuilderBid, TreeHash as _, UnblindedPayload, Withdrawals, signing_root,
};

use crate::chain::PayloadAttributes;

/// What is wrong with an answer, in the eyes of a beacon node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    #[error("accept status {0}")]
    Status(u16),
    #[error("accept Content-Type {0:?}")]
    ContentType(String),
    #[error("accept Eth-Consensus-Version {0:?}")]
    Version(String),
    #[error("decode the answer: {0}")]
    Undecodable(String),
    #[error("accept a bid whose {0} is wrong")]
    Bid(BidField),
    #[error("accept a payload that is not the signed one")]
    Payload,
    #[error("accept blobs that are not the signed ones")]
    Blobs,
}

/// What part of a bid is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BidField {
    Signature,
    ParentHash,
    Timestamp,
    PrevRandao,
    BlockNumber,
    WithdrawalsRoot,
    TransactionsRoot,
    BlockHash,
    FeeRecipient,
    Value,
    Commitments,
}

impl std::fmt::Display for BidField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signature => "signature",
            Self::ParentHash => "parent hash",
            Self::Timestamp => "timestamp",
            Self::PrevRandao => "prev randao",
            Self::BlockNumber => "block number",
            Self::WithdrawalsRoot => "withdrawals root",
            Self::TransactionsRoot => "transactions root",
            Self::BlockHash => "block hash",
            Self::FeeRecipient => "fee recipient",
            Self::Value => "value",
            Self::Commitments => "number of blob commitments",
        })
    }
}

/// Checks a bid as Prysm, Lighthouse, Teku and Lodestar do together.
pub fn check_bid(
    network: &Network,
    key: &AuctionKey,
    attributes: &PayloadAttributes,
    bid: &SignedBuilderBid,
) -> Result<(), Wrong> {
    let (message, header) = (&bid.message, bid.message.header());
    let withdrawals: Withdrawals = crate::payload::list(attributes.withdrawals.clone());
    let checks = [
        (BidField::ParentHash, header.parent_hash() == key.parent_hash),
        (BidField::Timestamp, header.timestamp() == attributes.timestamp),
        (BidField::PrevRandao, header.prev_randao() == attributes.prev_randao),
        (BidField::BlockNumber, header.block_number() == attributes.parent_block_number + 1),
        (BidField::WithdrawalsRoot, header.withdrawals_root() == withdrawals.tree_hash_root()),
        (BidField::TransactionsRoot, header.transactions_root() != EMPTY_TRANSACTIONS_ROOT),
        (BidField::BlockHash, !header.block_hash().is_zero()),
        (BidField::FeeRecipient, !header.fee_recipient().is_zero()),
        (BidField::Value, !message.value().is_zero()),
        (BidField::Commitments, message.commitments().len() <= network.max_blobs(key.slot)),
        (BidField::Signature, is_signed(network, bid)),
    ];
    match checks.into_iter().find(|(_, holds)| !holds) {
        Some((field, _)) => Err(Wrong::Bid(field)),
        None => Ok(()),
    }
}

/// Whether the key that the bid names has signed it.
fn is_signed(network: &Network, bid: &SignedBuilderBid) -> bool {
    let root = signing_root(bid.message.tree_hash_root(), network.builder_domain());
    PublicKey::decompress(&bid.message.pubkey()).is_ok_and(|key| key.verify(root, &bid.signature))
}

/// Checks that a revealed payload is the one whose header was signed, with its blobs.
pub fn check_payload(
    fork: ForkName,
    block: &SignedBlindedBeaconBlock,
    payload: &UnblindedPayload,
) -> Result<(), Wrong> {
    if payload.payload_root() != block.message.header().tree_hash_root() {
        return Err(Wrong::Payload);
    }
    let Some(bundle) = payload.blobs_bundle() else { return Ok(()) };
    let signed = block.message.commitments();
    let proofs_per_blob = if fork == ForkName::Fulu { CELLS_PER_EXT_BLOB } else { 1 };
    let complete =
        bundle.blobs.len() == signed.len() && bundle.proofs.len() == signed.len() * proofs_per_blob;
    if complete && bundle.commitments[..] == *signed { Ok(()) } else { Err(Wrong::Blobs) }
}
