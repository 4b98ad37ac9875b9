use crate::{Epoch, ForkName, ForkSchedule, Root, Slot, UnixMillis, compute_domain};

const DOMAIN_BEACON_PROPOSER: [u8; 4] = [0, 0, 0, 0];
const DOMAIN_APPLICATION_BUILDER: [u8; 4] = [0, 0, 0, 1];

/// When attesters vote at the latest, in basis points of a slot: a block that they have not seen by then is in danger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttestationDue {
    /// `ATTESTATION_DUE_BPS`: a third of the slot.
    pub bps: u64,
    /// `ATTESTATION_DUE_BPS_GLOAS`: from the Gloas fork on, a quarter.
    pub gloas_bps: u64,
}

impl Default for AttestationDue {
    fn default() -> Self {
        Self { bps: 3_333, gloas_bps: 2_500 }
    }
}

/// The basis points of a whole slot.
pub const SLOT_BPS: u64 = 10_000;

/// One Ethereum network: when its slots begin, which fork rules, and what signatures are made over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub name: String,
    pub genesis_time_ms: UnixMillis,
    pub slot_duration_ms: u64,
    pub slots_per_epoch: u64,
    pub attestation_due: AttestationDue,
    pub genesis_validators_root: Root,
    pub schedule: ForkSchedule,
}

impl Network {
    /// The moment at which `slot` begins.
    pub fn slot_start(&self, slot: Slot) -> UnixMillis {
        let since_genesis = i64::try_from(u128::from(slot.0) * u128::from(self.slot_duration_ms));
        self.genesis_time_ms + since_genesis.unwrap_or(i64::MAX)
    }

    /// The slot that `now` falls into; slot 0 before genesis.
    pub fn slot_at(&self, now: UnixMillis) -> Slot {
        Slot(u64::try_from(now - self.genesis_time_ms).unwrap_or(0) / self.slot_duration_ms)
    }

    pub fn epoch(&self, slot: Slot) -> Epoch {
        Epoch(slot.0 / self.slots_per_epoch)
    }

    pub fn first_slot(&self, epoch: Epoch) -> Slot {
        Slot(epoch.0.saturating_mul(self.slots_per_epoch))
    }

    /// The timestamp that the execution payload of `slot` must carry, in Unix seconds.
    pub fn payload_timestamp(&self, slot: Slot) -> u64 {
        self.slot_start(slot).seconds()
    }

    /// The fork of `slot`; `None` before Capella and from a fork that we do not know, such as Gloas.
    pub fn fork_at(&self, slot: Slot) -> Option<ForkName> {
        self.schedule.fork_at(self.epoch(slot))
    }

    /// How long after the start of `slot` attestations are due, in milliseconds.
    pub fn attestation_due_ms(&self, slot: Slot) -> i64 {
        let AttestationDue { bps, gloas_bps } = self.attestation_due;
        let bps = if self.schedule.is_gloas(self.epoch(slot)) { gloas_bps } else { bps };
        i64::try_from(self.slot_duration_ms.saturating_mul(bps) / SLOT_BPS).unwrap_or(i64::MAX)
    }

    /// The most blobs that a block of `slot` may carry.
    pub fn max_blobs(&self, slot: Slot) -> usize {
        self.schedule.max_blobs(self.epoch(slot))
    }

    /// The domain of bids and registrations: genesis fork version, no validators root (builder-specs, `DOMAIN_APPLICATION_BUILDER`).
    pub fn builder_domain(&self) -> Root {
        compute_domain(DOMAIN_APPLICATION_BUILDER, self.schedule.genesis_version(), Root::ZERO)
    }

    /// The domain of a block proposed in `slot`: the fork version of its epoch and the network's validators root.
    pub fn proposer_domain(&self, slot: Slot) -> Root {
        let version = self.schedule.version_at(self.epoch(slot));
        compute_domain(DOMAIN_BEACON_PROPOSER, version, self.genesis_validators_root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_begin_where_the_presets_say() {
        let mainnet = Network::mainnet();
        assert_eq!(mainnet.payload_timestamp(Slot(13_165_563)), 1_764_810_779);
        assert_eq!(mainnet.slot_at(UnixMillis::from_seconds(1_764_810_779)), Slot(13_165_563));
        assert_eq!(mainnet.slot_at(UnixMillis(1_764_810_778_999)), Slot(13_165_562));
        assert_eq!(mainnet.slot_at(UnixMillis(0)), Slot(0), "before genesis there is no earlier slot");
    }

    #[test]
    fn the_fork_follows_from_the_slot() {
        let mainnet = Network::mainnet();
        let fork_at_epoch = |epoch| mainnet.fork_at(mainnet.first_slot(Epoch(epoch)));
        assert_eq!(fork_at_epoch(194_047), None, "Bellatrix is not served");
        assert_eq!(fork_at_epoch(194_048), Some(ForkName::Capella));
        assert_eq!(fork_at_epoch(269_568), Some(ForkName::Deneb));
        assert_eq!(fork_at_epoch(411_391), Some(ForkName::Electra));
        assert_eq!(fork_at_epoch(411_392), Some(ForkName::Fulu));
        let sepolia = Network::sepolia();
        assert_eq!(sepolia.fork_at(Slot(11_296_767)), Some(ForkName::Fulu));
        assert_eq!(sepolia.fork_at(Slot(11_296_768)), None, "Gloas is unknown");
    }

    #[test]
    fn attestations_are_due_earlier_from_gloas_on() {
        let sepolia = Network::sepolia();
        let due_ms = |network: &Network, epoch| network.attestation_due_ms(network.first_slot(Epoch(epoch)));
        assert_eq!([due_ms(&sepolia, 353_023), due_ms(&sepolia, 353_024)], [3_999, 3_000]);
        assert_eq!(due_ms(&sepolia, 400_000), 3_000, "and it stays so");
        assert_eq!(due_ms(&Network::mainnet(), 419_072), 3_999, "Gloas is not scheduled there");
        let absurd = AttestationDue { bps: u64::MAX, gloas_bps: 0 };
        let absurd = Network { attestation_due: absurd, ..sepolia };
        assert!(due_ms(&absurd, 0) > 0);
    }

    #[test]
    fn blob_limits_follow_forks_and_the_blob_schedule() {
        let mainnet = Network::mainnet();
        let limit = |epoch| mainnet.schedule.max_blobs(Epoch(epoch));
        assert_eq!([limit(200_000), limit(269_568), limit(364_032)], [0, 6, 9]);
        assert_eq!([limit(411_392), limit(412_672), limit(419_072)], [9, 15, 21]);
    }

    #[test]
    fn builder_domains_are_those_of_the_networks() {
        let domain = |network: Network| network.builder_domain().to_string();
        assert_eq!(
            domain(Network::mainnet()),
            "0x00000001f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a9"
        );
        assert_eq!(
            domain(Network::hoodi()),
            "0x00000001719103511efa4f1362ff2a50996cccf329cc84cb410c5e5c7d351d03"
        );
        assert_eq!(
            domain(Network::sepolia()),
            "0x00000001d3010778cd08ee514b08fe67b6c503b510987a4ce43f42306d97c67c"
        );
        assert_eq!(
            domain(Network::holesky()),
            "0x000000015b83a23759c560b2d0c64576e1dcfc34ea94c4988f3e0d9f77f05387"
        );
    }
}
