//! The hit path of getHeader: requests per second of one core over keep-alive connections, as a ratio to bare hyper
//! answering the same bytes in the same run, and nanoseconds in our own handler.
//!
//! `cargo bench --bench get_header`. Machines are noisy, so both servers are measured in turns and the median of the
//! turns' ratios is what counts.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and stops when its set-up fails"
)]

#[path = "shared/verdict.rs"]
mod verdict;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use headstart_auction::{Bid, Expectations, PolicyLayer};
use headstart_bid_store::BidStore;
use headstart_builder_api::{Access, BuilderApi, Config, Journal, JournalWriter, ServerConfig, serve};
use headstart_fetcher::{Fetcher, Verifier};
use headstart_registry::{
    BeaconNodeRow, Declared, DeclaredCluster, Deliveries, Directory, DirectoryRows, LiveDirectory, NewSecret,
    Outcomes, Registrations, Registry, SecretRow,
};
use headstart_types::{
    AuctionKey, Clock, Encoding, ForkName, Network, PublicKey, RelayId, SignedBuilderBid, Slot, UnixMillis,
};
use http::HeaderMap;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio_util::sync::CancellationToken;
use verdict::verdict;

/// Requests per second by those of bare hyper, and nanoseconds in our handler.
const RATIO_MIN: f64 = 0.9;
const HANDLER_NS_MAX: f64 = 2_000.0;
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(1_200);
const CONNECTIONS: usize = 32;
const HANDLER_CALLS: u32 = 300_000;
const SLOT: Slot = Slot(13_165_563);
const PROPOSER: &str =
    "0x85009c6432bddc9d9b00c63cd311c79311bbd13f99f58544737dd5f6dcbbf4ca64b913c30ac7a099e28f580efd3c2414";

fn main() {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let (bid, credential) = (golden_bid(), NewSecret::draw(&mut StdRng::seed_from_u64(1)));
    let ours = spawn_server(cores.first().copied(), {
        let (bid, credential) = (bid.clone(), credential.clone());
        |listener| async move {
            let (api, mut writer) = builder_api(&bid, &credential);
            tokio::spawn(async move { writer.write().await });
            serve(listener, api, ServerConfig::default(), CancellationToken::new()).await;
        }
    });
    let bare = spawn_server(cores.first().copied(), {
        let body = bid.body(Encoding::Ssz).clone();
        |listener| bare_hyper(listener, body)
    });
    if let Some(core) = cores.get(1) {
        core_affinity::set_for_current(*core);
    }
    println!(
        "getHeader hit, SSZ, {} bytes, {CONNECTIONS} keep-alive connections, server on one core",
        bid.body(Encoding::Ssz).len()
    );
    let userinfo = BASE64_STANDARD.encode(credential.userinfo());
    let basic = format!("Basic {userinfo}");
    compare("headstart, hit, open", bare, ours, &request(None));
    compare("headstart, hit, Basic", bare, ours, &request(Some(&basic)));
    handler("in our handler, open", &bid, &credential, Access::Open, None);
    handler("in our handler, Basic", &bid, &credential, Access::Credentials, Some(&basic));
}

/// Loads both servers in turns and prints the medians.
fn compare(what: &str, bare: SocketAddr, ours: SocketAddr, request: &[u8]) {
    let load = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let measured = (load.block_on(rate(bare, request)), load.block_on(rate(ours, request)));
        // The first turn warms both up.
        if round > 0 {
            rounds.push(measured);
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let bare = median(rounds.iter().map(|(bare, _)| *bare).collect());
    let ours = median(rounds.iter().map(|(_, ours)| *ours).collect());
    let ratio = median(rounds.iter().map(|(bare, ours)| ours / bare).collect());
    println!("{:<24} {bare:>9.0} requests/s   1.000", "bare hyper, same bytes");
    println!(
        "{what:<24} {ours:>9.0} requests/s   {ratio:.3}   (median of {ROUNDS} interleaved turns; at least {RATIO_MIN}: {})",
        verdict(ratio >= RATIO_MIN)
    );
}

/// Time in our handler: from path and headers to the reply, without sockets.
fn handler(what: &str, bid: &Bid, credential: &NewSecret, access: Access, authorization: Option<&str>) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (api, mut writer) = {
        let _within = runtime.enter();
        builder_api(bid, credential)
    };
    runtime.spawn(async move { writer.write().await });
    let path = path();
    let mut headers = HeaderMap::new();
    headers.insert(
        http::header::ACCEPT,
        http::HeaderValue::from_static("application/octet-stream;q=1.0,application/json;q=0.9"),
    );
    if let Some(value) = authorization {
        headers.insert(http::header::AUTHORIZATION, http::HeaderValue::from_str(value).unwrap());
    }
    let mut turns: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..HANDLER_CALLS {
                let reply = api.header_from_memory(
                    access,
                    std::hint::black_box(&path),
                    std::hint::black_box(&headers),
                );
                assert!(std::hint::black_box(reply).is_some(), "the bid is served from memory");
            }
            let took = began.elapsed();
            // Let the journal's writer catch up outside the measured time.
            runtime.block_on(async { tokio::task::yield_now().await });
            took.as_secs_f64() * 1e9 / f64::from(HANDLER_CALLS)
        })
        .collect();
    turns.sort_by(f64::total_cmp);
    let median = turns[ROUNDS / 2];
    println!(
        "{what:<24} {median:>9.0} ns a hit (median of {ROUNDS} turns of {HANDLER_CALLS} calls; at most {HANDLER_NS_MAX}: {})",
        verdict(median <= HANDLER_NS_MAX)
    );
}

/// Runs a server on a thread of its own, pinned to one core.
fn spawn_server<F: Future<Output = ()>>(
    core: Option<core_affinity::CoreId>,
    server: impl FnOnce(TcpListener) -> F + Send + 'static,
) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        if let Some(core) = core {
            core_affinity::set_for_current(core);
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { server(TcpListener::from_std(listener).unwrap()).await });
    });
    addr
}

async fn bare_hyper(listener: TcpListener, body: Bytes) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let body = body.clone();
        let service = service_fn(move |_| {
            let mut reply = http::Response::new(Full::new(body.clone()));
            let headers = reply.headers_mut();
            headers.insert("content-type", http::HeaderValue::from_static("application/octet-stream"));
            headers.insert("eth-consensus-version", http::HeaderValue::from_static("fulu"));
            std::future::ready(Ok::<_, Infallible>(reply))
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
        );
    }
}

/// A Builder API that holds the bid, and the writer of its journal.
fn builder_api(bid: &Bid, credential: &NewSecret) -> (BuilderApi, JournalWriter) {
    let network = Arc::new(Network::mainnet());
    let clock = Clock::new(|| UnixMillis(1_764_810_779_100));
    let layer = PolicyLayer { relays: Some(vec![bid.relay()]), ..PolicyLayer::default() };
    let cluster = DeclaredCluster::new("bench", layer, [PROPOSER.parse().unwrap()]).unwrap();
    let declared = Declared { clusters: vec![cluster], ..Declared::default() };
    let secret = SecretRow { id: credential.id().to_owned(), digest: credential.digest() };
    let beacon_node =
        BeaconNodeRow { name: "bench".to_owned(), clusters: vec!["bench".to_owned()], secrets: vec![secret] };
    let rows = DirectoryRows { beacon_nodes: vec![beacon_node], ..DirectoryRows::default() };
    let directory = LiveDirectory::new(Directory::build(&rows, &declared));
    let store = BidStore::default();
    store.open(key()).unwrap();
    store.take(&key(), bid.clone());
    let fetcher = Fetcher::new(headstart_fetcher::Config {
        network: Arc::clone(&network),
        clock,
        directory: directory.clone(),
        registry: Registry::connect("sqlite::memory:").unwrap(),
        registrations: Registrations::in_memory(),
        deliveries: Deliveries::in_memory(),
        store: store.clone(),
        verifier: Verifier::new(1).unwrap(),
        lead_ms: 2_500,
        compared_percent: 0,
        prefetches: true,
    });
    let (journal, writer) = Journal::new(directory.clone(), store.clone(), Outcomes::discarded());
    let api = BuilderApi::new(Config { network, clock, directory, store, fetcher, journal });
    (api, writer)
}

fn golden_bid() -> Bid {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    let signed = SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap();
    let expectations = Expectations::new(&Network::mainnet(), key(), None).unwrap();
    let relay_key = PublicKey::decompress(&signed.message.pubkey()).unwrap();
    Bid::verify(&signed, RelayId(1), &relay_key, UnixMillis(0), &expectations).unwrap()
}

fn key() -> AuctionKey {
    let parent_hash = "0x2cdb2034fb8c6f5c06ade3da5138003f406b0a51c2caeb8c090a5db61c276f34".parse().unwrap();
    AuctionKey { slot: SLOT, parent_hash, proposer: PROPOSER.parse().unwrap() }
}

fn path() -> String {
    format!("/eth/v1/builder/header/{}", key())
}

fn request(authorization: Option<&str>) -> Vec<u8> {
    let accept = "application/octet-stream;q=1.0,application/json;q=0.9";
    let path = path();
    let authorization = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Accept: {accept}\r\nUser-Agent: bench\r\n\r\n")
        .into_bytes()
}

/// Requests per second over all connections, each with one request under way.
async fn rate(addr: SocketAddr, request: &[u8]) -> f64 {
    let reply_bytes = reply_size(addr, request).await;
    let until = Instant::now() + ROUND;
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(ask_until(addr, request.to_vec(), reply_bytes, until)))
        .collect();
    let mut answered = 0_u32;
    for connection in connections {
        answered += connection.await.unwrap();
    }
    f64::from(answered) / ROUND.as_secs_f64()
}

async fn ask_until(addr: SocketAddr, request: Vec<u8>, reply_bytes: usize, until: Instant) -> u32 {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reply = vec![0; reply_bytes];
    let mut answered = 0;
    while Instant::now() < until {
        stream.write_all(&request).await.unwrap();
        stream.read_exact(&mut reply).await.unwrap();
        answered += 1;
    }
    answered
}

/// Replies are all alike, so their size is read once.
async fn reply_size(addr: SocketAddr, request: &[u8]) -> usize {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut reply = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap();
        reply.extend_from_slice(&part[..read]);
        if let Some(head) = reply.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&reply[..head]).to_lowercase();
            assert!(text.starts_with("http/1.1 200"), "{text}");
            let length: usize =
                text.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
            return head + 4 + length;
        }
    }
}
