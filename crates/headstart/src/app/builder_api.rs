//! Where beacon nodes are answered.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use headstart_builder_api::{Access, BuilderApi, ServerConfig};
use headstart_registry::Directory;
use headstart_types::Network;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::listener;
use crate::Config;
use crate::config::Role;

/// Where beacon nodes ask, and who of them is served there.
pub(super) struct Listener {
    socket: TcpListener,
    pub(super) addr: SocketAddr,
    config: ServerConfig,
}

pub(super) fn listeners(config: &Config) -> anyhow::Result<Vec<Listener>> {
    if !config.has_role(Role::BuilderApi) {
        return Ok(Vec::new());
    }
    let settings = &config.builder_api;
    let first = Some(("builder_api.listen", settings.listen, settings.access));
    let second = settings.open_listen.map(|addr| ("builder_api.open_listen", addr, Access::Open));
    let bind = |(key, addr, access)| {
        let (socket, addr) = listener::bind(key, addr)?;
        Ok(Listener { socket, addr, config: ServerConfig { access, ..settings.serving() } })
    };
    first.into_iter().chain(second).map(bind).collect()
}

/// Tells where beacon nodes are answered, and what is known of them.
pub(super) fn announce(listeners: &[Listener], network: &Network, known: &Directory) {
    let (clusters, validators, relays) = (known.clusters().len(), known.validators(), known.relays().len());
    let network = &network.name;
    for Listener { addr, config, .. } in listeners {
        let access = match config.access {
            Access::Open => "open",
            Access::Credentials => "credentials",
        };
        info!(%addr, access, network, clusters, validators, relays, "builder_api listening");
    }
}

impl Listener {
    /// Serves at one address until `shutdown`. What breaks there is opened again at the same address, so that nobody is sent
    /// away meanwhile.
    pub(super) async fn answer(self, api: BuilderApi, shutdown: CancellationToken) {
        let Self { socket, addr, config } = self;
        let supervisor = api.fetcher().supervisor().clone();
        // Whoever serves owns its handle of the socket; this one keeps the socket open for the next.
        let spare = Mutex::new(socket.into_std().ok());
        let handle = || spare.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.try_clone().ok();
        let serving = supervisor.keep("builder_api", || {
            let (handle, api, shutdown) = (handle(), api.clone(), shutdown.clone());
            async move {
                if let Some(socket) = handle.and_then(|handle| TcpListener::from_std(handle).ok()) {
                    headstart_builder_api::serve(socket, api, config, shutdown).await;
                } else {
                    error!(%addr, "failed to listen: no handle of the socket can be had");
                }
            }
        });
        let letting_go = async {
            shutdown.cancelled().await;
            spare.lock().unwrap_or_else(PoisonError::into_inner).take();
        };
        tokio::join!(serving, letting_go);
    }
}
