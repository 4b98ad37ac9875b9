//! The last directory that this process knew, in a file: a process can start and serve while the database is away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use headstart_types::B256;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::DirectoryRows;

/// Grows whenever a file of before could be misread.
const VERSION: u32 = 1;
/// Relays' headers may be credentials: nobody else reads the file.
const MODE: u32 = 0o600;

/// The first line; the second is the rows.
#[derive(Serialize, Deserialize)]
struct Head {
    headstart_snapshot: u32,
    /// Of the second line.
    sha256: B256,
}

/// Why a snapshot cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("read the snapshot: {0}")]
    Unreadable(#[from] io::Error),
    #[error("read the snapshot: it is no snapshot of headstart")]
    Foreign,
    #[error("read the snapshot: it is of version {0}, this program reads {VERSION}")]
    Version(u32),
    #[error("read the snapshot: it is damaged, its checksum is wrong")]
    Damaged,
}

/// Reads what [`write()`] wrote; a file that is not there is `None`.
pub fn read(path: &Path) -> Result<Option<DirectoryRows>, SnapshotError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let end = text.iter().position(|byte| *byte == b'\n').ok_or(SnapshotError::Foreign)?;
    let (head, rows) = (&text[..end], &text[end + 1..]);
    let head: Head = serde_json::from_slice(head).map_err(|_| SnapshotError::Foreign)?;
    if head.headstart_snapshot != VERSION {
        return Err(SnapshotError::Version(head.headstart_snapshot));
    }
    if head.sha256 != digest(rows) {
        return Err(SnapshotError::Damaged);
    }
    serde_json::from_slice(rows).map(Some).map_err(|_| SnapshotError::Damaged)
}

/// Puts a new snapshot in the place of the one before: whoever reads meets one of both, whole.
pub fn write(path: &Path, rows: &DirectoryRows) -> io::Result<()> {
    let rows = serde_json::to_vec(rows)?;
    let head = serde_json::to_vec(&Head { headstart_snapshot: VERSION, sha256: digest(&rows) })?;
    let new = path.with_added_extension("new");
    // One that was left behind may be open to others.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&new)?;
    file.write_all(&head)?;
    file.write_all(b"\n")?;
    file.write_all(&rows)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The folder holds the name, and it too must survive a power cut.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn digest(rows: &[u8]) -> B256 {
    B256::from_slice(&Sha256::digest(rows))
}
