use serde::Deserialize;

/// How relays are asked ahead of time.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fetcher {
    /// Milliseconds before a slot at which its auctions begin.
    pub lead_ms: u32,
    /// Of so many in a hundred auctions relays are asked once more when the first header is served, for comparison.
    pub compared_percent: u8,
    /// Cores that signatures are checked on; by default all.
    pub verify_cores: Option<usize>,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self { lead_ms: 2_500, compared_percent: 10, verify_cores: None }
    }
}
