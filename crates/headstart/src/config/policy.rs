use headstart_auction::{Mode, PolicyLayer, Quotas, TimingPreset};
use headstart_types::Wei;
use serde::Deserialize;

/// What holds for clusters and validators that say nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    pub min_bid_eth: Option<String>,
    pub cutoff_ms: Option<u32>,
    pub expected_ask_ms: Option<i32>,
    /// Left out: on for clusters with more than one operator.
    pub sticky: Option<bool>,
    pub sticky_ms: Option<u32>,
    pub timing: Option<TimingPreset>,
    pub mode: Option<Mode>,
}

impl Defaults {
    /// An amount that cannot be read counts as left out: the check has refused it before.
    pub(crate) fn layer(&self) -> PolicyLayer {
        PolicyLayer {
            relays: None,
            min_bid: self.min_bid_eth.as_deref().and_then(|eth| Wei::parse_eth(eth).ok()),
            cutoff_ms: self.cutoff_ms.map(i64::from),
            expected_ask_ms: self.expected_ask_ms.map(i64::from),
            sticky: self.sticky,
            sticky_ms: self.sticky_ms.map(i64::from),
            timing: self.timing,
            mode: self.mode,
        }
    }
}

/// What a cluster may take that has no quotas of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaDefaults {
    pub hints_per_s: u32,
    pub signature_checks_per_s: u32,
    pub upstream_asks_per_slot: u32,
    pub streams: u32,
    pub validators: u32,
}

impl Default for QuotaDefaults {
    fn default() -> Self {
        let Quotas { hints_per_s, signature_checks_per_s, upstream_asks_per_slot, streams, validators } =
            Quotas::default();
        Self { hints_per_s, signature_checks_per_s, upstream_asks_per_slot, streams, validators }
    }
}

impl From<QuotaDefaults> for Quotas {
    fn from(quotas: QuotaDefaults) -> Self {
        let QuotaDefaults {
            hints_per_s,
            signature_checks_per_s,
            upstream_asks_per_slot,
            streams,
            validators,
        } = quotas;
        Self { hints_per_s, signature_checks_per_s, upstream_asks_per_slot, streams, validators }
    }
}
