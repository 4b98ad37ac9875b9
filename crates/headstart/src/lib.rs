//! headstart, the binary: configuration, wiring, signals and commands.
//!
//! [`App`] is the whole service wired together, so that tests and the demo start it in their own process, on ports of
//! their own. Everything below this room is told what it needs; nothing below reads files, environment or the system
//! clock.

pub mod app;
pub mod cli;
pub mod clock;
mod commands;
pub mod config;
mod demo;
mod shutdown;
mod telemetry;

pub use app::App;
pub use config::Config;
