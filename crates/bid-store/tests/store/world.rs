//! Real bids, and stores on each backend.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use headstart_auction::{Bid, Expectations};
use headstart_bid_store::{BidStore, Format, RedisConfig, SharedKey};
use headstart_types::{
    AuctionKey, BlockHash, BlsPublicKey, BuilderBid, ForkName, Network, PublicKey, RelayId, SecretKey,
    SignedBuilderBid, Slot, U256, UnixMillis, Wei, signing_root,
};

use crate::redis_server::RedisServer;

pub(crate) const SLOT: Slot = Slot(13_165_563);

pub(crate) fn golden() -> SignedBuilderBid {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap()
}

pub(crate) fn key(slot: Slot) -> AuctionKey {
    let parent_hash = golden().message.header().parent_hash();
    AuctionKey { slot, parent_hash, proposer: BlsPublicKey::default() }
}

/// A verified bid of that relay for the block of that number.
pub(crate) fn bid(relay: u64, block: u8, asked_at: i64) -> Bid {
    let BuilderBid::Electra(mut message) = golden().message else { panic!("a Fulu bid has Electra's shape") };
    let secret = SecretKey::from_seed(&[5; 32]).unwrap();
    message.value = Wei(U256::from(block));
    message.pubkey = secret.public_key();
    message.header.block_hash = hash(block);
    let message = BuilderBid::Electra(message);
    let signature = secret.sign(signing_root(message.tree_hash_root(), Network::mainnet().builder_domain()));
    let expectations = Expectations::new(&Network::mainnet(), key(SLOT), None).unwrap();
    let relay_key = PublicKey::decompress(&secret.public_key()).unwrap();
    let signed = SignedBuilderBid { message, signature };
    Bid::verify(&signed, RelayId(relay), &relay_key, UnixMillis(asked_at), &expectations).unwrap()
}

pub(crate) fn hash(block: u8) -> BlockHash {
    BlockHash([block; 32].into())
}

/// Where processes share their store.
pub(crate) enum Backend {
    Memory(BidStore),
    Redis(RedisServer),
    /// Provenance has a server of its own, and the processes have a key.
    TwoServers(RedisServer, RedisServer),
    /// The processes are of two releases, by turns.
    RedisOfTwoReleases(RedisServer, AtomicUsize),
}

impl Backend {
    pub(crate) fn each() -> [Self; 4] {
        let two_servers = Self::TwoServers(RedisServer::start(), RedisServer::start());
        let two_releases = Self::RedisOfTwoReleases(RedisServer::start(), AtomicUsize::new(0));
        [Self::Memory(BidStore::default()), Self::Redis(RedisServer::start()), two_servers, two_releases]
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Memory(_) => "memory",
            Self::Redis(_) => "redis",
            Self::TwoServers(..) => "redis, provenance apart, with a key",
            Self::RedisOfTwoReleases(..) => "redis, processes of two releases",
        }
    }

    /// The store of one more process.
    pub(crate) async fn process(&self) -> BidStore {
        match self {
            Self::Memory(store) => store.beside().unwrap(),
            Self::Redis(server) => connect(&server.url(), None).await,
            Self::TwoServers(bids, provenance) => {
                let provenance_url = Some(provenance.url());
                connect_with(RedisConfig { provenance_url, ..keyed(&bids.url()) }).await
            }
            Self::RedisOfTwoReleases(server, processes) => {
                let formats = [Format::Previous, Format::Current];
                let writes = formats[processes.fetch_add(1, Ordering::Relaxed) % 2];
                connect_with(patient(&server.url(), writes)).await
            }
        }
    }
}

/// The machine may be busy with other tests.
const PATIENT: Duration = Duration::from_secs(2);

/// A store on this server that has reached it.
pub(crate) async fn connect(url: &str, provenance_url: Option<&str>) -> BidStore {
    connect_within(PATIENT, url, provenance_url).await
}

/// The same with another deadline for each call.
pub(crate) async fn connect_within(deadline: Duration, url: &str, provenance_url: Option<&str>) -> BidStore {
    let provenance_url = provenance_url.map(str::to_owned);
    connect_with(RedisConfig { provenance_url, deadline, ..RedisConfig::new(url) }).await
}

fn patient(url: &str, writes: Format) -> RedisConfig {
    RedisConfig { deadline: PATIENT, writes, ..RedisConfig::new(url) }
}

/// Of a process that has the key.
pub(crate) fn keyed(url: &str) -> RedisConfig {
    RedisConfig { shared_key: Some(SharedKey::new("a key of the tests")), ..patient(url, Format::Current) }
}

pub(crate) async fn connect_with(config: RedisConfig) -> BidStore {
    let store = BidStore::redis(&config, &Network::mainnet()).unwrap();
    eventually("the server is reached", async || store.is_shared()).await;
    store
}

pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
