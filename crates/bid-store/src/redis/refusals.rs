//! What a server answers with errors. Nobody's slot waits for it, so nobody would notice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For so long an error says something of the server: most of what is done there is done in every slot.
const RECENT: Duration = Duration::from_secs(30);

/// Kept for one server.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    count: u64,
    last: Option<Instant>,
    /// What has not succeeded since it was refused.
    open: BTreeMap<&'static str, Instant>,
}

impl Refusals {
    /// Whether it is the first for a while: the others say the same.
    pub(super) fn refused(&mut self, what: &'static str, now: Instant) -> bool {
        let is_first = !self.last.is_some_and(|last| is_recent(last, now));
        self.count += 1;
        self.last = Some(now);
        self.open.insert(what, now);
        is_first
    }

    pub(super) fn succeeded(&mut self, what: &'static str) {
        self.open.remove(what);
    }

    /// Whether the server refuses what it is asked to do.
    pub(super) fn are_open(&self, now: Instant) -> bool {
        self.open.values().any(|refused| is_recent(*refused, now))
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

fn is_recent(then: Instant, now: Instant) -> bool {
    now.saturating_duration_since(then) < RECENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_many_is_told_and_it_is_over_when_the_same_succeeds_or_nobody_tries_it() {
        let (mut refusals, begin) = (Refusals::default(), Instant::now());
        let later = |seconds| begin + Duration::from_secs(seconds);
        assert!(refusals.refused("share a bid", begin));
        assert!(!refusals.refused("put a hint", later(1)) && !refusals.refused("share a bid", later(20)));
        refusals.succeeded("read bids");
        refusals.succeeded("put a hint");
        assert!(refusals.are_open(later(21)), "bids are still refused");
        assert!(!refusals.are_open(later(50)), "nobody has tried again");
        assert!(refusals.refused("share a bid", later(51)), "another time");
        refusals.succeeded("share a bid");
        assert!(!refusals.are_open(later(52)));
        assert!(!refusals.refused("share a bid", later(53)), "it comes and goes");
        assert_eq!(refusals.count(), 5);
    }
}
