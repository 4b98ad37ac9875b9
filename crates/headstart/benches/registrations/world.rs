use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use headstart_auction::{Bid, Expectations, PolicyLayer, Quotas};
use headstart_bid_store::BidStore;
use headstart_builder_api::{BuilderApi, Config, Journal, ServerConfig, serve};
use headstart_devnet::sign_registration;
use headstart_fetcher::{Fetcher, Registrant, Verifier};
use headstart_registry::{
    Declared, DeclaredCluster, Deliveries, Directory, DirectoryRows, LiveDirectory, Outcomes, Registrations,
    Registry,
};
use headstart_types::{
    Address, AuctionKey, BlsPublicKey, Clock, ExecutionAddress, ForkName, Network, PublicKey, RelayId,
    SecretKey, SignedBuilderBid, SignedValidatorRegistration, Slot, UnixMillis,
};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

const SLOT: Slot = Slot(13_165_563);
const NOW: UnixMillis = UnixMillis(1_764_810_779_100);
const PROPOSER: &str =
    "0x85009c6432bddc9d9b00c63cd311c79311bbd13f99f58544737dd5f6dcbbf4ca64b913c30ac7a099e28f580efd3c2414";
/// Fresh registrations in one go, and how often: 1,000 a second.
const FRESH_AT_ONCE: usize = 100;
const FRESH_EVERY: Duration = Duration::from_millis(100);

/// One cluster with its validators on a database in a file, and a bid that is held.
pub(crate) struct World {
    _folder: TempDir,
    pub(crate) network: Arc<Network>,
    pub(crate) fetcher: Fetcher,
    directory: LiveDirectory,
    store: BidStore,
    keys: Vec<SecretKey>,
    fresh: Arc<AtomicUsize>,
    unchanged: Arc<AtomicU64>,
}

impl World {
    pub(crate) async fn new(validators: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (network, clock) = (Arc::new(Network::mainnet()), Clock::new(|| NOW));
        let bid = golden_bid();
        let keys: Vec<_> = (0..validators as u64).map(secret_key).collect();
        let directory = LiveDirectory::new(directory(&bid, &keys));
        let registry =
            Registry::connect(&format!("sqlite:{}", folder.path().join("headstart.db").display())).unwrap();
        registry.migrate().await.unwrap();
        let (registrations, deliveries) = (Registrations::open(&registry), Deliveries::open(&registry));
        registrations.loaded().await;
        let store = BidStore::default();
        store.open(key()).unwrap();
        store.take(&key(), bid);
        let fetcher = Fetcher::new(headstart_fetcher::Config {
            network: Arc::clone(&network),
            clock,
            directory: directory.clone(),
            registry,
            registrations,
            deliveries,
            store: store.clone(),
            verifier: Verifier::new(thread::available_parallelism().map_or(1, usize::from)).unwrap(),
            lead_ms: 2_500,
            compared_percent: 0,
            prefetches: true,
        });
        let (fresh, unchanged) = Default::default();
        Self { _folder: folder, network, fetcher, directory, store, keys, fresh, unchanged }
    }

    pub(crate) fn registrant(&self) -> Registrant {
        let directory = self.directory.load();
        Registrant::Cluster(Arc::clone(directory.cluster("bench").unwrap()))
    }

    /// Registrations of these validators, `age` seconds newer than those of age zero.
    pub(crate) fn signed(&self, age: u64, validators: Range<usize>) -> Vec<SignedValidatorRegistration> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let keys = &self.keys[validators];
        thread::scope(|scope| {
            let parts: Vec<_> = keys
                .chunks(keys.len().div_ceil(threads))
                .map(|keys| {
                    scope.spawn(move || keys.iter().map(|key| sign(&self.network, key, age)).collect())
                })
                .collect();
            parts.into_iter().flat_map(|part| -> Vec<_> { part.join().unwrap() }).collect()
        })
    }

    /// The Builder API on a port, as it runs in production.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let (journal, mut writer) =
            Journal::new(self.directory.clone(), self.store.clone(), Outcomes::discarded());
        tokio::spawn(async move { writer.write().await });
        let api = BuilderApi::new(Config {
            network: Arc::clone(&self.network),
            clock: Clock::new(|| NOW),
            directory: self.directory.clone(),
            store: self.store.clone(),
            fetcher: self.fetcher.clone(),
            journal,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, api, ServerConfig::default(), CancellationToken::new()));
        addr
    }

    /// A body of unchanged registrations every second, until the handle is dropped.
    pub(crate) fn keep_registering_unchanged(
        &self,
        signed: &[SignedValidatorRegistration],
    ) -> AbortOnDropHandle<()> {
        let body = Arc::new(serde_json::to_vec(signed).unwrap());
        let (fetcher, registrant, counter) =
            (self.fetcher.clone(), self.registrant(), Arc::clone(&self.unchanged));
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                let body = Arc::clone(&body);
                let parse = move || serde_json::from_slice::<Vec<_>>(&body).unwrap();
                let registrations = fetcher.verifier().in_background(parse).await.unwrap();
                let verdicts = fetcher.register(&registrant, registrations).await;
                counter.fetch_add(verdicts.len() as u64, Ordering::Relaxed);
                time::sleep(Duration::from_secs(1)).await;
            }
        }))
    }

    /// A thousand fresh registrations a second, until the handle is dropped.
    pub(crate) fn keep_registering_fresh(
        &self,
        signed: Vec<SignedValidatorRegistration>,
    ) -> AbortOnDropHandle<()> {
        let (fetcher, registrant, counter) =
            (self.fetcher.clone(), self.registrant(), Arc::clone(&self.fresh));
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut ticks = time::interval(FRESH_EVERY);
            for part in signed.chunks(FRESH_AT_ONCE) {
                ticks.tick().await;
                let verdicts = fetcher.register(&registrant, part.to_vec()).await;
                counter.fetch_add(verdicts.len(), Ordering::Relaxed);
            }
        }))
    }

    pub(crate) fn told(&self) -> String {
        let (fresh, unchanged) = (self.fresh.load(Ordering::Relaxed), self.unchanged.load(Ordering::Relaxed));
        format!("{fresh} fresh and {unchanged} unchanged ones meanwhile")
    }
}

pub(crate) fn header_request() -> Vec<u8> {
    let accept = "application/octet-stream;q=1.0,application/json;q=0.9";
    let path = format!("/eth/v1/builder/header/{}", key());
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\nUser-Agent: bench\r\n\r\n")
        .into_bytes()
}

fn directory(bid: &Bid, keys: &[SecretKey]) -> Directory {
    let layer = PolicyLayer { relays: Some(vec![bid.relay()]), ..PolicyLayer::default() };
    let proposer: BlsPublicKey = PROPOSER.parse().unwrap();
    let validators = keys.iter().map(SecretKey::public_key).chain([proposer]);
    let cluster = DeclaredCluster::new("bench", layer, validators).unwrap();
    let quotas = Quotas { signature_checks_per_s: 1_000_000, ..Quotas::default() };
    let declared = Declared { clusters: vec![cluster], quotas, ..Declared::default() };
    Directory::build(&DirectoryRows::default(), &declared)
}

fn golden_bid() -> Bid {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    let signed = SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap();
    let expectations = Expectations::new(&Network::mainnet(), key(), None).unwrap();
    let relay_key = PublicKey::decompress(&signed.message.pubkey()).unwrap();
    Bid::verify(&signed, RelayId(1), &relay_key, UnixMillis(0), &expectations).unwrap()
}

fn key() -> AuctionKey {
    let parent_hash = "0x2cdb2034fb8c6f5c06ade3da5138003f406b0a51c2caeb8c090a5db61c276f34".parse().unwrap();
    AuctionKey { slot: SLOT, parent_hash, proposer: PROPOSER.parse().unwrap() }
}

fn secret_key(number: u64) -> SecretKey {
    let mut seed = [0x5c; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    SecretKey::from_seed(&seed).unwrap()
}

fn sign(network: &Network, key: &SecretKey, age: u64) -> SignedValidatorRegistration {
    let fee_recipient = ExecutionAddress(Address::repeat_byte(0xfe));
    sign_registration(network, key, fee_recipient, 36_000_000, NOW.seconds() - 100_000 + age)
}
