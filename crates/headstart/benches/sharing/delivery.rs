//! How long a bid is on its way: from the offer in one process until another can serve it from its memory, verified.
//!
//! The other process is this program once more. Both read the same clock, that of the machine. Beside it stands how long
//! the same bid's verification takes by itself on a thread that was woken for it: no bid can be on its way for less, and
//! what a machine adds to it now and then it adds to the way, too.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use headstart_auction::{Bid, Offers};
use tokio::{runtime, task, time};

use crate::figures::{Turns, millis};
use crate::server::Server;
use crate::verdict::verdict;
use crate::world::{self, World};

pub(crate) const RECEIVE: &str = "--receive";
const TURNS: u32 = 5;
/// Bids of one turn, one after the other.
const BIDS: u32 = 400;
/// Between two bids: more than any auction sees.
const GAP: Duration = Duration::from_millis(5);
const AIM_MS: f64 = 5.0;

pub(crate) fn measure() {
    let server = Server::start();
    let mut other = Receiver::start(&server.url());
    let runtime = runtime::Runtime::new().unwrap();
    let (mut delivered, mut verified) = (Ranks::default(), Ranks::default());
    runtime.block_on(async {
        let store = world::shared(&server.url()).await;
        store.open(world::key()).unwrap();
        let mut number = 0;
        for turn in 0..=TURNS {
            let (mut on_its_way, mut alone) = (Turns::default(), Turns::default());
            for _ in 0..BIDS {
                number += 1;
                let (bid, took) = verify(number).await;
                alone.add(millis(took));
                time::sleep(GAP).await;
                let sent = nanoseconds();
                store.offer(&world::key(), bid, 1).await;
                let took = other.servable(number).saturating_sub(sent);
                on_its_way.add(millis(Duration::from_nanos(took)));
            }
            // The first turn warms both up.
            if turn > 0 {
                delivered.add(&on_its_way);
                verified.add(&alone);
            }
        }
    });
    println!("  {TURNS} turns of {BIDS} bids, offered in one process, servable in another one");
    println!("  p50 {:.2} ms, p99 {:.2} ms", delivered.middles, delivered.slowest);
    println!("  verified alone: p50 {:.2} ms, p99 {:.2} ms", verified.middles, verified.slowest);
    let added = delivered.slowest.median() - verified.slowest.median();
    let kept = |ranks: &Turns| verdict(ranks.median() <= AIM_MS);
    println!(
        "  at most {AIM_MS} ms: p50 {}, p99 {}; the way adds {added:.2} ms to the p99 of verifying",
        kept(&delivered.middles),
        kept(&delivered.slowest)
    );
}

/// Of each turn, the median and the 99th percentile.
#[derive(Default)]
struct Ranks {
    middles: Turns,
    slowest: Turns,
}

impl Ranks {
    fn add(&mut self, turn: &Turns) {
        self.middles.add(turn.at(50));
        self.slowest.add(turn.at(99));
    }
}

/// The bid of that number, and how long it took to verify on a thread that waited for it.
async fn verify(number: u32) -> (Bid, Duration) {
    let relay = u64::from(number) % world::RELAYS;
    let signed = world::signed_bid(relay, number);
    time::sleep(GAP).await;
    let began = Instant::now();
    let bid = task::spawn_blocking(move || world::verify(&signed, relay, number)).await.unwrap();
    (bid, began.elapsed())
}

/// The other process: tells when it could serve each bid.
struct Receiver {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Receiver {
    fn start(url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.args([RECEIVE, url]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "listening");
        Self { child, lines }
    }

    /// When the bid of that number was near there.
    fn servable(&mut self, number: u32) -> u64 {
        loop {
            let line = self.lines.next().expect("the other process goes on").unwrap();
            let (found, at) = line.split_once(' ').unwrap();
            if found == number.to_string() {
                return at.parse().unwrap();
            }
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the other process does, until it is killed.
pub(crate) fn receive(url: &str) {
    runtime::Runtime::new().unwrap().block_on(async {
        let world = World::new(world::shared(url).await);
        let entry = world.store.auction(&world::key()).unwrap();
        // What is told from now on is heard: the fetcher's own listener has begun a moment before this one.
        let mut feed = world.store.listen();
        feed.next().await;
        drop(feed);
        let mut out = std::io::stdout();
        writeln!(out, "listening").unwrap();
        let mut newest = 0;
        loop {
            let offers = entry.wait_for(|offers| highest(offers) > newest).await;
            let at = nanoseconds();
            newest = highest(&offers);
            writeln!(out, "{newest} {at}").unwrap();
        }
    });
}

/// The number of the newest bid, which is its value.
fn highest(offers: &Offers) -> u64 {
    offers.bids().iter().filter_map(|bid| u64::try_from(bid.value().0).ok()).max().unwrap_or(0)
}

#[expect(clippy::disallowed_methods, reason = "two processes compare what the machine's clock says")]
fn nanoseconds() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}
