use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use e2e::{
    Client, Connection, Process, Reply, Request, Version, auction, header_request, signed_block,
    submit_request,
};
use headstart_types::{Encoding, ForkName};
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::World;

const RESTARTS: usize = 20;
const ASKING: usize = 4;
/// In which form a process writes what it shares.
const WRITES: [&str; 2] = ["write_version = \"previous\"", "write_version = \"current\""];
/// How often the load balancer asks whether a process is ready.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a process that was told to end serves on, for the load balancer to notice on however busy a machine, and for
/// how long at most it waits for the blocks of the headers that are served all the time.
const DRAIN_MIN_MS: u64 = 2_000;
const DRAIN_TIMEOUT_MS: u64 = 2_500;
/// Of so many headers one may be missing: a process that has just started has to fetch its first one.
const HEADERS_PER_MISS: u64 = 100;

/// What stands before the processes: it sends requests to those that say they are ready.
#[derive(Clone, Default)]
struct Balancer {
    ready: Arc<Mutex<Vec<Client>>>,
}

impl Balancer {
    /// Watches a process for as long as it runs.
    fn watch(&self, process: &Process) -> AbortOnDropHandle<()> {
        let (admin, client, ready) = (process.admin(), process.client(), Arc::clone(&self.ready));
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut is_ready = false;
            loop {
                let answers =
                    admin.try_call(&Request::get("/readyz")).await.is_ok_and(|reply| reply.status == 200);
                if answers != is_ready {
                    is_ready = answers;
                    let mut ready = ready.lock().await;
                    ready.retain(|other| other.addr() != client.addr());
                    if is_ready {
                        ready.push(client);
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }))
    }

    /// A new connection to one of them. Who has just closed its door is gone from the list a moment later.
    async fn connect(&self, number: usize) -> Connection {
        loop {
            let client = {
                let ready = self.ready.lock().await;
                (!ready.is_empty()).then(|| ready[number % ready.len()])
            };
            let connected = match client {
                Some(client) => client.try_connect().await,
                None => Err(ErrorKind::ConnectionRefused.into()),
            };
            match connected {
                Ok(connection) => return connection,
                Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// What beacon nodes send through the balancer until the load ends, and how often they got what they wanted.
#[derive(Clone)]
struct Load {
    balancer: Balancer,
    header: Arc<Vec<u8>>,
    block: Arc<Vec<u8>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    headers: AtomicU64,
    misses: AtomicU64,
    blocks: AtomicU64,
    over: AtomicBool,
}

impl Load {
    /// Asks for headers again and again, over connections that are kept.
    async fn ask_on(self, number: usize) {
        let mut kept = None;
        while !self.counts.over.load(Ordering::Relaxed) {
            let reply = self.exchange(&mut kept, number, &self.header).await;
            match reply.status {
                200 => self.counts.headers.fetch_add(1, Ordering::Relaxed),
                204 => self.counts.misses.fetch_add(1, Ordering::Relaxed),
                status => panic!("{status}: {}", reply.text()),
            };
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Submits the block again and again, through whichever process.
    async fn submit_on(self) {
        for number in 0.. {
            if self.counts.over.load(Ordering::Relaxed) {
                break;
            }
            let reply = self.exchange(&mut None, number, &self.block).await;
            assert_eq!(reply.status, Version::V2.success(), "{}", reply.text());
            self.counts.blocks.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn exchange(&self, kept: &mut Option<Connection>, number: usize, request: &[u8]) -> Reply {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.balancer.connect(number).await,
        };
        let reply = connection.exchange(request).await.expect("a request is answered");
        if reply.header("connection") != Some("close") {
            *kept = Some(connection);
        }
        reply
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_are_restarted_in_turn_into_another_form_of_values_and_no_request_fails() {
    let world = World::new().await;
    let [previous, current] = WRITES.map(|keys| {
        let setup = world.setup_with(&["builder-api", "fetcher"], keys);
        let setup = setup.builder_api(&format!("drain_timeout_ms = {DRAIN_TIMEOUT_MS}"));
        setup.admin(&format!("drain_min_ms = {DRAIN_MIN_MS}"))
    });
    let (one, two) = tokio::join!(Process::start(&previous), Process::start(&previous));
    let header = header_request(&auction(&world.proposer));
    let bid = one.client().call(&header).await.bid(ForkName::Fulu);
    let block = signed_block(&world.network, &bid, &world.proposer);
    let block = submit_request(Version::V2, Encoding::Ssz, ForkName::Fulu, &block);
    let balancer = Balancer::default();
    let mut processes = [(balancer.watch(&one), one), (balancer.watch(&two), two)];
    let (header, block) = (Arc::new(header.to_bytes()), Arc::new(block.to_bytes()));
    let load = Load { balancer: balancer.clone(), header, block, counts: Arc::default() };
    let mut clients: Vec<_> = (0..ASKING).map(|number| tokio::spawn(load.clone().ask_on(number))).collect();
    clients.push(tokio::spawn(load.clone().submit_on()));
    let Counts { headers, misses, blocks, over } = &*load.counts;
    // Both to the current form, both back, and so on: most of the time the two write different ones.
    for (restart, setup) in
        [&current, &current, &previous, &previous].into_iter().cycle().take(RESTARTS).enumerate()
    {
        let (_, process) = &mut processes[restart % 2];
        let before = headers.load(Ordering::Relaxed);
        assert!(process.terminate().await, "it ends in good order: {:?}", process.log().last());
        assert!(headers.load(Ordering::Relaxed) > before, "the other serves meanwhile");
        let next = Process::start(setup).await;
        processes[restart % 2] = (balancer.watch(&next), next);
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no request failed");
    }
    let [headers, misses, blocks] = [headers, misses, blocks].map(|count| count.load(Ordering::Relaxed));
    println!("{headers} headers, {misses} times none and {blocks} blocks over {RESTARTS} restarts");
    assert!(misses * HEADERS_PER_MISS <= headers, "{misses} misses beside {headers} headers");
}
