//! What the store promises, near and shared, on each backend.

#![expect(clippy::unwrap_used, reason = "a test stops when its set-up fails")]

mod away;
mod faults;
mod gateway;
mod hints;
mod leases;
mod model;
mod near;
#[path = "../../../../tests/src/redis_server.rs"]
#[expect(unreachable_pub, reason = "the end-to-end tests share it as a library")]
mod redis_server;
mod shared;
mod world;
