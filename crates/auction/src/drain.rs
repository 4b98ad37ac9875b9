use headstart_types::UnixMillis;

/// A beacon node that was served a header submits its block within this time, or not at all.
pub const UNSUBMITTED_MS: i64 = 6_000;

/// When a process that was told to end may close its doors. Until then it serves as ever.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    began: UnixMillis,
    /// So long a load balancer may still send requests.
    min_ms: i64,
    timeout_ms: i64,
    /// Somebody is in a hurry: only submissions are waited for.
    hurried: bool,
}

/// What of a process is still under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnderWay {
    /// When the newest header was served whose block has not come.
    pub newest_unsubmitted: Option<UnixMillis>,
    pub submissions: usize,
}

/// Whether the doors may be closed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainStep {
    /// Look again at this moment, or sooner when something changes.
    Wait {
        until: UnixMillis,
    },
    Close,
}

impl Drain {
    /// A drain that takes at least `min_ms` and at most `timeout_ms`.
    pub fn new(now: UnixMillis, min_ms: i64, timeout_ms: i64) -> Self {
        Self { began: now, min_ms, timeout_ms, hurried: false }
    }

    pub fn hurry(&mut self) {
        self.hurried = true;
    }

    pub fn step(&self, now: UnixMillis, under_way: UnderWay) -> DrainStep {
        let deadline = self.began + self.timeout_ms;
        // A clock that was set back would keep the process for as long.
        if now >= deadline || now < self.began {
            return DrainStep::Close;
        }
        let least = (!self.hurried).then_some(self.began + self.min_ms);
        let blocks = under_way.newest_unsubmitted.filter(|_| !self.hurried);
        let blocks = blocks.map(|served| served.min(now) + UNSUBMITTED_MS);
        let submissions = (under_way.submissions > 0).then_some(deadline);
        match least.into_iter().chain(blocks).chain(submissions).max() {
            Some(until) if until > now => DrainStep::Wait { until: until.min(deadline) },
            _ => DrainStep::Close,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn drain() -> Drain {
        Drain::new(NOW, 0, 30_000)
    }

    fn served(at: UnixMillis) -> UnderWay {
        UnderWay { newest_unsubmitted: Some(at), submissions: 0 }
    }

    const SUBMITTING: UnderWay = UnderWay { newest_unsubmitted: None, submissions: 1 };

    #[test]
    fn a_process_that_served_nothing_closes_at_once() {
        assert_eq!(drain().step(NOW, UnderWay::default()), DrainStep::Close);
    }

    #[test]
    fn a_header_whose_block_may_come_is_waited_for_six_seconds_and_no_longer() {
        let wait = DrainStep::Wait { until: NOW + 5_000 };
        assert_eq!(drain().step(NOW, served(NOW - 1_000)), wait);
        assert_eq!(drain().step(NOW + 4_999, served(NOW - 1_000)), wait);
        assert_eq!(drain().step(NOW + 5_000, served(NOW - 1_000)), DrainStep::Close);
        assert_eq!(drain().step(NOW, served(NOW + 3_600_000)), DrainStep::Wait { until: NOW + 6_000 });
    }

    #[test]
    fn a_submission_under_way_is_waited_for_as_long_as_there_is_time() {
        assert_eq!(drain().step(NOW, SUBMITTING), DrainStep::Wait { until: NOW + 30_000 });
        assert_eq!(drain().step(NOW + 29_999, SUBMITTING), DrainStep::Wait { until: NOW + 30_000 });
        assert_eq!(drain().step(NOW + 30_000, SUBMITTING), DrainStep::Close);
    }

    #[test]
    fn a_load_balancer_is_given_its_time() {
        let drain = Drain::new(NOW, 10_000, 30_000);
        assert_eq!(drain.step(NOW, UnderWay::default()), DrainStep::Wait { until: NOW + 10_000 });
        assert_eq!(drain.step(NOW + 10_000, UnderWay::default()), DrainStep::Close);
        assert_eq!(drain.step(NOW + 9_000, served(NOW + 9_000)), DrainStep::Wait { until: NOW + 15_000 });
    }

    #[test]
    fn headers_served_again_and_again_do_not_keep_it_for_ever() {
        assert_eq!(drain().step(NOW + 29_000, served(NOW + 29_000)), DrainStep::Wait { until: NOW + 30_000 });
        assert_eq!(drain().step(NOW + 30_000, served(NOW + 30_000)), DrainStep::Close);
    }

    #[test]
    fn whoever_is_in_a_hurry_waits_for_submissions_alone() {
        let mut drain = Drain::new(NOW, 10_000, 30_000);
        drain.hurry();
        assert_eq!(drain.step(NOW, served(NOW)), DrainStep::Close);
        assert_eq!(drain.step(NOW, SUBMITTING), DrainStep::Wait { until: NOW + 30_000 });
    }

    #[test]
    fn a_clock_that_is_set_back_ends_the_wait() {
        assert_eq!(drain().step(NOW - 3_600_000, SUBMITTING), DrainStep::Close);
    }
}
