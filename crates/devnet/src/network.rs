use headstart_types::{AttestationDue, BlobLimit, Epoch, Fork, ForkName, ForkSchedule, Network, UnixMillis};

use crate::seed::Seed;

const FAR_FUTURE: Epoch = Epoch(u64::MAX);
const MAX_BLOBS: usize = 9;
const FORKS: [&str; 7] = ["altair", "bellatrix", "capella", "deneb", "electra", "fulu", "gloas"];

/// A network of its own: `fork` rules from genesis on, slots last `slot_duration_ms`, epochs have 32 slots.
///
/// Genesis is the first whole second at or after `now + margin_ms`, because the beacon API tells it in seconds; with a
/// negative margin the chain has begun already.
pub fn network(fork: ForkName, slot_duration_ms: u64, now: UnixMillis, margin_ms: i64) -> Network {
    let begun = FORKS.iter().position(|name| *name == fork.as_str()).unwrap_or_default();
    let forks = FORKS.iter().zip(1_u8..).enumerate().map(|(order, (name, version))| Fork {
        name: (*name).to_owned(),
        epoch: if order <= begun { Epoch(0) } else { FAR_FUTURE },
        version: [0xde, 0, 0, version],
    });
    let blob_limits = if fork == ForkName::Fulu {
        vec![BlobLimit { epoch: Epoch(0), max_blobs: MAX_BLOBS }]
    } else {
        vec![]
    };
    Network {
        name: "devnet".to_owned(),
        genesis_time_ms: UnixMillis::from_seconds((now + margin_ms + 999).seconds()),
        slot_duration_ms: slot_duration_ms.max(1),
        slots_per_epoch: 32,
        attestation_due: AttestationDue::default(),
        genesis_validators_root: Seed::new(0).with_bytes(b"genesis validators").hash(),
        schedule: ForkSchedule::new([0xde, 0, 0, 0], forks.collect(), blob_limits),
    }
}

#[cfg(test)]
mod tests {
    use headstart_types::Slot;

    use super::*;

    #[test]
    fn any_fork_can_rule_from_genesis_on() {
        for fork in ForkName::ALL {
            let network = network(fork, 300, UnixMillis(1_700_000_000_123), 1000);
            assert_eq!(network.fork_at(Slot(0)), Some(fork));
            assert_eq!(network.fork_at(Slot(100_000)), Some(fork));
            assert_eq!(network.genesis_time_ms, UnixMillis(1_700_000_002_000), "whole seconds, rounded up");
        }
    }
}
