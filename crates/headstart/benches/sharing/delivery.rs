//! How long a bid is on its way: from the offer in one process until another can serve it from its memory, verified.
//!
//! The other process is this program once more. Both read the same clock, that of the machine.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use headstart_auction::Offers;
use tokio::{runtime, time};

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
    let (mut middles, mut slowest) = (Turns::default(), Turns::default());
    runtime.block_on(async {
        let store = world::shared(&server.url()).await;
        store.open(world::key()).unwrap();
        let mut number = 0;
        for turn in 0..=TURNS {
            let mut took = Turns::default();
            for _ in 0..BIDS {
                number += 1;
                let bid = world::bid(u64::from(number) % world::RELAYS, number);
                let sent = nanoseconds();
                store.offer(&world::key(), bid, 1).await;
                let on_its_way = other.servable(number).saturating_sub(sent);
                took.add(millis(Duration::from_nanos(on_its_way)));
                time::sleep(GAP).await;
            }
            // The first turn warms both up.
            if turn > 0 {
                middles.add(took.at(50));
                slowest.add(took.at(99));
            }
        }
    });
    println!("  {TURNS} turns of {BIDS} bids, offered in one process, servable in another one");
    let kept = |took: &Turns| verdict(took.median() <= AIM_MS);
    println!("  p50 {middles:.2} ms, p99 {slowest:.2} ms");
    println!("  at most {AIM_MS} ms: p50 {}, p99 {}", kept(&middles), kept(&slowest));
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
