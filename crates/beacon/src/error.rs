use headstart_types::SpecError;

/// Why a beacon node cannot be used or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("parse the beacon node's URL: write it as http://host:port")]
    Url(#[source] url::ParseError),
    #[error("use a beacon node URL with scheme {0:?}: write http or https")]
    Scheme(String),
    #[error("set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("build the HTTP client")]
    Client(#[source] reqwest::Error),
    /// The deadline passed before the last byte.
    #[error("get {what} from the beacon node before the deadline")]
    Timeout { what: &'static str },
    /// No connection, or one that broke.
    #[error("get {what} from the beacon node: {reason}")]
    Transport { what: &'static str, reason: String },
    /// Any status but 2xx, redirects included. A syncing node answers 503.
    #[error("get {what}: the beacon node answered {status} {message:?}")]
    Status { what: &'static str, status: u16, message: String },
    #[error("get {what}: the beacon node's answer is longer than {bytes_max} bytes")]
    TooLong { what: &'static str, bytes_max: usize },
    /// The source names the missing or unreadable field.
    #[error("read {what} of the beacon node")]
    Malformed { what: &'static str, source: serde_json::Error },
    #[error("learn the network from the beacon node")]
    Spec(#[source] SpecError),
}
