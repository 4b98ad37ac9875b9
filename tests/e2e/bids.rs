//! One relay for every way in which a bid can be wrong, all of them offering more than the honest one.

use e2e::{PATIENCE, SLOT, Service, eth, eventually, network_starting_in, validator};
use headstart::clock::SYSTEM;
use headstart_devnet::{
    BeaconNode, Behaviour, BidFault, Chain, ChainConfig, Duty, Market, Relay, RelayConfig,
};
use headstart_types::{AuctionKey, ForkName, Network, SecretKey, ValidatorIndex, Wei};

/// Time enough to start everything; the auction of [`SLOT`] begins at once, armed by the beacon node alone.
const STARTS_IN_MS: i64 = 8_000;
const AUCTIONS: &str = "[fetcher]\nlead_ms = 12000";

#[tokio::test(flavor = "multi_thread")]
async fn the_second_best_bid_is_served_when_the_best_is_wrong_in_capella() {
    assert_the_honest_bid_is_served(ForkName::Capella).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_best_bid_is_served_when_the_best_is_wrong_in_deneb() {
    assert_the_honest_bid_is_served(ForkName::Deneb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_best_bid_is_served_when_the_best_is_wrong_in_electra() {
    assert_the_honest_bid_is_served(ForkName::Electra).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_best_bid_is_served_when_the_best_is_wrong_in_fulu() {
    assert_the_honest_bid_is_served(ForkName::Fulu).await;
}

async fn assert_the_honest_bid_is_served(fork: ForkName) {
    let network = network_starting_in(fork, 12_000, STARTS_IN_MS);
    let alice = validator(0);
    let chain = chain_with_duty(&network, &alice);
    let beacon_node = BeaconNode::spawn(chain.clone()).await.expect("a port is free");
    let honest = relay(&chain, 1, Behaviour::by_hand(), eth("0.01")).await;
    let mut faulty = Vec::new();
    for (fault, number) in faults(fork).zip(2..) {
        let behaviour = Behaviour::by_hand().with_bid_fault(fault);
        faulty.push((fault, relay(&chain, number, behaviour, eth(&format!("0.{number}"))).await));
    }
    let service = service(&network, &beacon_node, &honest, &faulty, &alice).await;
    let auction = |parent_hash| AuctionKey { slot: SLOT, parent_hash, proposer: alice.public_key() };
    let first = auction(chain.head().block_hash);
    eventually("the beacon node is followed", async || service.store().auction(&first).is_some()).await;

    let key = auction(chain.publish(SLOT.previous()).block_hash);

    for (fault, relay) in &faulty {
        // No more than two asks are under way at a time, so the first of three has been judged.
        let judged = relay.has_seen(PATIENCE, |seen| {
            seen.headers
                .iter()
                .filter(|call| call.parent_hash == key.parent_hash && call.bid.is_some())
                .count()
                >= 3
        });
        assert!(judged.await, "{fork}: {fault:?} was asked for its bid");
    }
    let served = service.header(&key).await.bid(fork).message;
    let by = faulty.iter().find(|(_, relay)| relay.public_key() == served.pubkey()).map(|(fault, _)| fault);
    assert_eq!((served.value(), by), (eth("0.01"), None), "{fork}");
    assert_eq!(served.pubkey(), honest.public_key(), "{fork}");
}

/// Every fault that a bid of `fork` can have.
fn faults(fork: ForkName) -> impl Iterator<Item = BidFault> {
    let has_blobs = fork != ForkName::Capella;
    BidFault::ALL.into_iter().filter(move |fault| has_blobs || *fault != BidFault::TooManyBlobs)
}

fn chain_with_duty(network: &Network, proposer: &SecretKey) -> Chain {
    let validator_index = ValidatorIndex(7);
    let mut config = ChainConfig::new(network.clone(), SYSTEM, 5);
    config.validators = vec![(validator_index, proposer.public_key())];
    let chain = Chain::new(config);
    let duty = Duty { slot: SLOT, validator_index, pubkey: proposer.public_key() };
    chain.set_duties(network.epoch(SLOT), vec![duty], None);
    chain
}

async fn relay(chain: &Chain, number: u64, behaviour: Behaviour, value: Wei) -> Relay {
    let market = Market::new(chain.network().clone(), 5, 1);
    let config = RelayConfig::new(chain.clone(), market, number).with_behaviour(behaviour);
    let relay = Relay::spawn(config).await.expect("a port is free");
    relay.set_bid_value(SLOT, value);
    relay
}

/// One cluster with all the relays.
async fn service(
    network: &Network,
    beacon_node: &BeaconNode,
    honest: &Relay,
    faulty: &[(BidFault, Relay)],
    proposer: &SecretKey,
) -> Service {
    let mut setup = Service::on(network).beacon_node(&beacon_node.url()).section(AUCTIONS);
    setup = setup.relay("honest", honest);
    let mut names = vec!["honest".to_owned()];
    for (fault, relay) in faulty {
        let name = format!("{fault:?}");
        setup = setup.relay(&name, relay);
        names.push(name);
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    setup.cluster("alpha", &names, std::slice::from_ref(proposer)).start().await
}
