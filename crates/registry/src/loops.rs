//! Keeps the long-lived loops of this room alive: one that panics is started again and counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{self, Instant};
use tracing::error;

/// A loop that panicked is started again after so long; one that panics again and again waits ever longer.
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);
/// A loop that has run for so long is well again.
const WELL_AFTER: Duration = Duration::from_mins(1);

/// The loops of one registry. A handle: clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loops {
    restarts: Arc<Mutex<BTreeMap<&'static str, u64>>>,
}

impl Loops {
    /// Runs a loop to its end beside the caller; when it panics, another one is made in its place. Must be called within a
    /// Tokio runtime.
    pub(crate) fn keep<F>(&self, name: &'static str, mut make: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.restarts().entry(name).or_default();
        let loops = self.clone();
        tokio::spawn(async move {
            let mut rest = FIRST_REST;
            loop {
                let began = Instant::now();
                // What is cancelled ends with the runtime.
                match tokio::spawn(make()).await {
                    Err(fault) if fault.is_panic() => loops.panicked(name),
                    _ => return,
                }
                if began.elapsed() >= WELL_AFTER {
                    rest = FIRST_REST;
                }
                time::sleep(rest).await;
                rest = (rest * 2).min(LONGEST_REST);
            }
        });
    }

    pub(crate) fn restarts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.restarts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn panicked(&self, name: &'static str) {
        *self.restarts().entry(name).or_default() += 1;
        error!(
            task = name,
            alarm = "panic",
            "a task panicked and is started again: see what stands before this line"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_loop_that_panics_is_started_again_and_counted_until_it_ends_by_itself() {
        let (loops, runs) = (Loops::default(), Arc::new(AtomicU32::new(0)));
        let (ended, mut end) = mpsc::channel::<()>(1);
        loops.keep("fragile", move || {
            let (runs, ended) = (Arc::clone(&runs), ended.clone());
            async move {
                tokio::task::yield_now().await;
                assert!(runs.fetch_add(1, Ordering::Relaxed) == 2, "on purpose");
                drop(ended);
            }
        });
        assert_eq!(end.recv().await, None, "nobody makes another one");
        assert_eq!(*loops.restarts(), BTreeMap::from([("fragile", 2)]));
    }
}
