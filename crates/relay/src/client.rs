use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, RootCertStore};

use crate::{Config, Error};

const POOL_IDLE: Duration = Duration::from_secs(90);
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);
const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const TCP_KEEPALIVE_PROBES_MAX: u32 = 2;
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(10);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(3);
/// A signed block whose bytes nobody acknowledges for so long goes over another connection.
#[cfg(target_os = "linux")]
const SUBMIT_UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(2);

/// Bounds a connection attempt that outlives the call that began it; calls themselves end at their own deadline.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// What a pool of connections is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Header calls, registrations and half of the status probes; HTTP/2 where the relay offers it.
    Headers,
    /// Signed blocks. HTTP/1.1 only: an attempt that is given up closes its connection, so that a second attempt never
    /// waits on the same dead one.
    Submits,
    /// Streams, which begin as HTTP/1.1 and then have their connection to themselves.
    Streams,
}

static ROOTS: LazyLock<Arc<RootCertStore>> =
    LazyLock::new(|| Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }));

/// A client that follows no redirect, decompresses nothing and reads no proxy from the environment.
pub(crate) fn build(purpose: Purpose, headers: HeaderMap) -> Result<Client, Error> {
    let builder = Client::builder()
        .default_headers(headers)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEPALIVE)
        .tcp_keepalive_interval(TCP_KEEPALIVE_INTERVAL)
        .tcp_keepalive_retries(TCP_KEEPALIVE_PROBES_MAX)
        .pool_idle_timeout(POOL_IDLE)
        .connect_timeout(CONNECT_MAX)
        .tls_backend_preconfigured(tls(purpose)?);
    let builder = match purpose {
        Purpose::Headers => builder
            .http2_keep_alive_interval(HTTP2_PING_INTERVAL)
            .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT)
            .http2_keep_alive_while_idle(true),
        Purpose::Submits => impatient(builder.http1_only()),
        Purpose::Streams => builder.http1_only(),
    };
    builder.build().map_err(Error::Client)
}

/// Breaks connections that are dead already, where the platform can tell.
#[cfg(target_os = "linux")]
fn impatient(builder: ClientBuilder) -> ClientBuilder {
    builder.tcp_user_timeout(SUBMIT_UNACKNOWLEDGED_MAX)
}

#[cfg(not(target_os = "linux"))]
fn impatient(builder: ClientBuilder) -> ClientBuilder {
    builder
}

/// TLS 1.2 and 1.3 on ring with Mozilla's roots, so that a machine without a certificate bundle works too.
fn tls(purpose: Purpose) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::Tls)?
        .with_root_certificates(Arc::clone(&ROOTS))
        .with_no_client_auth();
    config.alpn_protocols = match purpose {
        Purpose::Headers => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Purpose::Submits | Purpose::Streams => vec![b"http/1.1".to_vec()],
    };
    Ok(config)
}

/// The headers that go with every call: our User-Agent and the configured extra ones, whose values are secrets.
pub(crate) fn default_headers(config: &Config) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        let invalid = || Error::Header { name: name.clone() };
        let key = HeaderName::try_from(name).map_err(|_| invalid())?;
        if is_reserved(&key) {
            return Err(Error::ReservedHeader { name: name.clone() });
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| invalid())?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    let agent = HeaderValue::try_from(&config.user_agent);
    headers.insert(USER_AGENT, agent.map_err(|_| Error::Header { name: USER_AGENT.to_string() })?);
    Ok(headers)
}

/// Headers whose meaning the calls depend on.
fn is_reserved(name: &HeaderName) -> bool {
    let by_http = [
        ACCEPT,
        ACCEPT_ENCODING,
        CONNECTION,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        HOST,
        TRANSFER_ENCODING,
        USER_AGENT,
    ];
    let by_the_builder_api =
        [headstart_types::CONSENSUS_VERSION, headstart_types::DATE_MILLISECONDS, headstart_types::TIMEOUT_MS];
    by_http.contains(name) || by_the_builder_api.contains(&name.as_str())
}
