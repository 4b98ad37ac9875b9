//! The whole service, wired from top to bottom.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use headstart_auction::ClusterPolicy;
use headstart_beacon::BeaconNode;
use headstart_bid_store::BidStore;
use headstart_builder_api::{BuilderApi, HeaderAnswered, Journal, Limits};
use headstart_fetcher::{Fetcher, Verifier};
use headstart_registry::{Cluster, Directory, Registrations};
use headstart_relay::{Relay, RelayUrl};
use headstart_types::{Clock, Network, RelayId, Wei};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Config;
use crate::config::network::Resolved;

/// A service that is bound and ready to run.
pub struct App {
    builder_api_addr: SocketAddr,
    listener: TcpListener,
    builder_api: BuilderApi,
    limits: Limits,
    fetcher: Fetcher,
    beacon_nodes: Vec<BeaconNode>,
    store: BidStore,
    journal: Journal,
    journal_writer: Box<dyn Future<Output = ()> + Send>,
}

/// Connections waiting to be accepted: slot starts come in bursts.
const BACKLOG: u32 = 4_096;
const USER_AGENT: &str = concat!("headstart/", env!("CARGO_PKG_VERSION"));
const BEACON_NODE_TIMEOUT: Duration = Duration::from_secs(3);

impl App {
    /// Wires everything and binds the listener; nothing is served before [`App::run`].
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let beacon_nodes = beacon_nodes(&config)?;
        let network = Arc::new(network(&config, &beacon_nodes).await?);
        let relays = relays(&config, clock)?;
        let directory = Arc::new(directory(&config, &relays)?);
        let store = BidStore::default();
        let (journal, journal_writer) = Journal::new(names(&relays));
        let cores = config.fetcher.verify_cores.or_else(available_cores).unwrap_or(1);
        let fetcher = Fetcher::new(headstart_fetcher::Config {
            network: Arc::clone(&network),
            clock,
            directory: Arc::clone(&directory),
            relays,
            store: store.clone(),
            verifier: Verifier::new(cores),
            lead_ms: i64::from(config.fetcher.lead_ms),
        });
        let builder_api = BuilderApi::new(headstart_builder_api::Config {
            network: Arc::clone(&network),
            clock,
            directory: Arc::clone(&directory),
            store: store.clone(),
            fetcher: fetcher.clone(),
            registrations: Arc::new(Registrations::default()),
            journal: journal.clone(),
        });
        let listener = bind(config.builder_api.listen)?;
        let builder_api_addr = listener.local_addr().context("read the bound address of the Builder API")?;
        info!(addr = %builder_api_addr, network = network.name, clusters = directory.clusters().len(),
            validators = directory.validators(), relays = config.relays.len(), "builder_api listening");
        Ok(Self {
            builder_api_addr,
            listener,
            builder_api,
            limits: config.builder_api.limits(),
            fetcher,
            beacon_nodes,
            store,
            journal,
            journal_writer: Box::new(journal_writer),
        })
    }

    /// Where beacon nodes ask; with port 0 in the configuration, the port that was bound.
    pub fn builder_api_addr(&self) -> SocketAddr {
        self.builder_api_addr
    }

    /// The bid store of this process, for whoever wants to watch it.
    pub fn store(&self) -> BidStore {
        self.store.clone()
    }

    /// Every answered getHeader from now on.
    pub fn watch_headers(&self) -> broadcast::Receiver<HeaderAnswered> {
        self.journal.watch()
    }

    /// Serves until `shutdown`, then finishes what is under way.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { listener, builder_api, limits, fetcher, beacon_nodes, journal, journal_writer, .. } = self;
        drop(journal);
        let writer = tokio::spawn(Box::into_pin(journal_writer));
        // Requests under way may still wait for bids, so fetching ends after serving.
        let fetching = CancellationToken::new();
        let serving = async {
            headstart_builder_api::serve(listener, builder_api, limits, shutdown).await;
            fetching.cancel();
        };
        tokio::join!(serving, fetcher.run(beacon_nodes, fetching.clone()));
        // Both ends of the journal are gone with the server, except for connections that would not end.
        let _ = tokio::time::timeout(Duration::from_secs(1), writer).await;
        info!("stopped");
    }
}

fn names(relays: &[Relay]) -> HashMap<RelayId, String> {
    relays.iter().map(|relay| (relay.id(), relay.name().to_owned())).collect()
}

fn available_cores() -> Option<usize> {
    std::thread::available_parallelism().ok().map(usize::from)
}

fn bind(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let bind = |socket: TcpSocket| {
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        socket.listen(BACKLOG)
    };
    socket.and_then(bind).with_context(|| {
        format!("bind builder_api.listen {addr}: is it free, and an address of this machine?")
    })
}

fn beacon_nodes(config: &Config) -> anyhow::Result<Vec<BeaconNode>> {
    let node = |node: &crate::config::BeaconNode| {
        BeaconNode::new(node.url.as_str(), USER_AGENT)
            .with_context(|| format!("use beacon node {}", node.url.host_str().unwrap_or("without host")))
    };
    config.beacon_nodes.iter().map(node).collect()
}

/// The network of the configuration, checked against the beacon nodes: their fork schedule has the last word, another
/// genesis is a mistake that must not go unnoticed.
async fn network(config: &Config, beacon_nodes: &[BeaconNode]) -> anyhow::Result<Network> {
    let name = &config.network.name;
    let known = match config.network.resolve() {
        Resolved::Known(network) => Some(network),
        _ => None,
    };
    for node in beacon_nodes {
        match (node.network(Instant::now() + BEACON_NODE_TIMEOUT).await, &known) {
            (Ok(told), Some(known)) if told.genesis_validators_root != known.genesis_validators_root => {
                bail!(
                    "serve {name}: beacon node {node} follows another network (genesis validators root {}); correct network.name or beacon_nodes",
                    told.genesis_validators_root
                )
            }
            (Ok(told), Some(known)) => {
                if told.schedule != known.schedule {
                    info!(network = name, beacon_node = %node, "fork schedule taken from the beacon node");
                }
                // A custom network's genesis may lie between two seconds, which the beacon API cannot say.
                return Ok(Network { name: name.clone(), genesis_time_ms: known.genesis_time_ms, ..told });
            }
            (Ok(told), None) => return Ok(Network { name: name.clone(), ..told }),
            (Err(error), _) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                warn!(beacon_node = %node, cause, "failed to {error}");
            }
        }
    }
    known.with_context(|| format!("serve {name}: it is no preset and no beacon node could be asked"))
}

fn relays(config: &Config, clock: Clock) -> anyhow::Result<Vec<Relay>> {
    let relay = |relay: &crate::config::Relay| -> anyhow::Result<Relay> {
        let url: RelayUrl = relay.url.parse()?;
        let mut settings = headstart_relay::Config::new(url);
        settings.name.clone_from(&relay.name);
        settings.headers = relay.headers.clone().into_iter().collect();
        Ok(Relay::new(settings, clock)?)
    };
    let named = |settings: &crate::config::Relay| {
        relay(settings).with_context(|| format!("set up relay {:?}", settings.name))
    };
    config.relays.iter().map(named).collect()
}

fn directory(config: &Config, relays: &[Relay]) -> anyhow::Result<Directory> {
    let ids: HashMap<&str, _> = relays.iter().map(|relay| (relay.name(), relay.id())).collect();
    let policies =
        config.relays.iter().filter_map(|relay| Some((*ids.get(relay.name.as_str())?, relay.call_policy()?)));
    let mut directory = Directory::new(policies.collect());
    for cluster in &config.clusters {
        let relays = cluster.relays.iter().filter_map(|name| ids.get(name.as_str()).copied());
        let min_bid = Wei::parse_eth(&cluster.min_bid_eth).context("read min_bid_eth")?;
        let (cutoff_ms, expected_ask_ms) = (i64::from(cluster.cutoff_ms), i64::from(cluster.expected_ask_ms));
        let policy = ClusterPolicy::new(relays.collect(), min_bid, cutoff_ms, expected_ask_ms);
        directory.add_cluster(
            Cluster { name: cluster.name.clone(), policy },
            cluster.validators.iter().copied(),
        )?;
    }
    Ok(directory)
}
