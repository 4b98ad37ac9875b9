use std::collections::BTreeMap;
use std::fmt;

use headstart_auction::CallPolicy;
use serde::Deserialize;

/// One relay of the catalogue that clusters choose from.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    pub name: String,
    /// `https://0x<public key>@host`: bids must be signed by this key.
    pub url: String,
    /// A preset of the call policy: mev-boost-relay, helix, ultrasound, aestus or bloxroute.
    #[serde(default = "policy")]
    pub policy: String,
    /// Overrides of the preset; moments are milliseconds relative to the start of the slot.
    pub first_ms: Option<i32>,
    pub last_ms: Option<i32>,
    pub min_gap_ms: Option<u32>,
    /// Asks that may follow one another at once; 1 where only `min_gap_ms` is said.
    pub burst: Option<u32>,
    pub calls_max: Option<u32>,
    pub head_required: Option<bool>,
    /// Whether bids are taken from its header streams where they can be; by default for Helix with an API key.
    pub stream: Option<bool>,
    /// Where it announces its top bids: `wss://host/path`.
    pub top_bid_url: Option<String>,
    /// Further headers for every call, such as an API key. Values are never shown.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

fn policy() -> String {
    "mev-boost-relay".to_owned()
}

impl Relay {
    /// A relay with the preset of that name and no overrides.
    pub fn new(name: &str, url: &str, policy: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            policy: policy.to_owned(),
            first_ms: None,
            last_ms: None,
            min_gap_ms: None,
            burst: None,
            calls_max: None,
            head_required: None,
            stream: None,
            top_bid_url: None,
            headers: BTreeMap::new(),
        }
    }

    /// The preset with its overrides; `None` when there is no preset of that name.
    pub(crate) fn call_policy(&self) -> Option<CallPolicy> {
        let preset = CallPolicy::preset(&self.policy)?;
        Some(CallPolicy {
            first_ms: self.first_ms.map_or(preset.first_ms, i64::from),
            last_ms: self.last_ms.map_or(preset.last_ms, i64::from),
            min_gap_ms: self.min_gap_ms.map_or(preset.min_gap_ms, i64::from),
            // Whoever says how far apart asks are to be means all of them.
            burst: self.burst.unwrap_or_else(|| self.min_gap_ms.map_or(preset.burst, |_| 1)),
            calls_max: self.calls_max.unwrap_or(preset.calls_max),
            head_required: self.head_required.unwrap_or(preset.head_required),
            ..preset
        })
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL's query and the headers' values may be credentials.
        f.debug_struct("Relay")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
