use headstart_types::UnixMillis;

const FIRST_MS: i64 = 500;
const LONGEST_MS: i64 = 300_000;
/// A relay's own wish is believed up to here.
const WISH_MAX_MS: u64 = 3_600_000;

/// A pause after failures: each one in a row is twice as long as the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
    until: UnixMillis,
}

impl Backoff {
    /// `wish_ms` is what the other side asked for (`Retry-After`): it lengthens the pause and never shortens it.
    pub(crate) fn failed(&mut self, now: UnixMillis, wish_ms: Option<u64>) {
        let own_ms = FIRST_MS.saturating_mul(1 << self.failures.min(20)).min(LONGEST_MS);
        let wish_ms = i64::try_from(wish_ms.unwrap_or(0).min(WISH_MAX_MS)).unwrap_or(0);
        self.until = self.until.max(now + own_ms.max(wish_ms));
        self.failures = self.failures.saturating_add(1);
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// When the pause ends; in the past when there is none.
    pub(crate) fn until(&self) -> UnixMillis {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn pauses_double_up_to_five_minutes_and_end_with_a_success() {
        let mut backoff = Backoff::default();
        let mut pauses = Vec::new();
        let mut now = NOW;
        for _ in 0..12 {
            backoff.failed(now, None);
            pauses.push(backoff.until() - now);
            now = backoff.until();
        }
        assert_eq!(pauses[..4], [500, 1_000, 2_000, 4_000]);
        assert_eq!(pauses[10..], [300_000, 300_000]);
        backoff.succeeded();
        assert!(backoff.until() < NOW);
    }

    #[test]
    fn a_wish_for_rest_is_honoured_within_reason() {
        let mut backoff = Backoff::default();
        backoff.failed(NOW, Some(30_000));
        assert_eq!(backoff.until(), NOW + 30_000);
        backoff.failed(NOW + 10, Some(1));
        assert_eq!(backoff.until(), NOW + 30_000, "a shorter wish ends no pause");
        backoff.failed(NOW, Some(u64::MAX));
        assert_eq!(backoff.until(), NOW + 3_600_000);
    }
}
