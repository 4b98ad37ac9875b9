use std::fmt;
use std::str::FromStr;

use headstart_types::{Network, Slot};
use serde::{Deserialize, Serialize};

/// How a cluster comes to its block, and the moments that fit it where nothing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimingPreset {
    /// One operator that signs by itself.
    Solo,
    /// Operators that agree by QBFT and ask once the RANDAO reveal is theirs.
    Ssv,
    /// Operators behind a middleware that agrees for them.
    Obol,
}

impl TimingPreset {
    pub const ALL: [Self; 3] = [Self::Solo, Self::Ssv, Self::Obol];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Solo => "solo",
            Self::Ssv => "ssv",
            Self::Obol => "obol",
        }
    }

    /// Operators that still must agree and sign need more of what is left until attestations are due.
    pub const fn cutoff(self) -> Cutoff {
        match self {
            Self::Solo => Cutoff::EighthsOfAttestationDue(4),
            Self::Ssv | Self::Obol => Cutoff::EighthsOfAttestationDue(3),
        }
    }

    /// Milliseconds into the slot. SSV's was measured (174 ms on average); Obol's is a first guess until it is learnt.
    pub const fn expected_ask_ms(self) -> i64 {
        match self {
            Self::Solo => 0,
            Self::Ssv => 170,
            Self::Obol => 100,
        }
    }

    pub const fn sticky(self) -> bool {
        match self {
            Self::Solo => false,
            Self::Ssv | Self::Obol => true,
        }
    }

    /// The first round of QBFT times out after two seconds: whoever asks later belongs to the next one.
    pub const fn sticky_ms(self) -> Option<i64> {
        match self {
            Self::Solo => None,
            Self::Ssv | Self::Obol => Some(2_000),
        }
    }
}

impl fmt::Display for TimingPreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TimingPreset {
    type Err = UnknownTimingPreset;

    fn from_str(text: &str) -> Result<Self, UnknownTimingPreset> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == text).ok_or(UnknownTimingPreset)
    }
}

/// The text names no preset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read the timing: write solo, ssv or obol")]
pub struct UnknownTimingPreset;

/// From when on into a slot no header is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutoff {
    /// So many milliseconds after the slot's start, whatever its fork.
    AtMs(i64),
    /// So many eighths of the time until attestations are due, which is shorter from the Gloas fork on.
    EighthsOfAttestationDue(u8),
}

impl Cutoff {
    /// Milliseconds after the start of `slot`, to the nearest one.
    pub fn ms(self, network: &Network, slot: Slot) -> i64 {
        match self {
            Self::AtMs(ms) => ms,
            Self::EighthsOfAttestationDue(eighths) => {
                network.attestation_due_ms(slot).saturating_mul(i64::from(eighths)).saturating_add(4) / 8
            }
        }
    }
}

impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMs(ms) => write!(f, "{ms} ms"),
            Self::EighthsOfAttestationDue(eighths) => write!(f, "{eighths}/8 of attestation due"),
        }
    }
}

#[cfg(test)]
#[path = "timing_preset_tests.rs"]
mod tests;
