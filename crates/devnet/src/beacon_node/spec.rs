use headstart_types::{B256, Epoch, Fork, Network};
use serde_json::{Map, Value, json};

pub(super) const VERSION: &str = "headstart-devnet/0.1.0";

/// `GET /eth/v1/beacon/genesis`
pub(super) fn genesis(network: &Network) -> Value {
    json!({ "data": {
        "genesis_time": network.genesis_time_ms.seconds().to_string(),
        "genesis_validators_root": network.genesis_validators_root,
        "genesis_fork_version": hex(network.schedule.genesis_version()),
    }})
}

/// `GET /eth/v1/config/spec`
pub(super) fn spec(network: &Network) -> Value {
    let mut spec = Map::new();
    let mut set = |key: &str, value: String| spec.insert(key.to_owned(), Value::String(value));
    set("CONFIG_NAME", network.name.clone());
    set("PRESET_BASE", "mainnet".to_owned());
    // Whole seconds cannot tell a shorter slot; the duration in milliseconds can.
    set("SECONDS_PER_SLOT", (network.slot_duration_ms / 1000).max(1).to_string());
    set("SLOT_DURATION_MS", network.slot_duration_ms.to_string());
    set("SLOTS_PER_EPOCH", network.slots_per_epoch.to_string());
    set("ATTESTATION_DUE_BPS", network.attestation_due.bps.to_string());
    set("ATTESTATION_DUE_BPS_GLOAS", network.attestation_due.gloas_bps.to_string());
    set("MIN_GENESIS_TIME", network.genesis_time_ms.seconds().to_string());
    set("GENESIS_FORK_VERSION", hex(network.schedule.genesis_version()));
    for fork in network.schedule.forks() {
        let name = fork.name.to_uppercase();
        set(&format!("{name}_FORK_EPOCH"), fork.epoch.0.to_string());
        set(&format!("{name}_FORK_VERSION"), hex(fork.version));
    }
    spec.insert("BLOB_SCHEDULE".to_owned(), blob_schedule(network));
    json!({ "data": spec })
}

/// The limit from Fulu on; earlier forks have limits of their own that need no schedule.
fn blob_schedule(network: &Network) -> Value {
    let fulu =
        network.schedule.forks().iter().find(|fork| fork.name == "fulu" && fork.epoch != Epoch(u64::MAX));
    let entry = fulu.map(|fork| {
        let max_blobs = network.schedule.max_blobs(fork.epoch);
        json!({ "EPOCH": fork.epoch, "MAX_BLOBS_PER_BLOCK": max_blobs.to_string() })
    });
    Value::Array(entry.into_iter().collect())
}

/// `GET /eth/v1/config/fork_schedule`
pub(super) fn fork_schedule(network: &Network) -> Value {
    let mut previous = network.schedule.genesis_version();
    let mut entry = |fork: &Fork| {
        let before = std::mem::replace(&mut previous, fork.version);
        json!({ "previous_version": hex(before), "current_version": hex(fork.version), "epoch": fork.epoch })
    };
    json!({ "data": network.schedule.forks().iter().map(&mut entry).collect::<Vec<_>>() })
}

/// `GET /eth/v2/node/version`
pub(super) fn version_v2() -> Value {
    let part = |code: &str, name: &str| json!({ "code": code, "name": name, "version": "0.1.0", "commit": "00000000" });
    json!({ "data": { "beacon_node": part("HD", "headstart-devnet"), "execution_client": part("HE", "devnet-el") } })
}

fn hex(version: [u8; 4]) -> String {
    let mut padded = B256::ZERO;
    padded[..4].copy_from_slice(&version);
    padded.to_string().chars().take(10).collect()
}
