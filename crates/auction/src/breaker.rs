use headstart_types::{Network, UnixMillis};

/// So many failures in a row open a breaker, if they last long enough: a relay that restarts is not left alone for it.
const FAILURES: u32 = 5;
const FAILING_MS: i64 = 3_000;
const FIRST_REST_MS: i64 = 1_000;
const LONGEST_REST_MS: i64 = 120_000;
/// How long it counts that another process found the relay away.
const TOLD_FOR_MS: i64 = 60_000;
/// A probe whose outcome is never told is given up, and another one made.
const PROBE_TIMEOUT_MS: i64 = 15_000;
/// From this part of a slot before its start…
const CRITICAL_BEFORE_PARTS: i64 = 24;
/// …to this part of it after, nobody tries what may fail: −500 ms to +2 s of a slot of 12 s.
const CRITICAL_AFTER_PARTS: i64 = 6;

/// Keeps one operation of one relay from being tried again and again while it fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaker {
    state: State,
    failures: u32,
    failing_since: UnixMillis,
    /// How often it opened since the last success.
    rests: u32,
    /// Until then another process's word counts.
    told_until: UnixMillis,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: UnixMillis,
        /// The relay was heard on another matter.
        is_vouched_for: bool,
    },
    /// One attempt is under way, and decides.
    HalfOpen { since: UnixMillis },
}

impl Breaker {
    /// Whether to make an attempt now. In a critical moment an open breaker lets no probe through, unless the relay is
    /// known to be back.
    pub fn lets_through(&mut self, now: UnixMillis, is_critical: bool) -> bool {
        let may_probe = match self.state {
            State::Closed => return true,
            State::Open { until, is_vouched_for } => now >= until && (is_vouched_for || !is_critical),
            State::HalfOpen { since } => now >= since + PROBE_TIMEOUT_MS && !is_critical,
        };
        if may_probe {
            self.state = State::HalfOpen { since: now };
        }
        may_probe
    }

    /// The relay answered, whatever it said. Whether this closed the breaker.
    pub fn answered(&mut self) -> bool {
        let was_open = self.is_open();
        *self = Self::default();
        was_open
    }

    /// The relay is well on another matter: the next attempt at this one may be made at any moment.
    pub fn vouched(&mut self) {
        if let State::Open { is_vouched_for, .. } = &mut self.state {
            *is_vouched_for = true;
        }
    }

    /// Whether a probe would be made if the relay were known to be back.
    pub fn wants_vouching(&self, now: UnixMillis) -> bool {
        matches!(self.state, State::Open { until, is_vouched_for: false } if now >= until)
    }

    /// No connection, no answer in time, or a failure of the relay's own. Whether this opened the breaker.
    pub fn failed(&mut self, now: UnixMillis) -> bool {
        if self.failures == 0 {
            self.failing_since = now;
        }
        self.failures = self.failures.saturating_add(1);
        match self.state {
            State::Closed if self.has_failed_enough(now) => {
                self.open(now);
                true
            }
            State::HalfOpen { .. } => {
                self.open(now);
                false
            }
            // What was under way when it opened says nothing new.
            State::Closed | State::Open { .. } => false,
        }
    }

    fn has_failed_enough(&self, now: UnixMillis) -> bool {
        let by_itself = self.failures >= FAILURES && now - self.failing_since >= FAILING_MS;
        by_itself || now < self.told_until
    }

    /// Another process has left the relay alone. That alone opens nothing, for the fault may lie there: but the next
    /// failure here does.
    pub fn told_elsewhere(&mut self, now: UnixMillis) {
        self.told_until = now + TOLD_FOR_MS;
    }

    /// Opens whatever was before: the relay is known to be away.
    pub fn open(&mut self, now: UnixMillis) {
        let rest_ms = FIRST_REST_MS.saturating_mul(1 << self.rests.min(20)).min(LONGEST_REST_MS);
        self.rests = self.rests.saturating_add(1);
        self.state = State::Open { until: now + rest_ms, is_vouched_for: false };
    }

    /// Open, or trying whether it may close.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }
}

/// Whether headers of a slot are asked for about now: no time for experiments.
pub fn is_critical(now: UnixMillis, network: &Network) -> bool {
    let slot_ms = i64::try_from(network.slot_duration_ms).unwrap_or(i64::MAX);
    let slot = network.slot_at(now);
    let after = now - network.slot_start(slot);
    let before = network.slot_start(slot.next()) - now;
    // Before genesis there is no slot to be careful of but the first.
    (0..slot_ms / CRITICAL_AFTER_PARTS).contains(&after) || before <= slot_ms / CRITICAL_BEFORE_PARTS
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
