//! The task that writes the spool into the database once it answers.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task;
use tokio::time;
use tracing::{info, warn};

use super::entry::{Entry, apply};
use super::{Shared, Stream};
use crate::sql::{Database, Error, Result};

/// How often a database that was away is asked whether it is back.
const REST: Duration = Duration::from_secs(1);

/// Ends when every handle is gone.
pub(super) async fn run(spool: Weak<Shared>, database: Database) {
    while let Some(shared) = spool.upgrade() {
        match work(&shared, &database).await {
            Err(error @ Error::Unreachable(_)) => shared.note_away(&error),
            Err(error) => shared.tell(&format!("empty the spool: {error}")),
            Ok(()) => {}
        }
        drop(shared);
        time::sleep(REST).await;
    }
}

async fn work(spool: &Arc<Shared>, database: &Database) -> Result<()> {
    if let Err(error) = look_around(spool).await {
        spool.tell(&error.to_string());
    }
    if !spool.away.load(Ordering::Relaxed) && spool.depth.load(Ordering::Relaxed) == 0 {
        return Ok(());
    }
    // A database that has not its form yet would refuse everything.
    database.schema().await?.check()?;
    try_to_write(database).await.inspect_err(|error| spool.note_away(error))?;
    let mut replayed = 0;
    for stream in Stream::ALL {
        while let Some(file) = next(spool, stream).await? {
            let written = write(spool, database, &file.entries).await;
            replayed += written.inspect_err(|error| spool.note_away(error))?;
            remove(spool, stream, file.number).await?;
            spool.note_back();
        }
    }
    spool.note_back();
    if replayed > 0 {
        spool.failing.store(false, Ordering::Relaxed);
        info!(records = replayed, "the spool was written into the database");
    }
    Ok(())
}

/// A database that answers may still take nothing: a copy that only reads does not.
async fn try_to_write(database: &Database) -> Result<()> {
    let mut transaction = database.begin().await?;
    let sql = "UPDATE revisions SET number = number WHERE name = 'registrations'";
    transaction.execute(sql, &[]).await?;
    transaction.rollback().await
}

/// Takes over what processes left that have ended since the last look.
async fn look_around(spool: &Arc<Shared>) -> Result<()> {
    let shared = Arc::clone(spool);
    let looked = task::spawn_blocking(move || {
        let mut folder = shared.folder();
        let looked = folder.look_around();
        shared.depth.store(folder.records(), Ordering::Relaxed);
        looked
    });
    looked.await.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))
}

/// The oldest file of a stream.
struct Oldest {
    number: u64,
    entries: Vec<Entry>,
}

async fn next(spool: &Arc<Shared>, stream: Stream) -> Result<Option<Oldest>> {
    let Some((number, path)) = spool.folder().stream(stream).oldest() else { return Ok(None) };
    let read = task::spawn_blocking(move || read(&path)).await;
    let (entries, damaged) = read.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))?;
    if damaged > 0 {
        warn!(damaged, "lines of the spool are not whole: the process was ended while it wrote them");
        spool.lost(damaged);
    }
    Ok(Some(Oldest { number, entries }))
}

fn unreadable(error: &dyn std::error::Error) -> Error {
    Error::Other(format!("read the spool: {error}"))
}

/// The records of a file, and the number of lines that are none.
pub(super) fn read(path: &Path) -> std::io::Result<(Vec<Entry>, u64)> {
    let content = fs::read(path)?;
    let lines: Vec<_> = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let entries: Vec<_> = lines.iter().filter_map(|line| Entry::parse(line)).collect();
    let damaged = lines.len() - entries.len();
    Ok((entries, damaged as u64))
}

/// Writes them all, and answers how many; one that no database can ever take keeps no other from it. Whatever else is
/// wrong may be mended, and until then they stay where they are: somebody was told that they are kept.
async fn write(spool: &Shared, database: &Database, entries: &[Entry]) -> Result<usize> {
    match apply(database, entries).await {
        Err(error) if error.lies_in_the_record() => {}
        done => return done.map(|()| entries.len()),
    }
    let mut written = 0;
    for entry in entries {
        match apply(database, std::slice::from_ref(entry)).await {
            Ok(()) => written += 1,
            Err(error) if !error.lies_in_the_record() => return Err(error),
            Err(error) => {
                warn!("a record of the spool is lost: failed to {error}");
                spool.lost(1);
            }
        }
    }
    Ok(written)
}

async fn remove(spool: &Arc<Shared>, stream: Stream, number: u64) -> Result<()> {
    let shared = Arc::clone(spool);
    let removed = task::spawn_blocking(move || {
        let mut folder = shared.folder();
        let removed = folder.stream(stream).remove(number);
        shared.depth.store(folder.records(), Ordering::Relaxed);
        removed
    });
    removed.await.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))
}
