use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use headstart_builder_api::{Limits, ServerConfig};
use serde::Deserialize;

pub use headstart_builder_api::Access;

/// Where beacon nodes ask, who of them is served, and what one of them may take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BuilderApi {
    pub listen: SocketAddr,
    /// Who is served at `listen`.
    pub access: Access,
    /// A second address, open to whoever reaches it, for a private network; `listen` asks for credentials then.
    pub open_listen: Option<SocketAddr>,
    pub connections_max: usize,
    pub head_timeout_ms: u64,
    pub body_timeout_ms: u64,
    pub idle_timeout_ms: u64,
    pub body_bytes_max: usize,
    pub drain_timeout_ms: u64,
}

/// The port that the field has settled on.
const PORT: u16 = 18_550;

impl Default for BuilderApi {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
            access: Access::default(),
            open_listen: None,
            connections_max: limits.connections_max,
            head_timeout_ms: millis(limits.head_timeout),
            body_timeout_ms: millis(limits.body_timeout),
            idle_timeout_ms: millis(limits.idle_timeout),
            body_bytes_max: limits.body_bytes_max,
            drain_timeout_ms: millis(limits.drain_timeout),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl BuilderApi {
    /// The addresses that serve whoever reaches them, each with its key.
    pub(crate) fn open_addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let listen = (self.access == Access::Open).then_some(("builder_api.listen", self.listen));
        listen.into_iter().chain(self.open_listen.map(|addr| ("builder_api.open_listen", addr)))
    }

    /// How `listen` is served.
    pub(crate) fn serving(&self) -> ServerConfig {
        ServerConfig { access: self.access, limits: self.limits() }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            connections_max: self.connections_max,
            head_timeout: Duration::from_millis(self.head_timeout_ms),
            body_timeout: Duration::from_millis(self.body_timeout_ms),
            idle_timeout: Duration::from_millis(self.idle_timeout_ms),
            body_bytes_max: self.body_bytes_max,
            drain_timeout: Duration::from_millis(self.drain_timeout_ms),
            ..Limits::default()
        }
    }
}
