use crate::CallPolicy;

/// What came of one ask, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A bid that was verified.
    Bid,
    /// A bid that was not believed; the next one may well be.
    Disbelieved,
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
}

/// Two asks may overlap, so that a slow relay's bids are not older than its round trip and one gap.
const IN_FLIGHT_MAX: u32 = 2;
const FIRST_BACKOFF_MS: i64 = 100;
const LONGEST_BACKOFF_MS: i64 = 2_000;
/// Whoever waits for a bid waits for asks that come within this time.
const WORTH_WAITING_MS: i64 = 300;

/// One relay's part in one auction: when it is asked next. Moments are milliseconds relative to the slot's start.
#[derive(Clone, Debug)]
pub struct AskTurn {
    policy: CallPolicy,
    calls: u32,
    in_flight: u32,
    last_asked_ms: Option<i64>,
    /// Our own back-off after failures; somebody who waits ends it.
    blocked_until_ms: i64,
    /// The relay's own wish (`Retry-After`), which nobody ends.
    rests_until_ms: i64,
    backoff_ms: i64,
    /// From an ask to its answer, as far as is known.
    round_trip_ms: i64,
    has_answered: bool,
    over: bool,
}

impl AskTurn {
    pub fn new(policy: CallPolicy, round_trip_ms: i64) -> Self {
        Self {
            policy,
            round_trip_ms,
            calls: 0,
            in_flight: 0,
            last_asked_ms: None,
            blocked_until_ms: i64::MIN,
            rests_until_ms: policy.first_ms,
            backoff_ms: FIRST_BACKOFF_MS,
            has_answered: false,
            over: false,
        }
    }

    /// The moment of the next ask when asks are to be `gap_ms` apart and one answer is to be here just before
    /// `answer_by_ms`; `None` when there is none to come, or when an answer must arrive first.
    pub fn next_ms(&self, gap_ms: i64, answer_by_ms: i64) -> Option<i64> {
        if self.over || self.calls >= self.policy.calls_max || self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let gap_ms = gap_ms.max(self.room_ms());
        let after_gap = self.last_asked_ms.map_or(i64::MIN, |last| last.saturating_add(gap_ms));
        let next = after_gap.max(self.blocked_until_ms).max(self.rests_until_ms);
        let aimed = answer_by_ms.saturating_sub(self.round_trip_ms);
        let next = if next < aimed && self.leaves_no_room(next, aimed) { aimed } else { next };
        (next <= self.policy.last_ms).then_some(next)
    }

    /// Whether an ask at `next` would keep the one at `aimed` from being made: then it waits and becomes that one.
    fn leaves_no_room(&self, next: i64, aimed: i64) -> bool {
        self.policy.is_one_shot() || next.saturating_add(self.room_ms()) > aimed
    }

    /// The least time between two asks: the policy's, and for a slow relay so much that asks in flight are spread evenly.
    fn room_ms(&self) -> i64 {
        self.policy.min_gap_ms.max(self.round_trip_ms / i64::from(IN_FLIGHT_MAX))
    }

    pub fn policy(&self) -> &CallPolicy {
        &self.policy
    }

    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// Whether nothing is in flight and the relay has been heard of, or will not be asked any more.
    pub fn is_settled(&self) -> bool {
        self.in_flight == 0 && (self.has_answered || self.next_ms(0, i64::MIN).is_none())
    }

    /// Someone waits for a bid now: our own back-off ends, the relay's limits do not. A relay that
    /// may be asked again soon counts as not heard yet, so that whoever waits gets its next answer and not its last one.
    pub fn hurry(&mut self, now_ms: i64) {
        self.blocked_until_ms = i64::MIN;
        let soon = |next_ms| next_ms <= now_ms.saturating_add(WORTH_WAITING_MS);
        if self.next_ms(0, i64::MIN).is_some_and(soon) {
            self.has_answered = false;
        }
    }

    pub fn asked(&mut self, now_ms: i64) {
        self.calls += 1;
        self.in_flight += 1;
        self.last_asked_ms = Some(now_ms);
    }

    pub fn answered(&mut self, now_ms: i64, answer: Answer) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.has_answered = true;
        match answer {
            Answer::Bid | Answer::Disbelieved | Answer::NoBid => self.backoff_ms = FIRST_BACKOFF_MS,
            Answer::TooEarly => {
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
mod tests {
    use super::*;

    /// No beacon node is expected.
    const NOBODY: i64 = i64::MIN;

    /// Plays a turn against a relay that answers after `rtt_ms`, and gives the moments of its asks.
    fn asks(policy: CallPolicy, gap_ms: i64, rtt_ms: i64, answer: impl Fn(i64) -> Answer) -> Vec<i64> {
        asks_for(NOBODY, policy, gap_ms, rtt_ms, answer)
    }

    /// The same when an answer is to be here by `answer_by_ms`.
    fn asks_for(
        answer_by_ms: i64,
        policy: CallPolicy,
        gap_ms: i64,
        rtt_ms: i64,
        answer: impl Fn(i64) -> Answer,
    ) -> Vec<i64> {
        let mut turn = AskTurn::new(policy, rtt_ms);
        let (mut asked, mut in_flight) = (Vec::new(), Vec::<i64>::new());
        for now in -4_000..4_000 {
            if in_flight.first().is_some_and(|sent| sent + rtt_ms == now) {
                in_flight.remove(0);
                turn.answered(now, answer(now));
            }
            if turn.next_ms(gap_ms, answer_by_ms).is_some_and(|next| next <= now) {
                turn.asked(now);
                asked.push(now);
                in_flight.push(now);
            }
        }
        asked
    }

    #[test]
    fn a_polling_relay_is_asked_from_its_first_moment_to_its_cut_off() {
        let asked = asks(CallPolicy::MEV_BOOST_RELAY, 500, 40, |_| Answer::Bid);
        assert_eq!(asked.first(), Some(&-2_500));
        assert_eq!(asked.last(), Some(&3_000));
        assert!(asked.windows(2).all(|pair| pair[1] - pair[0] == 500));
    }

    #[test]
    fn no_gap_is_shorter_than_the_policys() {
        let asked = asks(CallPolicy::BLOXROUTE, 1, 20, |_| Answer::NoBid);
        assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 150));
        assert_eq!(asked.len(), 30, "and its calls are counted");
    }

    #[test]
    fn a_one_shot_relay_is_asked_once_and_within_the_slot() {
        assert_eq!(asks(CallPolicy::ULTRASOUND, 50, 60, |_| Answer::Bid), [0]);
        let early_clock =
            asks(CallPolicy::ULTRASOUND, 50, 20, |now| if now < 90 { Answer::TooEarly } else { Answer::Bid });
        assert_eq!(early_clock.len(), 2, "a call refused as too early is made once more: {early_clock:?}");
    }

    #[test]
    fn a_relay_that_had_enough_is_left_alone() {
        let limited =
            |retry_after_ms| asks(CallPolicy::HELIX, 80, 10, move |_| Answer::RateLimited { retry_after_ms });
        assert_eq!(limited(None), [-2_500]);
        assert!(limited(Some(1_000)).windows(2).all(|pair| pair[1] - pair[0] >= 1_010));
        assert_eq!(asks(CallPolicy::HELIX, 80, 10, |_| Answer::TooLate), [-2_500]);
    }

    #[test]
    fn a_failing_relay_is_asked_ever_less_often_and_never_given_up() {
        let asked = asks(CallPolicy::MEV_BOOST_RELAY, 80, 10, |_| Answer::Failed);
        let gaps: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps[..4], [110, 210, 410, 810]);
        assert!(gaps[4..].iter().all(|gap| *gap == 1_610 || *gap == 2_010), "{gaps:?}");
    }

    #[test]
    fn a_hung_relay_has_two_asks_in_flight_and_no_more() {
        let asked = asks(CallPolicy::MEV_BOOST_RELAY, 80, 10_000, |_| Answer::Failed);
        assert_eq!(asked.len(), 2, "{asked:?}");
    }

    #[test]
    fn the_last_answer_before_the_beacon_node_asks_is_as_fresh_as_can_be() {
        for rtt_ms in [10, 40, 90, 160, 300] {
            for answer_by_ms in [0, 37, 170, 500] {
                let asked = asks_for(answer_by_ms, CallPolicy::MEV_BOOST_RELAY, 0, rtt_ms, |_| Answer::Bid);
                let newest =
                    asked.iter().map(|sent| sent + rtt_ms).filter(|answered| *answered <= answer_by_ms).max();
                assert_eq!(newest, Some(answer_by_ms), "round trip {rtt_ms}: {asked:?}");
            }
        }
    }

    #[test]
    fn a_one_shot_relays_only_ask_is_kept_for_the_beacon_node() {
        assert_eq!(asks_for(170, CallPolicy::ULTRASOUND, 0, 60, |_| Answer::Bid), [110]);
        assert_eq!(
            asks_for(20, CallPolicy::ULTRASOUND, 0, 60, |_| Answer::Bid),
            [0],
            "but never before the slot"
        );
    }

    #[test]
    fn whoever_waits_gets_the_next_answer_of_a_relay_that_may_be_asked_soon() {
        let settled_after_hurry = |policy: CallPolicy| {
            let mut turn = AskTurn::new(policy, 0);
            turn.asked(-1_000);
            turn.answered(-990, Answer::Failed);
            assert!(turn.is_settled());
            turn.hurry(-980);
            turn.is_settled()
        };
        assert!(!settled_after_hurry(CallPolicy::MEV_BOOST_RELAY), "asked again 70 ms later");
        assert!(settled_after_hurry(CallPolicy { min_gap_ms: 1_000, ..CallPolicy::MEV_BOOST_RELAY }));
        assert!(settled_after_hurry(CallPolicy { calls_max: 1, ..CallPolicy::MEV_BOOST_RELAY }));
    }

    #[test]
    fn nobody_hurries_a_relay_that_asked_for_rest() {
        let mut turn = AskTurn::new(CallPolicy::MEV_BOOST_RELAY, 0);
        turn.asked(-1_000);
        turn.answered(-990, Answer::RateLimited { retry_after_ms: Some(5_000) });
        turn.hurry(0);
        assert_eq!(turn.next_ms(0, i64::MIN), None, "its rest lasts beyond its cut-off");
    }

    #[test]
    fn a_bid_that_was_not_believed_costs_no_rest() {
        let asked = asks(CallPolicy::MEV_BOOST_RELAY, 0, 10, |_| Answer::Disbelieved);
        assert!(asked.windows(2).all(|pair| pair[1] - pair[0] == 80));
    }
}
