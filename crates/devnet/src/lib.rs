//! Simulated neighbours over real sockets: relays, a beacon node, and clusters of validators.
//!
//! They speak the Builder API and the beacon API as the real ones do, with real signatures and real hash tree roots, and
//! misbehave on demand. `headstart demo`, the end-to-end tests and the benches run against them.
//!
//! Three facts shaped it. All neighbours share one [`Chain`], so a payload's parent, randao and withdrawals are those
//! that the beacon node announces. Bids grow like mainnet's and are a pure function of a seed ([`Market`]), so the best
//! bid at any instant can be computed and compared with what was served. And every relay records what it saw, so that
//! a test counts calls instead of guessing.
//!
//! Everything listens on the loopback interface unless told otherwise, and ends when its handle is dropped. This room
//! knows nothing of headstart's other rooms, and production rooms never import it.

mod beacon_node;
mod block;
mod chain;
mod cluster;
mod example;
mod fine_timer;
mod http_client;
mod keys;
mod market;
mod network;
mod payload;
mod relay;
mod seed;
mod server;
mod sign;
#[cfg(test)]
mod testing;

pub use beacon_node::{BeaconBehaviour, BeaconNode};
pub use block::{Place, blinded_block};
pub use chain::{
    Chain, ChainBlock, ChainConfig, ChainTask, Duties, Duty, Event, PayloadAttributes, Revealed,
};
pub use cluster::{
    Asked, BeaconClient, BidField, Cluster, ClusterPlan, ClusterTask, HeaderReply, Proposal, Proposer,
    RevealReply, Validator, Wrong, check_bid, check_payload,
};
pub use example::Example;
pub use http_client::{Answered, CallError, Endpoint, EndpointError};
pub use keys::{key, keys};
pub use market::{Market, Offer, Recording, RecordingError, median_wei};
pub use network::network;
pub use payload::BuiltBlock;
pub use relay::{
    Access, Behaviour, BidFault, BidSource, Calls, DataApi, Encodings, HandBid, HeaderCall, HeaderFault,
    Occasional, RegistrationCall, Registrations, Relay, RelayConfig, Seen, SignedBids, StreamCall,
    StreamFault, Streams, SubmitCall, SubmitFault, WireFault,
};
pub use sign::{sign_bid, sign_block, sign_registration};
