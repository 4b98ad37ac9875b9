use std::sync::Arc;

use headstart_types::{AuctionKey, RelayId, Slot, UnixMillis};

use crate::interest::Interests;
use crate::{Answer, AskMoment, AskTurn, Interest};

/// One auction's life: which relay to ask when, from arming to the cut-off.
#[derive(Clone, Debug)]
pub struct Auction {
    key: AuctionKey,
    slot_start: UnixMillis,
    turns: Vec<(RelayId, AskTurn)>,
    interests: Interests,
    /// From here on no cluster is served.
    cutoff_ms: i64,
    submitted: bool,
}

/// Ask this relay now; give up at `deadline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub relay: RelayId,
    pub deadline: UnixMillis,
    /// How long the relay may hold its answer back for better bids, in milliseconds: an answer that comes later than it
    /// was aimed at is worth little, unless somebody waits for it.
    pub hold_ms: u64,
    /// Asks of this auction that the relay has got with this one.
    pub call: u32,
}

/// What to do now, and when to decide again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub asks: Vec<Ask>,
    /// Decide again at this moment or at the next answer, whichever is first; `None`: at the next answer.
    pub wake_at: Option<UnixMillis>,
    /// Nothing is left to do: the slot's headers are over, or its block is signed.
    pub closed: bool,
}

/// The longest that a relay may take to answer.
const ASK_TIMEOUT_MS: i64 = 1_000;
/// How long a relay may hold its answer back while somebody waits who gives up after nine tenths of a second.
const HOLD_WHILE_WAITED_FOR_MS: i64 = 800;
/// A comparison tells what a relay would have given at an instant; an ask that may only be made later does not.
const COMPARED_WITHIN_MS: i64 = 25;
/// A head-gated relay is asked this long before the slot even though the slot before it seems to have been missed.
pub(crate) const MISSED_SLOT_LEAD_MS: i64 = 500;

impl Auction {
    /// An auction whose slot starts at `slot_start`, and of which nobody is served from `cutoff_ms` after that on.
    pub fn new(
        key: AuctionKey,
        slot_start: UnixMillis,
        relays: impl IntoIterator<Item = (RelayId, AskTurn)>,
        cutoff_ms: i64,
    ) -> Self {
        let (turns, interests) = (relays.into_iter().collect(), Interests::default());
        Self { key, slot_start, turns, interests, cutoff_ms, submitted: false }
    }

    pub fn key(&self) -> &AuctionKey {
        &self.key
    }

    /// The asks that are due and the next moment to decide. `head` is the newest slot that has a block.
    pub fn decide(&mut self, now: UnixMillis, head: Option<Slot>) -> Decision {
        if self.is_over(now) {
            return Decision { closed: true, ..Decision::default() };
        }
        let now_ms = now - self.slot_start;
        let (tempo, moment) = (self.interests.tempo(now_ms), self.interests.moment(now_ms));
        let quiet_until_ms = self.interests.quiet_until_ms();
        let (head_has_come, is_waited_for) = (self.head_has_come(head), self.interests.anybody_waits(now_ms));
        let cutoff_ms = self.cutoff_ms;
        let mut wake_ms = self.interests.changes_at_ms(now_ms).map_or(cutoff_ms, |ms| ms.min(cutoff_ms));
        let mut asks = Vec::new();
        for (relay, turn) in &mut self.turns {
            let Some(mut next_ms) = turn.next_ms(tempo, Some(&moment)) else { continue };
            if !turn.is_called_for() {
                next_ms = next_ms.max(quiet_until_ms);
            }
            if turn.policy().head_required && !head_has_come {
                next_ms = next_ms.max(-MISSED_SLOT_LEAD_MS);
            }
            if next_ms > now_ms {
                wake_ms = wake_ms.min(next_ms);
                continue;
            }
            // A stream that is lost, or a top bid that has risen, makes an ask due that could have been made before.
            if now_ms > turn.policy().last_ms {
                continue;
            }
            turn.asked(now_ms);
            let deadline = now + ASK_TIMEOUT_MS.min(cutoff_ms - now_ms);
            let hold_ms = if is_waited_for { HOLD_WHILE_WAITED_FOR_MS } else { turn.answers_within_ms() };
            asks.push(Ask { relay: *relay, deadline, hold_ms: hold_ms.unsigned_abs(), call: turn.calls() });
            if let Some(next_ms) = turn.next_ms(tempo, Some(&moment)) {
                wake_ms = wake_ms.min(next_ms.max(now_ms + 1));
            }
        }
        Decision { asks, wake_at: Some(self.slot_start + wake_ms), closed: false }
    }

    pub fn answered(&mut self, relay: RelayId, now: UnixMillis, answer: Answer) {
        let now_ms = self.ms_of(now);
        self.with_turn(relay, |turn| turn.answered(now_ms, answer));
    }

    /// Whether the auction closes whatever is held: the slot's headers are over, or its block is signed.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        self.submitted || now >= self.closes_at()
    }

    /// When the slot's headers are over.
    pub fn closes_at(&self) -> UnixMillis {
        self.slot_start + self.cutoff_ms
    }

    /// Another process has asked this relay at that moment and got a bid: its calls count.
    pub fn asked_elsewhere(&mut self, relay: RelayId, at: UnixMillis) {
        let at_ms = self.ms_of(at);
        self.with_turn(relay, |turn| turn.asked_elsewhere(at_ms));
    }

    /// A beacon node of the cluster asked and nothing is held for it: relays in their back-off are asked at once.
    pub fn hurry(&mut self, cluster: &Arc<str>, now: UnixMillis) {
        let now_ms = now - self.slot_start;
        self.interests.waits(cluster, now_ms);
        for (_, turn) in &mut self.turns {
            turn.hurry(now_ms);
        }
    }

    /// More is known of what a cluster wants, and when it will ask.
    pub fn expect(&mut self, cluster: &Arc<str>, interest: Interest) {
        self.interests.expect(cluster, interest);
    }

    /// Every relay that allows it is asked once more at this instant: what would it have given?
    pub fn compare(&mut self, now: UnixMillis) {
        let now_ms = now - self.slot_start;
        let turns = self.turns.iter_mut().map(|(_, turn)| turn);
        turns
            .filter(|turn| turn.allows_by(now_ms + COMPARED_WITHIN_MS))
            .for_each(|turn| turn.call_for(now_ms));
    }

    /// When answers are to be here, by what is known at `now`.
    pub fn aims_at(&self, now: UnixMillis) -> AskMoment {
        self.interests.moment(now - self.slot_start)
    }

    /// When each cluster was last served another header than before.
    pub fn served(&mut self, served: impl Fn(&str) -> Option<UnixMillis>) {
        let slot_start = self.slot_start;
        self.interests.served(|cluster| served(cluster).map(|at| at - slot_start));
    }

    /// The proposer has signed: whatever relays would still bid is too late.
    pub fn submitted(&mut self) {
        self.submitted = true;
    }

    /// Whether every relay has been heard and none is being asked: waiting for a bid is idle.
    pub fn is_settled(&self) -> bool {
        self.turns.iter().all(|(_, turn)| turn.is_settled())
    }

    /// Calls made so far, over all relays.
    pub fn calls(&self) -> u32 {
        self.turns.iter().map(|(_, turn)| turn.calls()).sum()
    }

    pub fn relays(&self) -> usize {
        self.turns.len()
    }

    pub(crate) fn turns_mut(&mut self) -> impl Iterator<Item = &mut (RelayId, AskTurn)> {
        self.turns.iter_mut()
    }

    pub(crate) fn with_turn(&mut self, relay: RelayId, change: impl FnOnce(&mut AskTurn)) {
        if let Some((_, turn)) = self.turns.iter_mut().find(|(id, _)| *id == relay) {
            change(turn);
        }
    }

    /// Milliseconds relative to the slot's start.
    pub(crate) fn ms_of(&self, at: UnixMillis) -> i64 {
        at - self.slot_start
    }

    pub(crate) fn at_ms(&self, ms: i64) -> UnixMillis {
        self.slot_start + ms
    }

    pub(crate) fn head_has_come(&self, head: Option<Slot>) -> bool {
        head.is_some_and(|head| head.next() >= self.key.slot)
    }
}

#[cfg(test)]
#[path = "auction_tests.rs"]
mod tests;
