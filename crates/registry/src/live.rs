use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, Guard};
use tokio::sync::{Notify, watch};

use crate::Directory;

/// The directory of the moment. Reading it takes no lock; a change replaces it whole.
#[derive(Clone, Debug)]
pub struct LiveDirectory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    current: ArcSwap<Directory>,
    changes: watch::Sender<u64>,
    /// Somebody waits for a change of the database to be shown.
    wanted: Notify,
    /// The database was not there when it was last looked for.
    away: AtomicBool,
}

impl LiveDirectory {
    pub fn new(directory: Directory) -> Self {
        let (current, changes) = (ArcSwap::from_pointee(directory), watch::Sender::new(0));
        let (wanted, away) = (Notify::new(), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { current, changes, wanted, away }) }
    }

    /// For the length of one request; to keep it longer, take [`LiveDirectory::snapshot`].
    pub fn load(&self) -> Guard<Arc<Directory>> {
        self.shared.current.load()
    }

    pub fn snapshot(&self) -> Arc<Directory> {
        self.shared.current.load_full()
    }

    /// Replaces the directory and tells whoever watches.
    pub fn replace(&self, directory: Directory) {
        self.shared.current.store(Arc::new(directory));
        self.shared.changes.send_modify(|count| *count += 1);
    }

    /// Counts the changes.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Waits until what the database holds as of `revision` is shown, and has whoever follows it look at once. Give it a
    /// deadline: while the database is away nothing changes.
    pub async fn reach(&self, revision: i64) {
        let mut changes = self.changed();
        while self.load().revision() < revision {
            self.shared.wanted.notify_one();
            // The sender is our own: it does not go away.
            let _ = changes.changed().await;
        }
    }

    /// Whether the database was away when it was last looked for: what is shown may be old.
    pub fn is_database_away(&self) -> bool {
        self.shared.away.load(Ordering::Relaxed)
    }

    /// Whoever looks for the database says so.
    pub fn set_database_away(&self, away: bool) {
        self.shared.away.store(away, Ordering::Relaxed);
    }

    /// For whoever follows the database: somebody waits.
    pub(crate) async fn wanted(&self) {
        self.shared.wanted.notified().await;
    }
}
