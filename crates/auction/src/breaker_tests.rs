use super::*;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

/// Fails until the breaker opens; when it did.
fn opened() -> (Breaker, UnixMillis) {
    let (mut breaker, mut now) = (Breaker::default(), NOW);
    while !breaker.failed(now) {
        now = now + 500;
    }
    (breaker, now)
}

/// Plays against a relay that is away for `away_ms`, trying every 100 ms; the moments of attempts, relative to the start.
fn attempts(away_ms: i64, last_ms: i64) -> Vec<i64> {
    let mut breaker = Breaker::default();
    let mut attempts = Vec::new();
    for after_ms in (0..last_ms).step_by(100) {
        let now = NOW + after_ms;
        if breaker.lets_through(now, false) {
            attempts.push(after_ms);
            if after_ms < away_ms {
                breaker.failed(now);
            } else {
                breaker.answered();
            }
        }
    }
    attempts
}

#[test]
fn a_relay_that_answers_is_always_asked() {
    let mut breaker = Breaker::default();
    for _ in 0..100 {
        assert!(breaker.lets_through(NOW, true));
        breaker.failed(NOW);
        breaker.answered();
    }
    assert!(!breaker.is_open());
}

#[test]
fn neither_a_few_failures_nor_a_short_time_of_them_open_it() {
    let mut breaker = Breaker::default();
    assert!((0..100).all(|ms| !breaker.failed(NOW + ms)), "a relay that restarts is back in a moment");
    let mut breaker = Breaker::default();
    assert!((0..4).all(|minutes| !breaker.failed(NOW + minutes * 60_000)));
    assert!(breaker.failed(NOW + 4 * 60_000), "but five in a row do, however far apart");
}

#[test]
fn a_dead_relay_is_tried_ever_less_often_and_never_given_up() {
    let attempts = attempts(i64::MAX, 1_000_000);
    let gaps: Vec<_> = attempts.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 100).collect();
    assert_eq!(gaps[..8], [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 120_000]);
    assert!(gaps[8..].iter().all(|gap| *gap == 120_000), "{gaps:?}");
    assert!(attempts.len() < 60, "{} of 10,000", attempts.len());
}

#[test]
fn a_relay_that_comes_back_is_asked_as_ever_after_one_probe() {
    let attempts = attempts(20_000, 60_000);
    let back = attempts.iter().position(|after_ms| *after_ms >= 20_000).unwrap();
    assert!(attempts[back] <= 36_000, "{}", attempts[back]);
    assert!(attempts[back..].windows(2).all(|pair| pair[1] - pair[0] == 100), "closed again");
}

#[test]
fn one_probe_goes_through_and_decides() {
    let (mut breaker, now) = opened();
    assert!(!breaker.lets_through(now + 999, false));
    assert!(breaker.lets_through(now + 1_000, false));
    assert!(!breaker.lets_through(now + 1_001, false), "the others wait for its outcome");
    assert!(!breaker.failed(now + 1_100), "it was open already");
    assert!(!breaker.lets_through(now + 3_099, false));
    assert!(breaker.lets_through(now + 3_100, false), "twice the rest later");
    breaker.answered();
    assert!(!breaker.is_open());
}

#[test]
fn a_probe_that_is_never_heard_of_again_is_made_anew() {
    let (mut breaker, now) = opened();
    assert!(breaker.lets_through(now + 1_000, false));
    assert!(!breaker.lets_through(now + 15_999, false));
    assert!(breaker.lets_through(now + 16_000, false));
}

#[test]
fn nobody_probes_in_a_critical_moment() {
    let (mut breaker, now) = opened();
    assert!(!breaker.lets_through(now + 3_600_000, true));
    assert!(breaker.lets_through(now + 3_600_001, false));
}

#[test]
fn a_relay_that_is_known_to_be_back_is_tried_in_a_critical_moment_too() {
    let (mut breaker, now) = opened();
    breaker.vouched();
    assert!(!breaker.lets_through(now + 999, true), "its rest comes first");
    assert!(breaker.lets_through(now + 1_000, true));
    breaker.failed(now + 1_100);
    assert!(!breaker.wants_vouching(now + 3_099) && breaker.wants_vouching(now + 3_100));
    assert!(!breaker.lets_through(now + 3_100, true), "it failed all the same: its word is needed anew");
}

#[test]
fn answers_to_what_was_under_way_when_it_opened_do_not_lengthen_the_rest() {
    let (mut breaker, now) = opened();
    for ms in 0..50 {
        assert!(!breaker.failed(now + ms));
    }
    assert!(breaker.lets_through(now + 1_000, false));
}

#[test]
fn the_start_of_a_slot_is_critical_and_its_middle_is_not() {
    let network = Network::preset("mainnet").unwrap();
    let start = network.slot_start(network.slot_at(NOW));
    for after_ms in [-500, -1, 0, 1_999] {
        assert!(is_critical(start + after_ms, &network), "{after_ms}");
    }
    for after_ms in [-501, -6_000, 2_000, 6_000] {
        assert!(!is_critical(start + after_ms, &network), "{after_ms}");
    }
}

#[test]
fn what_another_process_tells_opens_nothing_but_the_next_failure_here_does() {
    let mut breaker = Breaker::default();
    breaker.told_elsewhere(NOW);
    assert!(!breaker.is_open() && breaker.lets_through(NOW, true), "the fault may lie there");
    assert!(breaker.failed(NOW + 10), "here too: that is enough");
    assert!(!breaker.lets_through(NOW + 20, false));
    assert!(breaker.lets_through(NOW + 10 + FIRST_REST_MS, false), "it rests as long as it would by itself");
}

#[test]
fn an_answer_here_outweighs_what_another_process_tells_and_so_does_time() {
    let mut breaker = Breaker::default();
    breaker.told_elsewhere(NOW);
    breaker.answered();
    assert!(!breaker.failed(NOW + 10));
    let mut breaker = Breaker::default();
    breaker.told_elsewhere(NOW);
    assert!(!breaker.failed(NOW + TOLD_FOR_MS));
}
