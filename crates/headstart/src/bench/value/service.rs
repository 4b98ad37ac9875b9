use std::time::Duration;

use anyhow::{Context, bail};
use headstart_devnet::{Asked, BeaconClient, BeaconNode, Cluster, Endpoint, Proposer, Relay};
use headstart_types::{AuctionKey, Encoding, Network, SignedBuilderBid, UnixMillis};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::cast::Cast;
use super::group::Group;
use super::sample::Answer;
use crate::{App, Config, Shutdown, clock, config};

/// The name of the network in the service's configuration.
const NETWORK: &str = "value";
const CLUSTER: &str = "bench";
/// From the header until its block is signed and submitted, which ends the auction as it does in earnest.
const SUBMITTED_AFTER: Duration = Duration::from_millis(200);
const ENDS_WITHIN: Duration = Duration::from_secs(3);

/// The service as it is, with relays of its own and one cluster.
pub(super) struct Service {
    endpoint: Endpoint,
    proposer: Proposer,
    cluster: Cluster,
    shutdown: Shutdown,
    running: JoinHandle<anyhow::Result<()>>,
    _folder: TempDir,
}

/// What a service is set up with.
pub(super) struct Setting<'a> {
    pub(super) network: &'a Network,
    pub(super) beacon_node: &'a BeaconNode,
    pub(super) proposer: &'a Proposer,
    pub(super) cluster: &'a Cluster,
    pub(super) cast: &'a [Cast],
    /// When beacon nodes ask, if the service is told.
    pub(super) expected_ask_ms: Option<i32>,
}

impl Service {
    pub(super) async fn start(setting: Setting<'_>, group: &Group) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the registry")?;
        let config = Config { directory: folder.path().to_owned(), ..setting.config(group)? };
        let app = App::start(config, clock::SYSTEM).await?;
        let addr = app.builder_api_addr().context("serve beacon nodes: the service has every role")?;
        let endpoint = Endpoint::new(&format!("http://{addr}")).context("use the Builder API's address")?;
        let shutdown = Shutdown::default();
        let running = tokio::spawn(app.run(shutdown.clone()));
        let (proposer, cluster) = (setting.proposer.clone(), setting.cluster.clone());
        Ok(Self { endpoint, proposer, cluster, shutdown, running, _folder: folder })
    }

    /// Asks as a beacon node does, and checks the answer as one does.
    pub(super) async fn ask(&self, key: AuctionKey) -> Asked {
        self.proposer.get_header(&self.endpoint, BeaconClient::Lighthouse, key).await
    }

    /// Signs the block of that header and submits it: an answer is wrong when its block is not unblinded.
    pub(super) async fn propose(&self, key: AuctionKey, asked: Asked) -> (UnixMillis, Answer) {
        let Asked { asked_at, reply, bid } = asked;
        let mut wrong = reply.wrong.map(|wrong| wrong.to_string());
        if let Some(bid) = &bid {
            sleep(SUBMITTED_AFTER).await;
            wrong = wrong.or(self.submit(key, bid).await.err().map(|error| format!("{error:#}")));
        }
        let value = bid.map(|bid| bid.message.value());
        (asked_at, Answer { value, answered_us: reply.answered_in_us, wrong })
    }

    async fn submit(&self, key: AuctionKey, bid: &SignedBuilderBid) -> anyhow::Result<()> {
        let validator =
            self.cluster.validator(&key.proposer).context("sign for a proposer of the cluster")?;
        let parent = self.proposer.chain().block_with_hash(key.parent_hash).context("find the parent")?;
        let block = self.proposer.sign(validator, key.slot, parent, bid);
        let reply =
            self.proposer.submit(&self.endpoint, BeaconClient::Lighthouse, &block, Encoding::Ssz).await;
        match reply.wrong {
            None => Ok(()),
            Some(wrong) => {
                bail!("its block was not unblinded: {wrong} {}", reply.message.unwrap_or_default())
            }
        }
    }

    pub(super) async fn stop(self) {
        self.shutdown.hurry();
        // Nothing of it is needed any more; a slow end is not worth waiting for.
        let _ = timeout(ENDS_WITHIN, self.running).await;
    }
}

impl Setting<'_> {
    /// The configuration file that an operator would write for it.
    fn config(&self, group: &Group) -> anyhow::Result<Config> {
        let mut config = Config::default();
        config.network = config::Network::describing(NETWORK, self.network);
        config.builder_api.listen.set_port(0);
        config.cluster_api.enabled = false;
        config.admin.enabled = false;
        config.beacon_nodes = vec![config::BeaconNode { url: self.beacon_node.url().parse()? }];
        let relays = group.relays.iter().zip(self.cast);
        let relay = |(relay, cast): (&Relay, &Cast)| config::Relay {
            stream: Some(cast.streams),
            ..config::Relay::new(&cast.name, &relay.url(), cast.policy)
        };
        config.relays = relays.map(relay).collect();
        let names = self.cast.iter().map(|cast| cast.name.clone()).collect();
        config.clusters = vec![config::Cluster {
            validators: self.cluster.identities().map(|(_, pubkey)| pubkey).collect(),
            expected_ask_ms: self.expected_ask_ms,
            ..config::Cluster::new(CLUSTER, names)
        }];
        Ok(config)
    }
}
