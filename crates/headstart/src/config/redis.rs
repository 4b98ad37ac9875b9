use std::path::{Path, PathBuf};

use headstart_bid_store::{Format, RedisConfig};
use serde::Deserialize;

/// What several processes share their bid store through. Without a URL this process is alone.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// `redis://[user:password@]host[:port][/database]`, `rediss://…` for TLS, or `redis+unix:///path`.
    pub url: Option<String>,
    /// A file that holds the URL instead, so that no password need stand here.
    pub url_file: Option<PathBuf>,
    /// Another server for provenance, which must not be evicted.
    pub provenance_url: Option<String>,
    pub provenance_url_file: Option<PathBuf>,
    pub mode: RedisMode,
    pub write_version: WriteVersion,
}

/// What a start without the server comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedisMode {
    /// The process does not start.
    #[default]
    Required,
    /// It starts, works by itself, and says so.
    Optional,
}

/// In which form values are written. Both forms are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteVersion {
    #[default]
    Current,
    /// What the release before reads, for as long as processes of it run.
    Previous,
}

impl Redis {
    /// Where the store is; `None` when it is in this process alone. An error names the key and what is wrong.
    pub(crate) fn store(&self, directory: &Path) -> Result<Option<RedisConfig>, (&'static str, String)> {
        let url = either("redis.url_file", self.url.as_ref(), self.url_file.as_ref(), directory)?;
        let provenance_url = either(
            "redis.provenance_url_file",
            self.provenance_url.as_ref(),
            self.provenance_url_file.as_ref(),
            directory,
        )?;
        match (url, provenance_url) {
            (None, Some(_)) => Err((
                "redis.provenance_url",
                "it needs redis.url beside it: that is where bids are".to_owned(),
            )),
            (None, None) => Ok(None),
            (Some(url), provenance_url) => {
                let writes = match self.write_version {
                    WriteVersion::Current => Format::Current,
                    WriteVersion::Previous => Format::Previous,
                };
                Ok(Some(RedisConfig { provenance_url, writes, ..RedisConfig::new(url) }))
            }
        }
    }
}

fn either(
    key: &'static str,
    url: Option<&String>,
    file: Option<&PathBuf>,
    directory: &Path,
) -> Result<Option<String>, (&'static str, String)> {
    match (url, file) {
        (Some(_), Some(_)) => Err((key, "the URL is written beside it; leave one of the two out".to_owned())),
        (Some(url), None) => Ok(Some(url.trim().to_owned())),
        (None, Some(file)) => {
            let file = directory.join(file);
            let read = std::fs::read_to_string(&file);
            let url = read.map_err(|error| (key, format!("{} cannot be read: {error}", file.display())))?;
            Ok(Some(url.trim().to_owned()))
        }
        (None, None) => Ok(None),
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URLs may hold passwords.
        f.debug_struct("Redis")
            .field("url_file", &self.url_file)
            .field("provenance_url_file", &self.provenance_url_file)
            .field("mode", &self.mode)
            .field("write_version", &self.write_version)
            .finish_non_exhaustive()
    }
}
