//! The other side: what speaks to the clusters' door.

mod connect;
mod error;
mod hints;
mod register;
mod token;
mod window;

pub use connect::{ClientConfig, ClusterClient};
pub use error::ClientError;
pub use hints::{HintOutcome, HintPusher, Link, PendingHint};
pub use register::Registered;
pub use token::{Signer, TokenSource};
