use headstart_types::{
    BlockHash, BuilderBid, EMPTY_TRANSACTIONS_ROOT, ExecutionAddress, FixedBytes, ForkName, KzgCommitments,
    Network, Root, SecretKey, SignedBuilderBid, Slot, U256, Wei,
};

use super::fault::BidFault;
use crate::sign::{sign_bid, stray_signature};

/// Makes a bid invalid in one way. All but a bad signature and a wrong key are signed by `relay` as they then are.
pub(crate) fn sign_spoilt(
    network: &Network,
    slot: Slot,
    mut bid: BuilderBid,
    fault: BidFault,
    relay: &SecretKey,
) -> SignedBuilderBid {
    match fault {
        BidFault::BadSignature => {
            return SignedBuilderBid { message: bid, signature: stray_signature(relay) };
        }
        BidFault::WrongKey => {
            let stranger = crate::key(u64::MAX, 0);
            *value_and_key(&mut bid).1 = stranger.public_key();
            return sign_bid(network, bid, &stranger);
        }
        BidFault::ZeroValue => *value_and_key(&mut bid).0 = Wei::ZERO,
        BidFault::AbsurdValue => *value_and_key(&mut bid).0 = Wei(U256::MAX),
        BidFault::TooManyBlobs => add_blobs(&mut bid, network.max_blobs(slot) + 1),
        // The envelope tells the other fork; the bid itself is right.
        BidFault::WrongForkVersion => {}
        _ => spoil_header(&mut bid, fault),
    }
    sign_bid(network, bid, relay)
}

/// The fork that a spoilt bid is announced as.
pub(super) fn announced_fork(fork: ForkName, fault: Option<BidFault>) -> ForkName {
    match (fault, fork) {
        (Some(BidFault::WrongForkVersion), ForkName::Capella) => ForkName::Deneb,
        (Some(BidFault::WrongForkVersion), ForkName::Deneb) => ForkName::Capella,
        (Some(BidFault::WrongForkVersion), ForkName::Electra) => ForkName::Fulu,
        (Some(BidFault::WrongForkVersion), ForkName::Fulu) => ForkName::Electra,
        _ => fork,
    }
}

/// Both shapes of header have these fields.
macro_rules! spoil {
    ($header:expr, $fault:expr) => {
        match $fault {
            BidFault::WrongParent => $header.parent_hash = BlockHash(Root::repeat_byte(0x0b)),
            BidFault::WrongTimestamp => $header.timestamp += 1,
            BidFault::WrongRandao => $header.prev_randao = Root::repeat_byte(0x0b),
            BidFault::WrongBlockNumber => $header.block_number += 1,
            BidFault::WrongWithdrawals => $header.withdrawals_root = Root::repeat_byte(0x0b),
            BidFault::EmptyTransactions => $header.transactions_root = EMPTY_TRANSACTIONS_ROOT,
            BidFault::ZeroBlockHash => $header.block_hash = BlockHash::default(),
            BidFault::ZeroFeeRecipient => $header.fee_recipient = ExecutionAddress::default(),
            _ => {}
        }
    };
}

fn spoil_header(bid: &mut BuilderBid, fault: BidFault) {
    match bid {
        BuilderBid::Capella(bid) => spoil!(bid.header, fault),
        BuilderBid::Deneb(bid) => spoil!(bid.header, fault),
        BuilderBid::Electra(bid) => spoil!(bid.header, fault),
    }
}

fn value_and_key(bid: &mut BuilderBid) -> (&mut Wei, &mut headstart_types::BlsPublicKey) {
    match bid {
        BuilderBid::Capella(bid) => (&mut bid.value, &mut bid.pubkey),
        BuilderBid::Deneb(bid) => (&mut bid.value, &mut bid.pubkey),
        BuilderBid::Electra(bid) => (&mut bid.value, &mut bid.pubkey),
    }
}

fn add_blobs(bid: &mut BuilderBid, count: usize) {
    let commitments: KzgCommitments = crate::payload::list(vec![FixedBytes::repeat_byte(0x0b); count]);
    match bid {
        BuilderBid::Capella(_) => {}
        BuilderBid::Deneb(bid) => bid.blob_kzg_commitments = commitments,
        BuilderBid::Electra(bid) => bid.blob_kzg_commitments = commitments,
    }
}
