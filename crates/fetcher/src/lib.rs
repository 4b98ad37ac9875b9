//! The relay-fetcher worker pool: performs what the rules of `auction` decide.
//!
//! It arms an auction for every duty of ours about to begin and for every auction that a cluster hints, asks relays as
//! their policies allow, verifies every bid on a bounded pool and offers it to the bid store. A getHeader that finds
//! nothing joins or starts an auction here. It also follows beacon nodes for duties and heads, and takes registrations:
//! it verifies them, makes claims, has them recorded, and sends them on to the relays of every cluster that claims the
//! validator.
//!
//! 1. An auction belongs to this room and not to a caller: a beacon node that hangs up cancels nothing.
//! 2. One auction serves every cluster that claims the proposer; each ask is paid by one of them, and nobody pays for
//!    another's made-up parent.
//! 3. Auctions end on every path, and what belongs to a slot is forgotten two slots later.
//! 4. Signatures are checked on bounded pools; registrations get a core only when nothing else wants it.
//! 5. A registration is durable before anybody hears that it was accepted, and what relays do not have yet is found
//!    again after a restart.
//! 6. One process at a time asks relays for an auction; the others stand by, and go ahead when they cannot know. What
//!    another process tells is verified anew before it is near.
//!
//! It never serves HTTP and never chooses for a cluster.

mod arming;
mod asker;
mod auctioneer;
mod auctions;
mod background;
mod breakers;
mod checks;
mod claim;
mod clusters;
mod duties;
mod fetcher;
mod forward;
mod heads;
mod hints;
mod others;
mod outbox;
mod post;
mod read_back;
mod register;
mod regrets;
mod relays;
mod running;
mod schedule;
mod streams;
mod supervise;
mod timeline;
mod top_bids;
mod turns;
mod verifier;
mod warm;

pub use arming::ARMING;
pub use claim::NoRoom;
pub use fetcher::{Config, Fetcher};
pub use register::{Registrant, RegistrationVerdict};
pub use regrets::{Regrets, Spread};
pub use relays::relay_client;
pub use supervise::Supervisor;
pub use timeline::{Seen, What};
pub use verifier::Verifier;
