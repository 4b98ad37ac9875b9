//! The four public networks. Schedules are defaults: a connected beacon node's `/eth/v1/config/spec` has the last word.

use alloy_primitives::b256;

use crate::{AttestationDue, BlobLimit, Epoch, Fork, ForkSchedule, Network, Root, UnixMillis};

const FAR_FUTURE: u64 = u64::MAX;

/// One public network; `forks` gives version and first epoch in the order of `FORK_NAMES`.
struct Preset {
    name: &'static str,
    genesis_time: u64,
    genesis_version: [u8; 4],
    genesis_validators_root: Root,
    forks: [([u8; 4], u64); 7],
    blob_limits: [(u64, usize); 2],
}

const FORK_NAMES: [&str; 7] = ["altair", "bellatrix", "capella", "deneb", "electra", "fulu", "gloas"];

impl Preset {
    fn network(&self) -> Network {
        let forks = FORK_NAMES.iter().zip(self.forks);
        let forks = forks.map(|(name, (version, epoch))| Fork {
            name: (*name).to_owned(),
            epoch: Epoch(epoch),
            version,
        });
        let limits = self.blob_limits.map(|(epoch, max_blobs)| BlobLimit { epoch: Epoch(epoch), max_blobs });
        Network {
            name: self.name.to_owned(),
            genesis_time_ms: UnixMillis::from_seconds(self.genesis_time),
            slot_duration_ms: 12_000,
            slots_per_epoch: 32,
            attestation_due: AttestationDue::default(),
            genesis_validators_root: self.genesis_validators_root,
            schedule: ForkSchedule::new(self.genesis_version, forks.collect(), limits.to_vec()),
        }
    }
}

impl Network {
    pub fn mainnet() -> Self {
        let version = |fork| [fork, 0, 0, 0];
        let epochs = [74_240, 144_896, 194_048, 269_568, 364_032, 411_392, FAR_FUTURE];
        Preset {
            name: "mainnet",
            genesis_time: 1_606_824_023,
            genesis_version: version(0),
            genesis_validators_root: b256!(
                "0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95"
            ),
            forks: numbered(epochs, |fork| version(fork + 1)),
            blob_limits: [(412_672, 15), (419_072, 21)],
        }
        .network()
    }

    pub fn hoodi() -> Self {
        let version = |fork: u8| [0x10 + 0x10 * fork, 0, 0x09, 0x10];
        Preset {
            name: "hoodi",
            genesis_time: 1_742_213_400,
            genesis_version: version(0),
            genesis_validators_root: b256!(
                "0x212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f"
            ),
            forks: numbered([0, 0, 0, 0, 2048, 50_688, FAR_FUTURE], |fork| version(fork + 1)),
            blob_limits: [(52_480, 15), (54_016, 21)],
        }
        .network()
    }

    pub fn sepolia() -> Self {
        let version = |fork| [0x90, 0, 0, 0x69 + fork];
        let epochs = [50, 100, 56_832, 132_608, 222_464, 272_640, 353_024];
        Preset {
            name: "sepolia",
            genesis_time: 1_655_733_600,
            genesis_version: version(0),
            genesis_validators_root: b256!(
                "0xd8ea171f3c94aea21ebc42a1ed61052acf3f9209c00e4efbaaddac09ed9b8078"
            ),
            forks: numbered(epochs, |fork| version(fork + 1)),
            blob_limits: [(274_176, 15), (275_712, 21)],
        }
        .network()
    }

    pub fn holesky() -> Self {
        let version = |fork| [fork + 1, 0x01, 0x70, 0];
        let epochs = [0, 0, 256, 29_696, 115_968, 165_120, FAR_FUTURE];
        Preset {
            name: "holesky",
            genesis_time: 1_695_902_400,
            genesis_version: version(0),
            genesis_validators_root: b256!(
                "0x9143aa7c615a7f7115e2b6aac319c03529df8242ae705fba9df39b79c59fa8b1"
            ),
            forks: numbered(epochs, |fork| version(fork + 1)),
            blob_limits: [(166_400, 15), (167_936, 21)],
        }
        .network()
    }

    /// The preset of that name; `None` for a custom network.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "mainnet" => Some(Self::mainnet()),
            "hoodi" => Some(Self::hoodi()),
            "sepolia" => Some(Self::sepolia()),
            "holesky" => Some(Self::holesky()),
            _ => None,
        }
    }
}

/// Pairs the n-th epoch with the n-th fork's version.
fn numbered(epochs: [u64; 7], version: impl Fn(u8) -> [u8; 4]) -> [([u8; 4], u64); 7] {
    let mut fork = 0;
    epochs.map(|epoch| {
        let numbered = (version(fork), epoch);
        fork += 1;
        numbered
    })
}
