use headstart_types::{Epoch, FixedBytes, ForkSchedule, Root, UnixMillis};
use serde::Deserialize;

/// The network that is served: a preset by name, or every figure of a custom one. A name without preset and without
/// figures is read from the first beacon node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    pub name: String,
    /// Unix seconds.
    pub genesis_time: Option<u64>,
    /// Unix milliseconds, for networks that do not begin on a full second; instead of `genesis_time`.
    pub genesis_time_ms: Option<i64>,
    pub slot_duration_ms: u64,
    pub slots_per_epoch: u64,
    pub genesis_fork_version: Option<FixedBytes<4>>,
    pub genesis_validators_root: Option<Root>,
    pub forks: Vec<Fork>,
    pub blob_limits: Vec<BlobLimit>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    pub name: String,
    pub epoch: u64,
    pub version: FixedBytes<4>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobLimit {
    pub epoch: u64,
    pub max_blobs: usize,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            name: "mainnet".to_owned(),
            genesis_time: None,
            genesis_time_ms: None,
            slot_duration_ms: 12_000,
            slots_per_epoch: 32,
            genesis_fork_version: None,
            genesis_validators_root: None,
            forks: Vec::new(),
            blob_limits: Vec::new(),
        }
    }
}

/// What a `[network]` section amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    Known(headstart_types::Network),
    /// Ask the beacon node.
    FromBeaconNode,
    /// A custom network lacks this key.
    Incomplete(&'static str),
    /// A preset with figures of its own.
    PresetWithFigures,
}

impl Network {
    pub(crate) fn resolve(&self) -> Resolved {
        let figures = Self { name: self.name.clone(), ..Self::default() } != *self;
        match (headstart_types::Network::preset(&self.name), figures) {
            (Some(preset), false) => Resolved::Known(preset),
            (Some(_), true) => Resolved::PresetWithFigures,
            (None, false) => Resolved::FromBeaconNode,
            (None, true) => self.custom().map_or_else(Resolved::Incomplete, Resolved::Known),
        }
    }

    fn custom(&self) -> Result<headstart_types::Network, &'static str> {
        let genesis_time_ms = match (self.genesis_time_ms, self.genesis_time) {
            (Some(millis), _) => UnixMillis(millis),
            (None, Some(seconds)) => UnixMillis::from_seconds(seconds),
            (None, None) => return Err("genesis_time"),
        };
        if self.slot_duration_ms == 0 {
            return Err("slot_duration_ms");
        }
        if self.slots_per_epoch == 0 {
            return Err("slots_per_epoch");
        }
        if self.forks.is_empty() {
            return Err("forks");
        }
        let genesis_version = self.genesis_fork_version.ok_or("genesis_fork_version")?;
        Ok(headstart_types::Network {
            name: self.name.clone(),
            genesis_time_ms,
            slot_duration_ms: self.slot_duration_ms,
            slots_per_epoch: self.slots_per_epoch,
            genesis_validators_root: self.genesis_validators_root.ok_or("genesis_validators_root")?,
            schedule: self.schedule(genesis_version.0),
        })
    }

    fn schedule(&self, genesis_version: [u8; 4]) -> ForkSchedule {
        let forks = self.forks.iter().map(|fork| headstart_types::Fork {
            name: fork.name.clone(),
            epoch: Epoch(fork.epoch),
            version: fork.version.0,
        });
        let blob_limits = self.blob_limits.iter().map(|limit| headstart_types::BlobLimit {
            epoch: Epoch(limit.epoch),
            max_blobs: limit.max_blobs,
        });
        ForkSchedule::new(genesis_version, forks.collect(), blob_limits.collect())
    }
}
