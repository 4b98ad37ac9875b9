use headstart_types::{AuctionKey, RelayId, Slot, UnixMillis};

use crate::{Answer, AskTurn};

/// One auction's life: which relay to ask when, from arming to the cut-off.
#[derive(Clone, Debug)]
pub struct Auction {
    key: AuctionKey,
    slot_start: UnixMillis,
    turns: Vec<(RelayId, AskTurn)>,
    /// When beacon nodes are expected to ask, relative to the slot's start.
    expected_ask_ms: i64,
    cutoff_ms: i64,
    served_ms: Option<i64>,
    submitted: bool,
}

/// Ask this relay now; give up at `deadline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub relay: RelayId,
    pub deadline: UnixMillis,
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

/// Asks are this far apart while nobody is expected to ask us.
const CALM_GAP_MS: i64 = 500;
/// The focus begins this long before the expected getHeader.
const FOCUS_LEAD_MS: i64 = 250;
/// The focus ends this long after the first header was served: other operators of the cluster ask too.
const FOCUS_AFTER_SERVED_MS: i64 = 300;
/// Without any getHeader the focus ends this long after the expected one.
const FOCUS_AFTER_EXPECTED_MS: i64 = 1_500;
/// The longest that a relay may take to answer.
const ASK_TIMEOUT_MS: i64 = 1_000;
/// A head-gated relay is asked this long before the slot even though the slot before it seems to have been missed.
const MISSED_SLOT_LEAD_MS: i64 = 500;

impl Auction {
    /// `slot_start` and all moments are wall-clock; `expected_ask_ms` and `cutoff_ms` count from the slot's start.
    pub fn new(
        key: AuctionKey,
        slot_start: UnixMillis,
        relays: impl IntoIterator<Item = (RelayId, AskTurn)>,
        expected_ask_ms: i64,
        cutoff_ms: i64,
    ) -> Self {
        let turns = relays.into_iter().collect();
        Self { key, slot_start, turns, expected_ask_ms, cutoff_ms, served_ms: None, submitted: false }
    }

    pub fn key(&self) -> &AuctionKey {
        &self.key
    }

    /// The asks that are due and the next moment to decide. `head` is the newest slot that has a block.
    pub fn decide(&mut self, now: UnixMillis, head: Option<Slot>) -> Decision {
        let now_ms = now - self.slot_start;
        if self.submitted || now_ms >= self.cutoff_ms {
            return Decision { closed: true, ..Decision::default() };
        }
        let gap_ms = self.gap_ms(now_ms);
        let focus_begins = self.focus_begins_ms();
        let head_has_come = head.is_some_and(|head| head.next() >= self.key.slot);
        let mut wake_ms = if now_ms < focus_begins { focus_begins } else { self.cutoff_ms };
        let mut asks = Vec::new();
        for (relay, turn) in &mut self.turns {
            let Some(mut next_ms) = turn.next_ms(gap_ms, self.expected_ask_ms) else { continue };
            if turn.policy().head_required && !head_has_come {
                next_ms = next_ms.max(-MISSED_SLOT_LEAD_MS);
            }
            if next_ms > now_ms {
                wake_ms = wake_ms.min(next_ms);
                continue;
            }
            turn.asked(now_ms);
            asks.push(Ask { relay: *relay, deadline: now + ASK_TIMEOUT_MS.min(self.cutoff_ms - now_ms) });
            if let Some(next_ms) = turn.next_ms(gap_ms, self.expected_ask_ms) {
                wake_ms = wake_ms.min(next_ms);
            }
        }
        Decision { asks, wake_at: Some(self.slot_start + wake_ms), closed: false }
    }

    pub fn answered(&mut self, relay: RelayId, now: UnixMillis, answer: Answer) {
        let now_ms = now - self.slot_start;
        if let Some((_, turn)) = self.turns.iter_mut().find(|(id, _)| *id == relay) {
            turn.answered(now_ms, answer);
        }
    }

    /// A beacon node asked and nothing is held: relays in their back-off are asked at once.
    pub fn hurry(&mut self, now: UnixMillis) {
        let now_ms = now - self.slot_start;
        self.expected_ask_ms = self.expected_ask_ms.min(now_ms);
        for (_, turn) in &mut self.turns {
            turn.hurry(now_ms);
        }
    }

    /// A header of this auction was served for the first time.
    pub fn served(&mut self, now: UnixMillis) {
        self.served_ms.get_or_insert(now - self.slot_start);
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

    fn focus_begins_ms(&self) -> i64 {
        self.expected_ask_ms - FOCUS_LEAD_MS
    }

    /// Fast around the moment of asking, calm before and after it.
    fn gap_ms(&self, now_ms: i64) -> i64 {
        let focus_ends = match self.served_ms {
            Some(served) => served + FOCUS_AFTER_SERVED_MS,
            None => self.expected_ask_ms + FOCUS_AFTER_EXPECTED_MS,
        };
        if (self.focus_begins_ms()..focus_ends).contains(&now_ms) { 0 } else { CALM_GAP_MS }
    }
}

#[cfg(test)]
#[path = "auction_tests.rs"]
mod tests;
