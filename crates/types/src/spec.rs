//! A network as a beacon node describes it in `/eth/v1/config/spec` and `/eth/v1/beacon/genesis`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{AttestationDue, BlobLimit, Epoch, Fork, ForkSchedule, Network, Root, SLOT_BPS, UnixMillis};

const FORKS: [&str; 7] = ["altair", "bellatrix", "capella", "deneb", "electra", "fulu", "gloas"];

/// A key of the specification is absent or unreadable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read {key} of the beacon node's configuration: {fault}")]
pub struct SpecError {
    pub key: String,
    pub fault: &'static str,
}

impl Network {
    /// Builds a network from the values of `/eth/v1/config/spec` (strings, and a list for `BLOB_SCHEDULE`), the genesis
    /// time in Unix seconds and the genesis validators root. Unknown keys are ignored.
    pub fn from_spec(
        name: &str,
        spec: &BTreeMap<String, Value>,
        genesis_time_seconds: u64,
        genesis_validators_root: Root,
    ) -> Result<Self, SpecError> {
        let slot_duration_ms = match number(spec, "SLOT_DURATION_MS") {
            Ok(duration) => duration,
            Err(_) => number(spec, "SECONDS_PER_SLOT")?.saturating_mul(1000),
        };
        let slots_per_epoch = number(spec, "SLOTS_PER_EPOCH")?;
        positive("SLOT_DURATION_MS", slot_duration_ms)?;
        positive("SLOTS_PER_EPOCH", slots_per_epoch)?;
        let schedule =
            ForkSchedule::new(version(spec, "GENESIS_FORK_VERSION")?, forks(spec)?, blob_limits(spec)?);
        Ok(Self {
            name: name.to_owned(),
            genesis_time_ms: UnixMillis::from_seconds(genesis_time_seconds),
            slot_duration_ms,
            slots_per_epoch,
            attestation_due: attestation_due(spec)?,
            genesis_validators_root,
            schedule,
        })
    }
}

fn positive(key: &str, value: u64) -> Result<(), SpecError> {
    if value == 0 { Err(error(key, "it is zero")) } else { Ok(()) }
}

/// Older beacon nodes do not tell the deadlines, which are the same on every public network.
fn attestation_due(spec: &BTreeMap<String, Value>) -> Result<AttestationDue, SpecError> {
    let AttestationDue { bps, gloas_bps } = AttestationDue::default();
    let told = |key: &str, otherwise| match spec.contains_key(key).then(|| number(spec, key)) {
        None => Ok(otherwise),
        Some(Ok(bps @ 1..=SLOT_BPS)) => Ok(bps),
        Some(Ok(_)) => Err(error(key, "it is no share of a slot in basis points")),
        Some(Err(error)) => Err(error),
    };
    Ok(AttestationDue {
        bps: told("ATTESTATION_DUE_BPS", bps)?,
        gloas_bps: told("ATTESTATION_DUE_BPS_GLOAS", gloas_bps)?,
    })
}

/// Every fork that the specification names; one without an epoch is not scheduled.
fn forks(spec: &BTreeMap<String, Value>) -> Result<Vec<Fork>, SpecError> {
    let mut forks = Vec::new();
    for name in FORKS {
        let upper = name.to_uppercase();
        let epoch_key = format!("{upper}_FORK_EPOCH");
        if spec.contains_key(&epoch_key) {
            let epoch = Epoch(number(spec, &epoch_key)?);
            forks.push(Fork {
                name: name.to_owned(),
                epoch,
                version: version(spec, &format!("{upper}_FORK_VERSION"))?,
            });
        }
    }
    Ok(forks)
}

fn blob_limits(spec: &BTreeMap<String, Value>) -> Result<Vec<BlobLimit>, SpecError> {
    const KEY: &str = "BLOB_SCHEDULE";
    let Some(schedule) = spec.get(KEY) else { return Ok(Vec::new()) };
    let entries = schedule.as_array().ok_or_else(|| error(KEY, "it is no list"))?;
    let limit = |entry: &Value| {
        let field = |name| entry.get(name).and_then(as_number);
        let epoch = Epoch(field("EPOCH")?);
        Some(BlobLimit { epoch, max_blobs: usize::try_from(field("MAX_BLOBS_PER_BLOCK")?).ok()? })
    };
    let limits: Option<Vec<_>> = entries.iter().map(limit).collect();
    limits.ok_or_else(|| error(KEY, "an entry lacks EPOCH or MAX_BLOBS_PER_BLOCK"))
}

fn number(spec: &BTreeMap<String, Value>, key: &str) -> Result<u64, SpecError> {
    let value = spec.get(key).ok_or_else(|| error(key, "it is missing"))?;
    as_number(value).ok_or_else(|| error(key, "it is no unsigned 64-bit number"))
}

fn as_number(value: &Value) -> Option<u64> {
    value.as_str().map_or_else(|| value.as_u64(), |text| text.parse().ok())
}

fn version(spec: &BTreeMap<String, Value>, key: &str) -> Result<[u8; 4], SpecError> {
    let value = spec.get(key).and_then(Value::as_str).ok_or_else(|| error(key, "it is missing"))?;
    let bytes: Result<alloy_primitives::FixedBytes<4>, _> = value.parse();
    bytes.map(|bytes| bytes.0).map_err(|_| error(key, "it is no 4-byte hexadecimal version"))
}

fn error(key: &str, fault: &'static str) -> SpecError {
    SpecError { key: key.to_owned(), fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> BTreeMap<String, Value> {
        let json = r#"{"SECONDS_PER_SLOT":"12","SLOTS_PER_EPOCH":"32","GENESIS_FORK_VERSION":"0x10000910",
            "CAPELLA_FORK_EPOCH":"0","CAPELLA_FORK_VERSION":"0x40000910","FULU_FORK_EPOCH":"50688",
            "FULU_FORK_VERSION":"0x70000910","BLOB_SCHEDULE":[{"EPOCH":"52480","MAX_BLOBS_PER_BLOCK":"15"}],
            "UNKNOWN_LIST":[1,2]}"#;
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_network_is_read_from_a_beacon_nodes_spec() {
        let network = Network::from_spec("hoodi", &spec(), 1_742_213_400, Root::ZERO).unwrap();
        assert_eq!(network.slot_duration_ms, 12_000);
        assert_eq!(network.schedule.fork_at(Epoch(50_688)), Some(crate::ForkName::Fulu));
        assert_eq!(network.schedule.max_blobs(Epoch(52_480)), 15);
    }

    #[test]
    fn a_spec_without_a_needed_key_is_refused_by_its_name() {
        for key in ["SECONDS_PER_SLOT", "SLOTS_PER_EPOCH", "GENESIS_FORK_VERSION", "FULU_FORK_VERSION"] {
            let mut spec = spec();
            spec.remove(key);
            assert_eq!(Network::from_spec("x", &spec, 0, Root::ZERO).unwrap_err().key, key);
        }
    }

    #[test]
    fn the_attestation_deadlines_are_the_nodes_where_it_tells_them() {
        let read = |spec: &BTreeMap<String, Value>| Network::from_spec("x", spec, 0, Root::ZERO);
        let mut spec = spec();
        assert_eq!(read(&spec).unwrap().attestation_due, AttestationDue { bps: 3_333, gloas_bps: 2_500 });
        spec.insert("ATTESTATION_DUE_BPS".to_owned(), Value::from("3000"));
        spec.insert("ATTESTATION_DUE_BPS_GLOAS".to_owned(), Value::from("2000"));
        assert_eq!(read(&spec).unwrap().attestation_due, AttestationDue { bps: 3_000, gloas_bps: 2_000 });
        for wrong in ["0", "10001", "a third"] {
            spec.insert("ATTESTATION_DUE_BPS_GLOAS".to_owned(), Value::from(wrong));
            assert_eq!(read(&spec).unwrap_err().key, "ATTESTATION_DUE_BPS_GLOAS", "{wrong}");
        }
    }

    #[test]
    fn slots_without_length_are_refused() {
        let mut spec = spec();
        spec.insert("SLOT_DURATION_MS".to_owned(), Value::from("0"));
        assert_eq!(Network::from_spec("x", &spec, 0, Root::ZERO).unwrap_err().fault, "it is zero");
    }
}
