//! Work that can wait: it runs on threads that get a core when nobody else wants one.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use thread_priority::ThreadPriority;
use tokio::sync::oneshot;
use tokio::{task, time};
use tracing::warn;

/// On a machine whose cores are always wanted, work waits no longer than this before an ordinary thread does it: beacon
/// nodes give up on their registrations after a few seconds.
const PATIENCE: Duration = Duration::from_millis(500);

type Job = Box<dyn FnOnce() + Send>;

/// A few threads behind one queue, which ends when the last handle is gone.
#[derive(Clone, Debug)]
pub(crate) struct Background {
    jobs: mpsc::Sender<Job>,
}

impl Background {
    /// So many threads. Where none can be had, all work is done after [`PATIENCE`].
    pub(crate) fn new(threads: usize) -> Self {
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads {
            let waiting = Arc::clone(&waiting);
            let thread =
                thread::Builder::new().name("background".to_owned()).spawn(move || work_off(&waiting));
            if let Err(error) = thread {
                warn!("failed to start a background thread: {error}");
            }
        }
        Self { jobs }
    }

    /// Runs `work`; `None` when it panicked. It must be such that doing it twice does no harm.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Fn() -> T + Send + Sync + 'static,
    ) -> Option<T> {
        let (tell, told) = oneshot::channel();
        let work = Arc::new(work);
        let job = {
            let work = Arc::clone(&work);
            move || {
                // Whoever asked may be gone, or have it done elsewhere.
                if !tell.is_closed() {
                    let _ = tell.send(work());
                }
            }
        };
        let queued = self.jobs.send(Box::new(job));
        match time::timeout(PATIENCE, told).await {
            Ok(Ok(done)) => Some(done),
            Ok(Err(_)) if queued.is_ok() => None,
            Ok(Err(_)) | Err(_) => task::spawn_blocking(move || work()).await.ok(),
        }
    }
}

fn work_off(waiting: &Mutex<mpsc::Receiver<Job>>) {
    take_lowest_priority();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // What panics is told by its own channel being dropped; the thread lives on.
        let _ = panic::catch_unwind(AssertUnwindSafe(job));
    }
}

/// Whatever else wakes takes the core from this thread, if not at once then when it next gives way.
///
/// The idle scheduling class would promise more and keep less: where one core runs such a thread and another is idle,
/// Linux lets headers wait some 2.5 ms for the one that runs it.
fn take_lowest_priority() {
    if let Err(error) = thread_priority::set_current_thread_priority(ThreadPriority::Min) {
        warn!("failed to let headers go before registrations on every core: {error:?}");
    }
}

/// Lets whatever waits for this core have it, which the kernel may otherwise do as late as 4 ms from now. Long work calls
/// this about every millisecond.
pub(crate) fn give_way() {
    thread::yield_now();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn work_is_done_by_threads_that_give_way() {
        let background = Background::new(1);
        let stat = background.run(|| std::fs::read_to_string("/proc/thread-self/stat").ok()).await.flatten();
        // proc_pid_stat(5): the name in parentheses is the second field, niceness the nineteenth.
        let niceness = stat.as_deref().and_then(|stat| stat.rsplit_once(") ")?.1.split(' ').nth(16));
        assert_eq!(niceness, Some("19"));
    }

    #[tokio::test]
    async fn work_that_panics_takes_no_other_with_it() {
        let background = Background::new(1);
        assert_eq!(background.run(|| -> u32 { panic!("on purpose") }).await, None);
        assert_eq!(background.run(|| 7).await, Some(7));
    }

    #[tokio::test]
    async fn what_the_cores_have_no_time_for_is_done_all_the_same() {
        let background = Background::new(0);
        assert_eq!(background.run(|| 7).await, Some(7));
    }
}
