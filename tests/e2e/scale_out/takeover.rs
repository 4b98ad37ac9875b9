use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use e2e::{
    PARENT, PostgresDatabase, Process, RedisServer, SLOT, Service, Setup, eth, eventually, header_request,
    relay,
};
use headstart::clock::SYSTEM;
use headstart_auction::Hint;
use headstart_bid_store::{BidStore, Heard, Notice, RedisConfig, SharedHint};
use headstart_devnet::Relay;
use headstart_types::{AuctionKey, ForkName, Network, SecretKey, Slot, UnixMillis};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio_util::task::AbortOnDropHandle;

const SLOT_MS: u64 = 2_000;
/// One auction in every slot for each of them.
const CLUSTERS: u64 = 16;
/// Auctions whose fetcher is killed.
const KILLED: usize = 200;
/// What a beacon node waits for a header.
const TIMELY: Duration = Duration::from_millis(950);

/// Clusters that hint every slot, two fetchers, and a process that answers beacon nodes.
struct Field {
    network: Network,
    redis: RedisServer,
    database: PostgresDatabase,
    relay: Relay,
    proposers: Vec<SecretKey>,
}

/// Who leads which auction, since when.
type Leads = Arc<Mutex<Vec<(Instant, String, AuctionKey)>>>;

impl Field {
    async fn new() -> Self {
        let network = e2e::network_starting_in(ForkName::Fulu, SLOT_MS, 6_000);
        let relay = relay(&network, 1).await;
        for slot in 0..300 {
            relay.set_bid_value(Slot(SLOT.0 + slot), eth("0.03"));
        }
        let proposers = (0..CLUSTERS).map(e2e::validator).collect();
        Self { network, redis: RedisServer::start(), database: PostgresDatabase::create(), relay, proposers }
    }

    fn setup(&self, roles: &[&str]) -> Setup {
        let setup =
            Service::on(&self.network).roles(roles).redis(&self.redis.url()).registry(&self.database.url());
        let setup = setup.section("[fetcher]\nlead_ms = 1000");
        let setup = setup.relay_with("one", &self.relay, "first_ms = -1000\nlast_ms = 1200");
        self.proposers.iter().zip(0..).fold(setup, |setup, (proposer, number)| {
            let name = format!("cluster-{number}");
            setup.cluster_with(&name, &["one"], std::slice::from_ref(proposer), "cutoff_ms = 1200")
        })
    }

    fn keys(&self, slot: Slot) -> Vec<AuctionKey> {
        let key =
            |proposer: &SecretKey| AuctionKey { slot, parent_hash: PARENT, proposer: proposer.public_key() };
        self.proposers.iter().map(key).collect()
    }

    async fn hint(&self, store: &BidStore, slot: Slot) {
        for (key, number) in self.keys(slot).into_iter().zip(0..) {
            let AuctionKey { slot, parent_hash, proposer } = key;
            let parent_hash = Some(parent_hash);
            let hint = Hint { slot, proposer, parent_hash, dependent_root: None, expected_ask_ms: None };
            let hint = SharedHint { cluster: format!("cluster-{number}").into(), hint };
            eventually("the hint is on its way", async || store.put_hint(hint.clone()).await).await;
        }
    }
}

fn follow(store: &BidStore) -> (Leads, AbortOnDropHandle<()>) {
    let (leads, mut feed) = (Leads::default(), store.listen());
    let kept = Arc::clone(&leads);
    let following = tokio::spawn(async move {
        while let Some(heard) = feed.next().await {
            if let Heard::Notice(from, Notice::Leading(key)) = heard {
                let mut leads = kept.lock().unwrap_or_else(PoisonError::into_inner);
                leads.push((Instant::now(), from.to_string(), key));
            }
        }
    });
    (leads, AbortOnDropHandle::new(following))
}

/// The last that took the lead of each auction of the slot.
fn leaders(leads: &Leads, slot: Slot) -> HashMap<AuctionKey, String> {
    let leads = leads.lock().unwrap_or_else(PoisonError::into_inner);
    leads.iter().filter(|(_, _, key)| key.slot == slot).map(|(_, who, key)| (*key, who.clone())).collect()
}

async fn until(moment: UnixMillis) {
    tokio::time::sleep(SYSTEM.now().until(moment)).await;
}

/// Every operator of the slot asks now: how many of them got a header in time.
async fn ask_all(door: &Process, keys: &[AuctionKey]) -> usize {
    let asks = keys.iter().map(async |key| door.client().call(&header_request(key)).await);
    let replies = futures_util::future::join_all(asks).await;
    replies.iter().filter(|reply| reply.status == 200 && reply.took < TIMELY).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetcher_that_is_killed_in_the_middle_of_its_auctions_is_replaced_and_every_header_is_in_time() {
    let field = Field::new().await;
    let (door, first, second) = tokio::join!(
        async { Process::start(&field.setup(&["builder-api"])).await },
        async { Process::start(&field.setup(&["fetcher"])).await },
        async { Process::start(&field.setup(&["fetcher"])).await },
    );
    let config = RedisConfig { deadline: Duration::from_secs(1), ..RedisConfig::new(field.redis.url()) };
    let store = BidStore::redis(&config, &field.network).expect("it is a URL");
    let (leads, _following) = follow(&store);
    let mut fetchers = [first, second];
    let mut random = SmallRng::seed_from_u64(11);
    let (mut killed, mut takeovers, mut asked, mut served) = (0, Vec::new(), 0, 0);
    let mut slot = field.network.slot_at(SYSTEM.now() + 1_500).next().max(SLOT);
    while killed < KILLED {
        let start = field.network.slot_start(slot);
        field.hint(&store, slot).await;
        until(start + random.random_range(-900..=150)).await;

        let led = leaders(&leads, slot);
        let victim = fetchers.iter().position(|fetcher| led.values().any(|leader| *leader == fetcher.name()));
        let Some(victim) = victim else { panic!("nobody leads in slot {slot}") };
        let name = fetchers[victim].name();
        fetchers[victim].kill().await;
        let died = Instant::now();
        let orphans: Vec<_> =
            led.iter().filter(|(_, leader)| **leader == name).map(|(key, _)| *key).collect();

        until(start + 200).await;
        let keys = field.keys(slot);
        (asked, served) = (asked + keys.len(), served + ask_all(&door, &keys).await);
        eventually("every auction has been taken over", async || {
            let now = leaders(&leads, slot);
            orphans.iter().all(|key| now[key] != name)
        })
        .await;
        let taken = leads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        takeovers.extend(orphans.iter().filter_map(|orphan| {
            let taken = taken.iter().find(|(at, who, key)| key == orphan && *who != name && *at > died);
            taken.map(|(at, ..)| *at - died)
        }));
        killed += orphans.len();
        fetchers[victim] = Process::start(&field.setup(&["fetcher"])).await;
        slot = field.network.slot_at(SYSTEM.now() + 1_500).next();
    }
    takeovers.sort();
    let at = |percent: usize| takeovers[(takeovers.len() * percent / 100).min(takeovers.len() - 1)];
    let misses = door.log().iter().filter(|told| told["outcome"] == "miss").count();
    println!(
        "{killed} auctions lost their fetcher; taken over within {:?} (median), {:?} (99 %), {:?} (all); {misses} misses",
        at(50),
        at(99),
        at(100)
    );
    assert!(takeovers.len() >= killed * 9 / 10, "{} of {killed}", takeovers.len());
    // All of them, where the machine is not busy with something else.
    assert!(served * 20 >= asked * 19, "{served} of {asked} headers were there in time");
}
