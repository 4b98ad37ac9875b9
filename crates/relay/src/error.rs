use headstart_types::BlsError;

/// Why a relay cannot be set up. Every message names the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("parse the relay URL: write it as https://0x<public key>@host")]
    Url(#[source] url::ParseError),
    #[error("use a relay URL with scheme {0:?}: write https, or http inside a private network")]
    Scheme(String),
    #[error("find the relay's public key: write it before the host, as in https://0x<public key>@{host}")]
    MissingKey { host: String },
    #[error("read the relay's public key: it has {digits} characters; write 0x and 96 hexadecimal digits")]
    KeyFormat { digits: usize },
    #[error(
        "use the relay's public key {key}: it is no point of the BLS group; copy it anew from the relay's own page"
    )]
    KeyPoint { key: String, source: BlsError },
    #[error(
        "use a relay URL with a password: remove ':' and what follows it before '@', and send credentials as a header"
    )]
    Password,
    #[error("parse the top-bid URL: write it as wss://host/path")]
    TopBidUrl(#[source] url::ParseError),
    #[error("use a top-bid URL with scheme {0:?}: write wss, or ws inside a private network")]
    TopBidScheme(String),
    #[error("use a top-bid URL with a user: remove what stands before '@', and send credentials as a header")]
    TopBidUser,
    #[error("use header {name:?}: its name or value is not allowed in HTTP")]
    Header { name: String },
    #[error("use header {name:?}: it is set by every call itself; remove it from the relay's headers")]
    ReservedHeader { name: String },
    #[error("set up TLS")]
    Tls(#[source] rustls::Error),
    #[error("build the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// A relay's own "no": an HTTP status and what it said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// At most 200 characters without control characters; empty when the relay said nothing readable.
    pub message: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the relay answered {}", self.status)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, " {:?}", self.message) }
    }
}

/// How a call to a relay can fail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Any status but 2xx and 429, redirects included.
    #[error("be accepted: {0}")]
    Refused(Refusal),
    /// 429, with the relay's `Retry-After` in milliseconds when it gave seconds.
    #[error("be served: the relay limits the rate of our calls")]
    RateLimited { retry_after_ms: Option<u64> },
    /// The deadline passed before the last byte.
    #[error("get the whole answer before the deadline")]
    Timeout,
    /// No connection, or one that broke.
    #[error("talk to the relay: {0}")]
    Transport(String),
    /// An answer that breaks the specification or our limits.
    #[error("read the relay's answer: {0}")]
    Malformed(String),
}

const REASON_CHARS_MAX: usize = 200;

impl Failure {
    /// A reason may quote the relay, so it is cut and cleaned like a refusal's message.
    pub(crate) fn malformed(reason: impl std::fmt::Display) -> Self {
        Self::Malformed(crate::refusal::one_line(&reason.to_string(), REASON_CHARS_MAX))
    }

    /// The whole chain of causes without the URL, whose query may be a secret.
    pub(crate) fn transport(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            reason.push_str(": ");
            reason.push_str(&error.to_string());
            cause = error.source();
        }
        Self::Transport(crate::refusal::one_line(&reason, REASON_CHARS_MAX))
    }
}
