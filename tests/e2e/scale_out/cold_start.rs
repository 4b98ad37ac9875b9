use std::sync::Arc;

use e2e::{
    Folder, Postgres, PostgresDatabase, Process, RedisServer, Request, Service, auction, eth, eventually,
    header_request, network_starting_in, policy, relay_bidding, validator,
};
use headstart::clock::SYSTEM;
use headstart_registry::{Actor, ClaimLevel, ClaimRow, QuotaRow, Registry};
use headstart_types::{ForkName, SecretKey};

const FORK: ForkName = ForkName::Fulu;
/// It may be asked at once.
const RELAY: &str = "first_ms = -60000\nlast_ms = 3900";

/// A cluster that only the database knows.
async fn add_cluster(database: &PostgresDatabase, proposer: &SecretKey) {
    let (registry, actor, now) =
        (Registry::connect(&database.url()).expect("it is a URL"), Actor::cli("root"), SYSTEM.now());
    let (policy, quotas) = (policy(&["one"]), QuotaRow::default());
    registry.migrate().await.expect("the database is there");
    registry.add_cluster(&actor, now, "alpha", &policy, &quotas).await.expect("it is new");
    let claim = ClaimRow::new(proposer.public_key(), ClaimLevel::Proven, now).expect("a public key");
    registry.add_claims(&actor, now, "alpha", &[claim], u32::MAX).await.expect("it can be claimed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_while_redis_and_postgresql_are_gone_serves_from_its_snapshot() {
    let server = || PostgresDatabase::create_on(Arc::new(Postgres::start()));
    let database = tokio::task::spawn_blocking(server).await.expect("it starts");
    let (redis, proposer) = (RedisServer::start(), validator(0));
    add_cluster(&database, &proposer).await;
    let network = network_starting_in(FORK, 60_000, 40_000);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let setup = Service::on(&network).registry(&database.url()).relay_with("one", &relay, RELAY);
    let setup = setup.redis_with(&redis.url(), "mode = \"optional\"");
    let folder = Folder::default();

    let mut before = Process::start_in(&setup, folder.clone()).await;
    let snapshot = folder.path().join("headstart-directory.json");
    eventually("the directory is beside the configuration", async || snapshot.exists()).await;
    assert!(before.terminate().await, "it ends in good order");
    database.server.stop();
    redis.kill();
    let process = Process::start_in(&setup, folder).await;

    eventually("it is ready", async || process.admin().call(&Request::get("/readyz")).await.status == 200)
        .await;
    let told = process.admin().call(&Request::get("/readyz")).await.text();
    assert!(told.contains("\"degraded\""), "it says what is missing: {told}");
    let reply = process.client().call(&header_request(&auction(&proposer))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.bid(FORK).message.value(), eth("0.03"));
}
