//! One ordered lane for each cluster.
//!
//! What one cluster sends takes effect in the order in which it came; clusters go on side by side, at most `workers` of
//! them at a time. A lane holds a worker only while one item takes effect, and never while it waits for a client: a
//! cluster that floods, stalls or does not read its answers is in nobody's way. What is recorded has workers of its own,
//! so that hints go on while the database is slow or away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headstart_fetcher::Supervisor;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::apply::{Applier, Quota};
use crate::work::Item;

/// A lane without work for so long is dropped; the next item opens another.
const IDLE: Duration = Duration::from_mins(1);

/// The lanes of all clusters that have one; clones share them.
#[derive(Clone)]
pub(crate) struct Lanes {
    shared: Arc<Shared>,
}

struct Shared {
    /// Bounded by the clusters of the directory.
    open: Mutex<HashMap<Arc<str>, mpsc::Sender<Item>>>,
    applier: Applier,
    supervisor: Supervisor,
    /// For hints, which memory answers at once.
    workers: Semaphore,
    /// For what waits for the database.
    recorders: Semaphore,
    capacity: usize,
    tasks: TaskTracker,
    closing: CancellationToken,
}

/// The way into one cluster's lane.
pub(crate) struct Lane {
    sender: mpsc::Sender<Item>,
    capacity: usize,
}

impl Lanes {
    /// Lanes with room for `capacity` items each.
    pub(crate) fn new(applier: Applier, supervisor: Supervisor, workers: usize, capacity: usize) -> Self {
        let [workers, recorders] = [(); 2].map(|()| Semaphore::new(workers.max(1)));
        let (open, tasks, closing) = (Mutex::default(), TaskTracker::new(), CancellationToken::new());
        let capacity = capacity.max(1);
        let shared = Shared { open, applier, supervisor, workers, recorders, capacity, tasks, closing };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn enter(&self, cluster: &Arc<str>) -> Lane {
        let capacity = self.shared.capacity;
        let mut open = self.shared.open();
        let sender = open.entry(Arc::clone(cluster)).or_insert_with(|| {
            let (sender, items) = mpsc::channel(capacity);
            self.shared.tasks.spawn(run(Arc::clone(&self.shared), Arc::clone(cluster), items));
            sender
        });
        Lane { sender: sender.clone(), capacity }
    }

    /// Waits until everything that was sent into a lane has taken effect and nobody sends any more.
    pub(crate) async fn drained(&self) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<Arc<str>, mpsc::Sender<Item>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes an empty lane that nobody holds; whoever enters from now on gets another.
    fn leave(&self, cluster: &Arc<str>, items: &mpsc::Receiver<Item>) -> bool {
        let mut open = self.open();
        let idle = items.is_empty() && items.sender_strong_count() <= 1;
        if idle {
            open.remove(cluster);
        }
        idle
    }
}

async fn run(shared: Arc<Shared>, cluster: Arc<str>, mut items: mpsc::Receiver<Item>) {
    let (mut quota, mut closed) = (Quota::full(), false);
    loop {
        tokio::select! {
            biased;
            item = items.recv() => {
                let Some(item) = item else { return };
                let workers = if item.work.is_recorded() { &shared.recorders } else { &shared.workers };
                // Nobody closes the semaphore.
                let _worker = workers.acquire().await;
                // What one item breaks is that item's alone: the lane goes on.
                let applying = Box::pin(shared.applier.apply(item, &mut quota));
                shared.supervisor.attempt("lanes", applying).await;
            }
            // From now on the lane lives as long as somebody holds it.
            () = shared.closing.cancelled(), if !closed => {
                closed = true;
                shared.open().remove(&cluster);
            }
            () = time::sleep(IDLE), if !closed => if shared.leave(&cluster, &items) { return },
        }
    }
}

impl Lane {
    /// Gives the item back when the lane is full.
    pub(crate) fn offer(&self, item: Item) -> Option<Item> {
        self.sender.try_send(item).err().map(TrySendError::into_inner)
    }

    /// Waits for room.
    pub(crate) async fn push(&self, item: Item) {
        // A lane runs for as long as somebody holds its sender.
        let _ = self.sender.send(item).await;
    }

    pub(crate) fn queued(&self) -> usize {
        self.capacity - self.sender.capacity()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }
}
