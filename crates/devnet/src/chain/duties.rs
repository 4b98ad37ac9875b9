use headstart_types::{BlsPublicKey, Epoch, Root, Slot, ValidatorIndex};

use super::{Chain, Duty};

const STRANGERS: usize = 16;
const FIRST_STRANGER: u64 = 1_000_000;

/// The proposers of an epoch and the block root that they depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duties {
    pub epoch: Epoch,
    pub dependent_root: Root,
    pub duties: Vec<Duty>,
}

/// Keys of proposers that belong to no cluster.
pub(super) fn strangers(seed: u64) -> Vec<BlsPublicKey> {
    crate::keys(!seed, STRANGERS).iter().map(headstart_types::SecretKey::public_key).collect()
}

impl Chain {
    /// Who proposes in `slot`.
    pub fn duty(&self, slot: Slot) -> Duty {
        let epoch = self.network().epoch(slot);
        let set = self
            .state()
            .set_duties
            .get(&epoch)
            .and_then(|set| set.duties.iter().find(|duty| duty.slot == slot).copied());
        set.unwrap_or_else(|| self.seeded_duty(slot))
    }

    /// Whether one of the simulated clusters proposes in `slot`.
    pub fn is_ours(&self, slot: Slot) -> bool {
        let proposer = self.duty(slot).pubkey;
        self.0.config.validators.iter().any(|(_, pubkey)| *pubkey == proposer)
    }

    /// The duties of `epoch` as the first version of the endpoint tells them: dependent on the block before the epoch.
    pub fn duties(&self, epoch: Epoch) -> Duties {
        self.duties_depending_on(epoch, epoch)
    }

    /// The duties of `epoch` as the second version tells them: fixed one epoch earlier (EIP-7917).
    pub fn duties_v2(&self, epoch: Epoch) -> Duties {
        self.duties_depending_on(epoch, Epoch(epoch.0.saturating_sub(1)))
    }

    fn duties_depending_on(&self, epoch: Epoch, fixed_before: Epoch) -> Duties {
        let first = self.network().first_slot(epoch).0;
        let duties =
            (first..first + self.network().slots_per_epoch).map(|slot| self.duty(Slot(slot))).collect();
        let set_root = self.state().set_duties.get(&epoch).and_then(|set| set.dependent_root);
        Duties { epoch, duties, dependent_root: set_root.unwrap_or_else(|| self.root_before(fixed_before)) }
    }

    /// The root of the last block before `epoch`; the head's while that is still to come.
    pub(super) fn root_before(&self, epoch: Epoch) -> Root {
        let last_slot = self.network().first_slot(epoch).previous();
        self.state().canonical_at(last_slot).root
    }

    fn seeded_duty(&self, slot: Slot) -> Duty {
        let inner = &self.0;
        let seed = inner.seed.with_slot(slot).with_bytes(b"proposer");
        let ours = !inner.config.validators.is_empty() && seed.happens(inner.config.ours_per_mille);
        let pick = |len: usize| usize::try_from(seed.with_bytes(b"pick").within(0..len as u64)).unwrap_or(0);
        let (validator_index, pubkey) = if ours {
            inner.config.validators[pick(inner.config.validators.len())]
        } else {
            let stranger = pick(inner.strangers.len());
            (ValidatorIndex(FIRST_STRANGER + stranger as u64), inner.strangers[stranger])
        };
        Duty { slot, validator_index, pubkey }
    }
}
