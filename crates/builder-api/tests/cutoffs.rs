//! Until when a held bid is served, by each timing preset and in either fork: the clock is the test's own, and so is the
//! network's specification.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails, fails")]

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use headstart_auction::{Bid, Expectations, PolicyLayer, TimingPreset};
use headstart_bid_store::{AuctionEventKind, BidStore};
use headstart_builder_api::{Access, BuilderApi, Config, Journal};
use headstart_fetcher::{Fetcher, Verifier};
use headstart_registry::{
    Declared, DeclaredCluster, Deliveries, Directory, DirectoryRows, LiveDirectory, Outcomes, Registrations,
    Registry,
};
use headstart_types::{
    AttestationDue, AuctionKey, BlsPublicKey, Clock, Epoch, Fork, ForkName, ForkSchedule, Network, Outcome,
    PublicKey, RelayId, SecretKey, SignedBuilderBid, Slot, UnixMillis,
};
use http::{HeaderMap, StatusCode};

const SLOT: Slot = Slot(13_165_563);

thread_local! {
    static NOW: Cell<UnixMillis> = const { Cell::new(UnixMillis(0)) };
}

/// A Builder API that holds a bid for the one validator of its cluster.
struct World {
    network: Network,
    store: BidStore,
    api: BuilderApi,
    key: AuctionKey,
}

impl World {
    fn new(network: &Network, layer: &PolicyLayer) -> Self {
        let clock = Clock::new(|| NOW.get());
        let proposer = SecretKey::from_seed(&[3; 32]).unwrap().public_key();
        let (key, bid) = held_bid(proposer);
        let layer = PolicyLayer { relays: Some(vec![bid.relay()]), ..layer.clone() };
        let cluster = DeclaredCluster::new("alpha", layer, [proposer]).unwrap();
        let declared = Declared { clusters: vec![cluster], ..Declared::default() };
        let directory = LiveDirectory::new(Directory::build(&DirectoryRows::default(), &declared));
        let store = BidStore::default();
        store.open(key).unwrap();
        store.take(&key, bid);
        let shared = Arc::new(network.clone());
        let fetcher = Fetcher::new(headstart_fetcher::Config {
            network: Arc::clone(&shared),
            clock,
            directory: directory.clone(),
            registry: Registry::connect("sqlite::memory:").unwrap(),
            registrations: Registrations::in_memory(),
            deliveries: Deliveries::in_memory(),
            store: store.clone(),
            verifier: Verifier::new(1).unwrap(),
            lead_ms: 2_500,
            compared_percent: 0,
            prefetches: true,
        });
        let (journal, mut writer) = Journal::new(directory.clone(), store.clone(), Outcomes::discarded());
        tokio::spawn(async move { writer.write().await });
        let config = Config { network: shared, clock, directory, store: store.clone(), fetcher, journal };
        Self { network: network.clone(), store, api: BuilderApi::new(config), key }
    }

    /// What a beacon node is answered that asks so many milliseconds into the slot.
    async fn asked_at(&self, ms: i64) -> (StatusCode, Outcome) {
        NOW.set(self.network.slot_start(SLOT) + ms);
        let mut events = self.store.watch();
        let path = format!("/eth/v1/builder/header/{}", self.key);
        let reply = self.api.header_from_memory(Access::Open, &path, &HeaderMap::new()).unwrap();
        loop {
            if let AuctionEventKind::HeaderAnswered { outcome, .. } = events.recv().await.unwrap().what {
                return (reply.status(), outcome);
            }
        }
    }
}

/// A verified bid for the proposer's block of the slot. Whether it is in time does not depend on what it says.
fn held_bid(proposer: BlsPublicKey) -> (AuctionKey, Bid) {
    let file =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden/fulu/signed_builder_bid.ssz");
    let signed = SignedBuilderBid::from_ssz(ForkName::Fulu, &std::fs::read(file).unwrap()).unwrap();
    let key = AuctionKey { slot: SLOT, parent_hash: signed.message.header().parent_hash(), proposer };
    let expectations = Expectations::new(&Network::mainnet(), key, None).unwrap();
    let relay_key = PublicKey::decompress(&signed.message.pubkey()).unwrap();
    let bid = Bid::verify(&signed, RelayId(1), &relay_key, UnixMillis(0), &expectations).unwrap();
    (key, bid)
}

/// Mainnet, whose Gloas begins with the epoch of the slot, or with the next one.
fn with_gloas(begun: bool) -> Network {
    let mainnet = Network::mainnet();
    let epoch = mainnet.epoch(SLOT);
    let gloas = Fork {
        name: "gloas".to_owned(),
        epoch: Epoch(if begun { epoch.0 } else { epoch.0 + 1 }),
        version: [7, 0, 0, 0],
    };
    let schedule = &mainnet.schedule;
    let forks = schedule.forks().iter().filter(|fork| fork.name != "gloas").cloned().chain([gloas]).collect();
    let schedule = ForkSchedule::new(schedule.genesis_version(), forks, Vec::new());
    Network { schedule, ..mainnet }
}

async fn serves_until(network: &Network, layer: &PolicyLayer, cutoff_ms: i64) {
    let world = World::new(network, layer);
    for ms in [-500, 0, 170, 950, cutoff_ms - 1] {
        assert_eq!(world.asked_at(ms).await, (StatusCode::OK, Outcome::Hit), "{ms}");
    }
    for ms in [cutoff_ms, cutoff_ms + 1, 3_900, 11_000] {
        assert_eq!(world.asked_at(ms).await, (StatusCode::NO_CONTENT, Outcome::TooLate), "{ms}");
    }
}

#[tokio::test]
async fn a_held_bid_is_served_until_the_presets_cut_off_in_either_fork() {
    let presets = [
        (TimingPreset::Solo, [2_000, 1_500]),
        (TimingPreset::Ssv, [1_500, 1_125]),
        (TimingPreset::Obol, [1_500, 1_125]),
    ];
    for (preset, [before, since]) in presets {
        let layer = PolicyLayer { timing: Some(preset), ..PolicyLayer::default() };
        serves_until(&Network::mainnet(), &layer, before).await;
        serves_until(&with_gloas(false), &layer, before).await;
        // No bid of Gloas can be verified yet: what is held is one from before, and only its time is looked at.
        serves_until(&with_gloas(true), &layer, since).await;
    }
}

#[tokio::test]
async fn the_specifications_deadline_moves_the_presets_cut_off() {
    let layer = PolicyLayer { timing: Some(TimingPreset::Solo), ..PolicyLayer::default() };
    let attestation_due = AttestationDue { bps: 3_000, gloas_bps: 2_000 };
    let told = Network { attestation_due, ..Network::mainnet() };
    serves_until(&told, &layer, 1_800).await;
}

#[tokio::test]
async fn what_a_cluster_says_itself_and_what_holds_without_a_preset_stay_in_either_fork() {
    for network in [Network::mainnet(), with_gloas(true)] {
        serves_until(&network, &PolicyLayer::default(), 2_000).await;
        let said =
            PolicyLayer { cutoff_ms: Some(1_234), timing: Some(TimingPreset::Ssv), ..PolicyLayer::default() };
        serves_until(&network, &said, 1_234).await;
    }
}
