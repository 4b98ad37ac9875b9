//! What waits on this process's own disk while the database is away.
//!
//! 1. A record is on the disk before anybody is told that it was taken, and in the database before it goes from there.
//! 2. Every record can be written any number of times, so a process may die at any moment of this.
//! 3. What was promised is refused when the spool is full; of what was not, the oldest goes.

mod entry;
mod folder;
mod replay;
mod segments;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{info, warn};

pub(crate) use self::entry::Entry;
use self::folder::Folder;
use self::segments::NotAppended;
use crate::Registry;
use crate::loops::Loops;
use crate::sql::{Database, Error, Result};

/// The spool of one process. A clone is another handle of the same.
#[derive(Clone, Debug)]
pub(crate) struct Spool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: Mutex<Folder>,
    /// Records in the files.
    depth: AtomicU64,
    /// Records that were lost since the start.
    dropped: AtomicU64,
    /// The database did not answer, or took nothing, when it was last tried.
    away: AtomicBool,
    /// It was told that the spool takes no more.
    failing: AtomicBool,
}

/// Which of its streams a record goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Registrations: somebody is told that they are kept.
    Promised,
    /// Reports of proposals: so is who brings them, but however many come, they take no room from registrations.
    Reports,
    Outcomes,
}

impl Stream {
    /// In the order in which they are written once the database is back.
    const ALL: [Self; 3] = [Self::Promised, Self::Reports, Self::Outcomes];
}

impl Spool {
    /// Takes what earlier processes left in the folder, and begins to write it into the database. Must be called within
    /// a Tokio runtime.
    pub(crate) fn open(folder: &Path, database: &Database, loops: &Loops) -> io::Result<Self> {
        Ok(Self::with(Folder::open(folder, folder::BYTES_MAX)?, database, loops))
    }

    fn with(folder: Folder, database: &Database, loops: &Loops) -> Self {
        let depth = folder.records();
        if depth > 0 {
            info!(records = depth, "records of an earlier time wait in the spool");
        }
        let shared = Arc::new(Shared {
            folder: Mutex::new(folder),
            depth: depth.into(),
            dropped: AtomicU64::default(),
            away: AtomicBool::default(),
            failing: AtomicBool::default(),
        });
        let (spool, database) = (Arc::downgrade(&shared), database.clone());
        loops.keep("spool", move || replay::run(spool.clone(), database.clone()));
        Self { shared }
    }

    pub(crate) fn is_away(&self) -> bool {
        self.shared.away.load(Ordering::Relaxed)
    }

    /// Keeps these until the database is back; whether they are on the disk.
    pub(crate) async fn keep(&self, stream: Stream, entries: Vec<Entry>) -> bool {
        let shared = Arc::clone(&self.shared);
        let kept = tokio::task::spawn_blocking(move || shared.keep(stream, &entries)).await;
        kept.unwrap_or(false)
    }

    pub(crate) fn depth(&self) -> u64 {
        self.shared.depth.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Registry {
    /// Writes into the database, or keeps the entries in the spool when that is away or takes nothing; `None` says that it
    /// did.
    pub(crate) async fn write_or_keep<T>(
        &self,
        stream: Stream,
        write: impl Future<Output = Result<T>>,
        entries: impl FnOnce() -> Vec<Entry>,
    ) -> Result<Option<T>> {
        let Some(spool) = &self.spool else { return write.await.map(Some) };
        let away = if spool.is_away() {
            Error::Unreachable("it did not take anything a moment ago".to_owned())
        } else {
            match write.await {
                Err(away) if !away.lies_in_the_record() => away,
                done => return done.map(Some),
            }
        };
        self.note_away(&away);
        if spool.keep(stream, entries()).await { Ok(None) } else { Err(away) }
    }

    /// Whether the spool has what could not be written for this reason, as far as there is room.
    pub(crate) fn spools(&self, error: &Error) -> bool {
        self.spool.is_some() && !error.lies_in_the_record()
    }

    /// The database took nothing: until it does again nobody need ask it.
    pub(crate) fn note_away(&self, error: &Error) {
        if let Some(spool) = &self.spool {
            spool.shared.note_away(error);
        }
    }
}

impl Shared {
    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.folder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_away(&self, error: &Error) {
        if !self.away.swap(true, Ordering::Relaxed) {
            warn!("records go to the spool: failed to {error}");
        }
    }

    fn note_back(&self) {
        if self.away.swap(false, Ordering::Relaxed) {
            info!("records go to the database again");
        }
    }

    fn keep(&self, stream: Stream, entries: &[Entry]) -> bool {
        let lines: serde_json::Result<String> = entries.iter().map(Entry::line).collect();
        let mut folder = self.folder();
        let appended = lines
            .map_err(|error| NotAppended::Io(error.into()))
            .and_then(|lines| folder.stream(stream).append(lines.as_bytes(), entries.len() as u64));
        self.depth.store(folder.records(), Ordering::Relaxed);
        drop(folder);
        let lost = match (stream, &appended) {
            (_, Ok(dropped)) => *dropped,
            (Stream::Outcomes, Err(_)) => entries.len() as u64,
            // Whoever brought it is told that it was not taken.
            (Stream::Promised | Stream::Reports, Err(_)) => 0,
        };
        self.dropped.fetch_add(lost, Ordering::Relaxed);
        match &appended {
            Ok(0) => {}
            Ok(_) => self.tell("keep everything in the spool: it is full, and the oldest records go"),
            Err(error) => self.tell(&format!("keep everything in the spool: {error}")),
        }
        appended.is_ok()
    }

    /// One line for each time that the spool is full or fails.
    fn tell(&self, fault: &str) {
        if !self.failing.swap(true, Ordering::Relaxed) {
            warn!("failed to {fault}");
        }
    }

    fn lost(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }
}
