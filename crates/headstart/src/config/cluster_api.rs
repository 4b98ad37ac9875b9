use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

/// Where clusters are heard over gRPC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterApi {
    pub enabled: bool,
    pub listen: SocketAddr,
    /// Clusters whose hints are worked on at the same time.
    pub workers: usize,
    /// The service's own private key, drawn when it is first needed; tokens for operators without a key are signed
    /// with it. Relative to the configuration file.
    pub signing_key_file: PathBuf,
    /// A certificate chain and its private key in PEM; both or neither. Without them the door speaks plain HTTP/2.
    pub tls_cert_file: Option<PathBuf>,
    pub tls_key_file: Option<PathBuf>,
}

const PORT: u16 = 18_560;
const WORKERS: usize = 32;

impl Default for ClusterApi {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
            workers: WORKERS,
            signing_key_file: "headstart-signing-key.pem".into(),
            tls_cert_file: None,
            tls_key_file: None,
        }
    }
}
