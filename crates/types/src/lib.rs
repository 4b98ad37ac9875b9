//! The field's words: slots, bids, blocks, registrations, networks and signatures.
//!
//! Everything here is a value or a pure function of values, as the consensus and builder specifications define them:
//! SSZ and JSON of the Capella, Deneb, Electra and Fulu containers, their hash tree roots, signing domains, BLS
//! signatures, network presets with slot arithmetic, and content negotiation.
//!
//! Three facts shaped it. The fork of a message follows from its slot, never from its shape (Electra and Fulu bids look
//! alike). Input from outside is bounded in size before it is decoded. And money is an integer: [`Wei`] knows no floats.
//!
//! This room never does I/O, never reads a clock and knows nothing of tokio.

mod auction_key;
mod beside;
mod bid;
mod block;
mod bls;
mod domain;
mod envelope;
mod fork;
mod hashes;
mod header;
mod negotiation;
mod network;
mod numbers;
mod operations;
mod outcome;
mod payload;
mod presets;
mod registration;
mod relay_id;
mod requests;
mod signed;
mod spec;
mod time;
mod unblinded;

pub use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256};

pub use auction_key::AuctionKey;
pub use beside::beside;
pub use bid::{
    BuilderBid, BuilderBidCapella, BuilderBidDeneb, BuilderBidElectra, KzgCommitments, SignedBuilderBid,
};
pub use block::{
    BlindedBeaconBlock, BlindedBeaconBlockBodyCapella, BlindedBeaconBlockBodyDeneb,
    BlindedBeaconBlockBodyElectra, BlindedBeaconBlockCapella, BlindedBeaconBlockDeneb,
    BlindedBeaconBlockElectra, SignedBlindedBeaconBlock,
};
pub use bls::{BlsError, PublicKey, SecretKey, verify_batch};
pub use domain::{compute_domain, signing_root};
pub use envelope::DecodeError;
pub use fork::{BlobLimit, Fork, ForkName, ForkSchedule};
pub use hashes::{BlockHash, BlsPublicKey, BlsSignature, ExecutionAddress, Root};
pub use header::{
    EMPTY_TRANSACTIONS_ROOT, ExecutionPayloadHeader, ExecutionPayloadHeaderCapella,
    ExecutionPayloadHeaderDeneb,
};
pub use negotiation::{
    ACCEPT_SSZ_THEN_JSON, Accept, CONSENSUS_VERSION, DATE_MILLISECONDS, Encoding, TIMEOUT_MS,
};
pub use network::{AttestationDue, Network, SLOT_BPS};
pub use numbers::{Epoch, Slot, ValidatorIndex, Wei};
pub use operations::{
    Attestation, AttestationData, AttestationElectra, AttesterSlashing, AttesterSlashingElectra,
    BeaconBlockHeader, BlsToExecutionChange, Checkpoint, Deposit, DepositData, Eth1Data, IndexedAttestation,
    IndexedAttestationElectra, ProposerSlashing, SignedBeaconBlockHeader, SignedBlsToExecutionChange,
    SignedVoluntaryExit, SyncAggregate, VoluntaryExit,
};
pub use outcome::Outcome;
pub use payload::{ExecutionPayloadCapella, ExecutionPayloadDeneb, Transactions, Withdrawal, Withdrawals};
pub use registration::{
    REGISTRATION_SSZ_BYTES, RegistrationRejected, SignedValidatorRegistration, ValidatorRegistration,
    registrations_from_ssz, registrations_to_ssz,
};
pub use relay_id::RelayId;
pub use requests::{ConsolidationRequest, DepositRequest, ExecutionRequests, WithdrawalRequest};
pub use spec::SpecError;
pub use time::{Clock, UnixMillis};
pub use unblinded::{
    Blob, BlobsBundle, CELLS_PER_EXT_BLOB, ExecutionPayloadAndBlobsBundle, UnblindedPayload,
};

/// Re-exported so that other rooms name lists and roots without depending on the SSZ crates themselves.
pub use ssz_types::{BitList, BitVector, FixedVector, VariableList};
pub use tree_hash::TreeHash;
