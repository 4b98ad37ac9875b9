use std::time::Duration;

use anyhow::Context;
use headstart_devnet::{
    BeaconNode, Chain, ChainConfig, ChainTask, ClusterPlan, ClusterTask, Endpoint, Market, Proposal, Proposer,
};
use headstart_types::{ForkName, Network, Outcome, Slot, UnixMillis};
use tokio::sync::mpsc;

use super::cast::{DemoCluster, DemoRelay, VALIDATORS, clusters, relays};
use super::row::Row;
use super::{Options, Played};
use crate::{Config, clock, config};

const MAINNET_SLOT_MS: f64 = 12_000.0;
const BUILDERS: u64 = 12;
/// Of a thousand slots, so many have a duty of one of the clusters.
const DUTIES_PER_MILLE: u64 = 850;
/// When beacon nodes ask, in nominal milliseconds into the slot: a solo staker at once, an SSV cluster after its RANDAO.
const ASKS_AT_MS: [i64; 3] = [80, 170, 110];
/// How long after the slot's start its duty must have ended, as a share of the slot.
const DUTY_ENDS: f64 = 0.6;

/// Everything around the service.
pub(super) struct World {
    options: Options,
    chain: Chain,
    market: Market,
    relays: Vec<DemoRelay>,
    beacon_node: BeaconNode,
    clusters: Vec<DemoCluster>,
    proposals: Option<mpsc::Receiver<Proposal>>,
    /// Dropping these ends the simulation.
    running: Vec<(ChainTask, ClusterTask)>,
}

impl World {
    pub(super) async fn start(options: Options) -> anyhow::Result<Self> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the speed is bounded: slots have 2 to 48 s"
        )]
        let slot_ms = (MAINNET_SLOT_MS / options.speed) as u64;
        let network = headstart_devnet::network(ForkName::Fulu, slot_ms, clock::SYSTEM.now(), 0);
        let clusters = clusters();
        let mut settings = ChainConfig::new(network.clone(), clock::SYSTEM, options.seed);
        settings.validators = clusters.iter().flat_map(|cluster| cluster.cluster.identities()).collect();
        settings.ours_per_mille = DUTIES_PER_MILLE;
        let chain = Chain::new(settings);
        let market = Market::new(network, options.seed, BUILDERS);
        let relays = relays(&chain, &market, options.speed).await.context("start the simulated relays")?;
        let beacon_node =
            BeaconNode::spawn(chain.clone()).await.context("start the simulated beacon node")?;
        Ok(Self {
            options,
            chain,
            market,
            relays,
            beacon_node,
            clusters,
            proposals: None,
            running: Vec::new(),
        })
    }

    /// Sets chain and clusters going; they ask the Builder API at `url`.
    pub(super) fn begin(&mut self, url: &str) -> anyhow::Result<()> {
        let endpoint = Endpoint::new(url).context("use the Builder API's address")?;
        let plan = |(cluster, asks_at_ms): (&DemoCluster, i64)| ClusterPlan {
            cluster: cluster.cluster.clone(),
            endpoints: vec![endpoint.clone()],
            asks_at_ms,
        };
        let plans = self.clusters.iter().zip(ASKS_AT_MS).map(plan).collect();
        let (clusters, proposals) = Proposer::new(self.chain.clone()).run(plans);
        self.running.push((self.chain.run(), clusters));
        self.proposals = Some(proposals);
        Ok(())
    }

    pub(super) fn slot_now(&self) -> Slot {
        self.network().slot_at(clock::SYSTEM.now())
    }

    /// Waits until the slot's duty has ended; gives the proposal if one of the clusters had it.
    pub(super) async fn live_through(&mut self, slot: Slot) -> Option<Proposal> {
        let share = Duration::from_millis(self.network().slot_duration_ms).mul_f64(DUTY_ENDS);
        let ends =
            tokio::time::Instant::now() + clock::SYSTEM.now().until(self.network().slot_start(slot)) + share;
        let Some(proposals) = self.proposals.as_mut().filter(|_| self.chain.is_ours(slot)) else {
            tokio::time::sleep_until(ends).await;
            return None;
        };
        let report = async {
            loop {
                match proposals.recv().await {
                    Some(proposal) if proposal.slot < slot => {}
                    other => break other,
                }
            }
        };
        tokio::time::timeout_at(ends, report).await.ok().flatten().filter(|proposal| proposal.slot == slot)
    }

    /// Compares what was served with what the cluster's relays held at that instant.
    pub(super) fn row(&self, slot: Slot, proposal: Option<Proposal>, outcome: Option<Outcome>) -> Row {
        let Some(proposal) = proposal else {
            let missed = self.chain.is_ours(slot);
            return Row { slot, missed, played: None, lead_ms: None, best: None, asked: Vec::new() };
        };
        let cluster = self.clusters.iter().find(|cluster| cluster.cluster.name == proposal.cluster);
        let relays: Vec<&DemoRelay> = cluster
            .iter()
            .flat_map(|cluster| cluster.relays.iter().map(|index| &self.relays[*index]))
            .collect();
        let numbers: Vec<u64> = relays.iter().map(|relay| relay.relay.number()).collect();
        let (mut first_asked, mut asked) = (None::<UnixMillis>, Vec::new());
        for relay in relays {
            let seen = relay.relay.seen();
            let calls: Vec<_> = seen.headers_of(slot).collect();
            first_asked = first_asked.into_iter().chain(calls.iter().map(|call| call.asked_at)).min();
            asked.push((relay.name, calls.len()));
        }
        Row {
            slot,
            missed: false,
            lead_ms: first_asked.map(|first| proposal.asked_at - first),
            best: self.market.best(&numbers, slot, proposal.asked_at),
            asked,
            played: Some(Played { proposal, outcome }),
        }
    }

    fn network(&self) -> &Network {
        self.chain.network()
    }

    /// The configuration that an operator would write for this world.
    pub(super) fn service_config(&self) -> anyhow::Result<Config> {
        let mut config = Config::default();
        config.builder_api.listen.set_port(0);
        "demo".clone_into(&mut config.network.name);
        config.fetcher.lead_ms = self.scaled(config.fetcher.lead_ms);
        config.beacon_nodes = vec![config::BeaconNode { url: self.beacon_node.url().parse()? }];
        config.relays = self.relays.iter().map(|relay| self.relay_config(relay)).collect();
        config.clusters = self
            .clusters
            .iter()
            .zip(ASKS_AT_MS)
            .map(|(cluster, asks)| self.cluster_config(cluster, asks))
            .collect();
        Ok(config)
    }

    fn relay_config(&self, relay: &DemoRelay) -> config::Relay {
        let mut settings = config::Relay::new(relay.name, &relay.relay.url(), relay.policy);
        if let Some(policy) = settings.call_policy() {
            settings.first_ms = Some(self.scaled_offset(policy.first_ms));
            settings.last_ms = Some(self.scaled_offset(policy.last_ms));
            settings.min_gap_ms = Some(self.scaled_offset(policy.min_gap_ms).unsigned_abs());
        }
        settings
    }

    fn cluster_config(&self, cluster: &DemoCluster, asks_at_ms: i64) -> config::Cluster {
        let relays = cluster.relays.iter().map(|index| self.relays[*index].name.to_owned()).collect();
        let mut settings = config::Cluster::new(&cluster.cluster.name, relays);
        settings.validators = cluster.cluster.validators.iter().map(|validator| validator.pubkey).collect();
        settings.cutoff_ms = self.scaled(settings.cutoff_ms);
        settings.expected_ask_ms = self.scaled_offset(asks_at_ms);
        settings
    }

    /// Nominal milliseconds of a 12-second slot in real ones.
    #[expect(clippy::cast_possible_truncation, reason = "a few seconds in milliseconds")]
    fn scaled_offset(&self, nominal_ms: i64) -> i32 {
        #[expect(clippy::cast_precision_loss, reason = "a few seconds in milliseconds")]
        let real = nominal_ms as f64 / self.options.speed;
        real.round() as i32
    }

    fn scaled(&self, nominal_ms: u32) -> u32 {
        self.scaled_offset(i64::from(nominal_ms)).unsigned_abs()
    }

    pub(super) fn introduction(&self, url: &str) -> String {
        let Options { slots, speed, seed } = self.options;
        let seconds = MAINNET_SLOT_MS / 1000.0 / speed;
        let relays =
            self.relays.iter().map(|relay| format!("relay        {:<8} {}", relay.name, relay.about));
        let clusters = self.clusters.iter().map(|cluster| {
            let relays =
                cluster.relays.iter().map(|index| self.relays[*index].name).collect::<Vec<_>>().join(", ");
            format!("cluster      {:<8} {VALIDATORS} validators; relays {relays}", cluster.cluster.name)
        });
        let lines = [
            format!("headstart demo: {slots} slots of {seconds:.1} s (speed {speed}, seed {seed})\n"),
            format!("Builder API  {url}"),
            format!("beacon node  {}", self.beacon_node.url()),
        ];
        lines
            .into_iter()
            .chain(relays)
            .chain(clusters)
            .map(|line| line + "\n")
            .chain(["\n".to_owned()])
            .collect()
    }
}
