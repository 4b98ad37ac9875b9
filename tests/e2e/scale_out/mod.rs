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

use e2e::{PostgresDatabase, RedisServer, SLOT, Service, Setup, eth, network, relay, validator};
use headstart_devnet::{Behaviour, HandBid, Relay};
use headstart_types::{ForkName, Network, SecretKey};

/// What several processes have in common: servers, relays, and one cluster with its validator.
struct World {
    network: Network,
    redis: RedisServer,
    database: PostgresDatabase,
    relays: Vec<Relay>,
    proposer: SecretKey,
}

impl World {
    /// Two relays offer the same block for the slot of the tests, which is about to begin.
    async fn new() -> Self {
        let network = network(ForkName::Fulu);
        let mut relays = Vec::new();
        for number in 1..=2 {
            let relay = relay(&network, number).await;
            relay.behave(Behaviour::by_hand());
            relay.set_bid(SLOT, HandBid { value: eth("0.03"), block: 1 });
            relays.push(relay);
        }
        let (redis, database) = (RedisServer::start(), PostgresDatabase::create());
        Self { network, redis, database, relays, proposer: validator(0) }
    }

    /// A process to be, with these roles.
    fn setup(&self, roles: &[&str]) -> Setup {
        self.setup_with(roles, "")
    }

    /// The same with further keys of the section that names the server.
    fn setup_with(&self, roles: &[&str], redis: &str) -> Setup {
        let setup = Service::on(&self.network).roles(roles).redis_with(&self.redis.url(), redis);
        let setup = setup.registry(&self.database.url());
        let setup = self
            .relays
            .iter()
            .zip(["one", "two"])
            .fold(setup, |setup, (relay, name)| setup.relay(name, relay));
        setup.cluster("alpha", &["one", "two"], std::slice::from_ref(&self.proposer))
    }
}
