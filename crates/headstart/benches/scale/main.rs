//! What many validators cost: 100,000 in 50 clusters, in one process of the real binary, before simulated relays.
//!
//! `cargo bench --bench scale [-- VALIDATORS]`. Tells resident bytes of each validator, how long the directory takes to
//! load, and how many registration calls each relay gets for a cycle in which everything is new, one in which nothing
//! has changed, and one after a restart. Slots have one second, so that a cycle takes half a minute and not six.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops when its set-up fails"
)]

mod field;
mod http;
mod process;
#[path = "../shared/verdict.rs"]
mod verdict;

use std::time::{Duration, Instant};

use field::Field;
use process::Process;
use verdict::verdict;

const VALIDATORS: usize = 100_000;
/// Registrations in one body, as Lighthouse sends them.
const BODY: usize = 500;
/// A cycle is over when no relay was called for so long.
const QUIET: Duration = Duration::from_secs(15);

fn main() {
    let named = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let validators = named.unwrap_or(VALIDATORS);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(validators));
}

async fn measure(validators: usize) {
    println!("{validators} validators in {} clusters, {} relays", field::CLUSTERS, field::RELAYS);
    let field = Field::new(validators).await;
    let empty = Process::start(&field.empty_config()).await;
    let base = empty.resident_bytes();
    empty.stop().await;

    let process = Process::start(&field.config()).await;
    println!("start to listening: {:.2} s", process.took.as_secs_f64());
    each("directory", process.resident_bytes(), base, validators);
    cycle("everything new", &field, &process).await;
    each("directory, registrations and deliveries", process.resident_bytes(), base, validators);
    none(cycle("nothing changed", &field, &process).await);
    process.stop().await;

    let again = Process::start(&field.config()).await;
    println!("start to listening, after a restart: {:.2} s", again.took.as_secs_f64());
    each("the same after a restart", again.resident_bytes(), base, validators);
    none(cycle("nothing changed since before the restart", &field, &again).await);
    again.stop().await;
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn each(what: &str, resident: u64, base: u64, validators: usize) {
    let added = resident.saturating_sub(base);
    println!(
        "{what}: {:.0} MiB resident, {:.0} bytes each validator above an empty process",
        resident as f64 / f64::from(1 << 20),
        added as f64 / validators as f64
    );
}

/// Relays are told nothing that they know.
fn none(calls: u64) {
    println!("  {calls} calls; 0: {}", verdict(calls == 0));
}

/// Every validator registers once; tells what the relays saw of it, and how many calls that were.
async fn cycle(name: &str, field: &Field, process: &Process) -> u64 {
    let (calls, received) = field.seen();
    let began = Instant::now();
    for bodies in field.registrations().chunks(BODY) {
        http::post_registrations(process.addr, bodies).await;
    }
    let answered = began.elapsed();
    let last = field.until_quiet(QUIET).await;
    let (calls_after, received_after) = field.seen();
    let per_relay: Vec<_> = calls_after.iter().zip(&calls).map(|(after, before)| after - before).collect();
    println!(
        "{name}: answered in {:.2} s; calls of each relay {per_relay:?} with {} registrations, the last after {:.1} s",
        answered.as_secs_f64(),
        received_after - received,
        last.saturating_duration_since(began).as_secs_f64(),
    );
    per_relay.iter().sum()
}
