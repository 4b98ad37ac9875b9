//! What the tests share: a network whose slot begins in a moment, clusters, validators, and a running fetcher.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use headstart_auction::{CallPolicy, Hint, PolicyLayer, Quotas};
use headstart_bid_store::BidStore;
use headstart_fetcher::{Config, Fetcher, Verifier};
use headstart_registry::{
    Cluster, Declared, DeclaredCluster, Deliveries, Directory, DirectoryRows, Follow, LiveDirectory,
    Registrations, Registry, RelayEntry, follow,
};
use headstart_types::{
    AuctionKey, BlockHash, BlsPublicKey, Clock, ExecutionAddress, Network, SecretKey,
    SignedValidatorRegistration, Slot, TreeHash as _, UnixMillis, ValidatorRegistration, signing_root,
};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::relay::Relay;

pub(crate) const SLOT: Slot = Slot(13_165_563);
const PATIENCE: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "a test is its own outermost loop")]
fn wall_clock() -> UnixMillis {
    SystemTime::now().into()
}

pub(crate) fn clock() -> Clock {
    Clock::new(wall_clock)
}

/// Polls until it is so; the test fails when it never is.
pub(crate) async fn eventually(what: &str, so: impl Fn() -> bool) {
    let polling = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, polling).await.is_ok(), "in vain: {what}");
}

pub(crate) fn validator(number: u16) -> SecretKey {
    let mut seed = [1; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_seed(&seed).unwrap()
}

pub(crate) fn parent(byte: u8) -> BlockHash {
    BlockHash([byte; 32].into())
}

/// Mainnet, moved in time so that [`SLOT`] begins in so many milliseconds.
pub(crate) fn network(begins_in_ms: i64) -> Network {
    let mainnet = Network::mainnet();
    let since_genesis = i64::try_from(SLOT.0 * mainnet.slot_duration_ms).unwrap();
    Network { genesis_time_ms: clock().now() + begins_in_ms - since_genesis, ..mainnet }
}

#[derive(Clone, Default)]
pub(crate) struct Setting {
    declared: Declared,
}

impl Setting {
    pub(crate) fn relay(self, relay: &Relay) -> Self {
        self.relay_with(relay, CallPolicy::MEV_BOOST_RELAY)
    }

    pub(crate) fn relay_with(mut self, relay: &Relay, policy: CallPolicy) -> Self {
        self.declared.relays.push(relay.entry(policy));
        self
    }

    pub(crate) fn entry(mut self, entry: RelayEntry) -> Self {
        self.declared.relays.push(entry);
        self
    }

    pub(crate) fn quotas(mut self, quotas: Quotas) -> Self {
        self.declared.quotas = quotas;
        self
    }

    pub(crate) fn cluster(mut self, name: &str, relays: &[&Relay], validators: &[u16]) -> Self {
        let relays = relays.iter().map(|relay| relay.entry(CallPolicy::MEV_BOOST_RELAY).id).collect();
        let layer = PolicyLayer { relays: Some(relays), ..PolicyLayer::default() };
        let keys = validators.iter().map(|number| validator(*number).public_key());
        self.declared.clusters.push(DeclaredCluster::new(name, layer, keys).unwrap());
        self
    }

    pub(crate) fn directory(&self) -> Directory {
        Directory::build(&DirectoryRows::default(), &self.declared)
    }

    /// A running fetcher; the slot begins in a second and a half, so that its lead has begun.
    pub(crate) async fn start(&self) -> World {
        self.start_on(memory().await).await
    }

    /// The same on a registry that others may use too.
    pub(crate) async fn start_on(&self, registry: Registry) -> World {
        let names: Vec<_> = self.declared.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
        registry.declare_clusters(clock().now(), &names).await.unwrap();
        self.start_without(registry)
    }

    /// The same, with the directory following the registry.
    pub(crate) async fn start_following(&self) -> World {
        let (registry, declared) = (memory().await, Arc::new(self.declared.clone()));
        let world = self.start_on(registry.clone()).await;
        let (live, rows) = (world.directory.clone(), registry.rows(None, clock().now()).await.unwrap());
        let rows = Some(rows);
        let following = Follow { registry, live, declared, rows, snapshot: None, clock: clock() };
        tokio::spawn(follow(following, world.shutdown.clone()));
        world
    }

    /// The same when the registry is away.
    pub(crate) fn start_without(&self, registry: Registry) -> World {
        World::new(self, network(1_500), registry, BidStore::default())
    }

    /// The same on a store that other processes share.
    pub(crate) async fn start_sharing(&self, store: BidStore) -> World {
        World::new(self, network(1_500), memory().await, store)
    }
}

pub(crate) async fn memory() -> Registry {
    let registry = Registry::connect("sqlite::memory:").unwrap();
    registry.migrate().await.unwrap();
    registry
}

pub(crate) struct World {
    pub(crate) directory: LiveDirectory,
    pub(crate) store: BidStore,
    pub(crate) fetcher: Fetcher,
    pub(crate) registrations: Registrations,
    pub(crate) deliveries: Deliveries,
    network: Arc<Network>,
    shutdown: CancellationToken,
    stop: DropGuard,
    running: JoinHandle<()>,
}

impl World {
    fn new(setting: &Setting, network: Network, registry: Registry, store: BidStore) -> Self {
        let (directory, network) = (LiveDirectory::new(setting.directory()), Arc::new(network));
        let (registrations, deliveries) = (Registrations::open(&registry), Deliveries::open(&registry));
        let fetcher = Fetcher::new(Config {
            network: Arc::clone(&network),
            clock: clock(),
            directory: directory.clone(),
            registry,
            registrations: registrations.clone(),
            deliveries: deliveries.clone(),
            store: store.clone(),
            verifier: Verifier::new(2).unwrap(),
            lead_ms: 2_500,
            compared_percent: 0,
            prefetches: true,
        });
        let (running, shutdown) = (fetcher.clone(), CancellationToken::new());
        let stop = shutdown.clone().drop_guard();
        let until = shutdown.clone();
        let running = tokio::spawn(async move { running.run(Vec::new(), until).await });
        Self { directory, store, fetcher, registrations, deliveries, network, shutdown, stop, running }
    }

    /// Ends the fetcher in good order.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.running.await.unwrap();
    }

    /// A registration that the validator signed so many seconds ago.
    pub(crate) fn registration(
        &self,
        validator: &SecretKey,
        seconds_ago: u64,
    ) -> SignedValidatorRegistration {
        let message = ValidatorRegistration {
            fee_recipient: ExecutionAddress([7; 20].into()),
            gas_limit: 36_000_000,
            timestamp: clock().now().seconds() - seconds_ago,
            pubkey: validator.public_key(),
        };
        let signature = validator.sign(signing_root(message.tree_hash_root(), self.network.builder_domain()));
        SignedValidatorRegistration { message, signature }
    }

    pub(crate) fn cluster(&self, name: &str) -> Arc<Cluster> {
        Arc::clone(self.directory.load().cluster(name).unwrap())
    }
}

pub(crate) fn key(proposer: u16, parent_byte: u8) -> AuctionKey {
    AuctionKey { slot: SLOT, parent_hash: parent(parent_byte), proposer: pubkey(proposer) }
}

pub(crate) fn pubkey(number: u16) -> BlsPublicKey {
    validator(number).public_key()
}

pub(crate) fn hint(proposer: u16, parent_byte: u8) -> Hint {
    Hint {
        slot: SLOT,
        proposer: pubkey(proposer),
        parent_hash: Some(parent(parent_byte)),
        dependent_root: None,
        expected_ask_ms: None,
    }
}
