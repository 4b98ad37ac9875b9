//! The configuration file: one TOML in which every key is known, units stand in names, and every fault is named by its
//! key together with the remedy.

mod builder_api;
mod check;
mod cluster;
mod fetcher;
pub(crate) mod network;
mod relay;
mod unknown_key;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

pub use builder_api::BuilderApi;
pub use cluster::Cluster;
pub use fetcher::Fetcher;
pub use network::{BlobLimit, Fork, Network};
pub use relay::Relay;

/// The example file, which is also the reference of every key and its default.
pub const EXAMPLE: &str = include_str!("../../example.toml");

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub network: Network,
    #[serde(default)]
    pub builder_api: BuilderApi,
    #[serde(default)]
    pub fetcher: Fetcher,
    #[serde(default)]
    pub beacon_nodes: Vec<BeaconNode>,
    #[serde(default)]
    pub relays: Vec<Relay>,
    #[serde(default)]
    pub clusters: Vec<Cluster>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or directives as in `info,headstart_relay=debug`.
    pub level: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Pretty,
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Pretty, level: "info".to_owned() }
    }
}

/// A beacon node to follow for duties and heads. Without any, auctions begin when a beacon node asks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeaconNode {
    /// Base URL of its HTTP API, such as `http://127.0.0.1:5052`.
    pub url: Url,
}

/// Why a configuration cannot be used. The message names the key and the remedy.
#[derive(Debug)]
pub enum Error {
    Read { file: PathBuf, source: std::io::Error },
    Parse { file: PathBuf, fault: String },
    Check { key: String, fault: String },
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read { file, .. } => write!(f, "read the configuration file {}", file.display()),
            Self::Parse { file, fault } => write!(f, "read {}: {fault}", file.display()),
            Self::Check { key, fault } => write!(f, "use the configuration: {key}: {fault}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Parse { .. } | Self::Check { .. } => None,
        }
    }
}

impl Error {
    pub(crate) fn check(key: impl Into<String>, fault: impl Into<String>) -> Self {
        Self::Check { key: key.into(), fault: fault.into() }
    }
}

impl Config {
    /// Reads and checks a file.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
        Self::parse(&text, file)
    }

    /// Reads and checks the text of `file`, which serves only to name it in errors.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        let config: Self = toml::from_str(text)
            .map_err(|error| Error::Parse { file: file.to_owned(), fault: unknown_key::explain(&error) })?;
        check::check(&config)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
