//! Real bids of one auction, and a service that holds them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headstart_auction::{Bid, CallPolicy, Expectations, PolicyLayer};
use headstart_bid_store::{BidStore, RedisConfig};
use headstart_builder_api::{BuilderApi, Config, Journal, ServerConfig, serve};
use headstart_fetcher::{Fetcher, Verifier};
use headstart_registry::{
    Declared, DeclaredCluster, Deliveries, Directory, DirectoryRows, LiveDirectory, Outcomes, Registrations,
    Registry, RelayEntry,
};
use headstart_relay::RelayUrl;
use headstart_types::{
    AuctionKey, BlockHash, BuilderBid, Clock, ForkName, Network, SecretKey, SignedBuilderBid, Slot, U256,
    UnixMillis, Wei, signing_root,
};
use tokio::net::TcpListener;
use tokio::time;
use tokio_util::sync::CancellationToken;

pub(crate) const RELAYS: u64 = 5;
const SLOT: Slot = Slot(13_165_563);
/// In the middle of the auction, for ever.
const NOW: UnixMillis = UnixMillis(1_764_810_779_100);
const PROPOSER: &str =
    "0x85009c6432bddc9d9b00c63cd311c79311bbd13f99f58544737dd5f6dcbbf4ca64b913c30ac7a099e28f580efd3c2414";

/// What is served: a store, the fetcher that fills it with what other processes tell, and who answers from it.
pub(crate) struct World {
    pub(crate) store: BidStore,
    pub(crate) fetcher: Fetcher,
    directory: LiveDirectory,
}

impl World {
    /// A process that prefetches nothing: it answers, and takes in the bids of others.
    pub(crate) fn new(store: BidStore) -> Self {
        let directory = LiveDirectory::new(directory());
        let fetcher = Fetcher::new(headstart_fetcher::Config {
            network: Arc::new(Network::mainnet()),
            clock: Clock::new(|| NOW),
            directory: directory.clone(),
            registry: Registry::connect("sqlite::memory:").unwrap(),
            registrations: Registrations::in_memory(),
            deliveries: Deliveries::in_memory(),
            store: store.clone(),
            verifier: Verifier::new(std::thread::available_parallelism().map_or(1, usize::from)).unwrap(),
            lead_ms: 2_500,
            prefetches: false,
            compared_percent: 0,
        });
        let running = fetcher.clone();
        tokio::spawn(async move { running.run(Vec::new(), CancellationToken::new()).await });
        store.open(key()).unwrap();
        Self { store, fetcher, directory }
    }

    /// Answers beacon nodes for ever.
    pub(crate) async fn serve(self, listener: TcpListener) {
        let (journal, mut writer) =
            Journal::new(self.directory.clone(), self.store.clone(), Outcomes::discarded());
        tokio::spawn(async move { writer.write().await });
        let api = BuilderApi::new(Config {
            network: Arc::new(Network::mainnet()),
            clock: Clock::new(|| NOW),
            directory: self.directory,
            store: self.store,
            fetcher: self.fetcher,
            journal,
        });
        serve(listener, api, ServerConfig::default(), CancellationToken::new()).await;
    }
}

/// A store on that server, which has been reached.
pub(crate) async fn shared(url: &str) -> BidStore {
    let store = BidStore::redis(&RedisConfig::new(url), &Network::mainnet()).unwrap();
    reached(&store).await;
    store
}

pub(crate) async fn reached(store: &BidStore) {
    while !store.is_shared() {
        time::sleep(Duration::from_millis(1)).await;
    }
}

/// The bid of that number from one of the relays, newer than those of lower numbers; every one is another block.
pub(crate) fn bid(relay: u64, number: u32) -> Bid {
    verify(&signed_bid(relay, number), relay, number)
}

pub(crate) fn signed_bid(relay: u64, number: u32) -> SignedBuilderBid {
    let (BuilderBid::Electra(mut message), secret) = (golden().message, relay_key()) else {
        panic!("a Fulu bid has Electra's shape")
    };
    message.value = Wei(U256::from(number));
    message.pubkey = secret.public_key();
    let mut hash = [u8::try_from(relay).unwrap(); 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    message.header.block_hash = BlockHash(hash.into());
    let message = BuilderBid::Electra(message);
    let signature = secret.sign(signing_root(message.tree_hash_root(), Network::mainnet().builder_domain()));
    SignedBuilderBid { message, signature }
}

pub(crate) fn verify(signed: &SignedBuilderBid, relay: u64, number: u32) -> Bid {
    let expectations = Expectations::new(&Network::mainnet(), key(), None).unwrap();
    let url = relay_url(relay);
    let asked_at = NOW - 1_000_000 + i64::from(number);
    Bid::verify(signed, url.id(), url.verifying_key(), asked_at, &expectations).unwrap()
}

pub(crate) fn key() -> AuctionKey {
    let parent_hash = golden().message.header().parent_hash();
    AuctionKey { slot: SLOT, parent_hash, proposer: PROPOSER.parse().unwrap() }
}

pub(crate) fn header_request() -> Vec<u8> {
    let (accept, path) = (
        "application/octet-stream;q=1.0,application/json;q=0.9",
        format!("/eth/v1/builder/header/{}", key()),
    );
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\nUser-Agent: bench\r\n\r\n")
        .into_bytes()
}

fn golden() -> SignedBuilderBid {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap()
}

fn directory() -> Directory {
    let entry = |number: u64| {
        let url = relay_text(number);
        let id = url.parse::<RelayUrl>().unwrap().id();
        let (name, headers, call_policy) =
            (format!("relay-{number}"), BTreeMap::new(), CallPolicy::MEV_BOOST_RELAY);
        RelayEntry { id, name, url, headers, call_policy, stream: false, top_bid_url: None }
    };
    let relays: Vec<_> = (0..RELAYS).map(entry).collect();
    let trusted = relays.iter().map(|relay| relay.id).collect();
    let layer = PolicyLayer { relays: Some(trusted), ..PolicyLayer::default() };
    let cluster = DeclaredCluster::new("bench", layer, [PROPOSER.parse().unwrap()]).unwrap();
    let declared = Declared { relays, clusters: vec![cluster], ..Declared::default() };
    Directory::build(&DirectoryRows::default(), &declared)
}

fn relay_url(number: u64) -> RelayUrl {
    relay_text(number).parse().unwrap()
}

/// Nobody listens there: bids come from other processes alone.
fn relay_text(number: u64) -> String {
    format!("http://{}@127.0.0.1:{}", relay_key().public_key(), number + 1)
}

fn relay_key() -> SecretKey {
    SecretKey::from_seed(&[5; 32]).unwrap()
}
