//! The registry on both of its databases: every scenario runs on SQLite and on a PostgreSQL of the tests' own.

#![expect(clippy::unwrap_used, reason = "a world that cannot be set up fails its test")]

mod audit;
mod beacon_nodes;
mod claims;
mod clusters;
mod deliveries;
mod directory;
mod follow;
mod migrations;
mod network;
mod operators;
#[path = "../../../../tests/src/postgres.rs"]
#[expect(unreachable_pub, reason = "the end-to-end tests share it as a library")]
mod postgres;
mod registrations;
mod relays;
mod reports;
mod spool;
mod timelines;
mod tokens;
mod world;
