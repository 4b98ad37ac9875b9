use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use headstart_builder_api::Limits;
use serde::Deserialize;

/// Where beacon nodes ask, and what one of them may take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BuilderApi {
    /// Loopback by default: whoever reaches this address is served by public key, so keep it in a private network.
    pub listen: SocketAddr,
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
