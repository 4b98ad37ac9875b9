use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};

use crate::Error;

const POOL_IDLE: Duration = Duration::from_secs(90);
const CONNECT_MAX: Duration = Duration::from_secs(5);
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// A client that follows no redirect, decompresses nothing and reads no proxy from the environment.
pub(crate) fn build(user_agent: &str) -> Result<Client, Error> {
    let builder = Client::builder()
        .user_agent(user_agent)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEPALIVE)
        .pool_idle_timeout(POOL_IDLE)
        .connect_timeout(CONNECT_MAX)
        .tls_backend_preconfigured(tls()?);
    builder.build().map_err(Error::Client)
}

/// TLS 1.2 and 1.3 on ring with Mozilla's roots, so that a machine without a certificate bundle works too.
fn tls() -> Result<ClientConfig, Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
