//! Two ways by which a new bid comes to another process: published with the script that stores it, as we do; or the
//! reader is told that the key has changed (RESP3 client-side caching) and reads it again.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use redis::aio::{MultiplexedConnection, PubSubStream};
use redis::{AsyncCommands, AsyncConnectionConfig, Client, PushInfo, PushKind, Script};
use tokio::sync::mpsc;
use tokio::{runtime, time};

use crate::figures::{Turns, millis};
use crate::server::Server;

/// The script of the bid store, and the same without the notice.
const OFFER: &str = include_str!("../../../bid-store/src/redis/offer.lua");
const PUBLISH: &str = "redis.call('PUBLISH', ARGV[4], ARGV[2])";
const CHANNEL: &str = "notices";
const TURNS: usize = 9;
const BIDS: u32 = 300;
/// As long as a sealed bid of mainnet with 21 blobs.
const BID_BYTES: usize = 2_000;
const RELAYS: u64 = 5;
const LIFETIME_MS: u32 = 60_000;
const GAP: Duration = Duration::from_millis(1);

pub(crate) fn measure() {
    let server = Server::start();
    runtime::Runtime::new().unwrap().block_on(async {
        let mut both = Both::connect(&server.url()).await;
        let mut tables = [(); 3].map(|()| (Turns::default(), Turns::default()));
        for turn in 0..=TURNS {
            let ways = [
                both.turn(Way::Pushed).await,
                both.turn(Way::ReadAnew { key_of_each: true }).await,
                both.turn(Way::ReadAnew { key_of_each: false }).await,
            ];
            // The first turn warms all of them up.
            if turn > 0 {
                for ((middle, slowest), took) in tables.iter_mut().zip(ways) {
                    middle.add(took.at(50));
                    slowest.add(took.at(99));
                }
            }
        }
        let names =
            ["published, as we do", "invalidated, one bid read again", "invalidated, the auction read again"];
        println!(
            "  {BID_BYTES} bytes, {TURNS} interleaved turns of {BIDS} bids; from the offer until it is read"
        );
        for (name, (middle, slowest)) in names.iter().zip(&tables) {
            println!("  {name:<36} p50 {middle:.3} ms, p99 {slowest:.3} ms");
        }
        let [pushed, one, whole] = tables.map(|(middle, _)| middle.median());
        println!(
            "  ratio of medians to published: {:.2} (one bid), {:.2} (the auction)",
            one / pushed,
            whole / pushed
        );
    });
}

#[derive(Clone, Copy)]
enum Way {
    Pushed,
    /// With a key for each relay's bid, or all of an auction in one as it is now.
    ReadAnew {
        key_of_each: bool,
    },
}

/// A writer, and a reader of either kind.
struct Both {
    writer: MultiplexedConnection,
    published: PubSubStream,
    reader: MultiplexedConnection,
    pushes: mpsc::UnboundedReceiver<PushInfo>,
    number: u64,
}

impl Both {
    async fn connect(url: &str) -> Self {
        let client = Client::open(url).unwrap();
        let writer = client.get_multiplexed_async_connection().await.unwrap();
        let mut subscription = client.get_async_pubsub().await.unwrap();
        subscription.subscribe(CHANNEL).await.unwrap();
        let (told, pushes) = mpsc::unbounded_channel();
        let tracking = Client::open(format!("{url}/?protocol=resp3")).unwrap();
        let settings = AsyncConnectionConfig::new().set_push_sender(told);
        let mut reader = tracking.get_multiplexed_async_connection_with_config(&settings).await.unwrap();
        redis::cmd("CLIENT").arg("TRACKING").arg("ON").query_async::<()>(&mut reader).await.unwrap();
        Self { writer, published: subscription.into_on_message(), reader, pushes, number: 0 }
    }

    /// How long each bid took.
    async fn turn(&mut self, way: Way) -> Turns {
        let publishing = matches!(way, Way::Pushed);
        let script = if publishing { OFFER.to_owned() } else { OFFER.replace(PUBLISH, "") };
        assert!(OFFER.contains(PUBLISH), "the script tells of a bid as it stores it");
        let script = Script::new(&script);
        script.load_async(&mut self.writer).await.unwrap();
        let mut took = Turns::default();
        for _ in 0..BIDS {
            self.number += 1;
            let relay = self.number % RELAYS;
            let key = match way {
                Way::ReadAnew { key_of_each: true } => format!("bids:{relay}"),
                _ => "bids".to_owned(),
            };
            if !publishing {
                // What was never read is not tracked.
                self.read(&key).await;
                // Nor is it news what other turns have changed.
                while self.pushes.try_recv().is_ok() {}
            }
            let bid = self.bid();
            let offering = offer(self.writer.clone(), &script, &key, relay, &bid);
            let began = Instant::now();
            // A reader waits for no writer.
            let ((), ended) = tokio::join!(offering, self.receive(way, &key, &bid));
            took.add(millis(ended - began));
            time::sleep(GAP).await;
        }
        took
    }

    /// When the bid was here.
    async fn receive(&mut self, way: Way, key: &str, bid: &[u8]) -> Instant {
        if let Way::Pushed = way {
            let message = self.published.next().await.unwrap();
            let ended = Instant::now();
            assert_eq!(message.get_payload_bytes(), bid);
            return ended;
        }
        self.invalidated().await;
        let bids = self.read(key).await;
        let ended = Instant::now();
        assert!(bids.iter().any(|held| held == bid));
        ended
    }

    async fn invalidated(&mut self) {
        while self.pushes.recv().await.unwrap().kind != PushKind::Invalidate {}
    }

    async fn read(&mut self, key: &str) -> Vec<Vec<u8>> {
        self.reader.hvals(key).await.unwrap()
    }

    /// The order of bids is where a sealed bid has it.
    fn bid(&self) -> Vec<u8> {
        let mut bid = vec![0; BID_BYTES];
        bid[1..9].copy_from_slice(&self.number.to_be_bytes());
        bid
    }
}

async fn offer(mut writer: MultiplexedConnection, script: &Script, key: &str, relay: u64, bid: &[u8]) {
    let mut invocation = script.key(key);
    invocation.arg(&relay.to_be_bytes()).arg(bid).arg(LIFETIME_MS).arg(CHANNEL);
    let kept: u32 = invocation.invoke_async(&mut writer).await.unwrap();
    assert_eq!(kept, 1, "it is the newest");
}
