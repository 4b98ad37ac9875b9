//! One beacon node: its events, proposer duties, configuration and health.
//!
//! Three facts shaped it. A beacon node is optional and may be slow, syncing or older than its specification, so every
//! call has a deadline and a limit on bytes, unknown fields are tolerated and a missing one is refused by its name.
//! Execution block hashes are what auctions are about, and a head event names only the beacon block, so the execution
//! block of a beacon block can be asked for. And the event stream breaks in practice: it is followed for ever, opened
//! again after a break or a long silence, and says when it was away, because events of that time are lost.
//!
//! This room never serves, never decides, never spawns a task and never follows a redirect.

mod block;
mod call;
mod chain;
mod client;
mod duties;
mod error;
mod event;
mod lookahead;
mod node;
mod watch;

pub use crate::block::ExecutionBlock;
pub use crate::chain::{Genesis, Syncing};
pub use crate::duties::{DutiesVersion, ProposerDuties, ProposerDuty};
pub use crate::error::Error;
pub use crate::event::{ChainReorg, Event, Head, PayloadAttributes};
pub use crate::node::BeaconNode;
