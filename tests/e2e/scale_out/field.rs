use std::collections::BTreeMap;
use std::time::Duration;

use e2e::{PostgresDatabase, Process, RedisServer, Service, Setup, eventually};
use headstart::clock::SYSTEM;
use headstart_devnet::{
    BeaconClient, BeaconNode, Behaviour, Chain, ChainConfig, ChainTask, Cluster, ClusterPlan, ClusterTask,
    Endpoint, Market, Proposal, Proposer, Relay, RelayConfig,
};
use headstart_types::{ForkName, Network, SecretKey, Slot};
use tokio::sync::mpsc;

/// A quarter of mainnet's, and every nominal moment with it.
const SLOT_MS: u64 = 3_000;
const VALIDATORS: usize = 4;

/// A chain on which one cluster proposes in every slot, with a beacon node, relays, and the servers that processes share.
pub(super) struct Field {
    pub(super) network: Network,
    pub(super) redis: RedisServer,
    pub(super) database: PostgresDatabase,
    chain: Chain,
    beacon_node: BeaconNode,
    relays: Vec<Relay>,
    cluster: Cluster,
}

/// The field in motion: its operators propose in every slot.
pub(super) struct Play {
    proposals: mpsc::Receiver<Proposal>,
    operators: usize,
    _tasks: (ChainTask, ClusterTask),
}

impl Field {
    pub(super) async fn new(redis: RedisServer) -> Self {
        let database = PostgresDatabase::create();
        let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, SYSTEM.now(), 1_000);
        let cluster = Cluster::new("alpha", BeaconClient::Lighthouse, 1_000, VALIDATORS);
        let mut settings = ChainConfig::new(network.clone(), SYSTEM, 5);
        settings.validators = cluster.identities().collect();
        (settings.ours_per_mille, settings.missed_per_mille, settings.late_per_mille) = (1_000, 0, 0);
        let chain = Chain::new(settings);
        let market = Market::new(network.clone(), 5, 6);
        let mut relays = Vec::new();
        for number in 0..2 {
            let settings = RelayConfig::new(chain.clone(), market.clone(), number);
            let relay = Relay::spawn(settings.with_behaviour(Behaviour::mev_boost_relay(10))).await;
            relays.push(relay.expect("a port is free"));
        }
        let beacon_node = BeaconNode::spawn(chain.clone()).await.expect("a port is free");
        Self { network, redis, database, chain, beacon_node, relays, cluster }
    }

    /// A process to be, with these roles, for slots of this length.
    pub(super) fn setup(&self, roles: &[&str]) -> Setup {
        let setup =
            Service::on(&self.network).roles(roles).redis(&self.redis.url()).registry(&self.database.url());
        let setup = setup.section("[fetcher]\nlead_ms = 800").beacon_node(&self.beacon_node.url());
        let relay = "first_ms = -800\nlast_ms = 1000";
        let setup = self
            .relays
            .iter()
            .zip(["one", "two"])
            .fold(setup, |setup, (at, name)| setup.relay_with(name, at, relay));
        let keys: Vec<SecretKey> =
            self.cluster.validators.iter().map(|validator| validator.key.clone()).collect();
        setup.cluster_with("alpha", &["one", "two"], &keys, "cutoff_ms = 800\nsticky = true")
    }

    /// Begins: in every slot each of these processes is asked by an operator, and gets the signed block.
    pub(super) fn play(&self, asked: &[&Process]) -> Play {
        let endpoint =
            |process: &&Process| Endpoint::new(&process.builder_api_url()).expect("it is an address");
        let plan = ClusterPlan {
            cluster: self.cluster.clone(),
            endpoints: asked.iter().map(endpoint).collect(),
            asks_at_ms: 200,
            registers: false,
        };
        let (clusters, proposals) = Proposer::new(self.chain.clone()).run(vec![plan]);
        Play { proposals, operators: asked.len(), _tasks: (self.chain.run(), clusters) }
    }
}

impl Play {
    /// What all operators met with in the next slot.
    pub(super) async fn next_slot(&mut self) -> (Slot, Vec<Proposal>) {
        let mut met: BTreeMap<Slot, Vec<Proposal>> = BTreeMap::new();
        loop {
            let patience = Duration::from_millis(SLOT_MS) * 4;
            let next = tokio::time::timeout(patience, self.proposals.recv()).await;
            let proposal = next.expect("operators propose in every slot").expect("they go on");
            let slot = proposal.slot;
            let of_slot = met.entry(slot).or_default();
            of_slot.push(proposal);
            if of_slot.len() == self.operators {
                return (slot, met.remove(&slot).unwrap_or_default());
            }
        }
    }
}

/// No operator was lied to, nobody lost a signed block, and all were served the same header.
pub(super) fn assert_kept(slot: Slot, proposals: &[Proposal], context: &str) {
    for proposal in proposals {
        assert_eq!(proposal.wrong(), None, "{context}, slot {slot}: {proposal:?}");
        assert!(proposal.header.status != 0, "{context}, slot {slot}: no answer in time: {proposal:?}");
        assert!(
            proposal.reveal.is_none() || proposal.is_revealed(),
            "{context}, slot {slot}: a signed block was lost: {proposal:?}"
        );
    }
}

/// Whether this process answered its getHeader of the slot with a bid that it held.
pub(super) async fn was_hit(process: &Process, slot: Slot) -> bool {
    let answered = || process.log().into_iter().find(|told| is_answer(told, slot));
    eventually("the process tells what it answered", async || answered().is_some()).await;
    answered().is_some_and(|told| told["outcome"] == "hit")
}

fn is_answer(told: &serde_json::Value, slot: Slot) -> bool {
    let answers = ["header served", "header not served"];
    answers.iter().any(|answer| told["message"] == *answer)
        && told["slot"].as_str() == Some(&slot.to_string())
}
