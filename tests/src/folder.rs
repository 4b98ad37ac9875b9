use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use crate::PostgresDatabase;

/// The folder of a configuration file, with all that a service keeps beside it. It goes when its last handle does.
#[derive(Clone, Debug)]
pub struct Folder(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    folder: TempDir,
    database: Option<PostgresDatabase>,
}

/// Says on which database services run that are not told otherwise: `postgresql`, else SQLite.
const DATABASE: &str = "HEADSTART_TEST_DATABASE";

/// Databases for the folders to come.
static MADE: Mutex<Vec<PostgresDatabase>> = Mutex::new(Vec::new());

impl Default for Folder {
    fn default() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let made = MADE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self(Arc::new(Kept { folder, database: made.or_else(make_database) }))
    }
}

impl Folder {
    /// Makes beforehand what takes time, for a folder that is wanted when the clock of a test runs already.
    pub fn prepare() {
        if let Some(database) = make_database() {
            MADE.lock().unwrap_or_else(PoisonError::into_inner).push(database);
        }
    }

    pub fn path(&self) -> &Path {
        self.0.folder.path()
    }

    pub(crate) fn database(&self) -> Option<&PostgresDatabase> {
        self.0.database.as_ref()
    }
}

fn make_database() -> Option<PostgresDatabase> {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses the database of the run")]
    let chosen = std::env::var(DATABASE);
    match chosen.as_deref() {
        Err(_) | Ok("sqlite") => None,
        Ok("postgresql") => Some(PostgresDatabase::create()),
        Ok(other) => panic!("{DATABASE}: write sqlite or postgresql, not {other}"),
    }
}
