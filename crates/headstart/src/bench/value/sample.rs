use std::fmt;

use headstart_types::{Slot, Wei};
use serde::Serialize;

use super::cast::RelaySet;

/// How a header comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) enum Strategy {
    /// Asks all relays when it is asked, and answers when all have answered.
    #[serde(rename = "sidecar")]
    Sidecar,
    /// Asks every relay once, before the slot.
    #[serde(rename = "prefetch-once")]
    PrefetchOnce,
    /// Asks every relay every 50 ms.
    #[serde(rename = "poll-50ms")]
    Poll,
    /// The service as it is.
    #[serde(rename = "headstart")]
    Headstart,
}

/// One header that one strategy was asked for.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) set: RelaySet,
    pub(super) strategy: Strategy,
    pub(super) offset_ms: i64,
    pub(super) seed: u64,
    pub(super) slot: Slot,
    pub(super) answer: Answer,
    pub(super) reachable: Option<Wei>,
    pub(super) delivered: Option<Wei>,
    /// The best of what this strategy's own calls had brought back.
    pub(super) fetched: Option<Wei>,
    pub(super) in_books: Option<Wei>,
    pub(super) calls: Tally,
}

/// Header calls that the relays of one strategy got in one auction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// How many each relay got.
    pub(super) of_relay: Vec<u64>,
    /// Those that relays refused (400, 403, 429).
    pub(super) refused: u64,
    /// Those that came outside the slot to relays that answer one call a slot, within it.
    pub(super) outside_slot: u64,
}

/// What the beacon node got.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) value: Option<Wei>,
    pub(super) answered_us: u64,
    /// Why a beacon node would not use it, or was not told that its block is published.
    pub(super) wrong: Option<String>,
}

/// Beacon nodes give up at a second; later than this is a miss.
pub(super) const DEADLINE_US: u64 = 950_000;

impl Strategy {
    pub(crate) const ALL: [Self; 4] = [Self::Sidecar, Self::PrefetchOnce, Self::Poll, Self::Headstart];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::PrefetchOnce => "prefetch-once",
            Self::Poll => "poll-50ms",
            Self::Headstart => "headstart",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Sample {
    /// No header, or one too late.
    pub(super) fn is_missed(&self) -> bool {
        self.answer.value.is_none() || self.answer.answered_us > DEADLINE_US
    }
}
