//! Property: whatever a relay answers and whenever, its asks keep to its policy.

use headstart_auction::{Answer, AskMoment, AskTurn, CallPolicy, RoundTrip, Tempo};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
struct Step {
    /// Milliseconds until the next look.
    wait_ms: i64,
    /// What comes of the oldest ask in flight, if anything does.
    answer: Option<Answer>,
    hurry: bool,
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::Bid),
        2 => Just(Answer::NoBid),
        1 => Just(Answer::Disbelieved),
        1 => Just(Answer::TooEarly),
        1 => Just(Answer::TooLate),
        1 => prop::option::of(0_i64..2_000).prop_map(|retry_after_ms| Answer::RateLimited { retry_after_ms }),
        1 => Just(Answer::UnknownProposer),
        1 => Just(Answer::Refused),
        1 => Just(Answer::Failed),
        1 => Just(Answer::Postponed),
        1 => Just(Answer::NotAsked),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_i64..200, prop::option::weighted(0.7, answer()), prop::bool::weighted(0.1));
    prop::collection::vec(step.prop_map(|(wait_ms, answer, hurry)| Step { wait_ms, answer, hurry }), 1..120)
}

fn policy() -> impl Strategy<Value = CallPolicy> {
    prop::sample::select(CallPolicy::PRESETS.map(|(_, policy)| policy).to_vec())
}

proptest! {
    #[test]
    fn asks_keep_to_the_policy_whatever_comes(
        policy in policy(),
        steps in steps(),
        round_trip_ms in 0_i64..400,
        early_ms in -500_i64..1_000,
        spread_ms in 0_i64..200,
        gap_ms in 0_i64..600,
    ) {
        let mut turn = AskTurn::new(policy, RoundTrip::steady(round_trip_ms));
        let moment = AskMoment { early_ms, likely_ms: early_ms, late_ms: early_ms + spread_ms };
        let tempo = Tempo { gap_ms, slackens_from_ms: moment.late_ms };
        let (mut now_ms, mut in_flight, mut refused_early) = (-3_000, 0_u32, 0);
        let (mut asked, mut rests_until) = (Vec::<i64>::new(), i64::MIN);
        for step in steps {
            now_ms += step.wait_ms;
            if let (Some(answer), true) = (step.answer, in_flight > 0) {
                in_flight -= 1;
                turn.answered(now_ms, answer);
                let counts = !matches!(answer, Answer::TooEarly | Answer::Postponed | Answer::NotAsked);
                refused_early += u32::from(!counts);
                if let Answer::RateLimited { retry_after_ms } = answer {
                    rests_until = retry_after_ms.map_or(i64::MAX, |wait| now_ms + wait);
                }
            }
            if step.hurry {
                turn.hurry(now_ms);
            }
            if turn.next_ms(tempo, Some(&moment)).is_some_and(|next| next <= now_ms) && now_ms <= policy.last_ms {
                turn.asked(now_ms);
                in_flight += 1;
                prop_assert!(now_ms >= policy.first_ms, "asked at {} before the first moment", now_ms);
                prop_assert!(now_ms >= rests_until, "asked at {} although it rests until {}", now_ms, rests_until);
                prop_assert!(in_flight <= 2 + policy.burst, "at most two asks and a burst are in flight");
                asked.push(now_ms);
                for (before, first) in asked.iter().rev().enumerate() {
                    let passed = i64::from(policy.burst) + (now_ms - first) / policy.min_gap_ms;
                    prop_assert!(i64::try_from(before).unwrap() < passed, "{:?} is more than it lets pass", asked);
                }
            }
        }
        prop_assert!(turn.calls() <= policy.calls_max);
        // A call that was refused as too early does not count: the relay did not either.
        let counted = u32::try_from(asked.len()).unwrap_or(u32::MAX) - refused_early;
        prop_assert_eq!(turn.calls(), counted);
    }
}
