use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use headstart_devnet::{
    BeaconClient, BeaconNode, Chain, ChainConfig, Cluster, Market, Proposer, Recording, SignedBids,
};
use headstart_types::{AttestationDue, AuctionKey, ForkName, Network, SLOT_BPS, Slot, UnixMillis};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use super::baseline::{self, Shelf};
use super::cast::RelaySet;
use super::field::Field;
use super::group::Group;
use super::lateness::Lateness;
use super::options::{Options, SLOT_MS};
use super::sample::{Answer, Sample, Strategy};
use super::service::{Service, Setting};
use crate::clock;

const BUILDERS: u64 = 12;
const VALIDATORS: usize = 4;
/// Before genesis, for services to start and to find their beacon node.
const SET_UP_MS: i64 = 4_000;
/// The block of a slot becomes the head so long after the last getHeader.
const HEAD_AFTER_MS: i64 = 1_000;
/// By then nobody asks relays for the slot any more, and nobody asks them for the next one yet.
const QUIET_AT_MS: i64 = 3_300;
/// What relays bid from so long before the moment of asking until so long after it is signed ahead.
const SIGNED_AHEAD_MS: i64 = 120;
/// The sidecar is asked once headstart has answered, but no later than this, so that neither disturbs the other.
const APART: Duration = Duration::from_millis(5);

/// One seed with one relay set.
pub(super) struct Plan {
    pub(super) set: RelaySet,
    pub(super) seed: u64,
    /// Which of those that play side by side; their slots begin at different moments.
    pub(super) player: usize,
    pub(super) options: Options,
    pub(super) recording: Option<Arc<Recording>>,
    pub(super) lateness: Arc<Lateness>,
}

/// Everything that is played with: one chain, one market, and for each strategy relays of its own. The strategies that
/// ask at fixed moments ask once for all offsets; the others have relays, and headstart has a service, for each offset.
pub(super) struct World {
    plan: Plan,
    chain: Chain,
    field: Field,
    prefetch: Arc<Group>,
    poll: Arc<Group>,
    asks: Vec<Ask>,
    /// Dropping it ends it.
    _beacon_node: BeaconNode,
}

/// What is asked at one offset.
struct Ask {
    offset_ms: i64,
    sidecar: Arc<Group>,
    headstart: Group,
    service: Service,
}

/// What was served at one offset, before calls are counted.
struct Served {
    strategy: Strategy,
    asked_at: UnixMillis,
    answer: Answer,
}

impl World {
    pub(super) async fn start(plan: Plan) -> anyhow::Result<Self> {
        let network = network(&plan);
        let cluster = Cluster::new("bench", BeaconClient::Lighthouse, 5_000, VALIDATORS);
        let chain = Chain::new(ChainConfig {
            validators: cluster.identities().collect(),
            ours_per_mille: 1000,
            ..ChainConfig::new(network.clone(), clock::SYSTEM, plan.seed)
        });
        let market = Market::new(network.clone(), plan.seed, BUILDERS).restless().in_real_time();
        let market = match &plan.recording {
            Some(recording) => market.replaying(Arc::clone(recording)),
            None => market,
        };
        let field = Field { market, network, relays: plan.set.cast() };
        let beacon_node = BeaconNode::spawn(chain.clone()).await.context("start a simulated beacon node")?;
        let proposer = Proposer::new(chain.clone());
        // Simulated relays share the cores with what is measured: what one has signed none of its likes signs again.
        let signed: Vec<_> = field.relays.iter().map(|_| SignedBids::default()).collect();
        let group = || Group::spawn(&chain, &field.market, &field.relays, &signed);
        let (prefetch, poll) = (Arc::new(group().await?), Arc::new(group().await?));
        let mut asks = Vec::new();
        for offset_ms in plan.options.moments() {
            let (sidecar, headstart) = (Arc::new(group().await?), group().await?);
            let setting = Setting {
                network: &field.network,
                beacon_node: &beacon_node,
                proposer: &proposer,
                cluster: &cluster,
                cast: &field.relays,
                expected_ask_ms: if plan.options.learn { None } else { i32::try_from(offset_ms).ok() },
            };
            let service = Service::start(setting, &headstart).await?;
            asks.push(Ask { offset_ms, sidecar, headstart, service });
        }
        Ok(Self { plan, chain, field, prefetch, poll, asks, _beacon_node: beacon_node })
    }

    /// Plays all slots, and ends the services.
    pub(super) async fn play(self) -> Vec<Sample> {
        let mut samples = Vec::new();
        let last = self.plan.options.warm_up + self.plan.options.slots;
        self.until(Slot(0), QUIET_AT_MS).await;
        self.chain.announce(Slot(1));
        for slot in (1..=last).map(Slot) {
            let played = self.play_slot(slot).await;
            if slot.0 > self.plan.options.warm_up {
                samples.extend(played);
            }
        }
        join_all(self.asks.into_iter().map(|ask| ask.service.stop())).await;
        samples
    }

    async fn play_slot(&self, slot: Slot) -> Vec<Sample> {
        let (parent_hash, proposer) = (self.chain.head().block_hash, self.chain.duty(slot).pubkey);
        let key = AuctionKey { slot, parent_hash, proposer };
        let start = self.field.network.slot_start(slot);
        self.sign_ahead(key).await;
        let (fetched, polled) = (Shelf::default(), Shelf::default());
        let late = || Arc::clone(&self.plan.lateness);
        let prefetching =
            baseline::prefetch(Arc::clone(&self.prefetch), key, start, Arc::clone(&fetched), late());
        let polling = baseline::poll(Arc::clone(&self.poll), key, start, Arc::clone(&polled), late());
        // Those who ask ahead of time are tasks of their own; they end before the slot does.
        let ahead = [tokio::spawn(prefetching), tokio::spawn(polling)];
        let served = join_all(self.asks.iter().map(|ask| self.ask(ask, key, [&fetched, &polled]))).await;
        let head_at_ms = self.asks.last().map_or(0, |ask| ask.offset_ms).max(0) + HEAD_AFTER_MS;
        self.until(slot, head_at_ms).await;
        self.chain.publish(slot);
        self.until(slot, QUIET_AT_MS).await;
        join_all(ahead).await;
        let served = self.asks.iter().zip(served);
        served.flat_map(|(ask, served)| served.map(|served| self.sample(ask, key, served))).collect()
    }

    /// Has relays sign what they will bid when headers are about to be asked for: they share the cores with what is
    /// measured then, which they do not in earnest.
    async fn sign_ahead(&self, key: AuctionKey) {
        let (start, group) = (self.field.network.slot_start(key.slot), Arc::clone(&self.poll));
        let offsets_ms: Vec<_> = self.asks.iter().map(|ask| ask.offset_ms).collect();
        let signing = tokio::task::spawn_blocking(move || {
            for (offset_ms, relay) in
                offsets_ms.iter().flat_map(|at| group.relays.iter().map(move |relay| (at, relay)))
            {
                let at = start + *offset_ms;
                relay.sign_ahead(&key, at - SIGNED_AHEAD_MS, at + SIGNED_AHEAD_MS);
            }
        });
        // What is not signed ahead is signed when it is asked for.
        let _ = signing.await;
    }

    /// Asks all four strategies at one offset, give or take the jitter.
    async fn ask(&self, ask: &Ask, key: AuctionKey, shelves: [&Shelf; 2]) -> [Served; 4] {
        let jitter_ms = self.jitter_ms(key.slot, ask.offset_ms);
        let moment = self.field.network.slot_start(key.slot) + ask.offset_ms + jitter_ms;
        self.plan.lateness.sleep_until(moment).await;
        let now = clock::SYSTEM.now();
        let [fetched, polled] = shelves.map(baseline::from_shelf);
        let (answered, answers) = tokio::sync::oneshot::channel();
        let headstart = async {
            let asked = ask.service.ask(key).await;
            // The sidecar may have stopped waiting for this.
            let _ = answered.send(());
            ask.service.propose(key, asked).await
        };
        let sidecar = async {
            tokio::select! {
                _ = answers => {}
                () = sleep(APART) => {}
            }
            (clock::SYSTEM.now(), baseline::sidecar(&ask.sidecar, key).await)
        };
        let (headstart, sidecar) = tokio::join!(headstart, sidecar);
        let served = |strategy, (asked_at, answer)| Served { strategy, asked_at, answer };
        [
            served(Strategy::Sidecar, sidecar),
            served(Strategy::PrefetchOnce, (now, fetched)),
            served(Strategy::Poll, (now, polled)),
            served(Strategy::Headstart, headstart),
        ]
    }

    fn sample(&self, ask: &Ask, key: AuctionKey, served: Served) -> Sample {
        let Served { strategy, asked_at, answer } = served;
        let group = match strategy {
            Strategy::Sidecar => &ask.sidecar,
            Strategy::PrefetchOnce => &self.prefetch,
            Strategy::Poll => &self.poll,
            Strategy::Headstart => &ask.headstart,
        };
        Sample {
            set: self.plan.set,
            strategy,
            offset_ms: ask.offset_ms,
            seed: self.plan.seed,
            slot: key.slot,
            answer,
            reachable: self.field.reachable(key.slot, asked_at),
            delivered: self.field.delivered(key.slot, asked_at),
            fetched: group.fetched(key.slot, asked_at),
            in_books: self.field.in_books(key.slot, asked_at),
            calls: group.calls(&self.field.network, key.slot),
        }
    }

    /// Uniform, and the same for the same seed, slot and offset.
    fn jitter_ms(&self, slot: Slot, offset_ms: i64) -> i64 {
        let most = i64::from(self.plan.options.jitter_ms);
        let fact = self.plan.seed ^ slot.0.rotate_left(24) ^ offset_ms.cast_unsigned().rotate_left(44);
        StdRng::seed_from_u64(fact).random_range(-most..=most)
    }

    async fn until(&self, slot: Slot, offset_ms: i64) {
        let wait = clock::SYSTEM.now().until(self.field.network.slot_start(slot) + offset_ms);
        sleep(wait).await;
    }
}

/// A network that begins as soon as everything can be set up. Those who play side by side have their slots begin at
/// evenly spread moments, so that their busiest times fall apart.
fn network(plan: &Plan) -> Network {
    let now = clock::SYSTEM.now() + SET_UP_MS;
    let (slot_ms, players) = (SLOT_MS.cast_signed(), plan.options.concurrent.max(1) as u64);
    let phase_ms = (SLOT_MS * plan.player as u64 / players).cast_signed();
    let wait_ms = (phase_ms - now.0).rem_euclid(slot_ms);
    // Genesis is a whole second: the next at or after that moment.
    let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, now, wait_ms);
    // Attestations are due four seconds into the slot, as on mainnet: a block before that is not late.
    let attestation_due = AttestationDue { bps: 4_000 * SLOT_BPS / SLOT_MS, ..network.attestation_due };
    Network { attestation_due, ..network }
}
