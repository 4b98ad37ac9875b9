//! What is known of the auctions of the current slots: each relay's newest verified bid, which relays offered which
//! block hash, and which headers were served.
//!
//! What a process serves from is near, in its own memory, and nothing there ever waits. What processes share is in one
//! of two places: in memory when there is one process, on Redis when there are several; both keep the same rules.
//!
//! 1. A [`Bid`](headstart_auction::Bid) exists only verified, so only verified bids are ever near; what comes from
//!    another process ([`SharedBid`]) is none until this one has verified it.
//! 2. Which relays offered a hash is recorded before the bid can be seen, and stays until the slot is over, whatever
//!    replaced the bid.
//! 3. Reading takes one short read lock and shares what it finds; nobody holds a lock while working.
//! 4. Everything is bounded and is forgotten by slot. No call to the shared store takes more than 20 ms, and one that
//!    does not answer is left alone until it does.
//! 5. What happens to an auction is told here to whoever watches, as [`AuctionEvent`]s.
//!
//! This room has no policy of its own and no SQL, and verifies nothing.

mod condition;
mod entry;
mod envelope;
mod events;
mod feed;
mod hints;
mod lease;
mod memory;
mod near;
mod notice;
mod redis;
mod shared;
mod store;

pub use condition::Condition;
pub use entry::{AuctionEntry, Chosen, Served};
pub use envelope::{Format, SharedKey};
pub use events::{AuctionEvent, AuctionEventKind};
pub use feed::{Feed, Heard};
pub use hints::{HintId, TakenHint};
pub use lease::{LeaseName, SubmissionKey};
pub use near::MAX_AUCTIONS;
pub use notice::{Notice, ProcessId, SharedBid, SharedHint, SharedServed};
pub use redis::{Inspection, NotUsable, RedisConfig};
pub use store::BidStore;
