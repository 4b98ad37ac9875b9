use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

/// Runs `ours` here, and `theirs` on another thread of the rayon pool that this is called in if one has nothing to do
/// meanwhile, else here afterwards. Called outside of a pool, the global one is asked to help.
///
/// Whoever must wait for the other thread takes up nothing else, as [`rayon::join`] would: of pieces of work that were
/// given to the pool one after the other, an earlier one is not held up by a later. A panic of either side comes out
/// here.
pub fn beside<A, B: Send + 'static>(
    ours: impl FnOnce() -> A,
    theirs: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let offered = Arc::new(Mutex::new(Some(theirs)));
    let (tell, told) = mpsc::sync_channel(1);
    let taken = Arc::clone(&offered);
    rayon::spawn(move || {
        if let Some(theirs) = take(&taken) {
            // A panic that came out in the global pool would end the process. Nobody listens once `ours` has panicked.
            let _ = tell.send(panic::catch_unwind(AssertUnwindSafe(theirs)));
        }
    });
    let of_ours = ours();
    let of_theirs = match take(&offered) {
        Some(theirs) => theirs(),
        None => heard(&told),
    };
    (of_ours, of_theirs)
}

fn take<T>(offered: &Mutex<Option<T>>) -> Option<T> {
    offered.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn heard<T>(told: &mpsc::Receiver<thread::Result<T>>) -> T {
    let came = told.recv().expect("whoever took it tells what came of it");
    came.unwrap_or_else(|cause| panic::resume_unwind(cause))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use rayon::{ThreadPool, ThreadPoolBuilder};

    use super::*;

    fn pool(threads: usize) -> ThreadPool {
        ThreadPoolBuilder::new().num_threads(threads).panic_handler(drop).build().unwrap()
    }

    #[test]
    fn an_idle_thread_takes_the_other_piece() {
        let (tell, told) = channel();
        let (here, there) = pool(2).install(|| {
            // Ours ends only once theirs has run, so that one ran beside it.
            let ours = move || (told.recv().unwrap(), thread::current().id()).1;
            beside(ours, move || (tell.send(()).unwrap(), thread::current().id()).1)
        });
        assert_ne!(here, there);
    }

    #[test]
    fn where_no_thread_is_idle_both_pieces_run_here() {
        let (here, there) = pool(1).install(|| beside(|| thread::current().id(), || thread::current().id()));
        assert_eq!(here, there);
    }

    #[test]
    fn who_waits_for_the_other_piece_takes_up_no_later_work() {
        let (pool, (ran, has_run), (began, has_begun)) = (Arc::new(pool(2)), channel(), channel());
        let later = Arc::clone(&pool);
        let ours = move || {
            has_begun.recv().unwrap();
            // From here on this thread waits, and nobody else could run it.
            later.spawn(move || _ = ran.send(()));
        };
        let theirs = move || {
            began.send(()).unwrap();
            has_run.recv_timeout(Duration::from_millis(100))
        };
        let ((), ran_meanwhile) = pool.install(|| beside(ours, theirs));
        assert_eq!(ran_meanwhile, Err(RecvTimeoutError::Timeout));
    }

    #[test]
    fn a_panic_of_the_other_piece_comes_out_here() {
        for threads in [1, 2] {
            let both = || beside(|| (), || panic!("in the other piece"));
            let panicked = pool(threads).install(|| panic::catch_unwind(both).is_err());
            assert!(panicked);
        }
    }
}
