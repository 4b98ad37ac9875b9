use std::collections::BTreeMap;

use headstart_types::{BlsPublicKey, Epoch, Root, Slot, ValidatorIndex};

/// Who proposes one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duty {
    pub slot: Slot,
    pub proposer: BlsPublicKey,
    pub validator_index: ValidatorIndex,
}

/// The two dependent roots of a head: a schedule fetched under others may be void. Which of the two an epoch's schedule
/// depends on differs between the versions of the beacon API, so both count.
pub type DependentRoots = [Root; 2];

/// The proposer schedule as beacon nodes tell it, epoch by epoch, each with the dependent roots it was fetched under.
#[derive(Clone, Debug, Default)]
pub struct Duties {
    epochs: BTreeMap<Epoch, EpochDuties>,
}

#[derive(Clone, Debug)]
struct EpochDuties {
    under: DependentRoots,
    by_slot: BTreeMap<Slot, Duty>,
}

impl Duties {
    /// Takes an epoch's schedule; whether it differs from what was known.
    pub fn set(
        &mut self,
        epoch: Epoch,
        under: DependentRoots,
        duties: impl IntoIterator<Item = Duty>,
    ) -> bool {
        let by_slot: BTreeMap<_, _> = duties.into_iter().map(|duty| (duty.slot, duty)).collect();
        let changed = self.epochs.get(&epoch).is_none_or(|known| known.by_slot != by_slot);
        self.epochs.insert(epoch, EpochDuties { under, by_slot });
        changed
    }

    /// Whether the epoch's schedule must be fetched: it is unknown, or the head's dependent roots are others by now.
    pub fn is_stale(&self, epoch: Epoch, head: DependentRoots) -> bool {
        self.epochs.get(&epoch).is_none_or(|known| known.under != head)
    }

    /// Whether any schedule of the epoch is known, stale or not.
    pub fn knows(&self, epoch: Epoch) -> bool {
        self.epochs.contains_key(&epoch)
    }

    pub fn at(&self, slot: Slot) -> Option<&Duty> {
        self.epochs.values().find_map(|epoch| epoch.by_slot.get(&slot))
    }

    /// Whoever is known to propose in `slot` or later.
    pub fn proposers_from(&self, slot: Slot) -> impl Iterator<Item = BlsPublicKey> {
        self.epochs.values().flat_map(move |epoch| epoch.by_slot.range(slot..)).map(|(_, duty)| duty.proposer)
    }

    /// Whether `proposer` is due in `slot`; `None` when the schedule of that slot is unknown.
    pub fn is_due(&self, slot: Slot, proposer: &BlsPublicKey) -> Option<bool> {
        self.at(slot).map(|duty| duty.proposer == *proposer)
    }

    /// Forgets the epochs before `epoch`.
    pub fn forget_before(&mut self, epoch: Epoch) {
        self.epochs = self.epochs.split_off(&epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duty(slot: u64, proposer: u8) -> Duty {
        let proposer = BlsPublicKey([proposer; 48].into());
        Duty { slot: Slot(slot), proposer, validator_index: ValidatorIndex(slot) }
    }

    #[test]
    fn a_schedule_is_fetched_again_when_its_dependent_roots_change() {
        let (roots, others) = ([Root::repeat_byte(1); 2], [Root::repeat_byte(1), Root::repeat_byte(2)]);
        let mut duties = Duties::default();
        assert!(duties.is_stale(Epoch(1), roots));
        assert!(duties.set(Epoch(1), roots, [duty(32, 1)]));
        assert!(!duties.is_stale(Epoch(1), roots));
        assert!(duties.is_stale(Epoch(1), others) && duties.knows(Epoch(1)) && !duties.knows(Epoch(2)));
        assert!(!duties.set(Epoch(1), others, [duty(32, 1)]), "the same schedule is no change");
        assert!(duties.set(Epoch(1), others, [duty(32, 2)]));
    }

    #[test]
    fn an_unknown_slot_says_nothing_about_its_proposer() {
        let mut duties = Duties::default();
        duties.set(Epoch(1), DependentRoots::default(), [duty(32, 1)]);
        assert_eq!(duties.is_due(Slot(32), &duty(0, 1).proposer), Some(true));
        assert_eq!(duties.is_due(Slot(32), &duty(0, 2).proposer), Some(false));
        assert_eq!(duties.is_due(Slot(33), &duty(0, 1).proposer), None);
        assert_eq!(duties.proposers_from(Slot(32)).count(), 1);
        assert_eq!(duties.proposers_from(Slot(33)).count(), 0);
        duties.forget_before(Epoch(2));
        assert_eq!(duties.at(Slot(32)), None);
    }
}
