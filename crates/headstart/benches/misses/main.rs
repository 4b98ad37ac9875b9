//! How soon a getHeader is answered that nothing is held for: 10,000 auctions of clusters with relays at random latencies,
//! of which some hang, fail, refuse or have no bid. A third is asked for in the slot before its own, a third in its own,
//! and a third near the cut-off.
//!
//! `cargo bench -p headstart --bench misses [-- AUCTIONS] [--seed SEED]`. Such an answer should leave once the fastest
//! relay with a bid has answered and 50 ms more have passed, or all have answered. What is told is the time to the last
//! byte by (that relay's round trip + 50 ms): 1.1 at most at the 99th percentile, and never more than a beacon node waits.
//! The exit status is 1 when that is not so.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops when its set-up fails"
)]

mod field;
mod moments;
mod report;
mod service;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use field::{CUTOFF_MS, Field, SLOT_MS};
use headstart::clock::SYSTEM;
use headstart_devnet::{BeaconClient, Proposer};
use headstart_types::{AuctionKey, BlockHash, Root};
use moments::{EACH_SLOT, Moment, moments};
use report::{Miss, report};
use service::Service;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const AUCTIONS: usize = 10_000;
const SEED: u64 = 1;
/// Services that are asked side by side: each runs no more than 16 auctions of a slot that nobody vouches for. More of
/// them on two cores, with the relays beside them, and the misses wait for each other.
const SERVICES: u32 = 2;

/// What all who ask share.
struct Play {
    field: Field,
    seed: u64,
    /// Auctions that are still to be begun.
    left: AtomicUsize,
    misses: Mutex<Vec<Miss>>,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (mut auctions, mut seed, mut arguments) = (AUCTIONS, SEED, arguments.iter());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seed" => seed = arguments.next().expect("a seed follows --seed").parse().unwrap(),
            number => auctions = number.parse().expect("a number of auctions"),
        }
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if runtime.block_on(measure(auctions, seed)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn measure(auctions: usize, seed: u64) -> bool {
    let play = Play {
        field: Field::new(seed).await,
        seed,
        left: AtomicUsize::new(auctions),
        misses: Mutex::default(),
    };
    let takes = estimate(auctions);
    println!("{auctions} auctions over {SERVICES} services, {}, seed {seed}", play.field.about());
    println!("about {} s, and no more than {} s", takes.as_secs(), 2 * takes.as_secs());
    let play = Arc::new(play);
    let mut services = JoinSet::new();
    for number in 0..SERVICES as usize {
        let service = Service::start(&play.field).await;
        services.spawn(ask(number, service, Arc::clone(&play)));
    }
    let is_over = tokio::time::timeout(2 * takes, services.join_all()).await.is_ok();
    if !is_over {
        println!("it is not over: the rest of the auctions is left out");
    }
    report(&play.misses.lock().await) && is_over
}

/// Each slot has its share, after one in which connections are opened; the rest is for starting.
fn estimate(auctions: usize) -> Duration {
    let slots = auctions.div_ceil(EACH_SLOT * SERVICES as usize) as u64 + 2;
    Duration::from_millis(slots * SLOT_MS) + Duration::from_secs(5)
}

/// Asks one service in each slot for so many headers as it may run auctions. What becomes of the first slot's is not told:
/// connections are opened in it.
async fn ask(number: usize, service: Service, play: Arc<Play>) {
    let (service, mut validator, mut is_warm) = (Arc::new(service), number * 31, false);
    let mut slot = play.field.network.slot_at(SYSTEM.now()).next();
    let mut asks = JoinSet::new();
    while play.left.load(Ordering::Relaxed) > 0 {
        for moment in moments(&play.field, play.seed, slot, number) {
            tokio::time::sleep(SYSTEM.now().until(moment.at)).await;
            let takes_one = |left: usize| left.checked_sub(1);
            let is_told =
                is_warm && play.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, takes_one).is_ok();
            validator += 1;
            asks.spawn(one(Arc::clone(&service), Arc::clone(&play), moment, validator, is_told));
        }
        is_warm = true;
        slot = slot.next();
        while let Some(ended) = asks.try_join_next() {
            ended.unwrap();
        }
    }
    asks.join_all().await;
}

async fn one(service: Arc<Service>, play: Arc<Play>, moment: Moment, validator: usize, is_told: bool) {
    let (cluster, proposer) = play.field.validator(validator);
    let key = AuctionKey { slot: moment.slot, parent_hash: BlockHash(Root::repeat_byte(7)), proposer };
    let cutoff = play.field.network.slot_start(moment.slot) + CUTOFF_MS;
    let fastest = play.field.fastest(cluster);
    let directly = async {
        match fastest {
            Some(relay) => relay.answers_in_us(key).await,
            None => None,
        }
    };
    let asked = Proposer::get_header(&service.proposer, &service.endpoint, BeaconClient::Lighthouse, key);
    let (asked, directly_us) = tokio::join!(asked, directly);
    let miss = Miss {
        when: moment.when,
        fastest_ms: fastest.map(|relay| relay.latency_ms),
        directly_us,
        left_ms: u64::try_from(cutoff - asked.asked_at).unwrap_or(0),
        answered_us: asked.reply.answered_in_us,
        status: asked.reply.status,
        wrong: asked.reply.wrong.is_some(),
    };
    if is_told {
        play.misses.lock().await.push(miss);
    }
}
