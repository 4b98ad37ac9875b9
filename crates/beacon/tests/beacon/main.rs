//! A beacon node over real sockets: what it is asked, and what its answers and its silence are taken for.

#![expect(clippy::unwrap_used, reason = "a world that cannot be set up fails its test")]

mod calls;
mod events;
mod server;
