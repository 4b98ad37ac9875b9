use headstart_registry::KeyRejected;
use tonic::Status;

/// Why a call came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    #[error("use the address {0}: it must be http://HOST:PORT or https://HOST:PORT")]
    Url(String),
    #[error("use the certificates: they must be PEM")]
    Tls,
    #[error("make a token: {0}")]
    Token(KeyRejected),
    #[error("make a token: it does not fit a header")]
    TokenForm,
    /// The service said no; its code says whether to come again.
    #[error("call the cluster API ({code:?}): {message}", code = .0.code(), message = .0.message())]
    Status(Box<Status>),
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl ClientError {
    pub fn status(&self) -> Option<&Status> {
        match self {
            Self::Status(status) => Some(status),
            _ => None,
        }
    }
}
