//! The configuration file: one TOML in which every key is known, units stand in names, and every fault is named by its
//! key together with the remedy.

mod admin;
mod builder_api;
mod check;
mod check_cluster;
mod check_listeners;
mod check_relay;
mod cluster;
mod cluster_api;
mod fetcher;
pub(crate) mod network;
mod policy;
mod redis;
mod registry;
mod relay;
mod roles;
mod unknown_key;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

pub use admin::Admin;
pub use builder_api::{Access, BuilderApi};
pub(crate) use check_cluster::{CUTOFF_MS_MAX, STICKY_MS_MAX};
pub use cluster::Cluster;
pub use cluster_api::ClusterApi;
pub use fetcher::Fetcher;
pub use network::{BlobLimit, Fork, Network};
pub use policy::{Defaults, QuotaDefaults};
pub use redis::{Redis, RedisMode, WriteVersion};
pub use registry::Registry;
pub use relay::Relay;
pub use roles::{Role, Roles};

/// The example file, which is also the reference of every key and its default.
pub const EXAMPLE: &str = include_str!("../../example.toml");

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The configuration file's folder: relative paths begin here.
    #[serde(skip)]
    pub directory: PathBuf,
    /// What this process does; by default everything.
    #[serde(default)]
    pub roles: Roles,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub network: Network,
    #[serde(default)]
    pub registry: Registry,
    #[serde(default)]
    pub redis: Redis,
    #[serde(default)]
    pub builder_api: BuilderApi,
    #[serde(default)]
    pub cluster_api: ClusterApi,
    #[serde(default)]
    pub admin: Admin,
    #[serde(default)]
    pub fetcher: Fetcher,
    #[serde(default)]
    pub defaults: Defaults,
    #[serde(default)]
    pub quotas: QuotaDefaults,
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

    /// Reads and checks the text of `file`, which names it in errors and from whose folder relative paths begin.
    pub fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        let mut config: Self = toml::from_str(text)
            .map_err(|error| Error::Parse { file: file.to_owned(), fault: unknown_key::explain(&error) })?;
        config.directory = file.parent().map(Path::to_owned).unwrap_or_default();
        check::check(&config)?;
        Ok(config)
    }

    /// Whether this process does that.
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.0.contains(&role)
    }

    /// Takes other roles than the file's, and checks whether they can be.
    pub fn with_roles(mut self, roles: Roles) -> Result<Self, Error> {
        self.roles = roles;
        check::check(&self)?;
        Ok(self)
    }

    /// What may be meant so and is dangerous all the same, in words for the log.
    pub fn warnings(&self) -> Vec<String> {
        check_listeners::warnings(self)
    }
}

#[cfg(test)]
mod tests;
