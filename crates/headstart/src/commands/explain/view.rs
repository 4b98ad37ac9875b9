use std::collections::BTreeSet;

use headstart_auction::{PolicySource, TimingPreset};
use headstart_registry::{Claim, ClaimLevel, Directory, DirectoryRows, PolicyRow};
use headstart_types::{BlsPublicKey, ExecutionAddress, SignedValidatorRegistration};
use serde::Serialize;

use crate::commands::desk::Desk;
use crate::commands::policy_args::PolicyView;
use crate::commands::standing::{RelayStanding, Standing};

/// What is known of one validator.
#[derive(Clone, Debug, Serialize)]
pub(super) struct View {
    pub(super) pubkey: BlsPublicKey,
    /// The best first, as the service chooses.
    pub(super) claims: Vec<ClaimView>,
    /// Clusters that claim it and are suspended.
    pub(super) suspended: Vec<String>,
    pub(super) registration: Option<RegistrationView>,
    /// How far it has come with the relays of the claims.
    pub(super) relays: Vec<RelayStanding>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ClaimView {
    pub(super) cluster: String,
    pub(super) level: ClaimLevel,
    pub(super) policy: PolicyView,
    pub(super) sources: Sources,
    /// Beacon nodes for which this claim is the one that counts.
    pub(super) beacon_nodes: Vec<String>,
    /// Whether it is the one that counts for whoever asks without a credential.
    pub(super) open: bool,
}

/// The layer that each value comes from: validator, cluster, preset or default.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Sources {
    pub(super) relays: &'static str,
    pub(super) min_bid_wei: &'static str,
    pub(super) cutoff_ms: &'static str,
    pub(super) expected_ask_ms: &'static str,
    pub(super) sticky: &'static str,
    pub(super) sticky_ms: &'static str,
    pub(super) timing: &'static str,
    pub(super) mode: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct RegistrationView {
    pub(super) fee_recipient: ExecutionAddress,
    pub(super) gas_limit: u64,
    /// Unix seconds.
    pub(super) timestamp: u64,
}

impl View {
    pub(super) async fn read(
        desk: &Desk,
        pubkey: &BlsPublicKey,
        cluster: Option<&str>,
    ) -> anyhow::Result<Self> {
        let rows = desk.rows().await?;
        let directory = desk.directory(&rows)?;
        let standing = Standing::read(desk).await;
        let is_open = desk.config.builder_api.open_addresses().next().is_some();
        let claims = directory.claims(pubkey).iter().enumerate();
        let shown = claims.filter(|(_, claim)| cluster.is_none_or(|name| name == &*claim.cluster.name));
        let claims = shown.map(|(place, claim)| {
            let mut view = ClaimView::new(pubkey, claim, &directory, &rows, desk);
            view.open = is_open && place == 0;
            view
        });
        let relays: BTreeSet<_> =
            directory.claims(pubkey).iter().flat_map(|claim| claim.policy.relays()).copied().collect();
        let claims_it = |row: &&_| claims_validator(row, pubkey);
        let suspended = rows.clusters.iter().filter(|row| row.suspended).map(AsRef::as_ref).filter(claims_it);
        Ok(Self {
            pubkey: *pubkey,
            claims: claims.collect(),
            suspended: suspended.map(|row| row.name.clone()).collect(),
            registration: standing.registration(pubkey).map(Into::into),
            relays: standing.with_relays(pubkey, relays, &directory),
        })
    }
}

fn claims_validator(row: &headstart_registry::ClusterRow, pubkey: &BlsPublicKey) -> bool {
    row.claims.iter().any(|claim| claim.pubkey == *pubkey)
}

impl ClaimView {
    fn new(
        pubkey: &BlsPublicKey,
        claim: &Claim,
        directory: &Directory,
        rows: &DirectoryRows,
        desk: &Desk,
    ) -> Self {
        // For each beacon node the best claim counts whose cluster granted it.
        let counts = |clusters: &[String]| {
            let mut claims = directory.claims(pubkey).iter();
            let counting = claims.find(|claim| clusters.iter().any(|name| *name == *claim.cluster.name));
            counting.is_some_and(|counting| counting.cluster.name == claim.cluster.name)
        };
        let nodes =
            rows.beacon_nodes.iter().filter(|node| !node.secrets.is_empty() && counts(&node.clusters));
        Self {
            cluster: claim.cluster.name.to_string(),
            level: claim.level,
            policy: PolicyView::new(&claim.policy, directory, desk),
            sources: Sources::new(claim, &own_policy(pubkey, claim, rows)),
            beacon_nodes: nodes.map(|node| node.name.clone()).collect(),
            open: false,
        }
    }
}

/// What the claim itself says of its policy.
fn own_policy(pubkey: &BlsPublicKey, claim: &Claim, rows: &DirectoryRows) -> PolicyRow {
    let row = rows.clusters.iter().find(|row| *row.name == *claim.cluster.name);
    let own = row.and_then(|row| row.claims.iter().find(|claim| claim.pubkey == *pubkey));
    own.and_then(|claim| claim.policy.as_deref()).cloned().unwrap_or_default()
}

impl Sources {
    fn new(claim: &Claim, own: &PolicyRow) -> Self {
        let below = claim.cluster.sources;
        let source = |is_own: bool, below: PolicySource| {
            if is_own { PolicySource::Validator.as_str() } else { below.as_str() }
        };
        // The validator's own preset stands before what its cluster says.
        let timed = |is_own: bool, by_preset: bool, below: PolicySource| {
            source(is_own, if by_preset { PolicySource::Preset } else { below })
        };
        let (timing, window) = (own.timing.is_some(), own.timing.and_then(TimingPreset::sticky_ms).is_some());
        Self {
            relays: source(own.relays.is_some(), below.relays),
            min_bid_wei: source(own.min_bid.is_some(), below.min_bid),
            cutoff_ms: timed(own.cutoff_ms.is_some(), timing, below.cutoff_ms),
            expected_ask_ms: timed(own.expected_ask_ms.is_some(), timing, below.expected_ask_ms),
            sticky: timed(own.sticky.is_some(), timing, below.sticky),
            sticky_ms: timed(own.sticky_ms.is_some(), window, below.sticky_ms),
            timing: source(timing, below.timing),
            mode: source(own.mode.is_some(), below.mode),
        }
    }
}

impl From<SignedValidatorRegistration> for RegistrationView {
    fn from(registration: SignedValidatorRegistration) -> Self {
        let message = registration.message;
        let (fee_recipient, gas_limit, timestamp) =
            (message.fee_recipient, message.gas_limit, message.timestamp);
        Self { fee_recipient, gas_limit, timestamp }
    }
}
