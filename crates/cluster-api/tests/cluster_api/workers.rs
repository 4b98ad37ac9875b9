//! One recorded stream, played to a service with one worker and to one with many.

use headstart_auction::Hint;
use headstart_cluster_api::client::ClusterClient;
use headstart_registry::QuotaRow;
use headstart_types::{BlsSignature, SignedValidatorRegistration, Slot};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;

use crate::hints::RawStream as HintStream;
use crate::registrations::RawStream as RegistrationStream;
use crate::world::{Setup, World, parent, pubkey};

const CLUSTERS: u32 = 50;
const ITEMS: usize = 10_000;
const VALIDATORS: u32 = 8;
/// Hints sent ahead of their answers.
const AHEAD: u64 = 4;

#[derive(Clone, Debug)]
enum Item {
    /// With the number that is awaited, or so many beyond it.
    Hint(u64, Hint),
    Register(Vec<SignedValidatorRegistration>),
    Remove(u32),
}

fn cluster(number: u32) -> String {
    format!("cluster-{number}")
}

/// What one cluster sends: mostly good, and some of everything that is not.
fn recorded(world: &World, number: u32, first_slot: Slot) -> Vec<Item> {
    let mut random = SmallRng::seed_from_u64(number.into());
    let all = number * VALIDATORS..(number + 1) * VALIDATORS;
    let mut items = vec![Item::Register(all.map(|validator| world.registration(validator, 100)).collect())];
    while items.len() < ITEMS / CLUSTERS as usize {
        let validator = number * VALIDATORS + random.random_range(0..VALIDATORS);
        items.push(match random.random_range(0..200) {
            0..=9 => Item::Register(registrations(world, number, &mut random)),
            10 => Item::Remove(validator),
            _ => {
                let beyond = u64::from(random.random_bool(0.05));
                let ahead = random.random_range(0_u32..24);
                let slot = Slot(first_slot.0 + u64::from(ahead));
                // A slot has one proposer; now and then an operator is mistaken.
                let proposer = if random.random_bool(0.9) {
                    number * VALIDATORS + ahead % VALIDATORS
                } else {
                    validator
                };
                let parent_hash = random.random_bool(0.1).then(|| parent(random.random_range(0..4)));
                let hint = Hint { slot, proposer: pubkey(proposer), parent_hash, ..world.hint(0, 1) };
                Item::Hint(beyond, hint)
            }
        });
    }
    items
}

fn registrations(world: &World, number: u32, random: &mut SmallRng) -> Vec<SignedValidatorRegistration> {
    let one = |random: &mut SmallRng| {
        let validator = number * VALIDATORS + random.random_range(0..VALIDATORS);
        world.registration(validator, random.random_range(0..500))
    };
    let mut body: Vec<_> = (0..random.random_range(1..4)).map(|_| one(random)).collect();
    if random.random_bool(0.1) {
        body[0].signature = BlsSignature::default();
    }
    body
}

/// Plays one cluster's items in their order, and tells every answer.
async fn play(client: ClusterClient, items: Vec<Item>) -> Vec<String> {
    let mut hints = HintStream::open(&client).await.unwrap();
    hints.resume().await;
    let mut registrations = RegistrationStream::open(&client).await;
    let (mut told, mut applied, mut flying) = (Vec::new(), 0, 0);
    for item in items {
        // What goes over another stream must not overtake, nor be overtaken.
        let may_fly = if matches!(item, Item::Hint(..)) { AHEAD } else { 0 };
        while flying > may_fly {
            let ack = hints.ack().await;
            applied = ack.applied_seq;
            told.push(format!("{ack:?}"));
            flying -= 1;
        }
        match item {
            Item::Hint(beyond, hint) => {
                hints.send(applied + flying + 1 + beyond, &hint).await;
                flying += 1;
            }
            Item::Register(body) => {
                registrations.send(&body).await;
                told.push(format!("{:?}", registrations.next().await.unwrap()));
            }
            Item::Remove(validator) => {
                let removed = client.remove(&[pubkey(validator)]).await.unwrap();
                told.push(format!("{removed} removed"));
            }
        }
    }
    for _ in 0..flying {
        told.push(format!("{:?}", hints.ack().await));
    }
    told
}

/// Everything that every cluster was told, and what each has in the end.
async fn outcome(workers: usize, items: &[Vec<Item>]) -> Vec<(Vec<String>, String)> {
    let quotas = QuotaRow {
        hints_per_s: Some(1_000_000),
        signature_checks_per_s: Some(1_000_000),
        ..QuotaRow::default()
    };
    let clusters = (0..CLUSTERS).map(cluster).collect();
    let world = World::with(Setup { clusters, quotas, workers, ..Setup::default() }).await;
    let mut playing = JoinSet::new();
    for (number, items) in (0..).zip(items) {
        let (client, items) = (world.client(&cluster(number), "one"), items.clone());
        playing.spawn(async move { (number, play(client, items).await) });
    }
    let mut told: Vec<_> = playing.join_all().await;
    told.sort_unstable();
    let mut outcome = Vec::new();
    for (number, told) in told {
        let client = world.client(&cluster(number), "one");
        let numbers = HintStream::open(&client).await.unwrap().resume().await;
        outcome.push((told, format!("{numbers} {:?}", client.list().await.unwrap())));
    }
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_worker_and_many_end_in_the_same_state() {
    let world = World::new().await;
    let first_slot = Slot(world.current_slot().0 + 20);
    let items: Vec<_> = (0..CLUSTERS).map(|number| recorded(&world, number, first_slot)).collect();
    let (one, many) = (outcome(1, &items).await, outcome(32, &items).await);
    for (number, (one, many)) in one.iter().zip(&many).enumerate() {
        assert_eq!(one, many, "cluster {number}");
    }
    let applied =
        one.iter().flat_map(|(told, _)| told).filter(|told| told.contains("verdict: Applied")).count();
    assert!(applied > ITEMS / 3, "{applied} hints were applied");
}
