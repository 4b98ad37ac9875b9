use std::array;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headstart_auction::UNSUBMITTED_MS;
use headstart_types::{BlsPublicKey, Outcome, Slot, UnixMillis};

/// What this process answered, counted since it started. The hot path counts nothing: whoever writes the journal does.
#[derive(Debug)]
pub struct Tally {
    headers: [AtomicU64; Outcome::ALL.len()],
    submissions: [AtomicU64; Outcome::ALL.len()],
    took: [AtomicU64; TOOK_US.len() + 1],
    took_us: AtomicU64,
    /// Headers of which no record was kept: the journal was full.
    unrecorded: AtomicU64,
    connections: AtomicUsize,
    blocks: Mutex<HashMap<(Slot, BlsPublicKey), Awaited>>,
}

/// The block of a header that was served.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    /// When its header was last served, or it came.
    at: UnixMillis,
    has_come: bool,
}

/// The upper bounds of the handler's times that are told apart, in microseconds.
const TOOK_US: [u64; 18] = [
    1, 2, 5, 10, 20, 50, 100, 250, 500, 1_000, 5_000, 25_000, 50_000, 100_000, 250_000, 500_000, 950_000,
    2_000_000,
];

/// How long the handler took.
#[derive(Clone, Debug, PartialEq)]
pub struct Took {
    /// For each upper bound, in seconds, how many took no longer than it and longer than the one before; the last bound
    /// is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// All of them together, in seconds.
    pub sum_s: f64,
    pub count: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            headers: array::from_fn(|_| AtomicU64::new(0)),
            submissions: array::from_fn(|_| AtomicU64::new(0)),
            took: array::from_fn(|_| AtomicU64::new(0)),
            took_us: AtomicU64::new(0),
            unrecorded: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            blocks: Mutex::default(),
        }
    }
}

impl Tally {
    /// Headers answered, by outcome.
    pub fn headers(&self, outcome: Outcome) -> u64 {
        self.headers[outcome as usize].load(Ordering::Relaxed)
    }

    /// Submissions concluded, by outcome; the same block from several operators is one.
    pub fn submissions(&self, outcome: Outcome) -> u64 {
        self.submissions[outcome as usize].load(Ordering::Relaxed)
    }

    pub fn unrecorded(&self) -> u64 {
        self.unrecorded.load(Ordering::Relaxed)
    }

    /// Connections of beacon nodes, over all listeners.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    pub fn took(&self) -> Took {
        let counts = self.took.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        let bounds = TOOK_US.iter().map(|us| seconds(*us)).chain([f64::INFINITY]);
        Took {
            buckets: bounds.zip(counts).collect(),
            sum_s: seconds(self.took_us.load(Ordering::Relaxed)),
            count: counts.iter().sum(),
        }
    }

    pub(crate) fn header_answered(&self, outcome: Outcome, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.headers[outcome as usize].fetch_add(1, Ordering::Relaxed);
        self.took[TOOK_US.partition_point(|bound| *bound < us)].fetch_add(1, Ordering::Relaxed);
        self.took_us.fetch_add(us, Ordering::Relaxed);
    }

    pub(crate) fn header_unrecorded(&self) {
        self.unrecorded.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn submission_concluded(&self, outcome: Outcome) {
        self.submissions[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// A header was served: its block may come.
    pub(crate) fn served(&self, slot: Slot, proposer: BlsPublicKey, at: UnixMillis) {
        let mut blocks = self.blocks(at);
        let block = blocks.entry((slot, proposer)).or_insert(Awaited { at, has_come: false });
        block.at = at.max(block.at);
    }

    /// A block came, and is its proposer's own. It may be here before whoever counts has heard of its header.
    pub(crate) fn submitted(&self, slot: Slot, proposer: BlsPublicKey, at: UnixMillis) {
        self.blocks(at).insert((slot, proposer), Awaited { at, has_come: true });
    }

    /// When the newest header was served whose block has not come.
    pub(crate) fn newest_unsubmitted(&self) -> Option<UnixMillis> {
        let blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.values().filter(|block| !block.has_come).map(|block| block.at).max()
    }

    pub(crate) fn connected(self: &Arc<Self>) -> Connected {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connected(Arc::clone(self))
    }

    /// Those that may still come or have come lately. One proposer a slot: there is more than a handful only when somebody
    /// asks for what will never be signed.
    fn blocks(&self, now: UnixMillis) -> MutexGuard<'_, HashMap<(Slot, BlsPublicKey), Awaited>> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.retain(|_, block| block.at + UNSUBMITTED_MS > now);
        blocks
    }
}

/// One connection, for as long as it lasts.
pub(crate) struct Connected(Arc<Tally>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn seconds(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use headstart_types::FixedBytes;

    use super::*;

    const ALICE: BlsPublicKey = BlsPublicKey(FixedBytes([1; 48]));
    const BOB: BlsPublicKey = BlsPublicKey(FixedBytes([2; 48]));
    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn each_outcome_is_counted_for_itself() {
        let tally = Tally::default();
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| tally.header_answered(outcome, Duration::ZERO));
            (0..times).for_each(|_| tally.submission_concluded(outcome));
        }
        for (times, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!((tally.headers(outcome), tally.submissions(outcome)), (times as u64, times as u64));
        }
    }

    #[test]
    fn the_handlers_times_are_told_apart() {
        let tally = Tally::default();
        for us in [0, 1, 2, 900_000, 3_600_000_000] {
            tally.header_answered(Outcome::Hit, Duration::from_micros(us));
        }
        let took = tally.took();
        assert_eq!(took.count, 5);
        assert!((took.sum_s - 3_600.900_003).abs() < 1e-9, "{}", took.sum_s);
        assert_eq!(took.buckets.iter().filter(|(_, count)| *count > 0).count(), 4);
        assert_eq!(took.buckets.first(), Some(&(1e-6, 2)));
        assert_eq!(took.buckets.last(), Some(&(f64::INFINITY, 1)));
    }

    #[test]
    fn a_header_is_unsubmitted_until_its_own_block_comes() {
        let tally = Tally::default();
        tally.served(Slot(5), ALICE, NOW);
        tally.served(Slot(5), BOB, NOW + 100);
        tally.submitted(Slot(4), BOB, NOW);
        assert_eq!(tally.newest_unsubmitted(), Some(NOW + 100));
        tally.submitted(Slot(5), BOB, NOW + 200);
        assert_eq!(tally.newest_unsubmitted(), Some(NOW));
        tally.served(Slot(5), BOB, NOW + 150);
        assert_eq!(tally.newest_unsubmitted(), Some(NOW), "its header is heard of after its block");
        tally.submitted(Slot(5), ALICE, NOW + 300);
        assert_eq!(tally.newest_unsubmitted(), None);
    }

    #[test]
    fn headers_that_nobody_signs_are_forgotten() {
        let tally = Tally::default();
        for slot in 0..1_000 {
            tally.served(Slot(slot), ALICE, NOW + 1_000 * i64::try_from(slot).unwrap());
        }
        assert_eq!(tally.blocks(NOW).len(), 6);
    }
}
