//! What was acknowledged outlives the process, however it ends: killed a hundred times between accept and answer.

#![expect(clippy::unwrap_used, reason = "a test stops when its set-up fails")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use e2e::{
    Client, PATIENCE, Postgres, PostgresDatabase, Request, Service, eventually, network, relay, validator,
};
use headstart::clock::SYSTEM;
use headstart_devnet::sign_registration;
use headstart_registry::{Registrations, Registry};
use headstart_types::{
    Address, BlsPublicKey, ExecutionAddress, ForkName, Network, SecretKey, registrations_to_ssz,
};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Notify;

const KILLS: u64 = 100;
const VALIDATORS: u64 = 4;
/// The longest that a process lives after its first request, and every other one after its first acknowledgement: however
/// slow the machine, half of them are killed while they acknowledge.
const LIFE_MS: u64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_has_kept_what_it_acknowledged_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("headstart.db").display());
    kill_again_and_again(&url, KILLS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_has_kept_what_it_acknowledged_on_postgresql() {
    let database = PostgresDatabase::create();
    kill_again_and_again(&database.url(), KILLS).await;
}

/// As often, PostgreSQL goes away while a process takes registrations, the process is killed meanwhile, and another one
/// starts before the database is back.
const OUTAGES: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_while_postgresql_was_away_is_in_it_afterwards_whoever_was_killed() {
    let database = PostgresDatabase::create_on(Arc::new(Postgres::start()));
    let network = network(ForkName::Fulu);
    let (folder, relay) = (tempfile::tempdir().unwrap(), relay(&network, 1).await);
    let validators: Vec<_> = (0..VALIDATORS).map(validator).collect();
    let setup = Service::on(&network).registry(&database.url()).relay("one", &relay);
    let setup = setup.cluster("alpha", &["one"], &validators);
    let config = folder.path().join("headstart.toml");
    std::fs::write(&config, format!("[log]\nformat = \"json\"\n{}", setup.toml())).unwrap();
    let (mut random, mut acknowledged) = (SmallRng::seed_from_u64(11), 0);
    for outage in 0..OUTAGES {
        let (mut process, addr) = start(&config).await;
        let senders = || Sender::of_all(&network, &validators, addr, Answers::MayRefuse);
        // What is not loaded yet is refused when the database goes.
        eventually("the process has what is on record", async || senders()[0].is_taken(outage * 1_000).await)
            .await;
        database.server.stop();
        let senders = senders();
        let acknowledging: Vec<_> = senders.iter().map(|sender| Arc::clone(&sender.acknowledged)).collect();
        let sending: Vec<_> = senders
            .into_iter()
            .map(|sender| tokio::spawn(sender.send(outage * 1_000 + 1, random.random())))
            .collect();
        for acknowledged in acknowledging {
            soon(&acknowledged).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(300..600))).await;
        process.kill().await.unwrap();
        let (mut process, _) = start(&config).await;
        if outage % 2 == 0 {
            process.kill().await.unwrap();
            database.server.restart();
            process = start(&config).await.0;
        } else {
            database.server.restart();
        }
        for (sent, validator) in sending.into_iter().zip(&validators) {
            let (acked, pubkey) = (sent.await.unwrap(), validator.public_key());
            acknowledged += u64::from(acked.is_some());
            let kept = async || recorded(&database.url(), &validators).await.get(&pubkey).copied() >= acked;
            eventually(&format!("outage {outage}: {pubkey} has what was acknowledged, {acked:?}"), kept)
                .await;
        }
        process.kill().await.unwrap();
    }
    assert_eq!(acknowledged, OUTAGES * VALIDATORS, "registrations were taken meanwhile");
}

/// Every process takes registrations until it is killed; each time, what the database has is held against what was
/// acknowledged, and against what it had before.
async fn kill_again_and_again(url: &str, kills: u64) {
    let network = network(ForkName::Fulu);
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("headstart.toml");
    let validators: Vec<_> = (0..VALIDATORS).map(validator).collect();
    let relay = relay(&network, 1).await;
    let setup =
        Service::on(&network).registry(url).relay("one", &relay).cluster("alpha", &["one"], &validators);
    std::fs::write(&config, format!("[log]\nformat = \"json\"\n{}", setup.toml())).unwrap();
    let mut random = SmallRng::seed_from_u64(9);
    let (mut kept, mut acknowledged) = (HashMap::new(), 0);
    for life in 0..kills {
        let (mut process, addr) = start(&config).await;
        let senders = Sender::of_all(&network, &validators, addr, Answers::MustTake);
        let first = Arc::clone(&senders[0].acknowledged);
        let sending =
            senders.into_iter().map(|sender| tokio::spawn(sender.send(1_000 + life * 100, random.random())));
        let sending: Vec<_> = sending.collect();
        if life % 2 == 1 {
            soon(&first).await;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..LIFE_MS))).await;
        process.kill().await.unwrap();

        let recorded = recorded(url, &validators).await;
        for (sent, validator) in sending.into_iter().zip(&validators) {
            let acked = sent.await.unwrap();
            let pubkey = validator.public_key();
            let now = recorded.get(&pubkey).copied();
            assert!(
                now >= acked,
                "life {life}: {pubkey} was acknowledged with {acked:?}, and {now:?} is on record"
            );
            assert!(now >= kept.get(&pubkey).copied(), "life {life}: an older one replaced a newer one");
            acknowledged += u64::from(acked.is_some());
        }
        kept = recorded;
    }
    assert!(acknowledged >= kills / 2, "the lives were long enough to acknowledge: {acknowledged}");
}

/// Somebody who registers one validator over and over, newer and older in turn.
struct Sender {
    network: Network,
    validator: SecretKey,
    addr: SocketAddr,
    answers: Answers,
    /// Told with each acknowledgement.
    acknowledged: Arc<Notify>,
}

/// What an honest process may answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    MustTake,
    /// For a moment nobody knows where it could be kept.
    MayRefuse,
}

impl Sender {
    fn of_all(network: &Network, validators: &[SecretKey], addr: SocketAddr, answers: Answers) -> Vec<Self> {
        let sender = |validator: &SecretKey| Self {
            network: network.clone(),
            validator: validator.clone(),
            addr,
            answers,
            acknowledged: Arc::default(),
        };
        validators.iter().map(sender).collect()
    }

    /// Whether a registration of that time is taken.
    async fn is_taken(&self, since: u64) -> bool {
        Client::new(self.addr).call(&self.request(base() + since)).await.status == 200
    }

    /// Sends until nobody answers; the newest timestamp that was acknowledged.
    async fn send(self, since: u64, seed: u64) -> Option<u64> {
        let (client, mut random) = (Client::new(self.addr), SmallRng::seed_from_u64(seed));
        let base = base();
        let mut newest = None;
        for step in 0.. {
            let older = step % 3 == 2;
            let timestamp = base + since + if older { random.random_range(0..=step) } else { step };
            let Ok(mut connection) = client.try_connect().await else { break };
            let Ok(reply) = connection.exchange(&self.request(timestamp).to_bytes()).await else { break };
            match reply.status {
                200 => {
                    newest = newest.max(Some(timestamp));
                    self.acknowledged.notify_one();
                }
                400 => assert!(
                    reply.text().contains("older") || reply.text().contains("differs"),
                    "{}",
                    reply.text()
                ),
                503 if self.answers == Answers::MayRefuse => {}
                other => panic!("{other}: {}", reply.text()),
            }
        }
        newest
    }

    fn request(&self, timestamp: u64) -> Request {
        let fee_recipient = ExecutionAddress(Address::with_last_byte(timestamp.to_le_bytes()[0]));
        let signed = sign_registration(&self.network, &self.validator, fee_recipient, 36_000_000, timestamp);
        let body = registrations_to_ssz(&[signed]);
        Request::post("/eth/v1/builder/validators", "application/octet-stream", body)
    }
}

/// Waits for the next acknowledgement.
async fn soon(acknowledged: &Notify) {
    tokio::time::timeout(PATIENCE, acknowledged.notified()).await.expect("a registration is acknowledged");
}

/// The earliest timestamp, in Unix seconds: the same in a whole run.
fn base() -> u64 {
    SYSTEM.now().seconds() / 1_000_000 * 1_000_000 - 1_000_000
}

async fn start(config: &std::path::Path) -> (Child, SocketAddr) {
    let mut child = Command::new(e2e::binary())
        .args(["serve", "--config"])
        .arg(config)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let addr = loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line())
            .await
            .expect("the process tells where it listens");
        let line = line.unwrap().expect("the process goes on until it listens");
        let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if told["message"] == "builder_api listening" {
            break told["addr"].as_str().unwrap().parse().unwrap();
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, addr)
}

/// What another process finds in the database: the timestamp of each validator's registration.
async fn recorded(url: &str, validators: &[SecretKey]) -> HashMap<BlsPublicKey, u64> {
    let registry = Registry::connect(url).unwrap();
    let registrations = Registrations::open(&registry);
    registrations.loaded().await;
    let of = |validator: &SecretKey| {
        let registration = registrations.of(&validator.public_key())?;
        Some((validator.public_key(), registration.message.timestamp))
    };
    validators.iter().filter_map(of).collect()
}
