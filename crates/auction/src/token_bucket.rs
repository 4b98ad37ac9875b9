use headstart_types::UnixMillis;

/// Tokens are counted in thousandths, so that one millisecond at one a second is not lost in rounding.
const PARTS: u64 = 1_000;

/// A rate with room for bursts: what one cluster or one relay is given a second, and at most how much of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    rate_per_s: u32,
    burst: u32,
    /// Thousandths of a token that were there at `at`.
    parts: u64,
    at: Option<UnixMillis>,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(rate_per_s: u32, burst: u32) -> Self {
        Self { rate_per_s, burst, parts: u64::from(burst) * PARTS, at: None }
    }

    /// Takes `n` tokens, or none and says in how many milliseconds they will be there; `u64::MAX` when they never will,
    /// because the bucket is smaller than that or is not filled.
    pub fn take(&mut self, now: UnixMillis, n: u32) -> Result<(), u64> {
        self.refill(now);
        let wanted = u64::from(n) * PARTS;
        if wanted <= self.parts {
            self.parts -= wanted;
            return Ok(());
        }
        if n > self.burst || self.rate_per_s == 0 {
            return Err(u64::MAX);
        }
        Err((wanted - self.parts).div_ceil(u64::from(self.rate_per_s)))
    }

    /// Takes as many of `n` tokens as there are; how many.
    pub fn take_up_to(&mut self, now: UnixMillis, n: u32) -> u32 {
        self.refill(now);
        let taken = u32::try_from(self.parts / PARTS).unwrap_or(u32::MAX).min(n);
        self.parts -= u64::from(taken) * PARTS;
        taken
    }

    /// Follows a changed quota; what was taken stays taken.
    pub fn set(&mut self, rate_per_s: u32, burst: u32) {
        (self.rate_per_s, self.burst) = (rate_per_s, burst);
        self.parts = self.parts.min(u64::from(burst) * PARTS);
    }

    fn refill(&mut self, now: UnixMillis) {
        // A clock that was set back fills nothing, and from then on it counts from where it is.
        let elapsed_ms = self.at.map_or(0, |at| u64::try_from(now - at).unwrap_or(0));
        let filled = elapsed_ms.saturating_mul(u64::from(self.rate_per_s));
        self.parts = self.parts.saturating_add(filled).min(u64::from(self.burst) * PARTS);
        self.at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = TokenBucket::new(10, 3);
        assert!((0..3).all(|_| bucket.take(START, 1).is_ok()));
        assert_eq!(bucket.take(START, 1), Err(100));
        assert_eq!(bucket.take(START + 99, 1), Err(1));
        assert_eq!(bucket.take(START + 100, 1), Ok(()));
        assert_eq!(bucket.take(START + 100, 3), Err(300));
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let mut bucket = TokenBucket::new(1, 5);
        assert!(bucket.take(START, 4).is_ok());
        assert_eq!(bucket.take(START, 2), Err(1_000));
        assert_eq!(bucket.take(START, 1), Ok(()));
    }

    #[test]
    fn what_can_never_pass_says_so() {
        assert_eq!(TokenBucket::new(5, 10).take(START, 11), Err(u64::MAX));
        let mut closed = TokenBucket::new(0, 1);
        assert_eq!(closed.take(START, 1), Ok(()));
        assert_eq!(closed.take(START + 1_000_000, 1), Err(u64::MAX));
    }

    #[test]
    fn a_part_of_a_body_can_be_let_through() {
        let mut bucket = TokenBucket::new(100, 1_000);
        assert_eq!(bucket.take_up_to(START, 700), 700);
        assert_eq!(bucket.take_up_to(START, 700), 300);
        assert_eq!(bucket.take_up_to(START + 500, 700), 50);
    }

    #[test]
    fn a_clock_set_back_stops_the_filling_only_for_that_moment() {
        let mut bucket = TokenBucket::new(1, 1);
        assert!(bucket.take(START, 1).is_ok());
        assert_eq!(bucket.take(START - 3_600_000, 1), Err(1_000));
        assert_eq!(bucket.take(START - 3_599_000, 1), Ok(()));
    }

    #[test]
    fn a_smaller_quota_counts_at_once() {
        let mut bucket = TokenBucket::new(10, 100);
        bucket.set(1, 2);
        assert_eq!(bucket.take_up_to(START, 50), 2);
        assert_eq!(bucket.take(START, 1), Err(1_000));
    }

    proptest! {
        #[test]
        fn never_more_passes_than_burst_and_rate_allow(
            rate in 0_u32..1_000,
            burst in 0_u32..1_000,
            takes in prop::collection::vec((0_i64..500, 1_u32..50), 1..200),
        ) {
            let mut bucket = TokenBucket::new(rate, burst);
            let (mut now, mut passed) = (START, 0_u64);
            for (pause_ms, n) in takes {
                now = now + pause_ms;
                if bucket.take(now, n).is_ok() {
                    passed += u64::from(n);
                }
            }
            let elapsed_ms = u64::try_from(now - START).unwrap();
            prop_assert!(passed * PARTS <= u64::from(burst) * PARTS + elapsed_ms * u64::from(rate));
        }

        #[test]
        fn after_the_time_that_it_names_the_tokens_are_there(rate in 1_u32..5_000, burst in 1_u32..100, n in 1_u32..100) {
            let mut bucket = TokenBucket::new(rate, burst);
            bucket.take_up_to(START, burst);
            if let Err(wait_ms) = bucket.take(START, n) && n <= burst {
                let wait_ms = i64::try_from(wait_ms).unwrap();
                prop_assert!(bucket.take(START + wait_ms - 1, n).is_err());
                prop_assert_eq!(bucket.take(START + wait_ms, n), Ok(()));
            }
        }
    }
}
