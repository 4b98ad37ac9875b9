//! `headstart agent` beside a cluster's own beacon node: hits for a cluster that pushes nothing itself, at a service that
//! follows no beacon node.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail as the test does")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};

use e2e::{Folder, Service, Setup, binary, eth, eventually};
use headstart::clock::SYSTEM;
use headstart_bid_store::AuctionEventKind;
use headstart_devnet::{
    BeaconBehaviour, BeaconNode, Behaviour, Chain, ChainConfig, Duty, Market, Relay, RelayConfig, Validator,
};
use headstart_registry::{Actor, ClaimLevel, ClaimRow, PolicyRow, QuotaRow, SigningKey};
use headstart_types::{AuctionKey, BlockHash, ForkName, Network, Outcome, Slot};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

const SLOT_MS: u64 = 6_000;
/// The slot that our validator proposes.
const OURS: Slot = Slot(4);

/// A chain on which our validator proposes [`OURS`], a beacon node that only the agent follows, a relay, and the service.
struct Field {
    network: Network,
    chain: Chain,
    beacon_node: BeaconNode,
    _relay: Relay,
    validator: Validator,
    setup: Setup,
    service: Option<Service>,
    folder: Folder,
}

impl Field {
    /// `starts_in_ms` is when [`OURS`] begins, up to a second later because genesis is a whole second.
    async fn new(starts_in_ms: i64) -> Self {
        let folder = Folder::default();
        let before = i64::try_from(OURS.0 * SLOT_MS).expect("a few slots");
        let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, SYSTEM.now(), starts_in_ms - before);
        let validator = Validator::new(77);
        let mut config = ChainConfig::new(network.clone(), SYSTEM, 3);
        config.validators = vec![(validator.index, validator.pubkey)];
        let chain = Chain::new(config);
        let duty = Duty { slot: OURS, pubkey: validator.pubkey, validator_index: validator.index };
        chain.set_duties(network.epoch(OURS), vec![duty], None);
        let beacon_node = BeaconNode::spawn(chain.clone()).await.expect("a port is free");
        let market = Market::new(network.clone(), 3, 1);
        let relay = RelayConfig::new(chain.clone(), market, 1).with_behaviour(Behaviour::by_hand());
        let relay = Relay::spawn(relay).await.expect("a port is free");
        relay.set_bid_value(OURS, eth("0.05"));
        let setup = Service::on(&network).relay_with("one", &relay, "first_ms = -12000\nlast_ms = 3900");
        let setup = setup.cluster_api_at(free_addr());
        let service = Some(setup.start_in(folder.clone()).await);
        Self { network, chain, beacon_node, _relay: relay, validator, setup, service, folder }
    }

    fn service(&mut self) -> &mut Service {
        self.service.as_mut().expect("the service runs")
    }

    /// A cluster that has proven its claim, and a member that signs with this key.
    async fn add_cluster(&mut self, key: &SigningKey) {
        let (root, now, validator) = (Actor::cli("root"), SYSTEM.now(), self.validator.pubkey);
        let relays = Some(vec!["one".to_owned()]);
        let policy = PolicyRow { relays, cutoff_ms: Some(3_900), ..PolicyRow::default() };
        let registry = self.service().registry();
        registry.add_cluster(&root, now, "alpha", &policy, &QuotaRow::default()).await.unwrap();
        let public = key.verifying_key(None).unwrap().into();
        registry.add_operator_key(&root, now, "alpha", "op1", &public).await.unwrap();
        let claim = ClaimRow::new(validator, ClaimLevel::Proven, now).unwrap();
        registry.add_claims(&root, now, "alpha", &[claim], 10).await.unwrap();
    }

    fn key(&self, parent_hash: BlockHash) -> AuctionKey {
        AuctionKey { slot: OURS, parent_hash, proposer: self.validator.pubkey }
    }

    /// An agent that signs with this key.
    fn agent(&mut self, key: &SigningKey) -> Agent {
        let file = self.folder.path().join("op1.pem");
        fs::write(&file, key.to_pem()).unwrap();
        let beacon_node = self.beacon_node.url();
        Agent::start(&[
            "--beacon-node",
            &beacon_node,
            "--cluster-api",
            &self.service().cluster_api_url(),
            "--cluster=alpha",
            "--operator=op1",
            "--getheader-offset-ms=170",
            "--key-file",
            file.to_str().unwrap(),
        ])
    }

    async fn is_held(&mut self, key: AuctionKey) {
        let store = self.service().store().clone();
        let held = async || store.auction(&key).is_some_and(|auction| !auction.offers().is_empty());
        eventually("a bid is held before anybody asks", held).await;
    }
}

/// An address to come back to: on a loopback address of its own nobody is given its port meanwhile.
fn free_addr() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let own = [127, high, low, NEXT.fetch_add(1, Ordering::Relaxed)];
    let listener = std::net::TcpListener::bind((Ipv4Addr::from(own), 0)).expect("a port is free");
    listener.local_addr().expect("it is bound")
}

/// A running `headstart agent`.
struct Agent {
    process: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Agent {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.arg("agent").args(arguments).args(["--log-level=debug", "--log-json"]);
        let mut process =
            command.stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("the binary starts");
        let lines = BufReader::new(process.stderr.take().expect("standard error is piped")).lines();
        Self { process, lines }
    }

    /// Waits for the next line that contains `what`.
    async fn says(&mut self, what: &str) {
        let found = async {
            loop {
                let line = self.lines.next_line().await.expect("log lines are text");
                let line = line.unwrap_or_else(|| panic!("the agent ended without {what:?}"));
                if line.contains(what) {
                    break;
                }
            }
        };
        tokio::time::timeout(e2e::PATIENCE, found).await.unwrap_or_else(|_| panic!("never said: {what}"));
    }

    /// Ends it as an operator does.
    async fn stop(mut self) {
        let id = self.process.id().expect("it runs").to_string();
        let sent = std::process::Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("kill runs").success());
        self.says("stopped").await;
        let ended = tokio::time::timeout(e2e::PATIENCE, self.process.wait()).await;
        assert!(ended.expect("it ends").expect("it can be waited for").success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_pushes_nothing_itself_gets_hits() {
    let (mut field, key) = (Field::new(8_000).await, SigningKey::generate().unwrap());
    field.add_cluster(&key).await;
    let mut agent = field.agent(&key);
    agent.says("hints are pushed").await;
    let head = field.chain.publish(OURS.previous());
    let auction = field.key(head.block_hash);
    field.is_held(auction).await;

    let reply = field.service().header(&auction).await;
    assert_eq!(reply.bid(ForkName::Fulu).message.value(), eth("0.05"));
    assert_eq!(field.service().next_outcome().await, Outcome::Hit);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duty_is_hinted_before_its_parent_is_known() {
    let (mut field, key) = (Field::new(30_000).await, SigningKey::generate().unwrap());
    field.add_cluster(&key).await;
    let mut agent = field.agent(&key);
    agent.says("hint pushed").await;
    let head = field.chain.publish(OURS.previous());
    // The parent follows, long before the auction is due.
    agent.says(&head.block_hash.to_string()).await;
    assert!(SYSTEM.now() < field.network.slot_start(OURS));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_outlives_both_its_sides() {
    let (mut field, key) = (Field::new(12_000).await, SigningKey::generate().unwrap());
    field.add_cluster(&key).await;
    let mut agent = field.agent(&key);
    agent.says("hints are pushed").await;

    let folder = field.folder.clone();
    field.service.take().expect("the service runs").stop().await;
    field.beacon_node.behave(BeaconBehaviour::Unavailable);
    agent.says("trying again").await;
    field.beacon_node.behave(BeaconBehaviour::Healthy);
    field.service = Some(field.setup.start_in(folder).await);
    agent.says("hints are pushed").await;

    let auction = field.key(field.chain.publish(OURS.previous()).block_hash);
    field.is_held(auction).await;
    let armed = field
        .service()
        .next_event(|event| matches!(event.what, AuctionEventKind::Armed).then_some(event.key));
    assert_eq!(armed.await, auction);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_is_read_again_when_it_changes() {
    let (mut field, key) = (Field::new(20_000).await, SigningKey::generate().unwrap());
    field.add_cluster(&key).await;
    let config = field.setup.toml_in(&field.folder);
    fs::write(field.folder.path().join("headstart.toml"), config).unwrap();
    let token = field.folder.path().join("op2.token");
    fs::write(&token, "not yet\n").unwrap();
    let (beacon_node, door) = (field.beacon_node.url(), field.service().cluster_api_url());
    let mut agent = Agent::start(&[
        "--beacon-node",
        &beacon_node,
        "--cluster-api",
        &door,
        "--cluster=alpha",
        "--operator=op2",
        "--token-file",
        token.to_str().unwrap(),
    ]);
    agent.says("failed to").await;
    let issued = Command::new(binary())
        .args(["token", "issue", "alpha", "op2", "--scope", "hint,view", "--config"])
        .arg(field.folder.path().join("headstart.toml"))
        .output()
        .await
        .unwrap();
    assert!(issued.status.success(), "{}", String::from_utf8_lossy(&issued.stderr));
    fs::write(&token, issued.stdout).unwrap();
    agent.says("hints are pushed").await;
}
