//! How soon a getHeader is answered that nothing is held for: 10,000 auctions of clusters with relays at random latencies,
//! of which some hang, fail, refuse or have no bid.
//!
//! `cargo bench -p headstart --bench misses [-- AUCTIONS]`. Such an answer should leave once the fastest relay with a bid
//! has answered and 50 ms more have passed, or all have answered. What is told is the time to the last byte by (that
//! relay's round trip + 50 ms): the aim is 1.1 at most, and never more than a beacon node waits.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops when its set-up fails"
)]

mod field;
mod service;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use field::Field;
use headstart::clock::SYSTEM;
use headstart_devnet::{BeaconClient, Proposer};
use headstart_types::{AuctionKey, BlockHash, Root, Slot, UnixMillis};
use service::Service;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

const AUCTIONS: usize = 10_000;
/// Services that are asked side by side: each runs no more than 16 auctions of a slot that nobody vouches for.
const SERVICES: usize = 4;
const AUCTIONS_OF_SLOT: usize = 15;
/// What is waited for after the first bid.
const GRACE_MS: u64 = 50;
/// A beacon node's patience, less the margin that headstart keeps.
const DEADLINE_MS: u64 = 950;
/// Of a slot, so that what is asked last is answered before the next slot's are.
const ASKED_WITHIN_MS: i64 = 2_000;
const SEED: u64 = 1;

/// What became of one getHeader.
struct Miss {
    /// Round trip of the fastest relay that has a bid; `None` if none of the cluster's has.
    fastest_ms: Option<u64>,
    answered_us: u64,
    status: u16,
    wrong: bool,
}

fn main() {
    let named = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(named.unwrap_or(AUCTIONS)));
}

async fn measure(auctions: usize) {
    let field = Arc::new(Field::new(SEED).await);
    println!("{auctions} auctions over {SERVICES} services, {}", field.about());
    let left = Arc::new(AtomicUsize::new(auctions));
    let misses = Arc::new(Mutex::new(Vec::new()));
    let mut services = JoinSet::new();
    for number in 0..SERVICES {
        let service = Service::start(&field).await;
        services.spawn(ask(number, service, Arc::clone(&field), Arc::clone(&left), Arc::clone(&misses)));
    }
    services.join_all().await;
    report(&misses.lock().await);
}

/// Asks one service in each slot for so many headers as it may run auctions, one after the other's beginning. What becomes
/// of the first slot's is not told: connections are opened in it.
async fn ask(
    number: usize,
    service: Service,
    field: Arc<Field>,
    left: Arc<AtomicUsize>,
    misses: Arc<Mutex<Vec<Miss>>>,
) {
    let (service, mut validator, mut warm) = (Arc::new(service), number * 31, false);
    loop {
        let slot = field.network.slot_at(SYSTEM.now()).next();
        let mut asks = JoinSet::new();
        for turn in 0..AUCTIONS_OF_SLOT {
            tokio::time::sleep(SYSTEM.now().until(moment(&field, slot, turn, number))).await;
            let takes_one = |left: usize| left.checked_sub(1);
            if warm && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, takes_one).is_err() {
                break;
            }
            validator += 1;
            asks.spawn(one(Arc::clone(&service), Arc::clone(&field), slot, validator));
        }
        let met = asks.join_all().await;
        if warm {
            misses.lock().await.extend(met);
        }
        if left.load(Ordering::Relaxed) == 0 {
            return;
        }
        warm = true;
        tokio::time::sleep(SYSTEM.now().until(field.network.slot_start(slot))).await;
    }
}

/// When the header of that turn is asked for, in the slot before its own. The services' asks fall between each other's.
fn moment(field: &Field, slot: Slot, turn: usize, service: usize) -> UnixMillis {
    let place = turn * SERVICES + service;
    let places = AUCTIONS_OF_SLOT * SERVICES;
    let offset_ms = ASKED_WITHIN_MS * i64::try_from(place).unwrap() / i64::try_from(places).unwrap();
    field.network.slot_start(Slot(slot.0 - 1)) + offset_ms
}

async fn one(service: Arc<Service>, field: Arc<Field>, slot: Slot, validator: usize) -> Miss {
    let (cluster, proposer) = field.validator(validator);
    let key = AuctionKey { slot, parent_hash: BlockHash(Root::repeat_byte(7)), proposer };
    let asked = Proposer::get_header(&service.proposer, &service.endpoint, BeaconClient::Lighthouse, key);
    let reply = asked.await.reply;
    Miss {
        fastest_ms: field.fastest_ms(cluster),
        answered_us: reply.answered_in_us,
        status: reply.status,
        wrong: reply.wrong.is_some(),
    }
}

fn report(misses: &[Miss]) {
    let with_bid = misses.iter().filter_map(|miss| Some((miss.fastest_ms?, miss)));
    let mut ratios: Vec<f64> = with_bid
        .clone()
        .filter(|(_, miss)| miss.status == 200)
        .map(|(fastest_ms, miss)| as_f64(miss.answered_us) / as_f64((fastest_ms + GRACE_MS) * 1000))
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("answered with a bid: {} of {} that a relay had one for", ratios.len(), with_bid.count());
    for per_mille in [500, 900, 990, 999, 1000] {
        let rank = (ratios.len() * per_mille).div_ceil(1000).max(1) - 1;
        let at = ratios.get(rank).copied().unwrap_or(0.0);
        println!(
            "  {:>5.1} % within {at:.3} of (fastest round trip + {GRACE_MS} ms)",
            as_f64(per_mille as u64) / 10.0
        );
    }
    println!("  more than 1.1: {}", ratios.iter().filter(|ratio| **ratio > 1.1).count());
    let none = misses.iter().filter(|miss| miss.fastest_ms.is_none());
    let slowest = |misses: &mut dyn Iterator<Item = &Miss>| {
        misses.map(|miss| miss.answered_us).max().unwrap_or(0) / 1000
    };
    println!(
        "no relay has a bid: {}, the slowest answered in {} ms",
        none.clone().count(),
        slowest(&mut none.clone())
    );
    let late = misses.iter().filter(|miss| miss.answered_us > DEADLINE_MS * 1000).count();
    let refused = misses.iter().filter(|miss| !matches!(miss.status, 200 | 204)).count();
    let wrong = misses.iter().filter(|miss| miss.wrong).count();
    println!(
        "all: the slowest in {} ms, {late} later than {DEADLINE_MS} ms, {refused} neither 200 nor 204, {wrong} wrong",
        slowest(&mut misses.iter())
    );
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn as_f64(number: u64) -> f64 {
    number as f64
}
