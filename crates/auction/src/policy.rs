use std::fmt;
use std::str::FromStr;

use headstart_types::{Network, RelayId, Slot, Wei};
use serde::{Deserialize, Serialize};

use crate::{Cutoff, TimingPreset};

/// Whether a cluster's headers are served or only prepared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Headers are served.
    #[default]
    Serve,
    /// Auctions run and are compared with what the cluster's own path gets; no header is served.
    Shadow,
}

impl Mode {
    pub const ALL: [Self; 2] = [Self::Serve, Self::Shadow];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Shadow => "shadow",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownMode)
    }
}

/// The text names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the mode: write serve or shadow")]
pub struct UnknownMode;

/// What one layer says of a policy; `None` leaves it to the layer below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyLayer {
    pub relays: Option<Vec<RelayId>>,
    pub min_bid: Option<Wei>,
    pub cutoff_ms: Option<i64>,
    pub expected_ask_ms: Option<i64>,
    pub sticky: Option<bool>,
    pub sticky_ms: Option<i64>,
    /// Says the moments that this layer itself does not.
    pub timing: Option<TimingPreset>,
    pub mode: Option<Mode>,
}

/// What one cluster wants served for one of its validators. Resolved once, when the directory is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPolicy {
    /// The relays that this cluster trusts, in ascending order.
    relays: Vec<RelayId>,
    /// The least value that is served: a bid of exactly this much is.
    pub min_bid: Wei,
    /// From when on into the slot no header is served any more.
    pub cutoff: Cutoff,
    /// Milliseconds after the start of the slot at which this cluster's beacon nodes usually ask.
    pub expected_ask_ms: i64,
    /// Whether the header that one operator got is the one that its other operators get.
    pub sticky: bool,
    /// For so long after its first header a cluster with a sticky one is served the same again, in milliseconds.
    pub sticky_ms: i64,
    /// The preset that says what is not said otherwise.
    pub timing: Option<TimingPreset>,
    pub mode: Mode,
}

/// Later headers leave a cluster too little time before relays stop revealing payloads at 4 s.
pub const DEFAULT_CUTOFF_MS: i64 = 2_000;

/// The operators of a cluster ask within a few hundred milliseconds of one another.
pub const DEFAULT_STICKY_MS: i64 = 1_000;

/// The layer that a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicySource {
    Validator,
    Cluster,
    /// The timing preset of one of the layers.
    Preset,
    Default,
}

impl PolicySource {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validator => "validator",
            Self::Cluster => "cluster",
            Self::Preset => "preset",
            Self::Default => "default",
        }
    }
}

/// Where each value of a resolved policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySources {
    pub relays: PolicySource,
    pub min_bid: PolicySource,
    pub cutoff_ms: PolicySource,
    pub expected_ask_ms: PolicySource,
    pub sticky: PolicySource,
    pub sticky_ms: PolicySource,
    pub timing: PolicySource,
    pub mode: PolicySource,
}

impl ClusterPolicy {
    /// The defaults with this relay set, minimum and moments.
    pub fn new(relays: Vec<RelayId>, min_bid: Wei, cutoff_ms: i64, expected_ask_ms: i64) -> Self {
        let layer = PolicyLayer {
            relays: Some(relays),
            min_bid: Some(min_bid),
            cutoff_ms: Some(cutoff_ms),
            expected_ask_ms: Some(expected_ask_ms),
            ..PolicyLayer::default()
        };
        let nothing = PolicyLayer::default();
        Self::resolve(&nothing, &layer, &nothing).0
    }

    /// Takes each value from the first layer that says it: the validator's override, the cluster, the defaults. What a
    /// layer says itself stands before what its timing preset says, and both before the layers below.
    pub fn resolve(
        validator: &PolicyLayer,
        cluster: &PolicyLayer,
        defaults: &PolicyLayer,
    ) -> (Self, PolicySources) {
        let layers = Layers([validator, cluster, defaults]);
        let (relays, from_relays) = layers.said(|layer| layer.relays.clone(), Vec::new());
        let (min_bid, from_min_bid) = layers.said(|layer| layer.min_bid, Wei::ZERO);
        let (cutoff, from_cutoff) = layers.timed(
            |layer| layer.cutoff_ms.map(Cutoff::AtMs),
            |preset| Some(preset.cutoff()),
            Cutoff::AtMs(DEFAULT_CUTOFF_MS),
        );
        let (expected_ask_ms, from_ask) =
            layers.timed(|layer| layer.expected_ask_ms, |preset| Some(preset.expected_ask_ms()), 0);
        let (sticky, from_sticky) = layers.timed(|layer| layer.sticky, |preset| Some(preset.sticky()), false);
        let (sticky_ms, from_window) =
            layers.timed(|layer| layer.sticky_ms, TimingPreset::sticky_ms, DEFAULT_STICKY_MS);
        let (timing, from_timing) = layers.said(|layer| layer.timing.map(Some), None);
        let (mode, from_mode) = layers.said(|layer| layer.mode, Mode::Serve);
        let mut policy = Self { relays, min_bid, cutoff, expected_ask_ms, sticky, sticky_ms, timing, mode };
        policy.relays.sort_unstable();
        policy.relays.dedup();
        let sources = PolicySources {
            relays: from_relays,
            min_bid: from_min_bid,
            cutoff_ms: from_cutoff,
            expected_ask_ms: from_ask,
            sticky: from_sticky,
            sticky_ms: from_window,
            timing: from_timing,
            mode: from_mode,
        };
        (policy, sources)
    }

    /// Milliseconds after the start of `slot` from which no header is served any more.
    pub fn cutoff_ms(&self, network: &Network, slot: Slot) -> i64 {
        self.cutoff.ms(network, slot)
    }

    pub fn relays(&self) -> &[RelayId] {
        &self.relays
    }

    pub fn trusts(&self, relay: RelayId) -> bool {
        // Sets are small: a scan of a few integers beats a search tree.
        self.relays.contains(&relay)
    }
}

/// The validator's override, the cluster and the defaults.
struct Layers<'a>([&'a PolicyLayer; 3]);

impl Layers<'_> {
    const SOURCES: [PolicySource; 3] =
        [PolicySource::Validator, PolicySource::Cluster, PolicySource::Default];

    /// A value that no preset has.
    fn said<T>(&self, said: impl Fn(&PolicyLayer) -> Option<T>, otherwise: T) -> (T, PolicySource) {
        self.timed(said, |_| None, otherwise)
    }

    fn timed<T>(
        &self,
        said: impl Fn(&PolicyLayer) -> Option<T>,
        by_preset: impl Fn(TimingPreset) -> Option<T>,
        otherwise: T,
    ) -> (T, PolicySource) {
        let mut layers = self.0.iter().zip(Self::SOURCES);
        let found = layers.find_map(|(layer, source)| {
            let preset = || layer.timing.and_then(&by_preset).map(|value| (value, PolicySource::Preset));
            said(layer).map(|value| (value, source)).or_else(preset)
        });
        found.unwrap_or((otherwise, PolicySource::Default))
    }
}

/// What one cluster may take of the service that all share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Duty hints a second, over all its operators.
    pub hints_per_s: u32,
    /// Registration signatures checked a second.
    pub signature_checks_per_s: u32,
    /// Calls to relays for the auctions of one slot.
    pub upstream_asks_per_slot: u32,
    /// gRPC streams open at a time.
    pub streams: u32,
    /// Validators that it claims.
    pub validators: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            hints_per_s: 200,
            signature_checks_per_s: 2_000,
            upstream_asks_per_slot: 2_000,
            streams: 64,
            validators: 100_000,
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
