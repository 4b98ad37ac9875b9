//! What the end-to-end tests share: a service in their own process, a client, and the field around them.
//!
//! [`Service`] is the whole of headstart, started as the binary starts it, from the text of a configuration file, on a
//! port of its own. Its relays are [`headstart_devnet`]'s, on ports of theirs. [`Client`] speaks HTTP/1.1 over a bare
//! socket, so that a test sees every header as it was written and can also say what no library would let it say.
//!
//! 1. A network's genesis lies so that [`SLOT`] begins when a test wants it: no test waits for a slot.
//! 2. Tests wait for what happens ([`eventually`], and what the devnet's neighbours have seen), never for time to pass
//!    unless time is what they are about.
//!
//! 3. A service's database is a SQLite file beside its configuration, or, with `HEADSTART_TEST_DATABASE=postgresql` in the
//!    environment, one of its own on a [`Postgres`] of this process: the same tests hold on both.
//!
//! Nothing here knows what a right answer is: that is said in `e2e/`, one module for each operation.

mod binary;
mod client;
mod field;
mod folder;
mod patience;
mod postgres;
mod process;
mod proposer;
mod redis_server;
mod reply;
mod service;
mod setup;
mod tenants;

pub use binary::binary;
pub use client::{Client, Connection, Request};
pub use field::{
    PARENT, SLOT, auction, eth, network, network_starting_in, relay, relay_bidding, validator, validators,
};
pub use folder::Folder;
pub use patience::{PATIENCE, eventually};
pub use postgres::{Postgres, PostgresDatabase};
pub use process::Process;
pub use proposer::{Version, registration, signed_block, signed_block_with_graffiti};
pub use redis_server::RedisServer;
pub use reply::Reply;
pub use service::{Service, header_request, register_request, submit_request};
pub use setup::Setup;
pub use tenants::{Credential, Tenants, policy};
