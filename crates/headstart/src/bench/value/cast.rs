//! The relays of each set.

use std::fmt;

use clap::ValueEnum;
use headstart_devnet::Behaviour;
use serde::Serialize;

use super::options::SLOT_MS;

const MAINNET_SLOT_MS: u64 = 12_000;
/// Round trips of the relays that may be polled.
const POLLED_MS: [u64; 5] = [30, 60, 90, 120, 150];
const HELIX_MS: u64 = 60;
const ULTRASOUND_MS: u64 = 50;

/// Relays that a game is played with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RelaySet {
    /// Five relays that may be polled.
    Polling,
    /// Those, one that answers only for the slot after its head, and one that answers one call a slot.
    Mixed,
    /// Those of the mixed set, with header streams; only headstart takes them.
    Streams,
}

/// One relay of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cast {
    pub(super) name: String,
    /// The preset of headstart's call policy.
    pub(super) policy: &'static str,
    pub(super) behaviour: Behaviour,
    /// Whether headstart may take its header streams.
    pub(super) streams: bool,
}

impl RelaySet {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::Mixed => "mixed",
            Self::Streams => "streams",
        }
    }

    /// The relays, in the order of their numbers.
    pub(super) fn cast(self) -> Vec<Cast> {
        let polled = POLLED_MS
            .into_iter()
            .map(|latency_ms| cast("polled", "mev-boost-relay", Behaviour::mev_boost_relay(latency_ms)));
        let special = [
            cast("gated", "helix", Behaviour::helix(HELIX_MS)),
            cast("oneshot", "ultrasound", Behaviour::ultrasound(ULTRASOUND_MS)),
        ];
        match self {
            Self::Polling => polled.collect(),
            Self::Mixed => polled.chain(special).collect(),
            Self::Streams => polled.chain(special).map(with_streams).collect(),
        }
    }
}

impl fmt::Display for RelaySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn cast(kind: &str, policy: &'static str, behaviour: Behaviour) -> Cast {
    let name = format!("{kind}-{}", behaviour.latency_ms);
    Cast { name, policy, behaviour: in_real_time(behaviour), streams: false }
}

fn with_streams(cast: Cast) -> Cast {
    Cast { behaviour: cast.behaviour.with_streams(), streams: true, ..cast }
}

/// Cut-offs of simulated relays shrink with the slots; here they are to be real milliseconds.
fn in_real_time(behaviour: Behaviour) -> Behaviour {
    let stretch = |cutoff_ms: u64| cutoff_ms * MAINNET_SLOT_MS / SLOT_MS;
    Behaviour {
        header_cutoff_ms: behaviour.header_cutoff_ms.map(stretch),
        submit_cutoff_ms: behaviour.submit_cutoff_ms.map(stretch),
        ..behaviour
    }
}
