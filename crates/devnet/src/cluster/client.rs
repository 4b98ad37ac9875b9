use std::time::Duration;

use headstart_types::{ACCEPT_SSZ_THEN_JSON, Encoding, ForkName};

/// A beacon-node client, as far as a Builder API can tell it from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BeaconClient {
    /// Takes nothing but SSZ.
    Prysm,
    #[default]
    Lighthouse,
    Teku,
    /// Opens a connection for every call.
    Nimbus,
    Lodestar,
    /// Tells when it asked, in `Date-Milliseconds`.
    Grandine,
    /// Prysm with `--disable-builder-ssz`: JSON for everything.
    PrysmJson,
}

impl BeaconClient {
    pub const ALL: [Self; 7] = [
        Self::Prysm,
        Self::Lighthouse,
        Self::Teku,
        Self::Nimbus,
        Self::Lodestar,
        Self::Grandine,
        Self::PrysmJson,
    ];

    pub fn accept(self) -> &'static str {
        match self {
            Self::Prysm => "application/octet-stream",
            Self::Lighthouse | Self::Teku => ACCEPT_SSZ_THEN_JSON,
            Self::Nimbus => "application/octet-stream,application/json;q=0.5",
            Self::Lodestar | Self::Grandine => "application/octet-stream;q=1,application/json;q=0.9",
            Self::PrysmJson => "application/json",
        }
    }

    /// How long it waits for a header.
    pub fn header_patience(self) -> Duration {
        Duration::from_millis(match self {
            Self::Lodestar => 1250,
            Self::Nimbus => 1500,
            _ => 1000,
        })
    }

    pub fn submit_patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Prysm | Self::PrysmJson | Self::Teku => 3,
            Self::Nimbus => 5,
            Self::Lodestar | Self::Grandine => 12,
            Self::Lighthouse => 15,
        })
    }

    pub fn registration_encoding(self) -> Encoding {
        match self {
            Self::Lighthouse | Self::Nimbus | Self::PrysmJson => Encoding::Json,
            Self::Prysm | Self::Teku | Self::Lodestar | Self::Grandine => Encoding::Ssz,
        }
    }

    /// Registrations in one call.
    pub fn registration_batch(self) -> usize {
        match self {
            Self::Teku => 100,
            Self::Prysm | Self::PrysmJson => 200,
            _ => 500,
        }
    }

    /// All six use the second version of the submission from Fulu on.
    pub fn submits_v2(self, fork: ForkName) -> bool {
        fork >= ForkName::Fulu
    }

    pub fn user_agent(self) -> &'static str {
        match self {
            Self::Prysm | Self::PrysmJson => "Prysm/v7.0.0 (devnet)",
            Self::Lighthouse => "Lighthouse/v8.0.0 (devnet)",
            Self::Teku => "teku/v25.12.0 (devnet)",
            Self::Nimbus => "nim-presto/0.0.3 (devnet)",
            Self::Lodestar => "Lodestar/v1.44.0 (devnet)",
            Self::Grandine => "Grandine/2.0.0 (devnet)",
        }
    }
}
