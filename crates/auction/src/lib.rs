//! The rules of an auction, as pure state machines.
//!
//! Everything that headstart decides is decided here: which auctions to run, when to ask which relay, which bid is
//! believed, which is best for a cluster, until when it is served, what may be forwarded and which payload is the right
//! one. Each rule takes `now` and its inputs and returns a decision; the rooms above only perform it. That is what lets
//! a test play a million slots in a second.
//!
//! This room never does I/O, never awaits, never reads a clock, and uses no randomness that is not handed in.

mod arming;
mod ask;
mod auction;
mod best;
mod bid;
mod call_policy;
mod duties;
mod guard;
mod heads;
mod offers;
mod policy;
mod provenance;
mod reveal;
mod round_trip;
mod serve;

pub use arming::{Armed, Arming, KNOWN_PARENTS_MAX, UNKNOWN_AUCTIONS_MAX, UNKNOWN_PARENTS_MAX};
pub use ask::{Answer, AskTurn};
pub use auction::{Ask, Auction, Decision};
pub use best::{Choice, best};
pub use bid::{Bid, BidRejected, Expectations, ParentFacts};
pub use call_policy::CallPolicy;
pub use duties::{DependentRoots, Duties, Duty};
pub use guard::{Guard, GuardVerdict};
pub use heads::{Head, Heads};
pub use offers::{Offered, Offers};
pub use policy::ClusterPolicy;
pub use provenance::{Origin, Provenance};
pub use reveal::{PayloadRejected, check_payload};
pub use round_trip::RoundTrips;
pub use serve::{MISS_GRACE_MS, header_deadline, may_serve};
