use headstart_types::{Network, Outcome, Slot, UnixMillis};

use crate::AskedAt;

/// A miss is answered this many milliseconds after the first acceptable bid has come; until then other relays may answer.
const MISS_GRACE_MS: i64 = 50;
/// Of the grace this much is left for the answer: a timer wakes late, and the answer has to go out.
const GRACE_MARGIN_MS: i64 = 3;
/// The longest that a beacon node is kept waiting: their own limit is one second.
const LONGEST_WAIT_MS: i64 = 900;
/// The answer leaves this long before the caller gives up.
const ANSWER_MARGIN_MS: i64 = 25;
/// Headers may be asked for this many slots ahead.
const SLOTS_AHEAD: u64 = 1;
/// Nobody who is about to propose asks longer before the slot than this.
pub(crate) const EARNEST_FROM_MS: i64 = -500;

impl AskedAt {
    /// A getHeader for `slot` that is answered at `now`.
    pub fn new(now: UnixMillis, network: &Network, slot: Slot) -> Self {
        Self { now, earnest_from: network.slot_start(slot) + EARNEST_FROM_MS }
    }
}

/// Whether a header of `slot` may be served at `now` at all: neither past the cut-off nor far ahead.
pub fn may_serve(now: UnixMillis, network: &Network, slot: Slot, cutoff_ms: i64) -> Result<(), Outcome> {
    if slot.0 > network.slot_at(now).0.saturating_add(SLOTS_AHEAD) {
        return Err(Outcome::TooEarly);
    }
    if now - network.slot_start(slot) >= cutoff_ms {
        return Err(Outcome::TooLate);
    }
    Ok(())
}

/// When a miss must be answered: before the caller gives up, and never past the cut-off.
///
/// `timeout_ms` is the caller's own `X-Timeout-Ms`, counted from `now`.
pub fn header_deadline(
    now: UnixMillis,
    network: &Network,
    slot: Slot,
    cutoff_ms: i64,
    timeout_ms: Option<i64>,
) -> UnixMillis {
    let patience = timeout_ms.unwrap_or(LONGEST_WAIT_MS).clamp(0, LONGEST_WAIT_MS);
    let answer_by = now + (patience - ANSWER_MARGIN_MS).max(0);
    answer_by.min(network.slot_start(slot) + cutoff_ms)
}

/// Until when a miss waits for better bids once there is one to serve. The other relays were asked at the same moment, so it
/// counts from when that bid came: what verifying it took is not added.
pub fn grace_ends(came_at: UnixMillis, deadline: UnixMillis) -> UnixMillis {
    deadline.min(came_at + (MISS_GRACE_MS - GRACE_MARGIN_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: Slot = Slot(13_165_563);

    fn at(offset_ms: i64) -> UnixMillis {
        Network::mainnet().slot_start(SLOT) + offset_ms
    }

    #[test]
    fn headers_are_served_from_the_slot_before_to_the_cut_off() {
        let served = |offset_ms| may_serve(at(offset_ms), &Network::mainnet(), SLOT, 2_000);
        assert_eq!(served(-12_001), Err(Outcome::TooEarly));
        assert_eq!(served(-12_000), Ok(()));
        assert_eq!(served(1_999), Ok(()));
        assert_eq!(served(2_000), Err(Outcome::TooLate));
    }

    #[test]
    fn an_absurd_slot_is_too_early_and_does_not_overflow() {
        assert_eq!(may_serve(at(0), &Network::mainnet(), Slot(u64::MAX), 2_000), Err(Outcome::TooEarly));
    }

    #[test]
    fn a_miss_is_answered_before_the_caller_gives_up_and_before_the_cut_off() {
        let deadline =
            |offset_ms, timeout| header_deadline(at(offset_ms), &Network::mainnet(), SLOT, 2_000, timeout);
        assert_eq!(deadline(100, None), at(975));
        assert_eq!(deadline(100, Some(400)), at(475));
        assert_eq!(
            deadline(100, Some(60_000)),
            at(975),
            "nobody is kept waiting longer than a beacon node waits"
        );
        assert_eq!(deadline(100, Some(-5)), at(100));
        assert_eq!(deadline(1_900, None), at(2_000));
    }

    #[test]
    fn other_relays_are_waited_for_from_when_the_first_bid_came_and_never_past_the_deadline() {
        assert_eq!(grace_ends(at(100), at(975)), at(147));
        assert_eq!(grace_ends(at(950), at(975)), at(975));
    }
}
