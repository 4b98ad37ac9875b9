use std::fmt;

use headstart_registry::{Claims, OPERATOR_TOKEN_LIFETIME_MS, Scopes, SigningKey};
use headstart_types::UnixMillis;
use tonic::metadata::{Ascii, MetadataValue};

use super::ClientError;

/// Shorter than the longest that is believed, for clocks differ.
const LIFETIME_MS: i64 = OPERATOR_TOKEN_LIFETIME_MS - 60_000;

/// Where a client's tokens come from.
pub enum TokenSource {
    /// One that somebody else signed; when it has expired, every call is refused.
    Fixed(String),
    /// The operator's own key: every call and every stream gets a fresh token.
    Signer(Box<Signer>),
}

/// What an operator signs its tokens with, and what they say.
#[derive(Debug)]
pub struct Signer {
    pub key: SigningKey,
    pub kid: String,
    pub cluster: String,
    pub operator: String,
    /// `headstart/<network>`.
    pub audience: String,
    pub scopes: Scopes,
}

impl TokenSource {
    /// The value of the `authorization` header.
    pub(crate) fn bearer(&self, now: UnixMillis) -> Result<MetadataValue<Ascii>, ClientError> {
        let value = match self {
            Self::Fixed(token) => format!("Bearer {token}"),
            Self::Signer(signer) => format!("Bearer {}", signer.sign(now)?),
        };
        let mut value: MetadataValue<Ascii> = value.parse().map_err(|_| ClientError::TokenForm)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl Signer {
    fn sign(&self, now: UnixMillis) -> Result<String, ClientError> {
        let claims = Claims {
            cluster: &self.cluster,
            operator: &self.operator,
            audience: &self.audience,
            scopes: self.scopes,
            expires_at: now + LIFETIME_MS,
            service_token: None,
        };
        self.key.sign(&self.kid, claims).map_err(ClientError::Token)
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(_) => f.write_str("Fixed(…)"),
            Self::Signer(signer) => f.debug_tuple("Signer").field(signer).finish(),
        }
    }
}
