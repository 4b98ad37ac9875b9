use headstart_types::{RelayId, Wei};

/// What one cluster wants served. Resolved once, when the directory is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterPolicy {
    /// The relays that this cluster trusts, in ascending order.
    relays: Vec<RelayId>,
    /// The least value that is served: a bid of exactly this much is.
    pub min_bid: Wei,
    /// Milliseconds after the start of the slot from which no header is served any more.
    pub cutoff_ms: i64,
    /// Milliseconds after the start of the slot at which this cluster's beacon nodes usually ask.
    pub expected_ask_ms: i64,
}

impl ClusterPolicy {
    pub fn new(mut relays: Vec<RelayId>, min_bid: Wei, cutoff_ms: i64, expected_ask_ms: i64) -> Self {
        relays.sort_unstable();
        relays.dedup();
        Self { relays, min_bid, cutoff_ms, expected_ask_ms }
    }

    pub fn relays(&self) -> &[RelayId] {
        &self.relays
    }

    pub fn trusts(&self, relay: RelayId) -> bool {
        // Sets are small: a scan of a few integers beats a search tree.
        self.relays.contains(&relay)
    }
}
