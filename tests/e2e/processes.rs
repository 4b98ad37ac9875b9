//! Several processes on one PostgreSQL: each takes registrations, and one of them tells the relays.

use std::collections::BTreeMap;

use e2e::{PATIENCE, PostgresDatabase, Service, eventually, network, registration, relay, validators};
use headstart_devnet::Relay;
use headstart_types::{BlsPublicKey, Encoding, ForkName, SecretKey};

/// How often the relay was told of each validator.
fn told(relay: &Relay) -> BTreeMap<BlsPublicKey, usize> {
    let mut told = BTreeMap::new();
    for call in relay.seen().registrations.iter() {
        for registration in &call.first {
            *told.entry(registration.message.pubkey).or_default() += 1;
        }
    }
    told
}

async fn register(service: &Service, network: &headstart_types::Network, validator: &SecretKey) {
    let reply = service.register(Encoding::Ssz, &[registration(network, validator, 60)]).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_told_once_whichever_process_accepts_and_also_after_one_was_killed() {
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    let validators = validators(8);
    let database = tokio::task::spawn_blocking(PostgresDatabase::create).await.unwrap();
    let setup = Service::on(&network).registry(&database.url()).relay("one", &relay);
    let setup = setup.cluster("alpha", &["one"], &validators);
    let mut processes = [setup.start().await, setup.start().await, setup.start().await].map(Some);
    let told_of = async |count: usize| {
        eventually("the relay is told of all", async || told(&relay).len() == count).await;
    };

    for (validator, process) in validators[..6].iter().zip([0, 1, 2, 0, 1, 2]) {
        register(processes[process].as_ref().unwrap(), &network, validator).await;
    }
    told_of(6).await;

    // Without a word: somebody else finds out that it tells no more, if it was the one.
    processes[0] = None;
    register(processes[1].as_ref().unwrap(), &network, &validators[6]).await;
    told_of(7).await;
    // In good order: whoever is left takes over at once.
    processes[1].take().unwrap().stop().await;
    register(processes[2].as_ref().unwrap(), &network, &validators[7]).await;
    told_of(8).await;

    assert!(told(&relay).values().all(|times| *times == 1), "{:?}", told(&relay));
    let more = relay.has_seen(PATIENCE / 20, |seen| seen.registrations_received > 8);
    assert!(!more.await, "nobody is told twice");
}
