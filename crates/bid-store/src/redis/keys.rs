//! The names of what is kept on the server. All keys of one slot carry one hash tag, so that a cluster keeps them on one
//! node. Nothing that a stranger chooses stands in a key as he wrote it.

use headstart_types::{AuctionKey, FixedBytes, Network, Slot};

use crate::{LeaseName, SubmissionKey};

#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Two networks on one server never meet.
    network: FixedBytes<8>,
}

impl Keys {
    pub(crate) fn new(network: &Network) -> Self {
        Self { network: FixedBytes::from_slice(&network.genesis_validators_root[..8]) }
    }

    /// Where notices are published.
    pub(crate) fn channel(&self) -> String {
        format!("headstart:{:x}:notices", self.network)
    }

    /// The stream of hints.
    pub(crate) fn hints(&self) -> String {
        format!("headstart:{:x}:hints", self.network)
    }

    /// What the store is called since it was last found empty.
    pub(crate) fn life(&self) -> String {
        format!("headstart:{:x}:life", self.network)
    }

    /// A hash: relay to its newest bid.
    pub(crate) fn bids(&self, key: &AuctionKey) -> String {
        format!("{}:bids:{:x}:{:x}", self.slot(key.slot), key.parent_hash.0, key.proposer.0)
    }

    /// A hash: block hash and relay to the auction in which that relay offered the block.
    pub(crate) fn origins(&self, slot: Slot) -> String {
        format!("{}:origins", self.slot(slot))
    }

    /// A hash: proposer to the root of the block of its that was forwarded first.
    pub(crate) fn guard(&self, slot: Slot) -> String {
        format!("{}:guard", self.slot(slot))
    }

    /// What matches every name that belongs to a slot.
    pub(crate) fn of_slots(&self) -> String {
        format!("{{headstart:{:x}:*", self.network)
    }

    /// The slot that this name of origins or of a guard belongs to; they alone do not expire.
    pub(crate) fn slot_of_provenance(&self, name: &str) -> Option<Slot> {
        let prefix = format!("{{headstart:{:x}:", self.network);
        let (slot, what) = name.strip_prefix(&prefix)?.split_once("}:")?;
        matches!(what, "origins" | "guard").then(|| slot.parse().ok().map(Slot))?
    }

    pub(crate) fn answer(&self, submission: &SubmissionKey) -> String {
        let SubmissionKey { slot, block_root, version } = submission;
        format!("{}:answer:{block_root:x}:{version}", self.slot(*slot))
    }

    pub(crate) fn lease(&self, name: &LeaseName) -> String {
        match name {
            LeaseName::Auction(key) => {
                format!("{}:lease:{:x}:{:x}", self.slot(key.slot), key.parent_hash.0, key.proposer.0)
            }
            LeaseName::Submission(SubmissionKey { slot, block_root, version }) => {
                format!("{}:lease:{block_root:x}:{version}", self.slot(*slot))
            }
        }
    }

    fn slot(&self, slot: Slot) -> String {
        format!("{{headstart:{:x}:{}}}", self.network, slot.0)
    }
}

#[cfg(test)]
mod tests {
    use headstart_types::{BlockHash, BlsPublicKey};

    use super::*;

    #[test]
    fn only_what_never_expires_is_found_by_its_slot() {
        let (keys, other) = (Keys::new(&Network::mainnet()), Keys::new(&Network::hoodi()));
        let slot = Slot(77);
        for name in [keys.origins(slot), keys.guard(slot)] {
            assert_eq!(keys.slot_of_provenance(&name), Some(slot), "{name}");
            assert!(name.starts_with(keys.of_slots().trim_end_matches('*')), "{name}");
            assert_eq!(other.slot_of_provenance(&name), None, "{name} is of another network");
        }
        let auction =
            AuctionKey { slot, parent_hash: BlockHash::default(), proposer: BlsPublicKey::default() };
        let strange = "{headstart:4b363db94e286120:77x}:origins".to_owned();
        for name in [keys.bids(&auction), keys.lease(&LeaseName::Auction(auction)), keys.hints(), strange] {
            assert_eq!(keys.slot_of_provenance(&name), None, "{name}");
        }
    }
}
