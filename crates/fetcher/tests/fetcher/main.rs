//! The fetcher against relays on real sockets: which auctions it runs for whom, and what it tells relays of validators.

#![expect(clippy::unwrap_used, reason = "a world that cannot be set up fails its test")]

mod callers;
mod deliveries;
mod hints;
mod quotas;
mod register;
mod relay;
mod relays;
mod world;
