//! Sleeps that end when they should. The runtime's own timers count whole milliseconds and end up to two late, which a
//! round trip has twice; whoever measures what a few milliseconds are worth would measure them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headstart_types::{Clock, UnixMillis};
use tokio::sync::oneshot;

/// Everybody who sleeps; one thread wakes them all.
static SLEEPERS: LazyLock<Arc<Sleepers>> = LazyLock::new(|| {
    let sleepers = Arc::new(Sleepers::default());
    let waking = Arc::clone(&sleepers);
    let thread = std::thread::Builder::new().name("fine-timer".to_owned());
    if let Err(error) = thread.spawn(move || waking.wake()) {
        // Nobody sleeps then: a sender that is dropped wakes its sleeper.
        tracing::error!(%error, "devnet failed to start its timer");
        sleepers.state().broken = true;
    }
    sleepers
});

#[derive(Default)]
struct Sleepers {
    state: Mutex<State>,
    earlier: Condvar,
}

#[derive(Default)]
struct State {
    queue: BinaryHeap<Reverse<Sleeper>>,
    count: u64,
    broken: bool,
}

/// Ordered by the moment of waking; `number` tells those of one moment apart.
struct Sleeper {
    at: Instant,
    number: u64,
    wake: oneshot::Sender<()>,
}

/// When a millisecond of the wall clock began: the clock shows whole ones, and what happens at a moment happens when it
/// begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallTick {
    shown: UnixMillis,
    began: Instant,
}

/// Looks at the clock, and the time between two of them: together a little more than a millisecond.
const LOOKS: u32 = 10;
const LOOK_EVERY: Duration = Duration::from_micros(130);

impl WallTick {
    /// Looks at the clock for a millisecond.
    pub(crate) async fn of(clock: Clock) -> Self {
        let mut tick = Self { shown: clock.now(), began: Instant::now() };
        for _ in 0..LOOKS {
            sleep_until(Instant::now() + LOOK_EVERY).await;
            // Whatever the clock shows has begun by now: of all looks the one tells most that came soonest after.
            let (shown, at) = (clock.now(), Instant::now());
            let began = at.checked_sub(tick.shown.until(shown));
            tick.began = began.map_or(tick.began, |began| tick.began.min(began));
        }
        tick
    }

    /// The instant at which the wall clock comes to show `moment`: a fraction of a millisecond after it, never before.
    pub(crate) fn instant_of(&self, moment: UnixMillis) -> Instant {
        self.began + self.shown.until(moment)
    }
}

/// Sleeps until that instant, to a fraction of a millisecond; not at all when it has passed.
pub(crate) async fn sleep_until(at: Instant) {
    if at <= Instant::now() {
        return;
    }
    // It ends when it is woken, and when nobody can wake it any more.
    let _ = SLEEPERS.register(at).await;
}

impl Sleepers {
    fn register(&self, at: Instant) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        let mut state = self.state();
        if !state.broken {
            state.count += 1;
            let number = state.count;
            state.queue.push(Reverse(Sleeper { at, number, wake }));
            if state.queue.peek().is_some_and(|Reverse(first)| first.number == number) {
                self.earlier.notify_one();
            }
        }
        woken
    }

    fn wake(&self) {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            let wait = match state.queue.peek() {
                Some(Reverse(first)) if first.at <= now => {
                    if let Some(Reverse(first)) = state.queue.pop() {
                        // Whoever was dropped in its sleep needs no waking.
                        let _ = first.wake.send(());
                    }
                    continue;
                }
                Some(Reverse(first)) => first.at - now,
                None => Duration::from_hours(1),
            };
            let woken = self.earlier.wait_timeout(state, wait);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::testing::clock;

    #[tokio::test]
    async fn everybody_wakes_after_its_time_and_never_before() {
        let sleeps = (0..200_u64).map(|number| async move {
            let time = Duration::from_micros(number * 7919 % 20_000);
            let due = Instant::now() + time;
            sleep_until(due).await;
            assert!(Instant::now() >= due, "{time:?}");
            time
        });
        assert_eq!(join_all(sleeps).await.len(), 200);
    }

    #[tokio::test]
    async fn a_shorter_sleep_that_begins_later_ends_first() {
        let long = tokio::spawn(async {
            sleep_until(Instant::now() + Duration::from_mins(1)).await;
        });
        tokio::task::yield_now().await;
        let short = sleep_until(Instant::now() + Duration::from_millis(5));
        tokio::time::timeout(Duration::from_secs(20), short).await.expect("it ends");
        assert!(!long.is_finished());
        long.abort();
    }

    #[tokio::test]
    async fn a_moment_has_come_on_the_wall_clock_when_its_instant_has() {
        let tick = WallTick::of(clock()).await;
        for ahead_ms in 1..20 {
            let moment = clock().now() + ahead_ms;
            sleep_until(tick.instant_of(moment)).await;
            assert!(clock().now() >= moment, "{ahead_ms} ms ahead");
        }
    }

    #[tokio::test]
    async fn nobody_sleeps_until_what_has_passed() {
        tokio::time::timeout(Duration::ZERO, sleep_until(Instant::now())).await.expect("it does not wait");
    }
}
