use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use headstart_cluster_api::client::ClusterClient;
use headstart_devnet::{
    BeaconClient, BeaconNode, Chain, ChainConfig, ChainTask, ClusterPlan, ClusterTask, Endpoint, Market,
    Proposal, Proposer,
};
use headstart_registry::NewSecret;
use headstart_types::{ForkName, Network, Slot, UnixMillis};
use http::header::AUTHORIZATION;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::cast::{DemoCluster, DemoRelay, OPERATORS, clusters, relays};
use super::operator::{Counts, Operator};
use super::row::{Played, Row};
use super::{Options, outcomes::Outcomes};
use crate::agent::Agent;
use crate::clock;
use crate::network::USER_AGENT;

pub(super) const MAINNET_SLOT_MS: f64 = 12_000.0;
const BUILDERS: u64 = 12;
/// Of a thousand slots, so many have a duty of one of the clusters.
const DUTIES_PER_MILLE: u64 = 850;
/// How long after the slot's start its duty must have ended, as a share of the slot.
const DUTY_ENDS: f64 = 0.6;

/// Everything around the service.
pub(super) struct World {
    pub(super) options: Options,
    chain: Chain,
    market: Market,
    pub(super) relays: Vec<DemoRelay>,
    pub(super) beacon_node: BeaconNode,
    pub(super) clusters: Vec<DemoCluster>,
    folder: TempDir,
    proposals: Option<mpsc::Receiver<Proposal>>,
    /// Dropping these ends the simulation.
    running: Vec<(ChainTask, ClusterTask)>,
    operators: JoinSet<()>,
    pub(super) counts: Arc<Counts>,
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
            folder: tempfile::tempdir().context("make a folder for the demo's registry")?,
            proposals: None,
            running: Vec::new(),
            operators: JoinSet::new(),
            counts: Arc::default(),
        })
    }

    pub(super) fn network(&self) -> &Network {
        self.chain.network()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One operator of the cluster at that place.
    pub(super) fn operator(&self, place: usize, client: ClusterClient) -> Operator {
        let cluster = &self.clusters[place];
        Operator {
            chain: self.chain.clone(),
            cluster: cluster.cluster.clone(),
            client,
            expected_ask_ms: i64::from(self.scaled_offset(cluster.asks_at_ms)),
            counts: Arc::clone(&self.counts),
        }
    }

    /// Lets operators register in every epoch and push hints; with agents, the last cluster's own hints come from one.
    pub(super) fn employ(&mut self, operators: Vec<(usize, Operator)>) -> anyhow::Result<()> {
        let served_by_agent = self.options.agents.then_some(self.clusters.len() - 1);
        let mut agent_is_there = false;
        for (place, operator) in operators {
            if served_by_agent != Some(place) {
                self.operators.spawn(async move {
                    tokio::join!(operator.register_each_epoch(), operator.hint());
                });
                continue;
            }
            if !std::mem::replace(&mut agent_is_there, true) {
                self.operators.spawn(self.agent(&operator)?.run());
            }
            self.operators.spawn(async move { operator.register_each_epoch().await });
        }
        Ok(())
    }

    /// What `headstart agent` runs, beside the demo's beacon node.
    fn agent(&self, operator: &Operator) -> anyhow::Result<Agent> {
        Ok(Agent {
            network: Arc::new(self.network().clone()),
            clock: clock::SYSTEM,
            beacon_node: headstart_beacon::BeaconNode::new(&self.beacon_node.url(), USER_AGENT)?,
            client: operator.client.clone(),
            expected_ask_ms: Some(operator.expected_ask_ms),
            pushed: Arc::clone(&self.counts.pushed),
        })
    }

    /// Sets chain and clusters going; all their beacon nodes ask the Builder API at `url` with one credential.
    pub(super) fn begin(&mut self, url: &str, credential: &NewSecret) -> anyhow::Result<()> {
        let plan = |cluster: &DemoCluster| {
            let endpoint = endpoint(url, credential, cluster.cluster.client)?;
            Ok(ClusterPlan {
                cluster: cluster.cluster.clone(),
                endpoints: vec![endpoint; OPERATORS],
                asks_at_ms: cluster.asks_at_ms,
                registers: false,
            })
        };
        let plans = self.clusters.iter().map(plan).collect::<anyhow::Result<_>>()?;
        let (clusters, proposals) = Proposer::new(self.chain.clone()).run(plans);
        self.running.push((self.chain.run(), clusters));
        self.proposals = Some(proposals);
        Ok(())
    }

    pub(super) fn slot_now(&self) -> Slot {
        self.network().slot_at(clock::SYSTEM.now())
    }

    /// Waits until the slot's duty has ended; gives what its operators met with, if one of the clusters had it.
    pub(super) async fn live_through(&mut self, slot: Slot) -> Vec<Proposal> {
        let share = Duration::from_millis(self.network().slot_duration_ms).mul_f64(DUTY_ENDS);
        let ends =
            tokio::time::Instant::now() + clock::SYSTEM.now().until(self.network().slot_start(slot)) + share;
        let mut met = Vec::new();
        let Some(proposals) = self.proposals.as_mut().filter(|_| self.chain.is_ours(slot)) else {
            tokio::time::sleep_until(ends).await;
            return met;
        };
        while met.len() < OPERATORS {
            match tokio::time::timeout_at(ends, proposals.recv()).await {
                Ok(Some(proposal)) if proposal.slot < slot => {}
                Ok(Some(proposal)) => met.push(proposal),
                Ok(None) | Err(_) => break,
            }
        }
        met
    }

    /// Compares what was served with what the cluster's relays held at that instant.
    pub(super) fn row(&self, slot: Slot, proposals: Vec<Proposal>, outcomes: &mut Outcomes) -> Row {
        let Some(asked_at) = proposals.iter().map(|proposal| proposal.asked_at).min() else {
            return Row::without_duty(slot, self.chain.is_ours(slot));
        };
        let cluster = self.clusters.iter().find(|cluster| cluster.cluster.name == proposals[0].cluster);
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
            lead_ms: first_asked.map(|first| asked_at - first),
            best: self.market.best(&numbers, slot, asked_at),
            asked,
            played: Some(Played { proposals, outcomes: outcomes.take(slot) }),
        }
    }
}

/// The Builder API as a beacon node of that client is told of it. Teku sends no user and password, but keeps a path.
fn endpoint(url: &str, credential: &NewSecret, client: BeaconClient) -> anyhow::Result<Endpoint> {
    if client == BeaconClient::Teku {
        return Endpoint::new(&format!("{url}/t/{}/", credential.token()))
            .context("use the Builder API's address");
    }
    let basic = format!("Basic {}", BASE64_STANDARD.encode(credential.userinfo()));
    let endpoint = Endpoint::new(url).context("use the Builder API's address")?;
    Ok(endpoint.with_header(AUTHORIZATION, basic.parse().context("write the credential as a header")?))
}
