//! What registrations cost, and what they cost others.
//!
//! `cargo bench --bench registrations`. Three figures, each against a baseline of the same run: unchanged registrations
//! against parsing them alone; fresh ones against randomised batches of the BLS library alone, on one core; and the
//! slowest of a hundred headers while both kinds come in, against the same without them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops when its set-up fails"
)]

#[path = "../shared/headers.rs"]
mod headers;
#[path = "../shared/verdict.rs"]
mod verdict;
mod world;

use std::time::{Duration, Instant};

use headstart_fetcher::RegistrationVerdict;
use headstart_types::{PublicKey, SignedValidatorRegistration, verify_batch};

use headers::Latencies;
use verdict::verdict;
use world::World;

/// What the three figures are to keep.
const UNCHANGED_MIN: f64 = 0.5;
const FRESH_MIN: f64 = 0.9;
const BESIDE_MAX: f64 = 2.0;
const UNCHANGED: usize = 20_000;
const FRESH: usize = 2_048;
/// Validators that register anew while headers are asked for; those after them register unchanged.
const ANEW: std::ops::Range<usize> = FRESH..8_000;
/// As many signatures as the service checks in one piece of work.
const BATCH: usize = 64;
const ROUNDS: u64 = 7;
/// Alone and beside registrations in turns, so that whatever else the machine does falls on both.
const TURNS: u64 = 5;
const LISTENING: Duration = Duration::from_secs(2);

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new(UNCHANGED));
    runtime.block_on(unchanged(&world));
    runtime.block_on(fresh(&world));
    runtime.block_on(headers_beside(&world));
}

/// From the bytes of a body to its verdicts, against from the bytes to registrations.
async fn unchanged(world: &World) {
    let registrations = world.signed(0, 0..UNCHANGED);
    let verdicts = world.fetcher.register(&world.registrant(), registrations.clone()).await;
    assert!(verdicts.iter().all(|verdict| *verdict == RegistrationVerdict::Accepted), "{:?}", verdicts[0]);
    let body = serde_json::to_vec(&registrations).unwrap();
    let (mut parsing, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        std::hint::black_box(parse(&body));
        parsing.push(began.elapsed());
        let began = Instant::now();
        let verdicts = world.fetcher.register(&world.registrant(), parse(&body)).await;
        whole.push(began.elapsed());
        assert!(verdicts.iter().all(|verdict| *verdict == RegistrationVerdict::Unchanged));
    }
    let (parsing, whole) = (quickest(&parsing), quickest(&whole));
    let ratio = parsing.as_secs_f64() / whole.as_secs_f64();
    println!(
        "unchanged: {:.0} registrations/s, {ratio:.3} of parsing alone ({:.0}/s); at least {UNCHANGED_MIN}: {}",
        rate(UNCHANGED, whole),
        rate(UNCHANGED, parsing),
        verdict(ratio >= UNCHANGED_MIN)
    );
}

fn parse(body: &[u8]) -> Vec<SignedValidatorRegistration> {
    serde_json::from_slice(body).unwrap()
}

/// Verified, durable and handed to the relays' lanes, against the library's batches over the same signatures, whose
/// keys and roots lie ready.
async fn fresh(world: &World) {
    let (mut batches, mut whole) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let registrations = world.signed(round, 0..FRESH);
        let prepared: Vec<_> = registrations
            .iter()
            .map(|signed| {
                let key = PublicKey::decompress(&signed.message.pubkey).unwrap();
                (signed.signing_root(&world.network), key, signed.signature)
            })
            .collect();
        let began = Instant::now();
        for batch in prepared.chunks(BATCH) {
            let items: Vec<_> = batch.iter().map(|(root, key, signature)| (*root, key, signature)).collect();
            assert!(verify_batch(&items, &mut rand::rng(), || ()));
        }
        batches.push(began.elapsed());
        let began = Instant::now();
        let verdicts = world.fetcher.register(&world.registrant(), registrations).await;
        whole.push(began.elapsed());
        assert!(verdicts.iter().all(|verdict| *verdict == RegistrationVerdict::Accepted));
    }
    let (batches, whole) = (quickest(&batches), quickest(&whole));
    let ratio = batches.as_secs_f64() / whole.as_secs_f64();
    println!(
        "fresh: {:.0} registrations/s, {ratio:.3} of the library's batches alone ({:.0}/s), on one core; \
         at least {FRESH_MIN}: {}",
        rate(FRESH, whole),
        rate(FRESH, batches),
        verdict(ratio >= FRESH_MIN)
    );
}

/// How long headers take, alone and beside registrations.
async fn headers_beside(world: &World) {
    let addr = world.serve().await;
    let request = world::header_request();
    headers::latencies(addr, &request, Duration::from_secs(1)).await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for turn in 1..=TURNS {
        let (unchanged, fresh) = (world.signed(0, ANEW.end..UNCHANGED), world.signed(turn, ANEW));
        alone.push(headers::latencies(addr, &request, LISTENING).await);
        let _running = (world.keep_registering_unchanged(&unchanged), world.keep_registering_fresh(fresh));
        beside.push(headers::latencies(addr, &request, LISTENING).await);
    }
    for (name, turns) in [("alone", &alone), ("beside registrations", &beside)] {
        let [p50, p90, p99] = [50, 90, 99].map(|percent| median_at(turns, percent));
        let count: usize = turns.iter().map(Latencies::count).sum();
        println!(
            "headers {name}: p50 {p50:?}, p90 {p90:?}, p99 {p99:?} of {count}, medians of {TURNS} turns"
        );
    }
    let ratio = median_at(&beside, 99).as_secs_f64() / median_at(&alone, 99).as_secs_f64();
    println!(
        "p99 beside registrations: {ratio:.2} times that alone ({}); at most {BESIDE_MAX}: {}",
        world.told(),
        verdict(ratio <= BESIDE_MAX)
    );
}

fn median_at(turns: &[Latencies], percent: usize) -> Duration {
    median(turns.iter().map(|turn| turn.at(percent)).collect())
}

/// Whatever else the machine does only slows a round down.
fn quickest(times: &[Duration]) -> Duration {
    times.iter().copied().min().unwrap_or_default()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
