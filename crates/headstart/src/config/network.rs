use headstart_types::{AttestationDue, Epoch, FixedBytes, ForkSchedule, Root, SLOT_BPS, UnixMillis};
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
    /// Basis points of a slot until attestations are due, before the Gloas fork and from it on.
    pub attestation_due_bps: u64,
    pub attestation_due_bps_gloas: u64,
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
        let AttestationDue { bps, gloas_bps } = AttestationDue::default();
        Self {
            name: "mainnet".to_owned(),
            genesis_time: None,
            genesis_time_ms: None,
            slot_duration_ms: 12_000,
            slots_per_epoch: 32,
            attestation_due_bps: bps,
            attestation_due_bps_gloas: gloas_bps,
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
        if !(1..=SLOT_BPS).contains(&self.attestation_due_bps) {
            return Err("attestation_due_bps");
        }
        if !(1..=SLOT_BPS).contains(&self.attestation_due_bps_gloas) {
            return Err("attestation_due_bps_gloas");
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
            attestation_due: AttestationDue {
                bps: self.attestation_due_bps,
                gloas_bps: self.attestation_due_bps_gloas,
            },
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

impl Network {
    /// Every figure of a network, under a name of its own.
    pub(crate) fn describing(name: &str, network: &headstart_types::Network) -> Self {
        let schedule = &network.schedule;
        let forks = schedule.forks().iter().filter(|fork| fork.epoch != Epoch(u64::MAX));
        let fork = |fork: &headstart_types::Fork| Fork {
            name: fork.name.clone(),
            epoch: fork.epoch.0,
            version: FixedBytes(fork.version),
        };
        Self {
            name: name.to_owned(),
            genesis_time: None,
            genesis_time_ms: Some(network.genesis_time_ms.0),
            slot_duration_ms: network.slot_duration_ms,
            slots_per_epoch: network.slots_per_epoch,
            attestation_due_bps: network.attestation_due.bps,
            attestation_due_bps_gloas: network.attestation_due.gloas_bps,
            genesis_fork_version: Some(FixedBytes(schedule.genesis_version())),
            genesis_validators_root: Some(network.genesis_validators_root),
            forks: forks.map(fork).collect(),
            blob_limits: vec![BlobLimit { epoch: 0, max_blobs: schedule.max_blobs(Epoch(0)) }],
        }
    }
}
