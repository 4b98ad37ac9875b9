//! What it costs and gains to share auctions through Redis, each figure against a baseline of the same run.
//!
//! `cargo bench --bench sharing [-- NAME…]`, with any of `hits`, `delivery`, `commands`, `faults`, `cold_start` and
//! `push`; all of them without a name. It starts its own servers (`redis-server`, PostgreSQL) and ends them. Figures are
//! medians, with the lowest and the highest behind them. All of it takes some six minutes.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops when its set-up fails"
)]

mod chain;
mod cold_start;
mod commands;
mod delivery;
mod faults;
mod figures;
#[path = "../shared/headers.rs"]
mod headers;
mod hits;
#[path = "../../../../tests/src/postgres.rs"]
#[expect(dead_code, unreachable_pub, reason = "the end-to-end tests share it as a library")]
mod postgres;
mod process;
mod push;
#[path = "../../../../tests/src/redis_server.rs"]
#[expect(dead_code, unreachable_pub, reason = "the end-to-end tests share it as a library")]
mod redis_server;
mod server;
#[path = "../shared/verdict.rs"]
mod verdict;
mod world;

const ALL: [(&str, fn()); 6] = [
    ("hits", hits::measure),
    ("delivery", delivery::measure),
    ("commands", commands::measure),
    ("faults", faults::measure),
    ("cold_start", cold_start::measure),
    ("push", push::measure),
];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, url] = &arguments[..]
        && flag == delivery::RECEIVE
    {
        return delivery::receive(url);
    }
    let unknown = arguments.iter().find(|argument| ALL.iter().all(|(name, _)| name != argument));
    assert!(unknown.is_none(), "{unknown:?} is none of {:?}", ALL.map(|(name, _)| name));
    for (name, measure) in ALL {
        if arguments.is_empty() || arguments.iter().any(|argument| argument == name) {
            println!("\n{name}");
            measure();
        }
    }
}
