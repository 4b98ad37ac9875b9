//! Where a process keeps its spool: a folder of its own inside the configured one, locked as long as it lives.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::Stream;
use super::segments::{Bounds, FILE_MODE, Segments, WhenFull};
use crate::identity;

/// The streams of one process.
#[derive(Debug)]
pub(super) struct Folder {
    spool: PathBuf,
    ours: PathBuf,
    promised: Segments,
    reports: Segments,
    outcomes: Segments,
    /// Folders beside ours that cannot be read, each of which is told of once.
    unreadable: BTreeSet<PathBuf>,
    /// Goes with the process, however it ends; then the next one takes over what is left here.
    _lock: File,
}

/// Of registrations, and of outcomes.
pub(super) const BYTES_MAX: u64 = 64 << 20;
/// Reports have this part of it.
const REPORTS_PART: u64 = 4;
const SEGMENTS: u64 = 64;
const LOCK: &str = "lock";
const FOLDER_MODE: u32 = 0o700;

impl Folder {
    pub(super) fn open(spool: &Path, bytes_max: u64) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        let builder = builder.mode(FOLDER_MODE).recursive(true);
        builder.create(spool)?;
        // Nobody takes a folder for left whose lock is about to be taken.
        let door = lock_file(spool)?;
        door.lock()?;
        let ours = spool.join(identity::draw());
        builder.create(&ours)?;
        let lock = lock_file(&ours)?;
        lock.lock()?;
        let bounds =
            |bytes_max, when_full| Bounds { segment_bytes: bytes_max / SEGMENTS, bytes_max, when_full };
        let reports_max = bytes_max / REPORTS_PART;
        let mut folder = Self {
            promised: Segments::open(&ours, "promised", bounds(bytes_max, WhenFull::Refuse))?,
            reports: Segments::open(&ours, "reports", bounds(reports_max, WhenFull::Refuse))?,
            outcomes: Segments::open(&ours, "outcomes", bounds(bytes_max, WhenFull::DropOldest))?,
            spool: spool.to_owned(),
            ours,
            unreadable: BTreeSet::new(),
            _lock: lock,
        };
        folder.adopt_all()?;
        File::open(&folder.ours)?.sync_all()?;
        File::open(spool)?.sync_all()?;
        Ok(folder)
    }

    /// Takes over what processes left that have ended, while it holds the door. A folder that is not ours to read, as a
    /// file system's own may be, keeps no other from it.
    fn adopt_all(&mut self) -> io::Result<()> {
        for entry in fs::read_dir(&self.spool)? {
            let other = entry?.path();
            if !other.is_dir() || other == self.ours {
                continue;
            }
            if let Err(error) = self.adopt(&other)
                && self.unreadable.insert(other.clone())
            {
                warn!(folder = %other.display(), "a folder of the spool is left out: failed to read it: {error}");
            }
        }
        Ok(())
    }

    /// Looks again whether processes have ended, unless another one looks just now.
    pub(super) fn look_around(&mut self) -> io::Result<()> {
        let door = lock_file(&self.spool)?;
        if door.try_lock().is_ok() { self.adopt_all() } else { Ok(()) }
    }

    /// What belongs to a process that lives stays its own.
    fn adopt(&mut self, other: &Path) -> io::Result<()> {
        let lock = lock_file(other)?;
        if lock.try_lock().is_err() {
            return Ok(());
        }
        self.promised.adopt(other)?;
        self.reports.adopt(other)?;
        self.outcomes.adopt(other)?;
        fs::remove_file(other.join(LOCK))?;
        // Whatever else somebody put there stays there.
        let _ = fs::remove_dir(other);
        Ok(())
    }

    pub(super) fn stream(&mut self, stream: Stream) -> &mut Segments {
        match stream {
            Stream::Promised => &mut self.promised,
            Stream::Reports => &mut self.reports,
            Stream::Outcomes => &mut self.outcomes,
        }
    }

    pub(super) fn records(&self) -> u64 {
        self.promised.records() + self.reports.records() + self.outcomes.records()
    }
}

fn lock_file(folder: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(FILE_MODE).open(folder.join(LOCK))
}
