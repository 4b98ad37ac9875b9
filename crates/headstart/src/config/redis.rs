use std::path::{Path, PathBuf};

use headstart_bid_store::{Format, RedisConfig, SharedKey};
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
    /// A secret that all processes have: what is written without it is not believed.
    pub shared_key: Option<String>,
    pub shared_key_file: Option<PathBuf>,
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

/// What nobody guesses.
const SHARED_KEY_MIN: usize = 32;

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
        let shared_key = self.key(directory)?;
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
                Ok(Some(RedisConfig { provenance_url, writes, shared_key, ..RedisConfig::new(url) }))
            }
        }
    }

    fn key(&self, directory: &Path) -> Result<Option<SharedKey>, (&'static str, String)> {
        let (written, file) = (self.shared_key.as_ref(), self.shared_key_file.as_ref());
        let Some(secret) = either("redis.shared_key_file", written, file, directory)? else {
            return Ok(None);
        };
        if secret.len() < SHARED_KEY_MIN {
            let fault =
                format!("a key has {SHARED_KEY_MIN} characters or more: `openssl rand -hex 32` makes one");
            return Err(("redis.shared_key", fault));
        }
        if self.write_version == WriteVersion::Previous {
            let fault = "processes of the release before know no shared_key: add it once they are gone";
            return Err(("redis.shared_key", fault.to_owned()));
        }
        Ok(Some(SharedKey::new(&secret)))
    }
}

fn either(
    key: &'static str,
    written: Option<&String>,
    file: Option<&PathBuf>,
    directory: &Path,
) -> Result<Option<String>, (&'static str, String)> {
    match (written, file) {
        (Some(_), Some(_)) => {
            Err((key, "what it holds is written beside it; leave one of the two out".to_owned()))
        }
        (Some(written), None) => Ok(Some(written.trim().to_owned())),
        (None, Some(file)) => {
            let file = directory.join(file);
            let read = std::fs::read_to_string(&file);
            let held = read.map_err(|error| (key, format!("{} cannot be read: {error}", file.display())))?;
            Ok(Some(held.trim().to_owned()))
        }
        (None, None) => Ok(None),
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URLs may hold passwords, and the key is one.
        f.debug_struct("Redis")
            .field("url_file", &self.url_file)
            .field("provenance_url_file", &self.provenance_url_file)
            .field("shared_key_file", &self.shared_key_file)
            .field("mode", &self.mode)
            .field("write_version", &self.write_version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_can_be_guessed_or_that_others_do_not_know_is_refused_and_never_shown() {
        let with = |key: &str, write_version| {
            let (url, shared_key) = (Some("redis://host".to_owned()), Some(key.to_owned()));
            Redis { url, shared_key, write_version, ..Redis::default() }
        };
        let key = "0123456789abcdef0123456789abcdef";
        let good = with(key, WriteVersion::Current);
        let store = good.store(Path::new("/")).unwrap().unwrap();
        assert!(store.shared_key.is_some());
        assert!(!format!("{good:?}{store:?}").contains(key));
        for bad in [with("secret", WriteVersion::Current), with(key, WriteVersion::Previous)] {
            let (at, fault) = bad.store(Path::new("/")).unwrap_err();
            assert!(at == "redis.shared_key" && !fault.contains("secret"), "{fault}");
        }
    }
}
