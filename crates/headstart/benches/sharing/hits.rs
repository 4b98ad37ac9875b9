//! getHeader hits over keep-alive connections: with the store shared through Redis, against the store in the process.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use headstart_bid_store::BidStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;

use crate::figures::Turns;
use crate::headers;
use crate::server::Server;
use crate::verdict::verdict;
use crate::world::{self, World};

/// Turns are short, so that both of a pair meet the same mood of the machine, and many, so that its jumps cancel out.
const PAIRS: u32 = 100;
const TURN: Duration = Duration::from_millis(200);
const PACED: u32 = 5;
const LISTENING: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 32;
const AIM: f64 = 0.95;

pub(crate) fn measure() {
    println!("  about {} s", (TURN * 2 * PAIRS + LISTENING * 2 * (PACED + 1)).as_secs());
    let server = Server::start();
    let servers = [spawn_server(None), spawn_server(Some(server.url()))];
    if let Some(core) = core_affinity::get_core_ids().unwrap_or_default().get(1) {
        core_affinity::set_for_current(*core);
    }
    let load = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let request = world::header_request();
    println!("  {CONNECTIONS} connections, server on one core");
    // These come first and warm both up.
    load.block_on(print_latencies(servers, &request));
    load.block_on(print_rates(servers, &request));
}

async fn print_rates([alone, shared]: [SocketAddr; 2], request: &[u8]) {
    let [mut in_process, mut on_redis, mut ratios] = [(); 3].map(|()| Turns::default());
    for pair in 0..PAIRS {
        // Who comes first takes turns, too.
        let (one, other) = if pair % 2 == 0 {
            let one = rate(alone, request).await;
            (one, rate(shared, request).await)
        } else {
            let other = rate(shared, request).await;
            (rate(alone, request).await, other)
        };
        in_process.add(one);
        on_redis.add(other);
        ratios.add(other / one);
    }
    let [low, median, high] = [25, 50, 75].map(|percent| ratios.at(percent));
    println!("  {PAIRS} pairs of turns of {} ms", TURN.as_millis());
    println!("  store in process   {in_process} requests/s");
    println!("  store on Redis     {on_redis} requests/s");
    println!(
        "  ratio of a pair    {median:.3} (half of them {low:.3} to {high:.3}); at least {AIM}: {}",
        verdict(median >= AIM)
    );
}

async fn print_latencies(servers: [SocketAddr; 2], request: &[u8]) {
    let mut latencies = [(); 4].map(|()| Turns::default());
    for turn in 0..=PACED {
        let mut percentiles = Vec::new();
        for addr in servers {
            let paced = headers::latencies(addr, request, LISTENING).await;
            percentiles.extend([50, 99].map(|percent| paced.at(percent)));
        }
        if turn > 0 {
            latencies.iter_mut().zip(percentiles).for_each(|(turns, at)| turns.add(at.as_secs_f64() * 1e6));
        }
    }
    let [alone_p50, alone_p99, shared_p50, shared_p99] = latencies;
    println!("  2,000 a second, store in process: p50 {alone_p50} us, p99 {alone_p99} us");
    println!("  2,000 a second, store on Redis:   p50 {shared_p50} us, p99 {shared_p99} us");
}

/// A server on a thread of its own, pinned to the first core, that holds one bid.
fn spawn_server(redis: Option<String>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        if let Some(core) = core_affinity::get_core_ids().unwrap_or_default().first() {
            core_affinity::set_for_current(*core);
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = match redis {
                Some(url) => world::shared(&url).await,
                None => BidStore::default(),
            };
            let world = World::new(store);
            world.store.offer(&world::key(), world::bid(0, 1), 1).await;
            world.serve(TcpListener::from_std(listener).unwrap()).await;
        });
    });
    addr
}

/// Requests per second over all connections, each with one request under way.
async fn rate(addr: SocketAddr, request: &[u8]) -> f64 {
    let reply_bytes = reply_size(addr, request).await;
    let until = Instant::now() + TURN;
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(ask_until(addr, request.to_vec(), reply_bytes, until)))
        .collect();
    let mut answered = 0_u32;
    for connection in connections {
        answered += connection.await.unwrap();
    }
    f64::from(answered) / TURN.as_secs_f64()
}

async fn ask_until(addr: SocketAddr, request: Vec<u8>, reply_bytes: usize, until: Instant) -> u32 {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut reply, mut answered) = (vec![0; reply_bytes], 0);
    while Instant::now() < until {
        stream.write_all(&request).await.unwrap();
        stream.read_exact(&mut reply).await.unwrap();
        answered += 1;
    }
    answered
}

/// Replies are all alike, so the size of one that came in one piece is that of all.
async fn reply_size(addr: SocketAddr, request: &[u8]) -> usize {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request).await.unwrap();
    let (mut reply, mut bytes) = (vec![0; 16 << 10], 0);
    loop {
        bytes += stream.read(&mut reply[bytes..]).await.unwrap();
        let text = String::from_utf8_lossy(&reply[..bytes]).to_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{text}");
        let Some(head) = reply[..bytes].windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let whole = head + 4 + length.unwrap().parse::<usize>().unwrap();
        if bytes >= whole {
            return whole;
        }
    }
}
