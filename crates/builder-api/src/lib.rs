//! The Builder API that beacon nodes ask, one file for each operation of the specification.
//!
//! 1. getHeader is matched before the router: a hit is answered from memory by a plain function, in microseconds. It
//!    awaits nothing, allocates nothing but the reply's head, and its journal line is written by another task.
//! 2. A miss joins or starts the auction in this process's fetcher and answers before the caller gives up.
//! 3. A signed block is a promise: its submission belongs to this room and not to the caller, goes to every relay at
//!    once, and is answered the same to everyone who submits it.
//! 4. Who asks is settled first, from the credential and nothing else; a signed block is a credential in itself.
//! 5. Errors are `{"code", "message"}` and name what is wrong; getHeader never answers 5xx for lack of a bid.
//!
//! This room never touches SQL and chooses nothing itself: rules come from `auction`.

mod access;
mod addressees;
mod api;
mod attempts;
mod callers;
mod equivocation;
mod failures;
mod get_header;
mod header_path;
mod journal;
mod limits;
mod patience;
mod places;
mod register_validator;
mod reply;
mod request;
mod reveal;
mod routes;
mod server;
mod service;
mod signed_block;
mod status;
mod submissions;
mod submit_blinded_block;
mod tally;
mod turn;

pub use access::Access;
pub use api::{BuilderApi, Config};
pub use header_path::HeaderPath;
pub use journal::{Journal, JournalWriter};
pub use limits::Limits;
pub use routes::ROUTES;
pub use server::{ServerConfig, serve};
pub use tally::{Tally, Took};
