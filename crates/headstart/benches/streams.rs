//! A relay's header stream: from a frame being handed to the socket to its bid being servable from the store, with all that
//! lies between: the relay's socket, ours, decoding, BLS verification and the store.
//!
//! `cargo bench --bench streams`. Relay and service share this machine. Beside each frame stands what verifying its bid alone
//! takes, on a pool of threads like the service's.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops when its set-up fails"
)]

#[path = "shared/verdict.rs"]
mod verdict;

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use headstart::{App, Config, Shutdown, clock};
use headstart_auction::{Bid, Expectations};
use headstart_bid_store::{AuctionEvent, AuctionEventKind, BidStore};
use headstart_devnet::{BuiltBlock, Chain, ChainConfig, key, network, sign_bid};
use headstart_relay::RelayUrl;
use headstart_types::{
    AuctionKey, B256, BlockHash, ForkName, Network, SecretKey, SignedBuilderBid, Slot, Wei,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::oneshot;
use tokio::{runtime, time};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use verdict::verdict;

const SLOT: Slot = Slot(100);
const SLOT_MS: u64 = 60_000;
const STARTS_IN_MS: i64 = 55_000;
const FRAMES: u64 = 400;
/// More than the pause between two looks of the fetcher, so that every frame is looked at by itself.
const APART: Duration = Duration::from_millis(40);
const PATIENCE: Duration = Duration::from_secs(10);
/// What headstart allows itself from a frame to the store.
const SERVABLE_WITHIN: Duration = Duration::from_millis(2);

struct Frame {
    block_hash: BlockHash,
    bytes: Bytes,
    bid: SignedBuilderBid,
}

fn main() {
    let (relay_key, validator) = (key(1, 1), key(2, 1));
    let network = network_of_now();
    let parent_hash = BlockHash(B256::repeat_byte(0x11));
    let auction = AuctionKey { slot: SLOT, parent_hash, proposer: validator.public_key() };
    let frames = frames(&network, &auction, &relay_key);
    let bytes = frames[0].bytes.len();
    let service = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let relay = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut took, mut verified) = relay.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}@{}", relay_key.public_key(), listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("headstart.toml");
        let config = Config::parse(&configuration(&network, &url, &validator), &file).unwrap();
        let app = service.spawn(App::start(config, clock::SYSTEM)).await.unwrap().unwrap();
        let (store, addr) = (app.store(), app.builder_api_addr().unwrap());
        service.spawn(app.run(Shutdown::default()));
        // The first getHeader begins the auction; its answer is of no interest.
        let mut asking = TcpStream::connect(addr).await.unwrap();
        let head = format!("GET /eth/v1/builder/header/{auction} HTTP/1.1\r\nHost: x\r\n\r\n");
        asking.write_all(head.as_bytes()).await.unwrap();
        tokio::spawn(async move { _ = asking.read(&mut [0; 1024]).await });
        let expectations = Expectations::new(&network, auction, None).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().build().unwrap();
        let alone = Alone { pool, expectations, relay: url.parse().unwrap() };
        send(&listener, &store, frames, alone).await
    });
    service.shutdown_background();
    took.sort_unstable();
    verified.sort_unstable();
    println!("{} frames of {bytes} bytes", took.len());
    println!("sent -> servable: {}", ranks(&took));
    println!("verified alone:   {}", ranks(&verified));
    let kept = |per_mille| verdict(at(&took, per_mille) <= SERVABLE_WITHIN);
    println!("at most {SERVABLE_WITHIN:?}: p50 {}, p99 {}", kept(500), kept(990));
}

fn ranks(sorted: &[Duration]) -> String {
    let [p50, p90, p99, most] = [500, 900, 990, 1_000].map(|per_mille| at(sorted, per_mille));
    format!("p50 {p50:.2?}, p90 {p90:.2?}, p99 {p99:.2?}, most {most:.2?}")
}

fn at(sorted: &[Duration], per_mille: usize) -> Duration {
    sorted[(sorted.len() - 1) * per_mille / 1_000]
}

/// What believing a bid takes without the way to it.
struct Alone {
    pool: rayon::ThreadPool,
    expectations: Expectations,
    relay: RelayUrl,
}

impl Alone {
    async fn verify(&self, bid: SignedBuilderBid) -> Duration {
        let (relay, expectations) = (self.relay.clone(), self.expectations.clone());
        let began = Instant::now();
        let now = clock::SYSTEM.now();
        let (tell, told) = oneshot::channel();
        self.pool.spawn(move || {
            let verified = Bid::verify(&bid, relay.id(), relay.verifying_key(), now, &expectations);
            tell.send(verified.is_ok()).unwrap();
        });
        assert!(told.await.unwrap(), "the bid is believed");
        began.elapsed()
    }
}

/// Takes the service's stream, and times each frame until the store has its bid.
async fn send(
    listener: &TcpListener,
    store: &BidStore,
    frames: Vec<Frame>,
    alone: Alone,
) -> (Vec<Duration>, Vec<Duration>) {
    let mut stream = loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        if let Some(stream) = answer(stream).await {
            break stream;
        }
    };
    let mut events = store.watch();
    let (mut took, mut verified) = (Vec::new(), Vec::new());
    for frame in frames {
        time::sleep(APART).await;
        verified.push(alone.verify(frame.bid).await);
        time::sleep(APART).await;
        let sent = Instant::now();
        stream.send(Message::Binary(frame.bytes)).await.unwrap();
        let held = held(&mut events, frame.block_hash);
        time::timeout(PATIENCE, held).await.expect("the bid is believed");
        took.push(sent.elapsed());
        // Pings are answered by reading.
        let _nothing = time::timeout(Duration::ZERO, stream.next()).await;
    }
    // The first tenth warms up.
    let warm = took.len() / 10;
    (took.split_off(warm), verified.split_off(warm))
}

/// Answers the first request of a connection: the stream's stays open, a status is good, and a poll finds no bid.
async fn answer(mut stream: TcpStream) -> Option<WebSocketStream<TcpStream>> {
    let mut request = [0; 2_048];
    let length = stream.peek(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..length]).to_ascii_lowercase();
    if request.contains("upgrade: websocket") {
        return Some(tokio_tungstenite::accept_async(stream).await.unwrap());
    }
    let status = if request.starts_with("get /eth/v1/builder/status") { "200 OK" } else { "204 No Content" };
    // A connection that closes with unread bytes is reset, and its answer lost.
    _ = stream.read(&mut [0; 2_048]).await;
    let answer = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    _ = stream.write_all(answer.as_bytes()).await;
    None
}

/// Waits until the store has told that it holds the bid, and leaves both cores to the service meanwhile.
async fn held(events: &mut Receiver<AuctionEvent>, awaited: BlockHash) {
    let is_it = |what| matches!(what, AuctionEventKind::BidHeld { block_hash, .. } if block_hash == awaited);
    while !is_it(events.recv().await.unwrap().what) {}
}

fn network_of_now() -> Network {
    let now = clock::SYSTEM.now();
    let genesis_time_ms = now + STARTS_IN_MS - (SLOT.0 * SLOT_MS).cast_signed();
    Network { genesis_time_ms, ..network(ForkName::Fulu, SLOT_MS, now, 0) }
}

fn frames(network: &Network, auction: &AuctionKey, relay: &SecretKey) -> Vec<Frame> {
    let chain = Chain::new(ChainConfig::new(network.clone(), clock::SYSTEM, 0));
    let attributes = chain.attributes(auction.slot, auction.parent_hash);
    let frame = |step| {
        let block = BuiltBlock::new(ForkName::Fulu, attributes.clone(), auction.proposer, 1, step);
        let bid = block.bid(Wei::new(1_000_000_000_000_000 + u128::from(step)), relay.public_key());
        let bid = sign_bid(network, bid, relay);
        Frame { block_hash: block.block_hash(), bytes: [&[1, 6], &*bid.to_ssz()].concat().into(), bid }
    };
    (0..FRAMES).map(frame).collect()
}

fn configuration(network: &Network, relay: &str, validator: &SecretKey) -> String {
    let forks = network.schedule.forks().iter().filter(|fork| fork.epoch.0 != u64::MAX);
    let forks: Vec<_> = forks
        .map(|fork| {
            let (name, epoch, version) = (&fork.name, fork.epoch, u32::from_be_bytes(fork.version));
            format!("{{ name = \"{name}\", epoch = {epoch}, version = \"0x{version:08x}\" }}")
        })
        .collect();
    format!(
        "[network]\nname = \"{}\"\ngenesis_time_ms = {}\nslot_duration_ms = {SLOT_MS}\nslots_per_epoch = {}
genesis_fork_version = \"0x{:08x}\"\ngenesis_validators_root = \"{}\"\nforks = [{}]
[builder_api]\nlisten = \"127.0.0.1:0\"\n[cluster_api]\nenabled = false\n[admin]\nenabled = false
[[relays]]\nname = \"one\"\nurl = \"{relay}\"\nfirst_ms = -60000\nlast_ms = 3900\nmin_gap_ms = 60000\nstream = true
[[clusters]]\nname = \"alpha\"\nrelays = [\"one\"]\nvalidators = [\"{}\"]\ncutoff_ms = 3900\n",
        network.name,
        network.genesis_time_ms.0,
        network.slots_per_epoch,
        u32::from_be_bytes(network.schedule.genesis_version()),
        network.genesis_validators_root,
        forks.join(", "),
        validator.public_key()
    )
}
