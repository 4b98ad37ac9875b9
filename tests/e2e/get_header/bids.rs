use std::collections::HashSet;

use e2e::{
    PARENT, PATIENCE, SLOT, Service, auction, eth, eventually, network, relay, relay_bidding, validator,
    validators,
};
use headstart_devnet::HandBid;
use headstart_types::{AuctionKey, BlockHash, Encoding, ForkName, Outcome, Root};

use super::ASKED_ONCE;

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_asks_the_relays_and_serves_the_best_bid() {
    let network = network(ForkName::Fulu);
    let low = relay_bidding(&network, 1, eth("0.01")).await;
    let high = relay_bidding(&network, 2, eth("0.02")).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay("low", &low).relay("high", &high);
    let mut service = setup.cluster("alpha", &["low", "high"], &validators).start().await;

    let bid = service.header(&auction(&validators[0])).await.bid(ForkName::Fulu);

    assert_eq!(bid.message.value(), eth("0.02"));
    assert_eq!(bid.message.pubkey(), high.public_key());
    assert_eq!(service.next_outcome().await, Outcome::Miss);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_is_served_from_memory_although_the_relay_is_gone() {
    for fork in ForkName::ALL {
        let network = network(fork);
        let relay = relay_bidding(&network, 1, eth("0.03")).await;
        let validators = validators(1);
        let setup = Service::on(&network).relay_with("one", &relay, ASKED_ONCE);
        let mut service = setup.cluster("alpha", &["one"], &validators).start().await;
        let key = auction(&validators[0]);
        let missed = service.header(&key).await.bid(fork);
        assert_eq!(service.next_outcome().await, Outcome::Miss);
        assert_eq!(relay.seen().headers.total(), 1);
        relay.stop().await;

        for encoding in [Encoding::Ssz, Encoding::Json] {
            let reply = service.header_accepting(&key, encoding.content_type()).await;
            assert_eq!(reply.encoding(), encoding);
            assert_eq!(reply.bid(fork), missed, "{fork}");
            assert_eq!(service.next_outcome().await, Outcome::Hit);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bids_on_one_parent_are_never_served_on_another() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay_with("one", &relay, ASKED_ONCE);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    let key = auction(&validators[0]);
    assert_eq!(service.header(&key).await.bid(ForkName::Fulu).message.header().parent_hash(), PARENT);
    relay.withdraw_bid(SLOT);

    let other = AuctionKey { parent_hash: BlockHash(Root::repeat_byte(0x99)), ..key };
    assert_eq!(service.header(&other).await.status, 204);
    assert_eq!(service.header(&key).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minimum_bid_is_inclusive() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.05")).await;
    let [exact, above] = [validator(0), validator(1)];
    let exactly = "cutoff_ms = 3900\nmin_bid_eth = \"0.05\"";
    let one_wei_more = "cutoff_ms = 3900\nmin_bid_eth = \"0.050000000000000001\"";
    let mut service = Service::on(&network)
        .relay("one", &relay)
        .cluster_with("exact", &["one"], std::slice::from_ref(&exact), exactly)
        .cluster_with("above", &["one"], std::slice::from_ref(&above), one_wei_more)
        .start()
        .await;

    assert_eq!(service.header(&auction(&exact)).await.bid(ForkName::Fulu).message.value(), eth("0.05"));
    assert_eq!(service.next_outcome().await, Outcome::Miss);
    assert_eq!(service.header(&auction(&above)).await.status, 204);
    assert_eq!(service.next_outcome().await, Outcome::BelowMinBid);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_values_go_to_the_lower_block_hash() {
    let network = network(ForkName::Fulu);
    let relays = [relay(&network, 1).await, relay(&network, 2).await, relay(&network, 3).await];
    for (relay, block) in relays.iter().zip(71..) {
        relay.set_bid(SLOT, HandBid { value: eth("0.04"), block });
    }
    let validators = validators(1);
    let mut setup = Service::on(&network);
    for (name, relay) in ["one", "two", "three"].iter().zip(&relays) {
        setup = setup.relay_with(name, relay, ASKED_ONCE);
    }
    let service = setup.cluster("alpha", &["one", "two", "three"], &validators).start().await;
    let key = auction(&validators[0]);
    service.header(&key).await;
    let stored = || async {
        service.store().auction(&key).is_some_and(|auction| auction.offers().bids().len() == relays.len())
    };
    eventually("all three bids are held", stored).await;

    let served = service.header(&key).await.bid(ForkName::Fulu).message.header().block_hash();

    let offered = relays.iter().map(|relay| relay.seen().headers.last().expect("it was asked").bid);
    let hashes: HashSet<BlockHash> = offered.map(|bid| bid.expect("it bid").0).collect();
    assert_eq!(hashes.len(), relays.len());
    assert_eq!(Some(served), hashes.into_iter().min());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relays_of_another_cluster_are_never_used() {
    let network = network(ForkName::Fulu);
    let ours = relay_bidding(&network, 1, eth("0.01")).await;
    let theirs = relay_bidding(&network, 2, eth("5")).await;
    let [alice, bob] = [validator(0), validator(1)];
    let service = Service::on(&network)
        .relay("ours", &ours)
        .relay("theirs", &theirs)
        .cluster("alpha", &["ours"], std::slice::from_ref(&alice))
        .cluster("beta", &["theirs"], std::slice::from_ref(&bob))
        .start()
        .await;

    for _ in 0..3 {
        let value = async |key| service.header(&key).await.bid(ForkName::Fulu).message.value();
        assert_eq!(value(auction(&alice)).await, eth("0.01"));
        assert_eq!(value(auction(&bob)).await, eth("5"));
    }
    assert!(ours.seen().headers.iter().all(|call| call.proposer == alice.public_key()));
    assert!(theirs.seen().headers.iter().all(|call| call.proposer == bob.public_key()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relays_newest_bid_counts_and_its_silence_erases_nothing() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let validators = validators(1);
    let setup = Service::on(&network).relay("one", &relay);
    let service = setup.cluster("alpha", &["one"], &validators).start().await;
    let key = auction(&validators[0]);
    let served = async || service.header(&key).await.bid(ForkName::Fulu).message.value();
    assert_eq!(served().await, eth("0.03"));

    relay.set_bid_value(SLOT, eth("0.05"));
    eventually("the higher bid is served", async || served().await == eth("0.05")).await;
    relay.set_bid_value(SLOT, eth("0.01"));
    eventually("the lower bid is served", async || served().await == eth("0.01")).await;

    relay.withdraw_bid(SLOT);
    assert_has_refused_three_times(&relay).await;
    assert_eq!(served().await, eth("0.01"), "204 says nothing about the bid before");
}

async fn assert_has_refused_three_times(relay: &headstart_devnet::Relay) {
    let without_bid =
        |seen: &headstart_devnet::Seen| seen.headers.iter().rev().filter(|call| call.status == 204).count();
    let before = without_bid(&relay.seen());
    assert!(relay.has_seen(PATIENCE, |seen| without_bid(seen) >= before + 3).await);
}
