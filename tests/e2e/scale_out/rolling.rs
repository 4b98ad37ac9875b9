use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use e2e::{Client, Connection, Process, auction, header_request};
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::World;

const RESTARTS: usize = 20;
const CLIENTS: usize = 4;
/// In which form a process writes what it shares.
const WRITES: [&str; 2] = ["write_version = \"previous\"", "write_version = \"current\""];
/// How often the load balancer asks whether a process is ready.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a process that was told to end serves on, for the load balancer to notice.
const DRAIN_MIN_MS: u64 = 300;

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
                let answers = admin
                    .try_call(&e2e::Request::get("/readyz"))
                    .await
                    .is_ok_and(|reply| reply.status == 200);
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

    async fn pick(&self, number: usize) -> Client {
        loop {
            let ready = self.ready.lock().await;
            if !ready.is_empty() {
                return ready[number % ready.len()];
            }
            drop(ready);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Asks again and again over connections that it keeps, until the load ends; counts what was answered.
async fn ask_on(
    balancer: Balancer,
    request: Arc<Vec<u8>>,
    number: usize,
    answered: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
) {
    let mut kept: Option<Connection> = None;
    while !over.load(Ordering::Relaxed) {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => balancer.pick(number).await.connect().await,
        };
        let reply = connection.exchange(&request).await.expect("a request is answered");
        assert!(matches!(reply.status, 200 | 204), "{}: {}", reply.status, reply.text());
        answered.fetch_add(1, Ordering::Relaxed);
        if reply.header("connection") != Some("close") {
            kept = Some(connection);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_are_restarted_in_turn_into_another_form_of_values_and_no_request_fails() {
    let world = World::new().await;
    let [previous, current] = WRITES.map(|keys| {
        let setup = world.setup_with(&["builder-api", "fetcher"], keys);
        setup.admin(&format!("drain_min_ms = {DRAIN_MIN_MS}"))
    });
    let (one, two) = tokio::join!(Process::start(&previous), Process::start(&previous));
    let balancer = Balancer::default();
    let mut processes = [(balancer.watch(&one), one), (balancer.watch(&two), two)];
    let (answered, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
    let key = auction(&world.proposer);
    let requests = [header_request(&key).to_bytes(), e2e::Request::get("/eth/v1/builder/status").to_bytes()];
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let request = Arc::new(requests[number % requests.len()].clone());
            tokio::spawn(ask_on(balancer.clone(), request, number, Arc::clone(&answered), Arc::clone(&over)))
        })
        .collect();
    // Both to the current form, both back, and so on: most of the time the two write different ones.
    for (restart, setup) in
        [&current, &current, &previous, &previous].into_iter().cycle().take(RESTARTS).enumerate()
    {
        let (_, process) = &mut processes[restart % 2];
        let before = answered.load(Ordering::Relaxed);
        assert!(process.terminate().await, "it ends in good order: {:?}", process.log().last());
        assert!(answered.load(Ordering::Relaxed) > before, "the other serves meanwhile");
        let next = Process::start(setup).await;
        processes[restart % 2] = (balancer.watch(&next), next);
    }
    over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("no request failed");
    }
    println!("{} requests over {RESTARTS} restarts, none failed", answered.load(Ordering::Relaxed));
}
