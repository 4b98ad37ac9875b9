use std::time::Duration;

use headstart::clock::SYSTEM;
use headstart_devnet::{Behaviour, HandBid, HeaderFault, Relay, RelayConfig, WireFault};
use headstart_relay::HeaderAnswer;
use headstart_types::{AuctionKey, BlsPublicKey, ForkName, Network, Slot, Wei};
use rand::rngs::StdRng;
use rand::seq::index;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;

pub(crate) const SLOT_MS: u64 = 3_000;
/// No header is served later in its slot.
pub(crate) const CUTOFF_MS: i64 = 1_900;
const RELAYS: usize = 120;
const CLUSTERS: usize = 128;
const VALIDATORS_EACH: usize = 4;
/// Slots that relays have bids for.
const SLOTS: u64 = 900;
/// Whoever asks a relay directly waits no longer.
const PATIENCE_MS: u64 = 950;
const PATIENCE: Duration = Duration::from_millis(PATIENCE_MS);
const KEY_SEED: u64 = 0x6d69_7373;

/// Relays of all kinds, and clusters that trust a few of them each.
pub(crate) struct Field {
    pub(crate) network: Network,
    pub(crate) relays: Vec<FieldRelay>,
    pub(crate) clusters: Vec<FieldCluster>,
}

pub(crate) struct FieldRelay {
    pub(crate) relay: Relay,
    /// Asks it without headstart.
    client: headstart_relay::Relay,
    pub(crate) latency_ms: u64,
    bids: bool,
}

pub(crate) struct FieldCluster {
    /// Indices into the relays.
    pub(crate) relays: Vec<usize>,
    pub(crate) validators: Vec<BlsPublicKey>,
}

impl Field {
    pub(crate) async fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, SYSTEM.now(), -20_000);
        let mut relays = Vec::new();
        for number in 0..RELAYS as u64 {
            relays.push(relay(&network, number, &mut rng).await);
        }
        let clusters = (0..CLUSTERS)
            .map(|cluster| FieldCluster {
                relays: {
                    let trusted = rng.random_range(2..=6);
                    index::sample(&mut rng, RELAYS, trusted).into_vec()
                },
                validators: (0..VALIDATORS_EACH)
                    .map(|validator| {
                        headstart_devnet::key(KEY_SEED, (cluster * VALIDATORS_EACH + validator) as u64)
                            .public_key()
                    })
                    .collect(),
            })
            .collect();
        Self { network, relays, clusters }
    }

    /// The cluster and the key of a validator; numbers go round.
    pub(crate) fn validator(&self, number: usize) -> (usize, BlsPublicKey) {
        let cluster = number % CLUSTERS;
        (cluster, self.clusters[cluster].validators[number / CLUSTERS % VALIDATORS_EACH])
    }

    /// The fastest of the cluster's relays that have bids.
    pub(crate) fn fastest(&self, cluster: usize) -> Option<&FieldRelay> {
        let relays = self.clusters[cluster].relays.iter().map(|relay| &self.relays[*relay]);
        relays.filter(|relay| relay.bids).min_by_key(|relay| relay.latency_ms)
    }

    pub(crate) fn about(&self) -> String {
        let with_bids = self.relays.iter().filter(|relay| relay.bids).count();
        format!("{CLUSTERS} clusters with 2 to 6 of {RELAYS} relays, of which {with_bids} have bids")
    }
}

impl FieldRelay {
    /// How long a client of its own waits for the relay's bid, in microseconds; `None` when it gets none.
    pub(crate) async fn answers_in_us(&self, key: AuctionKey) -> Option<u64> {
        let asked = Instant::now();
        let answer = self.client.header(&key, ForkName::Fulu, PATIENCE_MS, asked + PATIENCE).await;
        let took_us = u64::try_from(asked.elapsed().as_micros()).ok()?;
        matches!(answer, HeaderAnswer::Bid(_)).then_some(took_us)
    }
}

async fn relay(network: &Network, number: u64, rng: &mut StdRng) -> FieldRelay {
    let latency_ms = rng.random_range(5..=400);
    let wire = |fault| HeaderFault::Wire(fault);
    let status =
        |code| WireFault::Status { code, body: "{\"code\":500,\"message\":\"out of order\"}".to_owned() };
    let header = match rng.random_range(0..100) {
        0..8 => wire(WireFault::Withhold),
        8..12 => wire(WireFault::Reset),
        12..16 => wire(status(500)),
        16..20 => wire(status(400)),
        20..24 => wire(WireFault::RateLimited { retry_after_s: 5 }),
        24..30 => HeaderFault::NoBid204,
        _ => HeaderFault::None,
    };
    let bids = header == HeaderFault::None;
    let behaviour = Behaviour { latency_ms, header, ..Behaviour::by_hand() };
    let relay =
        Relay::spawn(RelayConfig::by_hand(network, SYSTEM, number).with_behaviour(behaviour)).await.unwrap();
    let client = headstart_relay::Config::new(relay.url().parse().unwrap());
    let client = headstart_relay::Relay::new(client, SYSTEM).unwrap();
    let first = network.slot_at(SYSTEM.now()).0;
    for slot in first..first + SLOTS {
        let value = Wei::new(rng.random_range(1_000_000_000_000_000..90_000_000_000_000_000));
        relay.set_bid(Slot(slot), HandBid { value, block: number << 32 | slot });
    }
    FieldRelay { relay, client, latency_ms, bids }
}
