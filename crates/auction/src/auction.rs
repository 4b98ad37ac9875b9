use headstart_types::{AuctionKey, RelayId, Slot, UnixMillis};

use crate::{Answer, AskMoment, AskTurn, Tempo};

/// One auction's life: which relay to ask when, from arming to the cut-off.
#[derive(Clone, Debug)]
pub struct Auction {
    key: AuctionKey,
    slot_start: UnixMillis,
    turns: Vec<(RelayId, AskTurn)>,
    timing: Timing,
    /// Somebody waits for a bid: whatever else was expected, the moment of asking is this one.
    hurried_ms: Option<i64>,
    served_ms: Option<i64>,
    submitted: bool,
}

/// What clusters want of one auction; milliseconds relative to the slot's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// When the first of them is expected to ask.
    pub moment: AskMoment,
    /// From here on none of them is served.
    pub cutoff_ms: i64,
    /// For so long after the first header all of them are served the same again; 0 when one of them wants the best each
    /// time.
    pub sticky_ms: i64,
}

/// Ask this relay now; give up at `deadline`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub relay: RelayId,
    pub deadline: UnixMillis,
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

/// Asks are this far apart while nobody is expected to ask us.
const CALM_GAP_MS: i64 = 1_000;
/// After the first header was served others may still ask, and get the best of the moment: for so long, with such a gap.
const AFTER_SERVED_MS: i64 = 300;
const AFTER_SERVED_GAP_MS: i64 = 150;
/// The longest that a relay may take to answer.
const ASK_TIMEOUT_MS: i64 = 1_000;
/// A head-gated relay is asked this long before the slot even though the slot before it seems to have been missed.
pub(crate) const MISSED_SLOT_LEAD_MS: i64 = 500;

impl Auction {
    /// An auction whose slot starts at `slot_start`.
    pub fn new(
        key: AuctionKey,
        slot_start: UnixMillis,
        relays: impl IntoIterator<Item = (RelayId, AskTurn)>,
        timing: Timing,
    ) -> Self {
        let turns = relays.into_iter().collect();
        Self { key, slot_start, turns, timing, hurried_ms: None, served_ms: None, submitted: false }
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
        let (tempo, moment, quiet_until_ms) = (self.tempo(now_ms), self.moment(), self.quiet_until_ms());
        let head_has_come = self.head_has_come(head);
        let cutoff_ms = self.timing.cutoff_ms;
        let mut wake_ms = if now_ms < moment.early_ms { moment.early_ms } else { cutoff_ms };
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
            asks.push(Ask { relay: *relay, deadline, call: turn.calls() });
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
        self.slot_start + self.timing.cutoff_ms
    }

    /// Another process has asked this relay at that moment and got a bid: its calls count.
    pub fn asked_elsewhere(&mut self, relay: RelayId, at: UnixMillis) {
        let at_ms = self.ms_of(at);
        self.with_turn(relay, |turn| turn.asked_elsewhere(at_ms));
    }

    /// A beacon node asked and nothing is held: relays in their back-off are asked at once.
    pub fn hurry(&mut self, now: UnixMillis) {
        let now_ms = now - self.slot_start;
        self.hurried_ms = Some(now_ms);
        for (_, turn) in &mut self.turns {
            turn.hurry(now_ms);
        }
    }

    /// More is known of when clusters will ask.
    pub fn expect(&mut self, moment: AskMoment) {
        self.timing.moment = moment;
    }

    /// Every relay that allows it is asked once more at this instant: what would it have given?
    pub fn compare(&mut self, now: UnixMillis) {
        let now_ms = now - self.slot_start;
        self.turns.iter_mut().for_each(|(_, turn)| turn.call_for(now_ms));
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

    fn moment(&self) -> AskMoment {
        self.hurried_ms.map_or(self.timing.moment, AskMoment::at)
    }

    /// Far apart until a beacon node may ask, as often as policies allow from then on, and ever less often if none comes.
    fn tempo(&self, now_ms: i64) -> Tempo {
        let moment = self.moment();
        match self.served_ms {
            Some(served_ms) if now_ms < served_ms + AFTER_SERVED_MS => Tempo::every(AFTER_SERVED_GAP_MS),
            None if now_ms >= moment.early_ms => Tempo { gap_ms: 0, slackens_from_ms: moment.late_ms },
            _ => Tempo::every(CALM_GAP_MS),
        }
    }

    /// Until then a newer bid could be served to nobody.
    fn quiet_until_ms(&self) -> i64 {
        self.served_ms.filter(|_| self.timing.sticky_ms > 0).map_or(i64::MIN, |ms| ms + self.timing.sticky_ms)
    }
}

#[cfg(test)]
#[path = "auction_tests.rs"]
mod tests;
