use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use headstart_types::Slot;

/// How many calls to relays each cluster has caused in each slot.
#[derive(Clone, Debug, Default)]
pub struct AskQuota {
    slots: BTreeMap<Slot, Used>,
}

#[derive(Clone, Debug, Default)]
struct Used {
    calls: BTreeMap<Arc<str>, u32>,
    told: BTreeSet<Arc<str>>,
}

/// Who pays for a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charge {
    /// `None`: nobody can, so it must not be made.
    pub payer: Option<Arc<str>>,
    /// Clusters met on the way that have nothing left in this slot, each told once.
    pub exhausted: Vec<Arc<str>>,
}

impl AskQuota {
    /// Charges one call of an auction of `slot` to the first of these clusters that has any left; each comes with what it
    /// may cause in a slot. However many clusters want the call, it is made and paid for once.
    pub fn charge<'a>(
        &mut self,
        slot: Slot,
        clusters: impl IntoIterator<Item = (&'a Arc<str>, u32)>,
    ) -> Charge {
        let used = self.slots.entry(slot).or_default();
        let mut charge = Charge::default();
        for (cluster, quota) in clusters {
            let calls = used.calls.entry(Arc::clone(cluster)).or_default();
            if *calls < quota {
                *calls += 1;
                charge.payer = Some(Arc::clone(cluster));
                break;
            }
            if used.told.insert(Arc::clone(cluster)) {
                charge.exhausted.push(Arc::clone(cluster));
            }
        }
        charge
    }

    pub fn forget_before(&mut self, slot: Slot) {
        self.slots = self.slots.split_off(&slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_cluster_pays_until_it_has_nothing_left_and_then_the_next() {
        let (alpha, beta): (Arc<str>, Arc<str>) = (Arc::from("alpha"), Arc::from("beta"));
        let mut quota = AskQuota::default();
        let payers: Vec<_> = (0..6)
            .map(|_| quota.charge(Slot(1), [(&alpha, 2), (&beta, 3)]))
            .map(|charge| (charge.payer, charge.exhausted))
            .collect();
        let by = |cluster: &Arc<str>| (Some(Arc::clone(cluster)), vec![]);
        assert_eq!(payers[..2], [by(&alpha), by(&alpha)]);
        assert_eq!(payers[2], (Some(Arc::clone(&beta)), vec![Arc::clone(&alpha)]), "told once");
        assert_eq!(payers[3..5], [by(&beta), by(&beta)]);
        assert_eq!(payers[5], (None, vec![Arc::clone(&beta)]));
        assert_eq!(quota.charge(Slot(2), [(&alpha, 2)]), Charge { payer: Some(alpha), exhausted: vec![] });
    }

    #[test]
    fn nobody_pays_for_what_nobody_wants_and_slots_are_forgotten() {
        let alpha: Arc<str> = Arc::from("alpha");
        let mut quota = AskQuota::default();
        assert_eq!(quota.charge(Slot(1), []), Charge::default());
        assert!(quota.charge(Slot(1), [(&alpha, 1)]).payer.is_some());
        quota.forget_before(Slot(2));
        assert!(quota.slots.is_empty());
    }
}
