//! What a relay's streams change about asking it: a stream that brings bids takes the place of polls, and an announced top
//! bid brings the next poll forward.

use headstart_types::{RelayId, Slot, UnixMillis, Wei};

use crate::auction::{Auction, MISSED_SLOT_LEAD_MS};
use crate::{AskTurn, CallPolicy, Tempo};

/// A stream that has brought no bid for so long is polled beside: it may hang although its connection is there.
const SILENT_MS: i64 = 1_000;
const FIRST_BACKOFF_MS: i64 = 100;
const LONGEST_BACKOFF_MS: i64 = 2_000;
/// Connections for one auction, the first one included.
const OPENINGS_MAX: u32 = 16;

/// Why a stream could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamRefusal {
    /// The relay does not want it, or nobody can pay for it: not in this auction.
    NotAdmitted,
    /// The relay has had enough; after so many milliseconds it may admit us.
    RateLimited { retry_after_ms: Option<i64> },
    /// No answer, or one that may be another soon.
    Failed,
}

/// The streams to open now, and when to look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamsDue {
    pub relays: Vec<RelayId>,
    pub wake_at: Option<UnixMillis>,
}

/// The header stream and the announced top bids of one relay in one auction. Moments are milliseconds relative to the
/// slot's start.
#[derive(Clone, Debug)]
pub(crate) struct Streaming {
    stream: Stream,
    openings: u32,
    backoff_ms: i64,
    /// The relay's best bid has risen above the one that is held.
    risen: bool,
    /// Asks that were brought forward.
    brought_forward: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// There is none, or no further one in this auction.
    Off,
    Closed {
        open_at_ms: i64,
    },
    Opening,
    Open {
        /// When it last brought a bid that was believed.
        heard_ms: Option<i64>,
    },
}

impl Streaming {
    pub(crate) fn off() -> Self {
        Self {
            stream: Stream::Off,
            openings: 0,
            backoff_ms: FIRST_BACKOFF_MS,
            risen: false,
            brought_forward: 0,
        }
    }

    pub(crate) fn from(first_ms: i64) -> Self {
        Self { stream: Stream::Closed { open_at_ms: first_ms }, ..Self::off() }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.stream == Stream::Off
    }

    /// How soon the next poll follows: what has risen is asked for at the pace that the relay allows. Its burst is left to
    /// the asks that are aimed.
    pub(crate) fn tempo(&self, tempo: Tempo) -> Tempo {
        if self.risen { Tempo::DENSE } else { tempo }
    }

    /// The moment of the next poll, which without a stream would be `next_ms`; beside a silent one it is `beside_ms`. While the stream brings bids there is one
    /// poll, placed so that its answer is here just before a beacon node asks: whatever the stream has left out is then at
    /// hand too.
    pub(crate) fn place(
        &self,
        next_ms: i64,
        (allowed_ms, beside_ms): (i64, i64),
        aimed_ms: i64,
        last_asked_ms: Option<i64>,
    ) -> i64 {
        let Stream::Open { heard_ms: Some(heard_ms) } = self.stream else { return next_ms };
        // Whatever was not asked since it fell silent is asked for then.
        let silent_ms = heard_ms.saturating_add(SILENT_MS);
        let is_asked = last_asked_ms.is_some_and(|last| last >= silent_ms);
        let silent = silent_ms.max(if is_asked { next_ms } else { beside_ms });
        let is_aimed_asked = last_asked_ms.is_some_and(|last| last >= aimed_ms);
        if is_aimed_asked { silent } else { silent.min(aimed_ms.max(allowed_ms)) }
    }

    /// A poll is made: whatever has risen is known with its answer.
    pub(crate) fn asked(&mut self) {
        self.brought_forward += u32::from(std::mem::take(&mut self.risen));
    }

    /// No more than half of a relay's calls are brought forward, so that whoever announces without end does not use up
    /// those that are placed with care; a relay that answers once has none to spare.
    fn rose(&mut self, policy: &CallPolicy) {
        let is_heard = matches!(self.stream, Stream::Open { heard_ms: Some(_) });
        self.risen = !is_heard && self.brought_forward < policy.calls_max / 2;
    }

    fn open_at_ms(&self) -> Option<i64> {
        match self.stream {
            Stream::Closed { open_at_ms } => Some(open_at_ms),
            _ => None,
        }
    }

    fn opening(&mut self) {
        self.openings += 1;
        self.stream = Stream::Opening;
    }

    fn opened(&mut self) {
        self.stream = Stream::Open { heard_ms: None };
    }

    fn heard(&mut self, now_ms: i64) {
        self.stream = Stream::Open { heard_ms: Some(now_ms) };
        self.backoff_ms = FIRST_BACKOFF_MS;
        self.risen = false;
    }

    fn refused(&mut self, now_ms: i64, refusal: StreamRefusal) {
        match refusal {
            StreamRefusal::NotAdmitted | StreamRefusal::RateLimited { retry_after_ms: None } => {
                self.stream = Stream::Off;
            }
            StreamRefusal::RateLimited { retry_after_ms: Some(wait) } => {
                self.close(now_ms.saturating_add(wait.max(self.backoff_ms)));
            }
            StreamRefusal::Failed => self.lost(now_ms),
        }
    }

    fn lost(&mut self, now_ms: i64) {
        self.close(now_ms.saturating_add(self.backoff_ms));
        self.backoff_ms = (self.backoff_ms * 2).min(LONGEST_BACKOFF_MS);
    }

    fn close(&mut self, open_at_ms: i64) {
        self.stream = if self.openings < OPENINGS_MAX { Stream::Closed { open_at_ms } } else { Stream::Off };
    }
}

impl AskTurn {
    /// The relay has a header stream for this auction, to be opened as soon as it may be asked.
    #[must_use]
    pub fn with_stream(mut self) -> Self {
        self.streaming = Streaming::from(self.policy().first_ms);
        self
    }
}

impl Auction {
    /// Which streams to open now. `head` is the newest slot that has a block.
    pub fn streams_due(&mut self, now: UnixMillis, head: Option<Slot>) -> StreamsDue {
        let (now_ms, head_has_come) = (self.ms_of(now), self.head_has_come(head));
        let (mut relays, mut wake_ms) = (Vec::new(), None::<i64>);
        for (relay, turn) in self.turns_mut() {
            let (policy, Some(mut open_at_ms)) = (*turn.policy(), turn.streaming.open_at_ms()) else {
                continue;
            };
            if policy.head_required && !head_has_come {
                open_at_ms = open_at_ms.max(-MISSED_SLOT_LEAD_MS);
            }
            if now_ms > policy.last_ms {
                continue;
            }
            if open_at_ms <= now_ms {
                turn.streaming.opening();
                relays.push(*relay);
            } else {
                wake_ms = Some(wake_ms.map_or(open_at_ms, |wake| wake.min(open_at_ms)));
            }
        }
        StreamsDue { relays, wake_at: wake_ms.map(|ms| self.at_ms(ms)) }
    }

    /// The stream stands. Until it brings a bid the relay is polled as before.
    pub fn stream_opened(&mut self, relay: RelayId) {
        self.with_turn(relay, |turn| turn.streaming.opened());
    }

    /// The stream has brought a bid that was believed.
    pub fn stream_heard(&mut self, relay: RelayId, now: UnixMillis) {
        let now_ms = self.ms_of(now);
        self.with_turn(relay, |turn| {
            turn.streaming.heard(now_ms);
            turn.heard();
        });
    }

    pub fn stream_refused(&mut self, relay: RelayId, now: UnixMillis, refusal: StreamRefusal) {
        let now_ms = self.ms_of(now);
        self.with_turn(relay, |turn| turn.streaming.refused(now_ms, refusal));
    }

    /// The stream broke or fell silent: the relay is polled again at once, as its policy allows, and the stream is opened
    /// anew soon.
    pub fn stream_lost(&mut self, relay: RelayId, now: UnixMillis) {
        let now_ms = self.ms_of(now);
        self.with_turn(relay, |turn| {
            let has_brought_bids = matches!(turn.streaming.stream, Stream::Open { heard_ms: Some(_) });
            turn.streaming.lost(now_ms);
            // The only call of a relay that answers once is placed with care all the same.
            if has_brought_bids && !turn.policy().is_one_shot() {
                turn.call_for(now_ms);
            }
        });
    }

    /// All streams are given up: another process asks the relays now.
    pub fn leave_streams(&mut self, now: UnixMillis) {
        let now_ms = self.ms_of(now);
        for (_, turn) in self.turns_mut() {
            if matches!(turn.streaming.stream, Stream::Opening | Stream::Open { .. }) {
                turn.streaming.lost(now_ms);
            }
        }
    }

    /// The relay announces a top bid of this slot and parent; `held` is the value that we hold of it. When it is worth more,
    /// the relay's next poll is due as soon as its policy allows. Whether it is true is not known: nothing else follows.
    pub fn top_bid_rose(&mut self, relay: RelayId, announced: Wei, held: Option<Wei>) {
        if held.is_none_or(|held| announced > held) {
            self.with_turn(relay, |turn| {
                let policy = *turn.policy();
                turn.streaming.rose(&policy);
            });
        }
    }
}

#[cfg(test)]
#[path = "streaming_tests.rs"]
mod tests;
