use headstart_types::UnixMillis;

/// A server says what time it is in whole seconds, cut off.
const GRAIN_MS: i64 = 1_000;

/// One answer that told a server's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateSample {
    /// Our own clock, just before the question and just after the answer.
    pub sent: UnixMillis,
    pub received: UnixMillis,
    pub date: UnixMillis,
}

/// Between which limits our clock is ahead of another, in milliseconds; behind where they are negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetBounds {
    pub least_ms: i64,
    pub most_ms: i64,
    /// How many servers say so.
    pub servers: usize,
}

impl OffsetBounds {
    /// What one server's answers leave possible. Each tells that our clock was ahead by no less than if the second were all
    /// but over when we asked, and no more than if it had just begun when the answer was here; answers at different parts
    /// of a second narrow it down. `None` without any, or when they contradict each other.
    pub fn of_server(samples: &[DateSample]) -> Option<Self> {
        let least_ms = samples.iter().map(|sample| sample.sent - (sample.date + GRAIN_MS)).max()?;
        let most_ms = samples.iter().map(|sample| sample.received - sample.date).min()?;
        (least_ms <= most_ms).then_some(Self { least_ms, most_ms, servers: 1 })
    }

    /// What most servers agree on: a server whose own clock is wrong is outvoted. Where votes are even the least offset is
    /// believed, for nobody should be warned without evidence.
    pub fn agreed(servers: &[Self]) -> Option<Self> {
        let moments = servers.iter().flat_map(|server| [server.least_ms, server.most_ms, 0]);
        let agreeing = |at_ms: i64| servers.iter().filter(move |server| server.allows(at_ms));
        let best = moments.max_by_key(|at_ms| (agreeing(*at_ms).count(), -at_ms.abs()))?;
        Some(Self {
            least_ms: agreeing(best).map(|server| server.least_ms).max()?,
            most_ms: agreeing(best).map(|server| server.most_ms).min()?,
            servers: agreeing(best).count(),
        })
    }

    /// By how much our clock is wrong at the least, whatever else is true.
    pub fn wrong_by_ms(&self) -> i64 {
        self.least_ms.max(-self.most_ms).max(0)
    }

    fn allows(&self, offset_ms: i64) -> bool {
        (self.least_ms..=self.most_ms).contains(&offset_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks a server whose clock is right, with a clock that is ahead, each `rtt_ms` long and so far apart.
    fn measured(ahead_ms: i64, rtt_ms: i64, apart_ms: i64, times: i64) -> Option<OffsetBounds> {
        let samples: Vec<_> = (0..times)
            .map(|number| {
                let asked = 1_700_000_000_123 + number * apart_ms;
                let answered = asked + rtt_ms / 2;
                DateSample {
                    sent: UnixMillis(asked + ahead_ms),
                    received: UnixMillis(asked + rtt_ms + ahead_ms),
                    date: UnixMillis(answered - answered % 1_000),
                }
            })
            .collect();
        OffsetBounds::of_server(&samples)
    }

    #[test]
    fn the_true_offset_is_always_within_the_bounds() {
        for ahead_ms in [-3_000, -700, -1, 0, 1, 250, 999, 5_000] {
            for (rtt_ms, apart_ms, times) in [(0, 250, 1), (30, 250, 4), (400, 777, 9)] {
                let bounds = measured(ahead_ms, rtt_ms, apart_ms, times).unwrap();
                assert!(bounds.allows(ahead_ms), "{ahead_ms}: {bounds:?}");
            }
        }
    }

    #[test]
    fn one_sample_is_no_evidence_against_a_clock_that_is_wrong_by_less_than_a_second() {
        for ahead_ms in [-900, -300, 0, 300, 870] {
            let wrong_by_ms = measured(ahead_ms, 40, 250, 1).unwrap().wrong_by_ms();
            assert!(wrong_by_ms <= ahead_ms.abs(), "{ahead_ms}: {wrong_by_ms}");
        }
        assert_eq!(measured(0, 40, 250, 1).unwrap().wrong_by_ms(), 0);
    }

    #[test]
    fn samples_in_different_parts_of_a_second_find_a_clock_that_is_wrong_by_half_of_one() {
        assert_eq!(measured(0, 40, 250, 4).unwrap().wrong_by_ms(), 0);
        for ahead_ms in [-600, 600] {
            let wrong_by_ms = measured(ahead_ms, 40, 250, 4).unwrap().wrong_by_ms();
            assert!((300..=600).contains(&wrong_by_ms), "{ahead_ms}: {wrong_by_ms}");
        }
    }

    #[test]
    fn a_slow_answer_makes_the_bounds_wide_and_nobody_guilty() {
        assert_eq!(measured(0, 3_000, 250, 4).unwrap().wrong_by_ms(), 0);
        assert_eq!(measured(200, 3_000, 250, 4).unwrap().wrong_by_ms(), 0);
    }

    #[test]
    fn a_server_whose_own_clock_is_wrong_is_outvoted() {
        let [right, right_too, wrong] = [(20, 3), (50, 4), (30, -90_000)]
            .map(|(rtt_ms, ahead_ms)| measured(ahead_ms, rtt_ms, 250, 4).unwrap());
        let agreed = OffsetBounds::agreed(&[wrong, right, right_too]).unwrap();
        assert_eq!((agreed.servers, agreed.wrong_by_ms()), (2, 0));
        assert!(agreed.allows(3) && agreed.allows(4));
        assert_eq!(OffsetBounds::agreed(&[wrong, right]).unwrap().wrong_by_ms(), 0, "one against one");
        assert!(OffsetBounds::agreed(&[wrong]).unwrap().wrong_by_ms() > 80_000);
        assert_eq!(OffsetBounds::agreed(&[]), None);
    }
}
