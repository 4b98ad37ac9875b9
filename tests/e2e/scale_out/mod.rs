//! Several processes, joined by Redis and PostgreSQL alone, and what becomes of headers and blocks while parts die.

mod blocks;
mod cold_start;
mod field;
mod hits;
mod leftovers;
mod one_header;
mod redis_faults;
mod rolling;
mod takeover;
mod two_releases;

use e2e::{
    Credential, PostgresDatabase, RedisServer, SLOT, Service, Setup, Tenants, eth, network_starting_in,
    policy, relay, validator,
};
use headstart_devnet::{Behaviour, HandBid, Relay};
use headstart_types::{ForkName, Network, SecretKey};

/// A slot may be asked for in the whole slot before it: however slowly processes start, there is time left.
const SLOT_MS: u64 = 600_000;
const STARTS_IN_MS: i64 = 400_000;
/// Auctions begin when they are hinted, and relays may be asked at once.
const AUCTIONS: &str = "[fetcher]\nlead_ms = 600000";
const RELAY: &str = "first_ms = -600000\nlast_ms = 3900";
const RELAYS: [&str; 2] = ["one", "two"];

/// What several processes have in common: servers, relays, and one cluster with its validator.
struct World {
    network: Network,
    redis: RedisServer,
    database: PostgresDatabase,
    relays: Vec<Relay>,
    proposer: SecretKey,
}

impl World {
    /// Two relays offer the same block for the slot of the tests, which may be asked for now and for minutes.
    async fn new() -> Self {
        // The servers first: while they start, no slot comes nearer.
        let (redis, database) = (RedisServer::start(), PostgresDatabase::create());
        let network = network_starting_in(ForkName::Fulu, SLOT_MS, STARTS_IN_MS);
        let mut relays = Vec::new();
        for number in 1..=2 {
            let relay = relay(&network, number).await;
            relay.behave(Behaviour::by_hand());
            relay.set_bid(SLOT, HandBid { value: eth("0.03"), block: 1 });
            relays.push(relay);
        }
        Self { network, redis, database, relays, proposer: validator(0) }
    }

    /// A process to be, with these roles.
    fn setup(&self, roles: &[&str]) -> Setup {
        self.setup_with(roles, "")
    }

    /// The same with further keys of the section that names the server.
    fn setup_with(&self, roles: &[&str], redis: &str) -> Setup {
        let setup = self.setup_of_nobody(roles, redis);
        setup.cluster("alpha", &RELAYS, std::slice::from_ref(&self.proposer))
    }

    /// The same without a cluster in its file.
    fn setup_of_nobody(&self, roles: &[&str], redis: &str) -> Setup {
        let setup = Service::on(&self.network).roles(roles).redis_with(&self.redis.url(), redis);
        let setup = setup.registry(&self.database.url()).section(AUCTIONS);
        self.relays
            .iter()
            .zip(RELAYS)
            .fold(setup, |setup, (relay, name)| setup.relay_with(name, relay, RELAY))
    }

    /// The cluster in the database instead, for processes yet to start: what its operators' beacon nodes show.
    async fn operators<const COUNT: usize>(&self) -> [Credential; COUNT] {
        let mut tenants = Tenants::to_come(&self.database).await;
        tenants.cluster_with("alpha", &policy(&RELAYS), std::slice::from_ref(&self.proposer)).await;
        tenants.operators("alpha", COUNT).await;
        let mut credentials = Vec::new();
        for number in 0..COUNT {
            credentials.push(tenants.beacon_node(&format!("node-{number}"), &["alpha"]).await);
        }
        credentials.try_into().expect("one for each")
    }
}
