//! One relay's four operations over warm connections: status, register, header (asked for or streamed) and submit; a look
//! at what it publishes of a validator; and its word of which bid is its best.
//!
//! Four facts shaped it. A relay is known by the public key in its URL *and* by where it is reached: the same key behind
//! another path or query is another relay. Relays differ in what they speak, so every call starts with SSZ, takes JSON
//! where the relay refuses SSZ, and remembers which. A call has one absolute deadline over connecting, head and body,
//! and a limit on bytes: a relay can be slow, endless or hostile without costing more than that. And every way in which
//! a call can end has its own name: an error is never mistaken for "no bid".
//!
//! Header calls and submits use separate connection pools, so that a stuck header call never delays a signed block. A
//! stream has a connection to itself, with limits on bytes, frames and silence, and is over at its auction's end.
//!
//! This room never chooses between relays, never retries on a clock, never follows a redirect, never decompresses, never
//! verifies a bid (it only decodes one for the expected fork) and never shows a header value, query or password.

mod call;
mod client;
mod encoding;
mod error;
mod header;
mod published;
mod refusal;
mod register;
mod relay;
mod status;
mod stream;
mod stream_tally;
mod submission;
mod submit;
mod tally;
mod top_bid;
mod url;
mod websocket;

pub use crate::error::{Error, Failure, Refusal};
pub use crate::header::{HeaderAnswer, ReceivedBid};
pub use crate::relay::{Config, Relay};
pub use crate::stream::{HeaderStream, StreamEnd, StreamFrame};
pub use crate::stream_tally::{FrameResult, StreamKind};
pub use crate::submission::{Submission, SubmitVersion};
pub use crate::submit::SubmitAnswer;
pub use crate::tally::{CallResult, Operation};
pub use crate::top_bid::{TopBid, TopBidUrl};
pub use crate::url::RelayUrl;
