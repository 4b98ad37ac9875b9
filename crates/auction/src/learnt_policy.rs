use std::collections::BTreeMap;

use headstart_types::{RelayId, Slot};

use crate::{Answer, CallPolicy};

/// What relays have refused so far, as changes of their call policies. A lesson loses half of its weight in so many slots:
/// relays change their minds, and whoever never tries again never notices.
#[derive(Clone, Debug, Default)]
pub struct LearntPolicies {
    relays: BTreeMap<RelayId, Lessons>,
}

const HALVED_IN_SLOTS: u64 = 150;
/// What a relay that refused an early ask may do so much later.
const LATER_MS: i64 = 100;
/// The longest gap that a `Retry-After` of one slot teaches.
const GAP_MAX_MS: i64 = 2_000;

#[derive(Clone, Debug, Default)]
struct Lessons {
    /// The earliest moment that is not refused.
    first_ms: Option<Lesson>,
    last_ms: Option<Lesson>,
    min_gap_ms: Option<Lesson>,
    calls_max: Option<Lesson>,
    /// The slot in which an ask was refused as too early: the next one that is not tells when the relay opens.
    refused_early_in: Option<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Lesson {
    value: i64,
    learnt_in: Slot,
}

/// One ask and what came of it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub slot: Slot,
    /// When the relay was asked, in milliseconds relative to the slot's start.
    pub at_ms: i64,
    /// Asks of this auction that the relay has got, this one included.
    pub call: u32,
    pub answer: Answer,
}

impl LearntPolicies {
    /// The policy that holds for a relay in `slot`: the one it was given, moved by what it refused.
    pub fn policy(&self, relay: RelayId, given: CallPolicy, slot: Slot) -> CallPolicy {
        let Some(lessons) = self.relays.get(&relay) else { return given };
        let calls_max = i64::from(given.calls_max);
        let calls_max = moved(lessons.calls_max, calls_max, slot).clamp(1, calls_max);
        CallPolicy {
            first_ms: moved(lessons.first_ms, given.first_ms, slot).max(given.first_ms),
            last_ms: moved(lessons.last_ms, given.last_ms, slot).min(given.last_ms),
            min_gap_ms: moved(lessons.min_gap_ms, given.min_gap_ms, slot).max(given.min_gap_ms),
            calls_max: u32::try_from(calls_max).unwrap_or(given.calls_max),
            ..given
        }
    }

    pub fn answered(&mut self, relay: RelayId, asked: Asked) {
        let Asked { slot, at_ms, call, answer } = asked;
        let lesson = |value| Some(Lesson { value, learnt_in: slot });
        let is_refusal = matches!(answer, Answer::TooEarly | Answer::TooLate | Answer::RateLimited { .. });
        if !is_refusal && !self.relays.contains_key(&relay) {
            return;
        }
        let lessons = self.relays.entry(relay).or_default();
        match answer {
            Answer::TooEarly => {
                lessons.refused_early_in = Some(slot);
                lessons.first_ms = lesson(at_ms + LATER_MS);
            }
            // Before the slot it says nothing of the relay's cut-off: its head has moved on.
            Answer::TooLate if at_ms > 0 => lessons.last_ms = lesson(at_ms - LATER_MS),
            Answer::RateLimited { retry_after_ms: Some(wait_ms) } => {
                lessons.min_gap_ms = lesson(wait_ms.clamp(0, GAP_MAX_MS));
            }
            // The first call of a slot was refused because of somebody else's.
            Answer::RateLimited { retry_after_ms: None } if call > 1 => {
                lessons.calls_max = lesson(i64::from(call) - 1);
            }
            Answer::Bid | Answer::NoBid if lessons.refused_early_in == Some(slot) => {
                lessons.refused_early_in = None;
                lessons.first_ms = lesson(at_ms);
            }
            _ => {}
        }
    }
}

/// Where a lesson has moved a value to by now.
fn moved(lesson: Option<Lesson>, given: i64, slot: Slot) -> i64 {
    let Some(Lesson { value, learnt_in }) = lesson else { return given };
    let halvings = slot.0.saturating_sub(learnt_in.0) / HALVED_IN_SLOTS;
    // Beyond ten halvings there is nothing left of any lesson.
    given + ((value - given) >> halvings.min(10)) * i64::from(halvings < 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELAY: RelayId = RelayId(7);

    fn ask(slot: u64, at_ms: i64, call: u32, answer: Answer) -> Asked {
        Asked { slot: Slot(slot), at_ms, call, answer }
    }

    fn learnt(asks: &[Asked]) -> LearntPolicies {
        let mut policies = LearntPolicies::default();
        for asked in asks {
            policies.answered(RELAY, *asked);
        }
        policies
    }

    fn policy(policies: &LearntPolicies, slot: u64) -> CallPolicy {
        policies.policy(RELAY, CallPolicy::MEV_BOOST_RELAY, Slot(slot))
    }

    #[test]
    fn a_relay_that_refuses_nothing_keeps_its_policy() {
        let policies = learnt(&[ask(5, -2_500, 1, Answer::Bid), ask(5, 0, 2, Answer::NoBid)]);
        assert_eq!(policy(&policies, 6), CallPolicy::MEV_BOOST_RELAY);
    }

    #[test]
    fn a_relay_that_opens_late_is_asked_from_when_it_first_answered() {
        let refused = [ask(5, -2_500, 1, Answer::TooEarly), ask(5, -1_500, 1, Answer::TooEarly)];
        assert_eq!(policy(&learnt(&refused), 6).first_ms, -1_400);
        let opened = [refused[0], refused[1], ask(5, -480, 1, Answer::NoBid), ask(5, 20, 2, Answer::Bid)];
        assert_eq!(policy(&learnt(&opened), 6).first_ms, -480);
    }

    #[test]
    fn a_relay_that_has_enough_after_some_calls_gets_no_more_of_them() {
        let enough = Answer::RateLimited { retry_after_ms: None };
        assert_eq!(policy(&learnt(&[ask(5, 20, 4, enough)]), 6).calls_max, 3);
        assert_eq!(policy(&learnt(&[ask(5, 20, 1, enough)]), 6), CallPolicy::MEV_BOOST_RELAY, "not for ours");
        let wait = Answer::RateLimited { retry_after_ms: Some(700) };
        assert_eq!(policy(&learnt(&[ask(5, 20, 4, wait)]), 6).min_gap_ms, 700);
    }

    #[test]
    fn a_cut_off_is_learnt_within_the_slot_only() {
        assert_eq!(policy(&learnt(&[ask(5, 1_800, 9, Answer::TooLate)]), 6).last_ms, 1_700);
        assert_eq!(policy(&learnt(&[ask(5, -800, 2, Answer::TooLate)]), 6).last_ms, 3_000);
    }

    #[test]
    fn what_was_learnt_fades() {
        let policies = learnt(&[ask(1_000, -500, 1, Answer::TooEarly)]);
        let first_ms = |slot| policy(&policies, slot).first_ms;
        assert_eq!((first_ms(1_149), first_ms(1_150), first_ms(1_300)), (-400, -1_450, -1_975));
        assert_eq!(first_ms(1_000_000), -2_500);
    }

    #[test]
    fn absurd_waits_and_moments_do_no_harm() {
        let wait = Answer::RateLimited { retry_after_ms: Some(i64::MAX) };
        let policies = learnt(&[ask(5, 0, 9, wait), ask(5, -8_000, 1, Answer::TooEarly)]);
        assert_eq!(policy(&policies, 5).min_gap_ms, GAP_MAX_MS);
        assert_eq!(policy(&policies, 5).first_ms, -2_500, "a policy is never widened");
    }
}
