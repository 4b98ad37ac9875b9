//! The clusters' door over real sockets, with everything behind it real: a database, the rules, the fetcher.

#![expect(clippy::unwrap_used, reason = "a world that cannot be set up fails its test")]

mod access;
mod cluster;
mod connections;
mod hints;
mod lanes;
mod lifecycle;
mod proposals;
mod proxy;
mod rates;
mod registrations;
mod validators;
mod watch;
mod workers;
mod world;
