use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Where supervisors and load balancers ask for the health of the process and its figures.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    pub enabled: bool,
    pub listen: SocketAddr,
    /// On SIGTERM the process serves on for at least so long, for load balancers to notice.
    pub drain_min_ms: u64,
}

const PORT: u16 = 18_570;

impl Default for Admin {
    fn default() -> Self {
        Self { enabled: true, listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)), drain_min_ms: 0 }
    }
}
