use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where clusters, credentials, claims and registrations are kept.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registry {
    /// `sqlite:FILE`, relative to the configuration file, or `postgres://user:password@host/database`.
    pub url: Option<String>,
    /// A file that holds the URL instead, so that no password need stand here.
    pub url_file: Option<PathBuf>,
    /// Whether `serve` brings the database to this version's form by itself.
    pub migrate: bool,
    /// What a process serves from when the database is away at its start; empty for none.
    pub snapshot: PathBuf,
    /// The folder where records wait while the database is away; empty for none.
    pub spool: PathBuf,
}

pub(crate) const DATABASE: &str = "sqlite:headstart.db";

impl Default for Registry {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            migrate: true,
            snapshot: "headstart-directory.json".into(),
            spool: "headstart-spool".into(),
        }
    }
}

impl Registry {
    /// The database's URL, with a file's path made relative to `directory`; an error names what cannot be read.
    pub(crate) fn database_url(&self, directory: &Path) -> Result<String, UrlFault> {
        let written = match (&self.url, &self.url_file) {
            (Some(url), _) => url.clone(),
            (None, Some(file)) => read(&directory.join(file))?,
            (None, None) => DATABASE.to_owned(),
        };
        resolve(written.trim(), directory)
    }

    pub(crate) fn snapshot_file(&self, directory: &Path) -> Option<PathBuf> {
        (!self.snapshot.as_os_str().is_empty()).then(|| directory.join(&self.snapshot))
    }

    pub(crate) fn spool_folder(&self, directory: &Path) -> Option<PathBuf> {
        (!self.spool.as_os_str().is_empty()).then(|| directory.join(&self.spool))
    }
}

/// What is wrong with the database's URL, without showing any of it: it may hold a password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UrlFault {
    Unreadable(PathBuf, String),
    Scheme,
}

impl std::fmt::Display for UrlFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(file, cause) => write!(f, "{} cannot be read: {cause}", file.display()),
            Self::Scheme => f.write_str("write sqlite:FILE or postgres://user:password@host/database"),
        }
    }
}

fn read(file: &Path) -> Result<String, UrlFault> {
    std::fs::read_to_string(file).map_err(|error| UrlFault::Unreadable(file.to_owned(), error.to_string()))
}

fn resolve(url: &str, directory: &Path) -> Result<String, UrlFault> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(url.to_owned());
    }
    let file = url.strip_prefix("sqlite:").ok_or(UrlFault::Scheme)?;
    let file = file.strip_prefix("//").unwrap_or(file);
    if file.is_empty() || file.starts_with(':') {
        return Err(UrlFault::Scheme);
    }
    Ok(format!("sqlite://{}", directory.join(file).display()))
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("Registry")
            .field("url_file", &self.url_file)
            .field("migrate", &self.migrate)
            .field("snapshot", &self.snapshot)
            .field("spool", &self.spool)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn with_url(url: &str) -> Registry {
        Registry { url: Some(url.to_owned()), ..Registry::default() }
    }

    #[test]
    fn a_database_file_lies_beside_the_configuration() {
        let directory = Path::new("/etc/headstart");
        let url = |registry: &Registry| registry.database_url(directory).unwrap();
        assert_eq!(url(&Registry::default()), "sqlite:///etc/headstart/headstart.db");
        assert_eq!(url(&with_url("sqlite://data/one.db")), "sqlite:///etc/headstart/data/one.db");
        assert_eq!(url(&with_url("sqlite:/var/lib/one.db")), "sqlite:///var/lib/one.db");
        assert_eq!(url(&with_url("postgres://me@host/db")), "postgres://me@host/db");
    }

    #[test]
    fn a_url_of_another_kind_is_refused_without_showing_it() {
        for url in ["mysql://root:canary@host", "sqlite:", "sqlite::memory:", "headstart.db"] {
            let fault = with_url(url).database_url(Path::new("")).unwrap_err();
            assert_eq!(fault.to_string(), "write sqlite:FILE or postgres://user:password@host/database");
            assert!(!format!("{:?}", with_url(url)).contains("canary"));
        }
    }

    #[test]
    fn a_password_may_stand_in_a_file_of_its_own() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"postgres://me:canary@host/db\n").unwrap();
        let registry = Registry { url_file: Some(file.path().to_owned()), ..Registry::default() };
        assert_eq!(registry.database_url(Path::new("")).unwrap(), "postgres://me:canary@host/db");
        let missing = Registry { url_file: Some("/nowhere/url".into()), ..Registry::default() };
        assert!(
            missing.database_url(Path::new("")).unwrap_err().to_string().starts_with("/nowhere/url cannot")
        );
    }

    #[test]
    fn an_empty_snapshot_or_spool_is_none() {
        let directory = Path::new("/etc/headstart");
        let file = Registry::default().snapshot_file(directory);
        assert_eq!(file, Some("/etc/headstart/headstart-directory.json".into()));
        let folder = Registry::default().spool_folder(directory);
        assert_eq!(folder, Some("/etc/headstart/headstart-spool".into()));
        let none = Registry { snapshot: PathBuf::new(), spool: PathBuf::new(), ..Registry::default() };
        assert_eq!((none.snapshot_file(directory), none.spool_folder(directory)), (None, None));
    }
}
