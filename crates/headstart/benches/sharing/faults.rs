//! The slowest of a hundred headers while Redis is in pieces, against the same before. The process is busy with Redis
//! meanwhile: it takes in other processes' bids, offers its own, and renews a lease.

use std::sync::Arc;
use std::time::Duration;

use headstart_bid_store::{BidStore, LeaseName};
use tokio::net::TcpListener;
use tokio::{runtime, task, time};

use crate::figures::{Turns, millis};
use crate::headers;
use crate::redis_server::RedisServer;
use crate::server::Server;
use crate::verdict::verdict;
use crate::world::{self, World};

const ROUNDS: usize = 3;
const LISTENING: Duration = Duration::from_secs(2);
/// Bids that a process offers before they begin anew.
const BIDS: u32 = 64;
const OFFER_EVERY: Duration = Duration::from_millis(100);
const RENEW_EVERY: Duration = Duration::from_millis(60);
const AIM_MS: f64 = 1.0;

struct Fault {
    name: &'static str,
    begin: fn(&RedisServer),
    end: fn(&RedisServer),
}

const FAULTS: [Fault; 6] = [
    Fault { name: "frozen (SIGSTOP)", begin: RedisServer::freeze, end: RedisServer::thaw },
    Fault { name: "killed", begin: RedisServer::kill, end: RedisServer::restart },
    Fault {
        name: "paused (CLIENT PAUSE)",
        begin: |server| _ = server.cli(&["CLIENT", "PAUSE", "2000", "ALL"]),
        end: |_| (),
    },
    Fault {
        name: "flushed, again and again",
        begin: |server| _ = server.cli(&["-r", "20", "-i", "0.1", "FLUSHALL"]),
        end: |_| (),
    },
    Fault { name: "full (noeviction)", begin: |server| limit(server, "noeviction"), end: make_room },
    Fault { name: "evicting (allkeys-lru)", begin: |server| limit(server, "allkeys-lru"), end: make_room },
];

fn limit(server: &RedisServer, policy: &str) {
    server.cli(&["CONFIG", "SET", "maxmemory-policy", policy]);
    server.cli(&["CONFIG", "SET", "maxmemory", "1mb"]);
}

fn make_room(server: &RedisServer) {
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
}

pub(crate) fn measure() {
    let server = Arc::new(Server::start());
    runtime::Runtime::new().unwrap().block_on(async {
        let [near, other] = [world::shared(&server.url()).await, world::shared(&server.url()).await];
        let world = World::new(near.clone());
        other.open(world::key()).unwrap();
        near.offer(&world::key(), world::bid(0, 1), 1).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(world.serve(listener));
        tokio::spawn(keep_offering(near.clone(), 1));
        tokio::spawn(keep_offering(other.clone(), 2));
        tokio::spawn(keep_renewing(near.clone()));
        let request = world::header_request();
        let headers = headers::latencies(addr, &request, LISTENING).await.count();
        println!("  {ROUNDS} rounds of {headers} headers in {LISTENING:?}; aim: p99 at most {AIM_MS} ms above undisturbed");
        for fault in FAULTS {
            let [mut before, mut during, mut added] = [(); 3].map(|()| Turns::default());
            for _ in 0..ROUNDS {
                let calm = millis(headers::latencies(addr, &request, LISTENING).await.at(99));
                let disturbed = Arc::clone(&server);
                let disturbing = task::spawn_blocking(move || (fault.begin)(&disturbed.redis));
                let while_it_lasts = millis(headers::latencies(addr, &request, LISTENING).await.at(99));
                disturbing.await.unwrap();
                (fault.end)(&server.redis);
                tokio::join!(world::reached(&near), world::reached(&other));
                before.add(calm);
                during.add(while_it_lasts);
                added.add(while_it_lasts - calm);
            }
            println!(
                "  {:<26} p99 {before:.3} ms undisturbed, {during:.3} ms disturbed, {added:+.3} ms: {}",
                fault.name,
                verdict(added.median() <= AIM_MS)
            );
        }
    });
}

async fn keep_offering(store: BidStore, relay: u64) {
    let bids: Vec<_> = (2..2 + BIDS).map(|number| world::bid(relay, number)).collect();
    let (mut ticks, mut rounds) = (time::interval(OFFER_EVERY), 0);
    loop {
        for bid in &bids {
            ticks.tick().await;
            let newer = bid.again_at(bid.asked_at() + rounds * i64::from(BIDS));
            store.offer(&world::key(), newer, 1).await;
        }
        rounds += 1;
    }
}

async fn keep_renewing(store: BidStore) {
    let mut ticks = time::interval(RENEW_EVERY);
    loop {
        ticks.tick().await;
        store.lease(LeaseName::Auction(world::key())).await;
    }
}
