use std::sync::{Mutex, PoisonError};

use headstart_types::UnixMillis;
use tokio::time::{self, Instant};

use crate::clock;

/// How late this machine woke what had to be done at a moment; what the whole measurement is only as good as.
#[derive(Debug, Default)]
pub(super) struct Lateness(Mutex<Vec<u64>>);

impl Lateness {
    /// Sleeps until that moment of the wall clock, and notes how much later it is then.
    pub(super) async fn sleep_until(&self, moment: UnixMillis) {
        let due = Instant::now() + clock::SYSTEM.now().until(moment);
        time::sleep_until(due).await;
        let late_us = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(late_us);
    }

    /// Of every waking so far, in microseconds.
    pub(super) fn all_us(&self) -> Vec<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
