use std::fmt;
use std::str::FromStr;

use crate::Epoch;

/// The forks whose builder messages we speak. Gloas replaces the flow and is refused until it has code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForkName {
    Capella,
    Deneb,
    Electra,
    Fulu,
}

impl ForkName {
    pub const ALL: [Self; 4] = [Self::Capella, Self::Deneb, Self::Electra, Self::Fulu];

    /// The word used in `Eth-Consensus-Version` and in JSON envelopes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Capella => "capella",
            Self::Deneb => "deneb",
            Self::Electra => "electra",
            Self::Fulu => "fulu",
        }
    }
}

impl fmt::Display for ForkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The fork has no builder messages that we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("recognise fork {0:?}: capella, deneb, electra and fulu are known")]
pub struct UnknownFork(String);

impl FromStr for ForkName {
    type Err = UnknownFork;
    fn from_str(name: &str) -> Result<Self, UnknownFork> {
        Self::ALL.into_iter().find(|fork| fork.as_str() == name).ok_or_else(|| UnknownFork(name.to_owned()))
    }
}

/// One fork of a network: from `epoch` on, signatures use `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Lower-case name, also of forks that [`ForkName`] does not know.
    pub name: String,
    pub epoch: Epoch,
    pub version: [u8; 4],
}

/// From `epoch` on a block carries at most `max_blobs` blobs (the blob schedule of EIP-7892).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobLimit {
    pub epoch: Epoch,
    pub max_blobs: usize,
}

const MAX_BLOBS_DENEB: usize = 6;
const MAX_BLOBS_ELECTRA: usize = 9;

/// When each fork and each blob limit begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkSchedule {
    genesis_version: [u8; 4],
    forks: Vec<Fork>,
    blob_limits: Vec<BlobLimit>,
    /// The first epoch of Gloas, which every header asks for; `u64::MAX` while it is not scheduled.
    gloas: Epoch,
}

impl ForkSchedule {
    /// Forks and limits in any order; those at `u64::MAX` (`FAR_FUTURE`) simply never begin.
    pub fn new(genesis_version: [u8; 4], mut forks: Vec<Fork>, mut blob_limits: Vec<BlobLimit>) -> Self {
        // The sort is stable: forks of one epoch stay in the order of the specification, and the last of them rules.
        forks.sort_by_key(|fork| fork.epoch);
        blob_limits.sort_by_key(|limit| limit.epoch);
        let gloas = forks.iter().find(|fork| fork.name == "gloas").map_or(Epoch(u64::MAX), |fork| fork.epoch);
        Self { genesis_version, forks, blob_limits, gloas }
    }

    pub fn genesis_version(&self) -> [u8; 4] {
        self.genesis_version
    }

    pub fn forks(&self) -> &[Fork] {
        &self.forks
    }

    /// The newest fork that has begun, whether we know its messages or not.
    fn current(&self, epoch: Epoch) -> Option<&Fork> {
        self.forks.iter().rev().find(|fork| fork.epoch <= epoch && fork.epoch.0 != u64::MAX)
    }

    /// The fork whose builder messages are spoken in `epoch`; `None` before Capella and from an unknown fork on.
    pub fn fork_at(&self, epoch: Epoch) -> Option<ForkName> {
        self.current(epoch)?.name.parse().ok()
    }

    /// Whether the rules of Gloas, or of a later fork, hold in `epoch`.
    pub fn is_gloas(&self, epoch: Epoch) -> bool {
        epoch >= self.gloas && self.gloas.0 != u64::MAX
    }

    /// The fork version that signatures of `epoch` use.
    pub fn version_at(&self, epoch: Epoch) -> [u8; 4] {
        self.current(epoch).map_or(self.genesis_version, |fork| fork.version)
    }

    /// The most blobs that a block of `epoch` may carry; zero before Deneb.
    pub fn max_blobs(&self, epoch: Epoch) -> usize {
        let by_fork = match self.fork_at(epoch) {
            None | Some(ForkName::Capella) => return 0,
            Some(ForkName::Deneb) => MAX_BLOBS_DENEB,
            Some(ForkName::Electra | ForkName::Fulu) => MAX_BLOBS_ELECTRA,
        };
        let scheduled = self.blob_limits.iter().rev().find(|limit| limit.epoch <= epoch);
        scheduled.map_or(by_fork, |limit| limit.max_blobs)
    }
}
