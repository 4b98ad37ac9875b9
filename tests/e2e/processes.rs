//! Several processes on one PostgreSQL: each takes registrations, and one of them tells the relays.

use std::collections::BTreeMap;

use e2e::{
    PATIENCE, PostgresDatabase, Process, Service, eventually, network, register_request, registration, relay,
    validators,
};
use headstart_auction::DeliveryState;
use headstart_devnet::Relay;
use headstart_registry::{Deliveries, Registry};
use headstart_types::{BlsPublicKey, Encoding, ForkName, Network, SecretKey};

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

async fn register(process: &Process, network: &Network, validator: &SecretKey) {
    let request = register_request(Encoding::Ssz, &[registration(network, validator, 60)]);
    let reply = process.client().call(&request).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_told_once_whichever_process_accepts_and_also_after_one_was_killed() {
    let database = tokio::task::spawn_blocking(PostgresDatabase::create).await.expect("it is made");
    let network = network(ForkName::Fulu);
    let relay = relay(&network, 1).await;
    let validators = validators(8);
    let setup = Service::on(&network).registry(&database.url()).relay("one", &relay);
    let setup = setup.cluster("alpha", &["one"], &validators);
    // The first one finds nobody who tells, and so it does.
    let mut processes =
        [Process::start(&setup).await, Process::start(&setup).await, Process::start(&setup).await];
    let noted = Deliveries::open(&Registry::connect(&database.url()).expect("it is a URL"));
    // Whoever takes over goes by what is on record, which what was told is a moment after it was told.
    let told_of = async |count: usize| {
        let is_noted = |validator: &SecretKey| {
            noted
                .of_validator(&validator.public_key())
                .iter()
                .any(|told| told.state != DeliveryState::Pending)
        };
        eventually("the relay is told of all, and that is on record", async || {
            told(&relay).len() == count && validators[..count].iter().all(is_noted)
        })
        .await;
    };

    for (validator, process) in validators[..6].iter().zip([0, 1, 2, 0, 1, 2]) {
        register(&processes[process], &network, validator).await;
    }
    told_of(6).await;

    // Without a word: somebody else finds out that it tells no more.
    processes[0].kill().await;
    register(&processes[1], &network, &validators[6]).await;
    told_of(7).await;
    // In good order: whoever is left takes over at once, if it was the one.
    assert!(processes[1].terminate().await, "it ends in good order");
    register(&processes[2], &network, &validators[7]).await;
    told_of(8).await;

    assert!(told(&relay).values().all(|times| *times == 1), "{:?}", told(&relay));
    let more = relay.has_seen(PATIENCE / 20, |seen| seen.registrations_received > 8);
    assert!(!more.await, "nobody is told twice");
}
