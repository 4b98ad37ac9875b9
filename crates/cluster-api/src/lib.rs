//! What operator clusters tell headstart and ask of it, over gRPC: one file for each operation of the contract.
//!
//! 1. Every call proves its caller by a token, and the token names the cluster: no message does. Streams end when their
//!    caller is not believed any more.
//! 2. Each cluster has one ordered lane. What it sends takes effect in the order in which it came, and nobody waits for
//!    another cluster.
//! 3. Hints cause fetching; what is served follows from verified bids and the cluster's policy alone.
//! 4. A status says by its code whether to mend the call, to get a token, or to come again, and when.
//!
//! [`client`] is the other side: what an agent, a demonstration or a test speaks to this room with.
//!
//! This room knows no SQL and writes no HTML.

mod api;
mod apply;
mod auth;
pub mod client;
mod connection;
mod convert;
mod get_cluster;
mod lanes;
mod limits;
mod list_validators;
mod places;
mod push_duty_hints;
mod rates;
mod register_validators;
mod remove_validators;
mod report_proposal;
mod sequences;
mod server;
mod service;
mod status;
mod stream;
mod watch_auctions;
mod work;

pub use api::{ClusterApi, Config, DEFAULT_LANE_CAPACITY};
pub use limits::{Limits, Tls};
pub use server::{ServeError, serve};
