use std::time::Duration;

use e2e::{SLOT, Service, auction, eth, network, relay, relay_bidding, validator, validators};
use headstart_devnet::Relay;
use headstart_types::{
    AuctionKey, BlockHash, Epoch, Fork, ForkName, ForkSchedule, Network, Outcome, Root, Slot,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_a_204_that_asks_no_relay() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay("one", &relay);
    let mut service = setup.cluster("alpha", &["one"], &validators).start().await;
    let key = auction(&validators[0]);
    for (key, outcome) in [
        (auction(&validator(9)), Outcome::UnknownValidator),
        (AuctionKey { slot: SLOT.previous(), ..key }, Outcome::TooLate),
        (AuctionKey { slot: Slot(0), ..key }, Outcome::TooLate),
        (AuctionKey { slot: SLOT.next(), ..key }, Outcome::TooEarly),
        (AuctionKey { slot: Slot(u64::MAX), ..key }, Outcome::TooEarly),
    ] {
        let reply = service.header(&key).await;
        assert_eq!((reply.status, reply.body.len()), (204, 0), "{outcome}");
        assert_eq!(service.next_outcome().await, outcome);
    }
    assert_eq!(relay.seen().headers.total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_of_an_unknown_fork_is_a_204() {
    let network = network(ForkName::Fulu);
    let gloas = Fork { name: "gloas".to_owned(), epoch: network.epoch(SLOT), version: [9, 0, 0, 0] };
    let forks = network.schedule.forks().iter().filter(|fork| fork.epoch == Epoch(0)).cloned().chain([gloas]);
    let schedule = ForkSchedule::new(network.schedule.genesis_version(), forks.collect(), vec![]);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let validators = validators(1);
    let setup = Service::on(&Network { schedule, ..network }).relay("one", &relay);
    let mut service = setup.cluster("alpha", &["one"], &validators).start().await;

    assert_eq!(service.header(&auction(&validators[0])).await.status, 204);
    assert_eq!(service.next_outcome().await, Outcome::UnknownFork);
    assert_eq!(relay.seen().headers.total(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_nobody_bids_on_is_a_fast_204() {
    let network = network(ForkName::Fulu);
    let relays = [relay(&network, 1).await, relay(&network, 2).await];
    let validators = validators(3);
    let setup = Service::on(&network).relay("one", &relays[0]).relay("two", &relays[1]);
    let mut service = setup.cluster("alpha", &["one", "two"], &validators).start().await;
    let parent_hash = BlockHash(Root::repeat_byte(0x99));
    let mut took = Vec::new();

    for validator in &validators {
        let reply = service.header(&AuctionKey { parent_hash, ..auction(validator) }).await;
        assert_eq!(reply.status, 204);
        assert_eq!(service.next_outcome().await, Outcome::NoBid);
        took.push(reply.took);
    }

    let least = took.iter().min().expect("there are three");
    assert!(*least < Duration::from_millis(700), "no relay is left to wait for, but it took {took:?}");
    let asked = relays.iter().map(Relay::seen);
    assert!(
        asked
            .flat_map(|seen| seen.headers.iter().map(|call| call.parent_hash).collect::<Vec<_>>())
            .all(|parent| parent == parent_hash)
    );
}
