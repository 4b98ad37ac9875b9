//! headstart, the binary: configuration, wiring, signals and commands.
//!
//! [`App`] is the whole service wired together, so that tests and the demo start it in their own process, on ports of
//! their own. Everything below this room is told what it needs; nothing below reads files, environment or the system
//! clock.

mod account;
mod admin;
mod agent;
pub mod app;
mod bench;
mod checks;
pub mod cli;
pub mod clock;
mod commands;
pub mod config;
mod database;
mod declared;
mod demo;
mod imports;
mod network;
mod shutdown;
mod signing_key;
mod slug;
mod systemd;
mod telemetry;
mod tokens;

pub use app::App;
pub use config::Config;
pub use shutdown::Shutdown;
