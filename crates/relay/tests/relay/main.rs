//! One relay over real sockets: what it is sent, and what its answers and misbehaviour are taken for.

#![expect(clippy::unwrap_used, reason = "a world that cannot be set up fails its test")]

mod header;
mod limits;
mod published;
mod register;
mod server;
mod setup;
mod status;
mod streams;
mod submit;
mod world;
