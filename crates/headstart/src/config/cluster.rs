use headstart_auction::{Mode, PolicyLayer, TimingPreset};
use headstart_types::{BlsPublicKey, RelayId};
use serde::Deserialize;

use super::Defaults;

/// One operator cluster: its validators, whose relays it trusts, and what it wants served. What it leaves out is as
/// `[defaults]` say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    pub name: String,
    /// Names of `[[relays]]`.
    pub relays: Vec<String>,
    #[serde(default)]
    pub validators: Vec<BlsPublicKey>,
    /// The least bid that is served, in ether as a decimal string; a bid of exactly this much is.
    pub min_bid_eth: Option<String>,
    /// Milliseconds into the slot from which no header is served any more.
    pub cutoff_ms: Option<u32>,
    /// Milliseconds into the slot at which this cluster's beacon nodes usually ask (SSV: about 170).
    pub expected_ask_ms: Option<i32>,
    /// Whether the header that one operator got is the one that the others get.
    pub sticky: Option<bool>,
    /// For so long after its first header the cluster is served the same again, in milliseconds.
    pub sticky_ms: Option<u32>,
    /// How the cluster comes to its block: says the moments that are left out here.
    pub timing: Option<TimingPreset>,
    pub mode: Option<Mode>,
}

impl Cluster {
    /// A cluster without validators that leaves everything to the defaults.
    pub fn new(name: &str, relays: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            relays,
            validators: Vec::new(),
            min_bid_eth: None,
            cutoff_ms: None,
            expected_ask_ms: None,
            sticky: None,
            sticky_ms: None,
            timing: None,
            mode: None,
        }
    }

    /// What the cluster says of its policy; `id` knows the relays by their names.
    pub(crate) fn layer(&self, id: impl Fn(&str) -> Option<RelayId>) -> PolicyLayer {
        let relays = self.relays.iter().filter_map(|name| id(name)).collect();
        PolicyLayer { relays: Some(relays), ..self.said().layer() }
    }

    /// Its values, as `[defaults]` could say them.
    pub(super) fn said(&self) -> Defaults {
        Defaults {
            min_bid_eth: self.min_bid_eth.clone(),
            cutoff_ms: self.cutoff_ms,
            expected_ask_ms: self.expected_ask_ms,
            sticky: self.sticky,
            sticky_ms: self.sticky_ms,
            timing: self.timing,
            mode: self.mode,
        }
    }
}
