use std::collections::BTreeMap;
use std::sync::Arc;

use headstart_auction::{Mode, TimingPreset};
use headstart_types::{BlsError, BlsPublicKey, Bytes, FixedBytes, PublicKey, RelayId, UnixMillis, Wei};
use serde::{Deserialize, Serialize};

/// All that a [`Directory`](crate::Directory) is built from, as the database gives it and the snapshot file keeps it.
///
/// It holds digests of secrets and never a beacon node's secret; relays' headers may be credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRows {
    /// Grows with every change of anything below.
    pub revision: i64,
    pub relays: Vec<RelayRow>,
    /// Shared between two states for as long as a cluster's own revision stays the same.
    pub clusters: Vec<Arc<ClusterRow>>,
    pub beacon_nodes: Vec<BeaconNodeRow>,
    /// Live keys that the service itself signs tokens with.
    pub service_keys: Vec<KeyRow>,
    /// `jti` of revoked tokens that have not expired yet.
    pub revoked_tokens: Vec<String>,
}

/// One cluster with all its members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRow {
    pub name: String,
    pub revision: i64,
    /// The configuration file declares it: its policy stands there, and the database knows only its members.
    pub declared: bool,
    pub suspended: bool,
    pub policy: PolicyRow,
    pub quotas: QuotaRow,
    pub operators: Vec<OperatorRow>,
    /// In ascending order of the public key.
    pub claims: Vec<ClaimRow>,
}

/// What a cluster, or one of its validators, says of its policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRow {
    /// Names of relays.
    pub relays: Option<Vec<String>>,
    pub min_bid: Option<Wei>,
    pub cutoff_ms: Option<i64>,
    pub expected_ask_ms: Option<i64>,
    pub sticky: Option<bool>,
    pub sticky_ms: Option<i64>,
    pub timing: Option<TimingPreset>,
    pub mode: Option<Mode>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaRow {
    pub hints_per_s: Option<u32>,
    pub signature_checks_per_s: Option<u32>,
    pub upstream_asks_per_slot: Option<u32>,
    pub streams: Option<u32>,
    pub validators: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRow {
    pub name: String,
    /// Its live keys.
    pub keys: Vec<KeyRow>,
}

/// A live public key that tokens are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    pub kid: String,
    /// `EdDSA` or `ES256`: a token's own header is never asked.
    pub algorithm: String,
    /// Ed25519: 32 bytes. P-256: the uncompressed point, 65 bytes.
    pub public_key: Bytes,
}

/// How well a claim on a validator is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimLevel {
    /// Somebody of the cluster sent the validator's signed registration, which relays publish.
    Registered,
    /// The validator signed a fresh challenge, or an administrator vouches for the claim.
    Proven,
}

impl ClaimLevel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Proven => "proven",
        }
    }
}

/// One cluster's claim on one validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRow {
    pub pubkey: BlsPublicKey,
    /// The public key uncompressed, validated when the claim was made.
    pub key: FixedBytes<96>,
    pub level: ClaimLevel,
    pub claimed_at: UnixMillis,
    /// What differs from the cluster's policy for this validator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Box<PolicyRow>>,
}

impl ClaimRow {
    /// A claim whose public key is validated here, once and for all.
    pub fn new(pubkey: BlsPublicKey, level: ClaimLevel, claimed_at: UnixMillis) -> Result<Self, BlsError> {
        let key = FixedBytes(PublicKey::decompress(&pubkey)?.to_uncompressed());
        Ok(Self { pubkey, key, level, claimed_at, policy: None })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeaconNodeRow {
    pub name: String,
    /// Names of the clusters that granted it.
    pub clusters: Vec<String>,
    /// Its live secrets.
    pub secrets: Vec<SecretRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRow {
    /// The eight letters after `bn_`.
    pub id: String,
    /// SHA-256 of the secret.
    pub digest: FixedBytes<32>,
}

/// A relay of the catalogue: a preset and what differs from it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayRow {
    pub name: String,
    pub id: RelayId,
    pub url: String,
    pub headers: BTreeMap<String, String>,
    pub policy: String,
    pub first_ms: Option<i64>,
    pub last_ms: Option<i64>,
    pub min_gap_ms: Option<i64>,
    pub burst: Option<u32>,
    pub calls_max: Option<u32>,
    pub head_required: Option<bool>,
    /// Whether its header streams are used.
    pub stream: Option<bool>,
    /// Where it announces its top bids.
    pub top_bid_url: Option<String>,
}

impl std::fmt::Debug for RelayRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL's query and the headers' values may be credentials.
        f.debug_struct("RelayRow")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
