use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use headstart::clock::SYSTEM;
use headstart_devnet::{
    BeaconClient, BeaconNode, Behaviour, Chain, ChainConfig, ChainTask, Cluster, ClusterPlan, ClusterTask,
    Endpoint, Market, Proposal, Proposer, Relay, RelayConfig,
};
use headstart_types::{ForkName, Network, Slot};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time;

use crate::process::Process;

pub(crate) const RELAYS: u64 = 5;
pub(crate) const PROCESSES: usize = 2;
const VALIDATORS: usize = 4;
const BUILDERS: u64 = 6;
const SLOT_MS: u64 = 12_000;
/// What relays take to answer.
const LATENCY_MS: u64 = 20;
/// Into the slot, as distributed validators ask.
const ASKS_AT_MS: i64 = 170;

/// A chain as long as mainnet's in every slot, on which one cluster always proposes; processes that share a Redis serve it.
pub(crate) struct Field {
    network: Network,
    chain: Chain,
    beacon_node: BeaconNode,
    relays: Vec<Relay>,
    cluster: Cluster,
    folders: Vec<TempDir>,
}

/// The field in motion.
pub(crate) struct Play {
    pub(crate) proposals: mpsc::Receiver<Proposal>,
    _tasks: (ChainTask, ClusterTask),
    _processes: Vec<Process>,
}

impl Field {
    /// The first slot begins in so many milliseconds.
    pub(crate) async fn new(begins_in_ms: i64) -> Self {
        let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, SYSTEM.now(), begins_in_ms);
        let cluster = Cluster::new("alpha", BeaconClient::Lighthouse, 1_000, VALIDATORS);
        let mut settings = ChainConfig::new(network.clone(), SYSTEM, 5);
        settings.validators = cluster.identities().collect();
        (settings.ours_per_mille, settings.missed_per_mille, settings.late_per_mille) = (1_000, 0, 0);
        let chain = Chain::new(settings);
        let market = Market::new(network.clone(), 5, BUILDERS);
        let mut relays = Vec::new();
        for number in 0..RELAYS {
            let settings = RelayConfig::new(chain.clone(), market.clone(), number);
            let behaviour = Behaviour::mev_boost_relay(LATENCY_MS);
            relays.push(Relay::spawn(settings.with_behaviour(behaviour)).await.unwrap());
        }
        let beacon_node = BeaconNode::spawn(chain.clone()).await.unwrap();
        let folders = (0..PROCESSES).map(|_| tempfile::tempdir().unwrap()).collect();
        Self { network, chain, beacon_node, relays, cluster, folders }
    }

    /// Begins: in every slot each process is asked by an operator, and gets the signed block.
    pub(crate) async fn play(&self, redis: &str) -> Play {
        let mut processes = Vec::new();
        for folder in &self.folders {
            processes.push(Process::start(&self.config(folder, redis)).await);
        }
        let endpoints =
            processes.iter().map(|process| Endpoint::new(&format!("http://{}", process.builder_api)));
        let plan = ClusterPlan {
            cluster: self.cluster.clone(),
            endpoints: endpoints.map(Result::unwrap).collect(),
            asks_at_ms: ASKS_AT_MS,
            registers: false,
        };
        let (clusters, proposals) = Proposer::new(self.chain.clone()).run(vec![plan]);
        Play { proposals, _tasks: (self.chain.run(), clusters), _processes: processes }
    }

    /// Waits until the middle of the slot, when no auction is under way.
    pub(crate) async fn quiet_of(&self, slot: Slot) {
        let middle = self.network.slot_start(slot) + i64::try_from(SLOT_MS / 2).unwrap();
        time::sleep(SYSTEM.now().until(middle)).await;
    }

    /// Waits until so long before the first slot.
    pub(crate) async fn before_genesis(&self, ahead: Duration) {
        let moment = self.network.genesis_time_ms - i64::try_from(ahead.as_millis()).unwrap();
        time::sleep(SYSTEM.now().until(moment)).await;
    }

    fn config(&self, folder: &TempDir, redis: &str) -> PathBuf {
        let keys = self.cluster.validators.iter().map(|validator| validator.key.public_key().to_string());
        let validators: Vec<_> = keys.collect();
        let mut names = Vec::new();
        let mut text = format!(
            "[log]\nformat = \"json\"\n[network]\nname = \"bench\"\n[registry]\nsnapshot = \"\"\n\
             [redis]\nurl = \"{redis}\"\n[builder_api]\nlisten = \"127.0.0.1:0\"\n\
             [cluster_api]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [[beacon_nodes]]\nurl = \"{}\"\n",
            self.beacon_node.url()
        );
        for (number, relay) in self.relays.iter().enumerate() {
            let name = format!("relay-{number}");
            writeln!(text, "[[relays]]\nname = \"{name}\"\nurl = \"{}\"", relay.url()).unwrap();
            names.push(name);
        }
        writeln!(text, "[[clusters]]\nname = \"alpha\"\nrelays = {names:?}\nvalidators = {validators:?}")
            .unwrap();
        let file = folder.path().join("headstart.toml");
        std::fs::write(&file, text).unwrap();
        file
    }
}
