use super::*;

/// No beacon node is expected.
const NOBODY: Option<AskMoment> = None;

/// Plays a turn against a relay that answers after `rtt_ms`, and gives the moments of its asks.
fn asks(policy: CallPolicy, gap_ms: i64, rtt_ms: i64, answer: impl Fn(i64) -> Answer) -> Vec<i64> {
    asks_for(NOBODY, policy, gap_ms, rtt_ms, answer)
}

/// The same when a beacon node is expected around `moment`.
fn asks_for(
    moment: Option<AskMoment>,
    policy: CallPolicy,
    gap_ms: i64,
    rtt_ms: i64,
    answer: impl Fn(i64) -> Answer,
) -> Vec<i64> {
    let mut turn = AskTurn::new(policy, RoundTrip::steady(rtt_ms));
    let (mut asked, mut in_flight) = (Vec::new(), Vec::<i64>::new());
    for now in -4_000..4_000 {
        if in_flight.first().is_some_and(|sent| sent + rtt_ms == now) {
            in_flight.remove(0);
            turn.answered(now, answer(now));
        }
        if turn.next_ms(Tempo::every(gap_ms), moment.as_ref()).is_some_and(|next| next <= now) {
            turn.asked(now);
            asked.push(now);
            in_flight.push(now);
        }
    }
    asked
}

#[test]
fn a_one_shot_relay_that_another_process_has_asked_is_not_asked_again() {
    let mut turn = AskTurn::new(CallPolicy::ULTRASOUND, RoundTrip::steady(40));
    assert!(turn.next_ms(Tempo::DENSE, NOBODY.as_ref()).is_some());
    turn.asked_elsewhere(10);
    turn.asked_elsewhere(10);
    assert_eq!((turn.calls(), turn.next_ms(Tempo::DENSE, NOBODY.as_ref())), (1, None));
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
        for asked_ms in [0, 37, 170, 500, 1_100] {
            let moment = Some(AskMoment::at(asked_ms));
            let asked = asks_for(moment, CallPolicy::MEV_BOOST_RELAY, 1_000, rtt_ms, |_| Answer::Bid);
            let newest =
                asked.iter().map(|sent| sent + rtt_ms).filter(|answered| *answered <= asked_ms).max();
            assert_eq!(newest, Some(asked_ms), "round trip {rtt_ms}: {asked:?}");
        }
    }
}

#[test]
fn answers_are_spread_over_the_time_in_which_a_beacon_node_may_ask() {
    let moment = AskMoment { early_ms: 160, likely_ms: 172, late_ms: 184 };
    let asked = asks_for(Some(moment), CallPolicy::MEV_BOOST_RELAY, 1_000, 40, |_| Answer::Bid);
    let landed: Vec<_> = asked.iter().map(|sent| sent + 40).filter(|ms| (100..190).contains(ms)).collect();
    assert_eq!(landed, [152, 160, 166, 172, 178], "a burst of five, and none where it helps nobody");
    let before: Vec<_> = asked.iter().filter(|sent| **sent < 112).collect();
    assert_eq!(before, [&-2_500, &-1_500, &32], "the last one is not old, and leaves the burst whole");
}

#[test]
fn a_relay_without_bursts_is_aimed_at_the_earliest_moment_and_then_asked_at_its_gap() {
    let moment = AskMoment { early_ms: 160, likely_ms: 172, late_ms: 184 };
    let asked = asks_for(Some(moment), CallPolicy::BLOXROUTE, 100, 40, |_| Answer::Bid);
    assert!(asked.contains(&120), "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 150), "{asked:?}");
}

#[test]
fn a_burst_leaves_no_more_behind_than_the_relays_rate_limit_lets_pass() {
    let moment = AskMoment { early_ms: -40, likely_ms: 0, late_ms: 60 };
    for policy in [CallPolicy::MEV_BOOST_RELAY, CallPolicy::AESTUS, CallPolicy::BLOXROUTE] {
        let asked = asks_for(Some(moment), policy, 0, 30, |_| Answer::Bid);
        for (place, first) in asked.iter().enumerate() {
            for (further, later) in asked[place..].iter().enumerate() {
                let allowed = i64::from(policy.burst) + (later - first) / policy.min_gap_ms;
                assert!(i64::try_from(further).unwrap() < allowed, "{policy:?}: {asked:?}");
            }
        }
    }
}

#[test]
fn asks_come_ever_less_often_when_the_beacon_node_does_not_come() {
    let mut turn = AskTurn::new(CallPolicy::MEV_BOOST_RELAY, RoundTrip::steady(40));
    let (tempo, moment) = (Tempo { gap_ms: 0, slackens_from_ms: 0 }, AskMoment::at(0));
    let mut asked = Vec::new();
    while let Some(next_ms) = turn.next_ms(tempo, Some(&moment)) {
        turn.asked(next_ms);
        turn.answered(next_ms + 40, Answer::Bid);
        asked.push(next_ms);
    }
    let after: Vec<_> = asked.iter().filter(|ms| **ms > 0).collect();
    assert!(after.len() < 14, "{asked:?}");
    assert!(after.windows(2).all(|pair| pair[1] - pair[0] >= (pair[0] / 2).max(80)), "{asked:?}");
}

#[test]
fn an_ask_that_is_called_for_is_made_as_soon_as_the_policy_allows() {
    let mut turn = AskTurn::new(CallPolicy::BLOXROUTE, RoundTrip::steady(40));
    turn.asked(-1_000);
    turn.answered(-960, Answer::Bid);
    turn.call_for(-900);
    assert_eq!(turn.next_ms(Tempo::every(500), None), Some(-850), "150 ms after the last one");
    turn.asked(-850);
    assert_eq!(turn.next_ms(Tempo::every(500), None), Some(-350), "and once");
}

#[test]
fn a_one_shot_relays_only_ask_is_kept_for_the_beacon_node() {
    let asked_at = |moment| asks_for(Some(moment), CallPolicy::ULTRASOUND, 0, 60, |_| Answer::Bid);
    assert_eq!(asked_at(AskMoment::at(170)), [110]);
    assert_eq!(asked_at(AskMoment { early_ms: 150, likely_ms: 170, late_ms: 190 }), [90]);
    assert_eq!(asked_at(AskMoment::at(20)), [0], "but never before the slot");
}

#[test]
fn whoever_waits_gets_the_next_answer_of_a_relay_that_may_be_asked_soon() {
    let settled_after_hurry = |policy: CallPolicy| {
        let mut turn = AskTurn::new(policy, RoundTrip::steady(0));
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
    let mut turn = AskTurn::new(CallPolicy::MEV_BOOST_RELAY, RoundTrip::steady(0));
    turn.asked(-1_000);
    turn.answered(-990, Answer::RateLimited { retry_after_ms: Some(5_000) });
    turn.hurry(0);
    assert_eq!(turn.next_ms(Tempo::DENSE, None), None, "its rest lasts beyond its cut-off");
}

#[test]
fn a_bid_that_was_not_believed_costs_no_rest() {
    let asked = asks(CallPolicy::MEV_BOOST_RELAY, 0, 10, |_| Answer::Disbelieved);
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] == 80));
}
