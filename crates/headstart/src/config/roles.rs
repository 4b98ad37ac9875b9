use clap::ValueEnum;
use serde::Deserialize;

/// What a process does. All roles in one process need nothing else; apart they need Redis and one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Answers beacon nodes.
    BuilderApi,
    /// Asks relays before the slot, and sends registrations on.
    Fetcher,
    /// Hears clusters over gRPC.
    ClusterApi,
}

/// The roles of one process.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Roles(pub Vec<Role>);

impl Default for Roles {
    fn default() -> Self {
        Self(Role::ALL.to_vec())
    }
}

impl Role {
    pub const ALL: [Self; 3] = [Self::BuilderApi, Self::Fetcher, Self::ClusterApi];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuilderApi => "builder-api",
            Self::Fetcher => "fetcher",
            Self::ClusterApi => "cluster-api",
        }
    }
}
