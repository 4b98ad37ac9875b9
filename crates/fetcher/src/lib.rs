//! The relay-fetcher worker pool: performs what the rules of `auction` decide.
//!
//! It arms an auction for every duty of ours about to begin, asks relays as their policies allow, verifies every bid on
//! a bounded pool and offers it to the bid store. A getHeader that finds nothing joins or starts an auction here. It
//! also follows beacon nodes for duties and heads, and sends registrations on to the clusters' relays.
//!
//! 1. An auction belongs to this room and not to a caller: a beacon node that hangs up cancels nothing.
//! 2. Auctions end on every path, and what belongs to a slot is forgotten two slots later.
//! 3. Signatures are checked on a bounded pool; bids never wait behind registrations.
//!
//! It never serves HTTP and never chooses for a cluster.

mod asker;
mod auctioneer;
mod duties;
mod fetcher;
mod forward;
mod heads;
mod ledger;
mod schedule;
mod verifier;
mod warm;

pub use fetcher::{Config, Fetcher};
pub use verifier::Verifier;
