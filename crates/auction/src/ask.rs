use crate::streaming::Streaming;
use crate::{AskMoment, CallPolicy, RoundTrip};

/// What came of one ask, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A bid that was verified.
    Bid,
    /// A bid that was not believed; the next one may well be.
    Disbelieved,
    /// A bid that nobody has looked at, because the relay's answer to a later ask came before its turn.
    Overtaken,
    /// The relay has no bid (yet).
    NoBid,
    /// The relay answers later: this slot has not begun for it, or its head is behind.
    TooEarly,
    /// The relay answers no more for this slot.
    TooLate,
    /// The relay has had enough; after so many milliseconds it may answer again.
    RateLimited { retry_after_ms: Option<i64> },
    /// The relay does not know the validator.
    UnknownProposer,
    /// Any other refusal.
    Refused,
    /// No answer in time, or the connection broke.
    Failed,
    /// It was not asked: what it lets pass over all auctions is used up for the moment.
    Postponed,
    /// It was not asked: it is left alone, or nobody asks who trusts it. That may change within the slot.
    NotAsked,
}

impl Answer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Disbelieved => "disbelieved",
            Self::Overtaken => "overtaken",
            Self::NoBid => "no_bid",
            Self::TooEarly => "too_early",
            Self::TooLate => "too_late",
            Self::RateLimited { .. } => "rate_limited",
            Self::UnknownProposer => "unknown_proposer",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Postponed => "postponed",
            Self::NotAsked => "not_asked",
        }
    }
}

/// How asks follow one another while no beacon node is just about to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempo {
    /// The least time between two asks; the relay's policy may want more.
    pub gap_ms: i64,
    /// From this moment on asks come ever less often: each waits half as long again as the one before it.
    pub slackens_from_ms: i64,
}

/// Two asks may overlap, so that a slow relay's bids are not older than its round trip and one gap.
const IN_FLIGHT_MAX: u32 = 2;
/// Answers that come closer together than this bring nothing new.
const LANDINGS_APART_MS: i64 = 1;
/// The first answer is here this long before the span in which a beacon node is expected: should it come a little earlier
/// than ever before, it finds that one.
const AHEAD_MS: i64 = 8;
/// A calm ask this close before the last one is left out.
const CALM_LAST_MS: i64 = 750;
const FIRST_BACKOFF_MS: i64 = 100;
const LONGEST_BACKOFF_MS: i64 = 2_000;
/// Whoever waits for a bid waits for asks that come within this time.
const WORTH_WAITING_MS: i64 = 300;
/// A call that was postponed is tried again so much later.
const POSTPONED_MS: i64 = 100;
/// The least that a relay is given to answer in.
const ANSWERS_WITHIN_MIN_MS: i64 = 100;

/// One relay's part in one auction: when it is asked next. Moments are milliseconds relative to the slot's start.
#[derive(Clone, Debug)]
pub struct AskTurn {
    policy: CallPolicy,
    calls: u32,
    in_flight: u32,
    last_asked_ms: Option<i64>,
    /// When the asks so far are paid for at the policy's gap; a burst runs into debt of so many gaps.
    paid_at_ms: i64,
    /// Our own back-off after failures; somebody who waits ends it.
    blocked_until_ms: i64,
    /// The relay's own wish (`Retry-After`), which nobody ends.
    rests_until_ms: i64,
    backoff_ms: i64,
    /// From an ask to its answer, as far as is known.
    round_trip: RoundTrip,
    /// Something says that an ask at this moment is worth its call.
    called_for_ms: Option<i64>,
    has_answered: bool,
    over: bool,
    pub(crate) streaming: Streaming,
}

impl Tempo {
    /// As often as policies allow.
    pub const DENSE: Self = Self::every(0);

    pub const fn every(gap_ms: i64) -> Self {
        Self { gap_ms, slackens_from_ms: i64::MAX }
    }

    fn gap_after(&self, last_ms: i64) -> i64 {
        let slack_ms = last_ms.saturating_sub(self.slackens_from_ms) / 2;
        self.gap_ms.max(slack_ms)
    }
}

impl AskTurn {
    pub fn new(policy: CallPolicy, round_trip: RoundTrip) -> Self {
        Self {
            policy,
            round_trip,
            calls: 0,
            in_flight: 0,
            last_asked_ms: None,
            paid_at_ms: i64::MIN,
            blocked_until_ms: i64::MIN,
            rests_until_ms: policy.first_ms,
            backoff_ms: FIRST_BACKOFF_MS,
            called_for_ms: None,
            has_answered: false,
            over: false,
            streaming: Streaming::off(),
        }
    }

    /// The moment of the next ask, so that answers are here when a beacon node asks around `moment` and come at `tempo`
    /// before and after it; `None` when there is none to come, or when an answer must arrive first.
    pub fn next_ms(&self, tempo: Tempo, moment: Option<&AskMoment>) -> Option<i64> {
        if self.over || self.calls >= self.policy.calls_max {
            return None;
        }
        let (tempo, allowed_ms) = (self.streaming.tempo(tempo), self.allowed_ms());
        let calm_ms = self.calm_ms(tempo).max(allowed_ms);
        let aimed_ms = moment.and_then(|moment| self.aimed_ms(moment, calm_ms));
        let next_ms = aimed_ms.map_or(calm_ms, |aimed_ms| aimed_ms.max(allowed_ms));
        let next_ms = moment.map_or(next_ms, |moment| {
            let aimed_ms = moment.early_ms.saturating_sub(self.round_trip.likely_ms);
            // The only call of a relay that answers once is placed with care all the same.
            let beside_ms = if self.policy.is_one_shot() { next_ms } else { allowed_ms };
            self.streaming.place(next_ms, (allowed_ms, beside_ms), aimed_ms, self.last_asked_ms)
        });
        let next_ms = self.called_for_ms.map_or(next_ms, |called| next_ms.min(called.max(allowed_ms)));
        let is_aimed = aimed_ms.is_some() || self.is_called_for();
        let in_flight_max = if is_aimed { IN_FLIGHT_MAX + self.policy.burst } else { IN_FLIGHT_MAX };
        (self.in_flight < in_flight_max && next_ms <= self.policy.last_ms).then_some(next_ms)
    }

    /// The first moment at which neither the policy's gap nor a back-off is in the way.
    fn allowed_ms(&self) -> i64 {
        let debt_ms = self.policy.min_gap_ms * i64::from(self.policy.burst.max(1) - 1);
        self.paid_at_ms.saturating_sub(debt_ms).max(self.blocked_until_ms).max(self.rests_until_ms)
    }

    /// The moment of the next ask when nobody is about to ask us. What the policy lets pass in a burst is not for this.
    fn calm_ms(&self, tempo: Tempo) -> i64 {
        let gap_ms = |last_ms| tempo.gap_after(last_ms).max(self.room_ms());
        self.last_asked_ms.map_or(i64::MIN, |last_ms| last_ms.saturating_add(gap_ms(last_ms)))
    }

    /// The ask that is aimed at the moment; `None` when a calm one may come first, or the moment has passed.
    ///
    /// The last calm one is brought so close that what it used up is there again for those that are aimed: whoever comes
    /// before it is expected then finds a bid that is not old.
    fn aimed_ms(&self, moment: &AskMoment, calm_ms: i64) -> Option<i64> {
        let mut asks = self.aimed_asks(moment);
        let (first_ms, room_ms) = (self.first_aimed_ms(moment), self.room_ms());
        if let Some(last_ms) = self.last_asked_ms.filter(|last_ms| *last_ms >= first_ms) {
            return asks.find(|ask_ms| *ask_ms > last_ms);
        }
        let spares_calls = asks.count() < usize::try_from(self.policy.calls_max - self.calls).unwrap_or(0);
        let last_calm_ms = first_ms.saturating_sub(room_ms);
        let earliest_ms = self.last_asked_ms.map_or(i64::MIN, |last_ms| last_ms.saturating_add(room_ms));
        if !spares_calls || earliest_ms > last_calm_ms {
            return Some(first_ms);
        }
        let is_the_last = calm_ms.saturating_add(CALM_LAST_MS) > last_calm_ms;
        is_the_last.then_some(last_calm_ms)
    }

    fn first_aimed_ms(&self, moment: &AskMoment) -> i64 {
        let ahead_ms = if self.policy.burst > 1 { AHEAD_MS } else { 0 };
        moment.early_ms.saturating_sub(ahead_ms).saturating_sub(self.round_trip.likely_ms)
    }

    /// As many asks as the policy lets pass in a burst: the first to be here before the beacon node may ask in all
    /// likelihood, the others spread over the time in which it may ask, so that the newest is never much older than the
    /// getHeader.
    fn aimed_asks(&self, moment: &AskMoment) -> impl Iterator<Item = i64> + use<> {
        let AskMoment { early_ms, late_ms, .. } = *moment;
        let (spread_ms, mean_ms) = (late_ms.saturating_sub(early_ms).max(0), self.round_trip.mean_ms);
        let others = (spread_ms / LANDINGS_APART_MS + 1).min(i64::from(self.policy.burst) - 1).max(0);
        let spread = (0..others)
            .map(move |turn| early_ms.saturating_add(spread_ms * turn / others).saturating_sub(mean_ms));
        std::iter::once(self.first_aimed_ms(moment)).chain(spread)
    }

    /// The least time between two asks that are not aimed: the policy's, and for a slow relay so much that asks in flight
    /// are spread evenly.
    fn room_ms(&self) -> i64 {
        self.policy.min_gap_ms.max(self.round_trip.likely_ms / i64::from(IN_FLIGHT_MAX))
    }

    pub fn policy(&self) -> &CallPolicy {
        &self.policy
    }

    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// How long the relay takes to answer, generously.
    pub(crate) fn answers_within_ms(&self) -> i64 {
        self.round_trip.likely_ms.max(ANSWERS_WITHIN_MIN_MS)
    }

    /// Whether the policy, back-offs and the relay's own wishes let another ask pass by then.
    pub(crate) fn allows_by(&self, ms: i64) -> bool {
        !self.over && self.calls < self.policy.calls_max && self.allowed_ms() <= ms
    }

    /// Whether nothing is in flight and the relay has been heard of, or will not be asked any more.
    pub fn is_settled(&self) -> bool {
        self.in_flight == 0 && (self.has_answered || self.next_ms(Tempo::DENSE, None).is_none())
    }

    /// An ask is worth its call at this moment, if the policy allows one.
    pub fn call_for(&mut self, now_ms: i64) {
        self.called_for_ms = Some(now_ms);
    }

    pub fn is_called_for(&self) -> bool {
        self.called_for_ms.is_some()
    }

    /// Someone waits for a bid now: our own back-off ends, the relay's limits do not. A relay that
    /// may be asked again soon counts as not heard yet, so that whoever waits gets its next answer and not its last one.
    pub fn hurry(&mut self, now_ms: i64) {
        self.blocked_until_ms = i64::MIN;
        let soon = |next_ms| next_ms <= now_ms.saturating_add(WORTH_WAITING_MS);
        if self.next_ms(Tempo::DENSE, None).is_some_and(soon) {
            self.has_answered = false;
        }
    }

    pub fn asked(&mut self, now_ms: i64) {
        self.calls += 1;
        self.in_flight += 1;
        self.note_ask(now_ms);
        self.streaming.asked();
    }

    /// The relay has given a bid without being asked.
    pub(crate) fn heard(&mut self) {
        self.has_answered = true;
    }

    /// Another process has asked at that moment, and was answered.
    pub fn asked_elsewhere(&mut self, at_ms: i64) {
        if self.last_asked_ms.is_none_or(|last| last < at_ms) {
            // What a stream brought there has used up no call.
            self.calls += u32::from(self.streaming.is_off());
            self.note_ask(at_ms);
            self.has_answered = true;
        }
    }

    fn note_ask(&mut self, at_ms: i64) {
        self.last_asked_ms = Some(at_ms);
        self.paid_at_ms = self.paid_at_ms.max(at_ms).saturating_add(self.policy.min_gap_ms);
        self.called_for_ms = None;
    }

    pub fn answered(&mut self, now_ms: i64, answer: Answer) {
        self.in_flight = self.in_flight.saturating_sub(1);
        // Whoever waits for a bid waits on for a relay that will be asked again in a moment.
        let is_soon = answer == Answer::TooEarly && self.backoff_ms < WORTH_WAITING_MS;
        self.has_answered |= !is_soon && answer != Answer::Postponed;
        match answer {
            Answer::Bid | Answer::Disbelieved | Answer::Overtaken | Answer::NoBid => {
                self.backoff_ms = FIRST_BACKOFF_MS;
            }
            Answer::Postponed => {
                self.calls = self.calls.saturating_sub(1);
                self.blocked_until_ms = now_ms.saturating_add(POSTPONED_MS);
            }
            Answer::TooEarly | Answer::NotAsked => {
                // A refused call does not use up the slot's only one.
                self.calls = self.calls.saturating_sub(1);
                self.block(now_ms);
            }
            Answer::TooLate | Answer::RateLimited { retry_after_ms: None } => self.over = true,
            Answer::RateLimited { retry_after_ms: Some(wait) } => {
                self.rests_until_ms = now_ms.saturating_add(wait);
            }
            Answer::UnknownProposer => {
                self.backoff_ms = LONGEST_BACKOFF_MS;
                self.block(now_ms);
            }
            Answer::Refused | Answer::Failed => self.block(now_ms),
        }
    }

    fn block(&mut self, now_ms: i64) {
        self.blocked_until_ms = now_ms.saturating_add(self.backoff_ms);
        self.backoff_ms = (self.backoff_ms * 2).min(LONGEST_BACKOFF_MS);
    }
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
