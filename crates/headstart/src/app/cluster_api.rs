//! The clusters' door, as the configuration wants it.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use headstart_cluster_api::{ClusterApi, Config as ApiConfig, Limits, ServeError, Tls};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::listener;
use crate::Config;
use crate::config::Role;

/// The door, bound and ready to be opened.
pub(super) struct Door {
    listener: TcpListener,
    pub(super) addr: SocketAddr,
    api: ClusterApi,
    tls: Option<Tls>,
}

impl Door {
    pub(super) fn new(config: &Config, api: impl FnOnce() -> ApiConfig) -> anyhow::Result<Option<Self>> {
        let settings = &config.cluster_api;
        if !settings.enabled || !config.has_role(Role::ClusterApi) {
            return Ok(None);
        }
        let tls = tls(config)?;
        let (listener, addr) = listener::bind("cluster_api.listen", settings.listen)?;
        info!(%addr, tls = tls.is_some(), "cluster_api listening");
        Ok(Some(Self { listener, addr, api: ClusterApi::new(api()), tls }))
    }

    /// Hears clusters until `shutdown`; then their streams end.
    pub(super) async fn serve(self, shutdown: CancellationToken) -> Result<(), ServeError> {
        headstart_cluster_api::serve(self.listener, self.api, Limits::default(), self.tls, shutdown).await
    }
}

fn tls(config: &Config) -> anyhow::Result<Option<Tls>> {
    let settings = &config.cluster_api;
    let (Some(certificates), Some(key)) = (&settings.tls_cert_file, &settings.tls_key_file) else {
        return Ok(None);
    };
    let read = |name: &str, file: &Path| {
        let file = config.directory.join(file);
        std::fs::read(&file).with_context(|| format!("read cluster_api.{name} {}", file.display()))
    };
    Ok(Some(Tls { certificates: read("tls_cert_file", certificates)?, key: read("tls_key_file", key)? }))
}
