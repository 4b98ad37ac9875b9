use std::collections::BTreeMap;

use headstart_types::{AuctionKey, BlsPublicKey, RelayId, Slot, UnixMillis};

use crate::{CallPolicy, TokenBucket};

/// What each relay lets pass, over all auctions and clusters: they all come from one address.
///
/// One auction alone keeps to its policy by itself. Here those that overlap share what there is, and those that nobody
/// vouches for leave half of it to the others.
#[derive(Clone, Debug, Default)]
pub struct CallBudgets {
    relays: BTreeMap<RelayId, Budget>,
    /// For which of a proposer's auctions a relay that answers once a slot was asked.
    one_shots: BTreeMap<Slot, BTreeMap<(RelayId, BlsPublicKey), AuctionKey>>,
}

#[derive(Clone, Debug)]
struct Budget {
    all: TokenBucket,
    unvouched: TokenBucket,
}

impl CallBudgets {
    /// Takes one call of a relay with that policy; whether there was one left.
    pub fn spend(&mut self, relay: RelayId, policy: &CallPolicy, is_vouched: bool, now: UnixMillis) -> bool {
        let (calls, half) = (policy.address_calls_per_s, policy.address_calls_per_s.div_ceil(2));
        let budget = self.relays.entry(relay).or_insert_with(|| Budget {
            all: TokenBucket::new(calls, calls),
            unvouched: TokenBucket::new(half, half),
        });
        budget.all.set(calls, calls);
        budget.unvouched.set(half, half);
        (is_vouched || budget.unvouched.take(now, 1).is_ok()) && budget.all.take(now, 1).is_ok()
    }

    /// Whether a relay that answers once a slot may be asked for this auction: it has one call, however many parents the
    /// slot has.
    pub fn spend_only_call(&mut self, relay: RelayId, key: &AuctionKey) -> bool {
        let of_slot = self.one_shots.entry(key.slot).or_default();
        of_slot.entry((relay, key.proposer)).or_insert(*key) == key
    }

    pub fn forget_before(&mut self, slot: Slot) {
        self.one_shots = self.one_shots.split_off(&slot);
    }
}

#[cfg(test)]
mod tests {
    use headstart_types::BlockHash;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
    const RELAY: RelayId = RelayId(1);
    const HELIX: CallPolicy = CallPolicy::HELIX;

    #[test]
    fn auctions_that_overlap_share_what_a_relay_lets_pass() {
        let mut budgets = CallBudgets::default();
        let mut passed_at = |ms| budgets.spend(RELAY, &HELIX, true, NOW + ms);
        assert_eq!((0..20).filter(|_| passed_at(0)).count(), 10);
        assert_eq!((1..=1_000).filter(|ms| passed_at(*ms)).count(), 10);
    }

    #[test]
    fn auctions_that_nobody_vouches_for_leave_half_of_it() {
        let mut budgets = CallBudgets::default();
        assert_eq!((0..20).filter(|_| budgets.spend(RELAY, &HELIX, false, NOW)).count(), 5);
        assert_eq!((0..20).filter(|_| budgets.spend(RELAY, &HELIX, true, NOW)).count(), 5);
    }

    #[test]
    fn the_only_call_of_a_slot_is_one_auctions() {
        let key = |slot, parent| AuctionKey {
            slot: Slot(slot),
            parent_hash: BlockHash([parent; 32].into()),
            proposer: BlsPublicKey::default(),
        };
        let mut budgets = CallBudgets::default();
        assert!(budgets.spend_only_call(RELAY, &key(5, 1)));
        assert!(!budgets.spend_only_call(RELAY, &key(5, 2)), "the other parent's auction goes without");
        assert!(budgets.spend_only_call(RELAY, &key(5, 1)), "a call that came too early is made again");
        assert!(budgets.spend_only_call(RelayId(2), &key(5, 2)));
        assert!(budgets.spend_only_call(RELAY, &key(6, 2)));
        budgets.forget_before(Slot(6));
        assert_eq!(budgets.one_shots.len(), 1);
    }

    #[test]
    fn relays_do_not_use_up_each_others_budget() {
        let mut budgets = CallBudgets::default();
        while budgets.spend(RELAY, &HELIX, true, NOW) {}
        assert!(budgets.spend(RelayId(2), &HELIX, true, NOW));
    }
}
