use headstart_types::BlsPublicKey;
use serde::Deserialize;

/// One operator cluster: its validators, whose relays it trusts, and what it wants served.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    pub name: String,
    /// Names of `[[relays]]`.
    pub relays: Vec<String>,
    #[serde(default)]
    pub validators: Vec<BlsPublicKey>,
    /// The least bid that is served, in ether as a decimal string; a bid of exactly this much is.
    #[serde(default = "zero")]
    pub min_bid_eth: String,
    /// Milliseconds into the slot from which no header is served any more.
    #[serde(default = "cutoff_ms")]
    pub cutoff_ms: u32,
    /// Milliseconds into the slot at which this cluster's beacon nodes usually ask (SSV: about 170).
    #[serde(default)]
    pub expected_ask_ms: i32,
}

fn zero() -> String {
    "0".to_owned()
}

/// Later headers leave a cluster too little time before relays stop revealing payloads at 4 s.
const fn cutoff_ms() -> u32 {
    2_000
}

impl Cluster {
    /// A cluster without validators, everything else at its default.
    pub fn new(name: &str, relays: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            relays,
            validators: Vec::new(),
            min_bid_eth: zero(),
            cutoff_ms: cutoff_ms(),
            expected_ask_ms: 0,
        }
    }
}
