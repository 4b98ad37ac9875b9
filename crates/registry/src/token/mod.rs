//! Who calls over gRPC, proven by a signed token.
//!
//! 1. The algorithm is the stored key's: `EdDSA` or `ES256`. A token's header may only agree with it, and says nothing else
//!    that is believed but which key to look up.
//! 2. What the token says is read strictly: a claim that is there twice, or of the wrong type, refuses the token.
//! 3. Whether an issuer, a key or a signature is wrong reads the same from outside.

mod algorithm;
mod caller;
mod claims;
mod jws;
mod pem;
mod provider;
mod rejected;
mod scope;
mod signing_key;
#[cfg(test)]
mod tests;
mod verifying_key;

use headstart_types::Network;

pub use algorithm::Algorithm;
pub use caller::Caller;
pub use claims::Claims;
pub use rejected::{KeyRejected, TokenRejected};
pub use scope::{Scope, Scopes};
pub use signing_key::SigningKey;
pub use verifying_key::VerifyingKey;

/// The issuer of tokens that the service itself signs; no cluster may have this name.
pub const SERVICE_ISSUER: &str = "headstart";

/// An operator's own key signs for at most so long ahead.
pub const OPERATOR_TOKEN_LIFETIME_MS: i64 = 10 * 60 * 1000;
/// The service's key signs for at most so long ahead.
pub const SERVICE_TOKEN_LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;
/// How far two clocks may be apart.
pub const TOKEN_LEEWAY_MS: i64 = 30_000;

/// The audience of tokens for this network.
pub fn token_audience(network: &Network) -> String {
    format!("headstart/{}", network.name)
}
