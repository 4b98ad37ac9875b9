//! Keeps long-lived loops alive: one that panics is started again and counted, and one that stands still is known.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::time;
use tracing::error;

/// A loop that panicked is started again after so long; one that panics again and again waits ever longer.
const FIRST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);
/// A loop that has run for so long is well again.
const WELL_AFTER: Duration = Duration::from_mins(1);

/// The long-lived loops of one process. A handle: clones share it.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    running: Vec<Arc<Kept>>,
    restarts: BTreeMap<&'static str, u64>,
}

/// One loop that is being kept.
#[derive(Debug)]
struct Kept {
    name: &'static str,
    step: Mutex<Step>,
}

/// The last time that the loop was given a thread.
#[derive(Clone, Copy, Debug)]
struct Step {
    began: Instant,
    is_over: bool,
}

/// A loop that is kept no more, however that came, is forgotten.
struct Keeping<'a> {
    supervisor: &'a Supervisor,
    kept: Arc<Kept>,
}

impl Supervisor {
    /// Runs a loop to its end; when it panics, another one is made in its place. Each has a name of the few there are, which
    /// several loops may share.
    pub async fn keep<F: Future<Output = ()>>(&self, name: &'static str, mut make: impl FnMut() -> F) {
        let keeping = self.begin(name);
        let mut rest = FIRST_REST;
        loop {
            let began = Instant::now();
            let running = AssertUnwindSafe(async { keeping.kept.watch(make()).await });
            if running.catch_unwind().await.is_ok() {
                return;
            }
            keeping.kept.stepped();
            self.panicked(name);
            if began.elapsed() >= WELL_AFTER {
                rest = FIRST_REST;
            }
            time::sleep(rest).await;
            rest = (rest * 2).min(LONGEST_REST);
        }
    }

    /// Does one piece of a loop's work; `None` when it panicked, which is counted and takes nothing else with it.
    pub async fn attempt<T>(&self, name: &'static str, work: impl Future<Output = T>) -> Option<T> {
        let done = AssertUnwindSafe(work).catch_unwind().await.ok();
        if done.is_none() {
            self.panicked(name);
        }
        done
    }

    /// How often loops were started again, by name; those that never were are 0.
    pub fn restarts(&self) -> BTreeMap<&'static str, u64> {
        self.state().restarts.clone()
    }

    /// The loops that have not come to the end of one step for longer than `longest`: they hold a thread, or wait for a lock
    /// that is never released.
    pub fn stuck(&self, longest: Duration) -> Vec<&'static str> {
        let state = self.state();
        let stuck = state.running.iter().filter(|kept| kept.step().is_over_for(false, longest));
        stuck.map(|kept| kept.name).collect()
    }

    /// Whether a loop that should have had something to do within `longest` had not.
    pub fn is_silent(&self, name: &str, longest: Duration) -> bool {
        let state = self.state();
        state.running.iter().any(|kept| kept.name == name && kept.step().is_over_for(true, longest))
    }

    fn begin(&self, name: &'static str) -> Keeping<'_> {
        let step = Mutex::new(Step { began: Instant::now(), is_over: true });
        let kept = Arc::new(Kept { name, step });
        let mut state = self.state();
        state.restarts.entry(name).or_default();
        state.running.push(Arc::clone(&kept));
        drop(state);
        Keeping { supervisor: self, kept }
    }

    fn panicked(&self, name: &'static str) {
        *self.state().restarts.entry(name).or_default() += 1;
        error!(
            task = name,
            alarm = "panic",
            "a task panicked and is started again: see what stands before this line"
        );
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keeping<'_> {
    fn drop(&mut self) {
        self.supervisor.state().running.retain(|kept| !Arc::ptr_eq(kept, &self.kept));
    }
}

impl Kept {
    /// Runs the loop, noting when each of its steps begins and ends.
    async fn watch(&self, task: impl Future<Output = ()>) {
        let mut task = pin!(task);
        poll_fn(|context| {
            self.set(Step { began: Instant::now(), is_over: false });
            let polled = task.as_mut().poll(context);
            self.stepped();
            polled
        })
        .await;
    }

    fn stepped(&self) {
        self.set(Step { is_over: true, ..self.step() });
    }

    fn step(&self) -> Step {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, step: Step) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }
}

impl Step {
    /// Whether the step is over, or not, and began longer ago than that.
    fn is_over_for(self, is_over: bool, longest: Duration) -> bool {
        self.is_over == is_over && self.began.elapsed() > longest
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::poll;
    use tokio::sync::Notify;

    use super::*;

    const NEVER: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn a_loop_that_panics_is_started_again_and_counted() {
        let (supervisor, runs) = (Supervisor::default(), AtomicU32::new(0));
        let make = async || assert!(runs.fetch_add(1, Ordering::Relaxed) == 2, "on purpose");
        supervisor.keep("fragile", make).await;
        assert_eq!(runs.load(Ordering::Relaxed), 3, "and once it ends by itself it is left alone");
        assert_eq!(supervisor.restarts(), BTreeMap::from([("fragile", 2)]));
    }

    #[tokio::test]
    async fn a_loop_that_panics_after_an_await_is_started_again_too() {
        let (supervisor, runs) = (Supervisor::default(), AtomicU32::new(0));
        let make = async || {
            tokio::task::yield_now().await;
            assert!(runs.fetch_add(1, Ordering::Relaxed) == 1, "on purpose");
        };
        supervisor.keep("fragile", make).await;
        assert_eq!(supervisor.restarts(), BTreeMap::from([("fragile", 1)]));
    }

    #[tokio::test]
    async fn work_that_panics_is_counted_and_the_next_is_done() {
        let supervisor = Supervisor::default();
        let panicking = async { assert!(supervisor.restarts().contains_key("nobody"), "on purpose") };
        assert_eq!(supervisor.attempt("lanes", panicking).await, None::<()>);
        assert_eq!(supervisor.attempt("lanes", async { 7 }).await, Some(7));
        assert_eq!(supervisor.restarts(), BTreeMap::from([("lanes", 1)]));
    }

    /// Looks on from inside the loop and from beside it, so that nothing depends on which thread runs when.
    #[tokio::test]
    async fn a_loop_that_holds_its_thread_is_stuck_and_one_that_waits_is_not() {
        let (supervisor, go_on, seen) = (Supervisor::default(), Notify::new(), OnceLock::new());
        let make = async || {
            go_on.notified().await;
            seen.set((supervisor.stuck(Duration::ZERO), supervisor.stuck(NEVER))).unwrap();
        };
        let mut keeping = pin!(supervisor.keep("held", make));
        assert!(poll!(keeping.as_mut()).is_pending());
        assert!(supervisor.stuck(Duration::ZERO).is_empty(), "it waits");
        assert!(supervisor.is_silent("held", Duration::ZERO));
        go_on.notify_one();
        keeping.await;
        assert_eq!(seen.get(), Some(&(vec!["held"], vec![])), "it held its thread while it looked");
        assert!(supervisor.stuck(Duration::ZERO).is_empty(), "it is over");
        assert!(!supervisor.is_silent("held", Duration::ZERO));
    }
}
