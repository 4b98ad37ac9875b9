//! What is known of the auctions of the current slots: each relay's newest verified bid, which relays offered which
//! block hash, and which headers were served.
//!
//! 1. A [`Bid`](headstart_auction::Bid) exists only verified, so only verified bids are ever held.
//! 2. Which relays offered a hash is recorded before the bid can be seen, and stays until the slot is over, whatever
//!    replaced the bid.
//! 3. Reading takes one short read lock and shares what it finds; nobody holds a lock while working.
//! 4. Everything is bounded and is forgotten by slot.
//!
//! This room knows no policy and no SQL, and verifies nothing.

mod entry;
mod store;

pub use entry::AuctionEntry;
pub use store::{BidStore, MAX_AUCTIONS};
