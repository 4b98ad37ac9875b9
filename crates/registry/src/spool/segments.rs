//! Files that are only appended to: the records of one stream in the order in which they came.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The files of one stream; the oldest goes first.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    stream: &'static str,
    bounds: Bounds,
    all: VecDeque<Segment>,
    /// The newest file, while it takes more.
    open: Option<File>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// A file of this size is followed by the next one.
    pub(super) segment_bytes: u64,
    pub(super) bytes_max: u64,
    pub(super) when_full: WhenFull,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// Nobody was promised that they are kept.
    DropOldest,
    Refuse,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
    records: u64,
}

/// Why a stream does not take more.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAppended {
    #[error("it is full")]
    Full,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Registrations and reports are nobody else's business.
pub(super) const FILE_MODE: u32 = 0o600;
const ENDING: &str = "spool";

impl Segments {
    /// Finds what there is of the stream in a folder.
    pub(super) fn open(folder: &Path, stream: &'static str, bounds: Bounds) -> io::Result<Self> {
        let mut all = Vec::new();
        for (number, path) in files(folder, stream)? {
            all.push(Segment::read(number, &path)?);
        }
        let next = all.last().map_or(1, |last| last.number + 1);
        Ok(Self { folder: folder.to_owned(), stream, bounds, all: all.into(), open: None, next })
    }

    /// Takes over what another folder has of the stream.
    pub(super) fn adopt(&mut self, other: &Path) -> io::Result<()> {
        for (_, path) in files(other, self.stream)? {
            let adopted = Segment::read(self.next, &path)?;
            fs::rename(path, self.path(adopted.number))?;
            self.next += 1;
            self.open = None;
            self.all.push_back(adopted);
        }
        Ok(())
    }

    /// Appends whole lines, which are on the disk once this returns. Answers how many older records had to go.
    pub(super) fn append(&mut self, lines: &[u8], records: u64) -> Result<u64, NotAppended> {
        let (bytes, mut dropped) = (lines.len() as u64, 0);
        while self.bytes() + bytes > self.bounds.bytes_max {
            if self.bounds.when_full == WhenFull::Refuse || self.all.is_empty() {
                return Err(NotAppended::Full);
            }
            dropped += self.drop_oldest()?;
        }
        let file = self.writable()?;
        if let Err(error) = file.write_all(lines).and_then(|()| file.sync_data()) {
            self.give_up_newest();
            return Err(error.into());
        }
        if let Some(newest) = self.all.back_mut() {
            newest.bytes += bytes;
            newest.records += records;
        }
        Ok(dropped)
    }

    fn drop_oldest(&mut self) -> io::Result<u64> {
        let Some(oldest) = self.all.pop_front() else { return Ok(0) };
        if self.all.is_empty() {
            self.open = None;
        }
        fs::remove_file(self.path(oldest.number))?;
        Ok(oldest.records)
    }

    /// Whatever came to the disk of what failed stands at the end of a file that takes no more.
    fn give_up_newest(&mut self) {
        self.open = None;
        if let Some(empty) = self.all.pop_back_if(|newest| newest.records == 0) {
            // On a disk that is full there would soon be many of them.
            let _ = fs::remove_file(self.path(empty.number));
        }
    }

    /// The oldest file, which takes no more from now on.
    pub(super) fn oldest(&mut self) -> Option<(u64, PathBuf)> {
        if self.all.len() == 1 {
            self.open = None;
        }
        self.all.front().map(|oldest| (oldest.number, self.path(oldest.number)))
    }

    /// Its records are in the database.
    pub(super) fn remove(&mut self, number: u64) -> io::Result<()> {
        if self.all.front().is_some_and(|oldest| oldest.number == number) {
            fs::remove_file(self.path(number))?;
            self.all.pop_front();
        }
        Ok(())
    }

    pub(super) fn records(&self) -> u64 {
        self.all.iter().map(|segment| segment.records).sum()
    }

    fn bytes(&self) -> u64 {
        self.all.iter().map(|segment| segment.bytes).sum()
    }

    fn writable(&mut self) -> io::Result<&mut File> {
        let is_small = self.all.back().is_some_and(|newest| newest.bytes < self.bounds.segment_bytes);
        let open = match self.open.take() {
            Some(file) if is_small => file,
            _ => {
                let number = self.next;
                let mut options = OpenOptions::new();
                let file = options.append(true).create_new(true).mode(FILE_MODE).open(self.path(number))?;
                self.next += 1;
                self.all.push_back(Segment { number, bytes: 0, records: 0 });
                // The folder holds the name, and it too must survive a power cut.
                File::open(&self.folder)?.sync_all()?;
                file
            }
        };
        Ok(self.open.insert(open))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}-{number:08}.{ENDING}", self.stream))
    }
}

impl Segment {
    fn read(number: u64, path: &Path) -> io::Result<Self> {
        let content = fs::read(path)?;
        let records = content.split(|byte| *byte == b'\n').count() - 1;
        Ok(Self { number, bytes: content.len() as u64, records: records as u64 })
    }
}

/// The files of a stream with their numbers, oldest first.
fn files(folder: &Path, stream: &str) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix(stream).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        if let Some(number) = number.filter(|_| path.extension().is_some_and(|ending| ending == ENDING)) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}
