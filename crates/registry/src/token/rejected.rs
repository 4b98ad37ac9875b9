/// Why a token is not believed. Whether its issuer, its key or its signature is unknown is deliberately one reason:
/// telling them apart would help whoever guesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRejected {
    #[error("read the token: it is no signed JWT in compact form")]
    Malformed,
    #[error("read the token: claim {0} is missing or of the wrong type")]
    Claim(&'static str),
    #[error("believe the token: no live key of its issuer made this signature")]
    Unproven,
    #[error("believe the token: it is for another audience")]
    Audience,
    #[error("believe the token: it has expired")]
    Expired,
    #[error("believe the token: it is not valid yet")]
    NotYet,
    #[error(
        "believe the token: it lives too long; operators sign for 10 minutes at most, the service for 24 hours"
    )]
    LivesTooLong,
    #[error("believe the token: it was revoked")]
    Revoked,
}

/// Why a text is no key to sign or verify tokens with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRejected {
    #[error("read the key: it is neither PEM nor a JSON web key")]
    Form,
    #[error("read the key: it is a private key; give the public one (openssl pkey -in KEY.pem -pubout)")]
    Private,
    #[error("read the key: it is no private key in PKCS#8 PEM (openssl genpkey -algorithm ed25519)")]
    NotPrivate,
    #[error("read the key: only Ed25519 and P-256 keys sign tokens (openssl genpkey -algorithm ed25519)")]
    Algorithm,
    #[error("read the key: its id must be 1 to 64 letters, digits, dots, dashes or underscores")]
    Kid,
    #[error("draw a key: the system gives no random numbers")]
    Random,
}
