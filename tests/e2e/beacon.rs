//! With a beacon node: duties and heads start auctions before anybody asks, and tell what a bid must be like.

use e2e::{Folder, PATIENCE, Service, eth, eventually};
use headstart::clock::SYSTEM;
use headstart_devnet::{
    BeaconNode, Behaviour, BidFault, Chain, ChainConfig, Duty, HandBid, Market, Relay, RelayConfig, Validator,
};
use headstart_types::{AuctionKey, BlockHash, ForkName, Network, Outcome, Slot};

const SLOT_MS: u64 = 6_000;
/// The slot that our validator proposes: it begins some seconds after the test does.
const OURS: Slot = Slot(4);

/// A chain on which our validator proposes [`OURS`], told by a beacon node, and one relay on it.
struct Field {
    network: Network,
    chain: Chain,
    beacon_node: BeaconNode,
    relay: Relay,
    validator: Validator,
}

impl Field {
    /// `starts_in_ms` is when [`OURS`] begins, up to a second later because genesis is a whole second.
    async fn new(starts_in_ms: i64) -> Self {
        Folder::prepare();
        let before = i64::try_from(OURS.0 * SLOT_MS).expect("a few slots");
        let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, SYSTEM.now(), starts_in_ms - before);
        let validator = Validator::new(77);
        let mut config = ChainConfig::new(network.clone(), SYSTEM, 3);
        config.validators = vec![(validator.index, validator.pubkey)];
        let chain = Chain::new(config);
        let duty = Duty { slot: OURS, pubkey: validator.pubkey, validator_index: validator.index };
        chain.set_duties(network.epoch(OURS), vec![duty], None);
        let beacon_node = BeaconNode::spawn(chain.clone()).await.expect("a port is free");
        let market = Market::new(network.clone(), 3, 1);
        let relay = RelayConfig::new(chain.clone(), market, 1).with_behaviour(Behaviour::by_hand());
        let relay = Relay::spawn(relay).await.expect("a port is free");
        relay.set_bid_value(OURS, eth("0.05"));
        Self { network, chain, beacon_node, relay, validator }
    }

    async fn service(&self) -> Service {
        let setup = Service::on(&self.network).beacon_node(&self.beacon_node.url());
        let setup = setup.relay_with("one", &self.relay, "first_ms = -12000\nlast_ms = 3900");
        setup.cluster("alpha", &["one"], std::slice::from_ref(&self.validator.key)).start().await
    }

    fn key(&self, parent_hash: BlockHash) -> AuctionKey {
        AuctionKey { slot: OURS, parent_hash, proposer: self.validator.pubkey }
    }
}

async fn is_held(service: &Service, key: AuctionKey) {
    let held = async || service.store().auction(&key).is_some_and(|auction| !auction.offers().is_empty());
    eventually("a bid is held before anybody asks", held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_getheader_of_a_duty_is_a_hit() {
    let field = Field::new(8_000).await;
    let mut service = field.service().await;
    let head = field.chain.publish(OURS.previous());
    let key = field.key(head.block_hash);
    is_held(&service, key).await;
    assert!(SYSTEM.now() < field.network.slot_start(OURS) + 500, "and well in time");
    let warm = field.relay.has_seen(PATIENCE, |seen| seen.status_calls >= 2).await;
    assert!(warm, "the connection that the signed block will take is open before it is needed");

    let reply = service.header(&key).await;
    assert_eq!(reply.bid(ForkName::Fulu).message.value(), eth("0.05"));
    assert_eq!(service.next_outcome().await, Outcome::Hit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_head_starts_the_auction_again_on_the_new_parent() {
    let field = Field::new(8_000).await;
    let service = field.service().await;
    let early = field.chain.publish(OURS.previous());
    is_held(&service, field.key(early.block_hash)).await;
    let late = field.chain.reorg(OURS.previous(), 1);
    assert_ne!(early.block_hash, late.block_hash);
    is_held(&service, field.key(late.block_hash)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bid_that_is_not_what_the_beacon_node_announced_is_not_served() {
    for fault in [BidFault::WrongRandao, BidFault::WrongWithdrawals, BidFault::WrongBlockNumber] {
        let field = Field::new(2_000).await;
        field.relay.adjust(|behaviour| *behaviour = Behaviour::by_hand().with_bid_fault(fault));
        let service = field.service().await;
        let key = field.key(field.chain.publish(OURS.previous()).block_hash);
        // The service may hear of the head before it hears events: bids that came in between are withdrawn.
        eventually("nothing is served", async || {
            field.chain.announce(OURS);
            field.relay.seen().headers.total() >= 2 && service.header(&key).await.status == 204
        })
        .await;
        let asked = field.relay.seen().headers.total();
        assert!(field.relay.has_seen(PATIENCE, |seen| seen.headers.total() > asked + 1).await, "{fault:?}");
        assert_eq!(service.header(&key).await.status, 204, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_due_gets_nothing_and_costs_no_relay_call() {
    let field = Field::new(-500).await;
    field.relay.withdraw_bid(OURS);
    let other = Validator::new(78);
    let setup = Service::on(&field.network).beacon_node(&field.beacon_node.url());
    let setup = setup.relay("one", &field.relay).cluster("alpha", &["one"], std::slice::from_ref(&other.key));
    let mut service = setup.start().await;
    let key = AuctionKey { proposer: other.pubkey, ..field.key(BlockHash([9; 32].into())) };
    // Until the schedule is known, whoever asks is taken at their word.
    let mut outcome = Outcome::NoBid;
    eventually("the schedule is known", async || {
        service.header(&key).await;
        outcome = service.next_outcome().await;
        outcome == Outcome::NotTheProposer
    })
    .await;
    let calls = field.relay.seen().headers.total();
    assert_eq!(service.header(&key).await.status, 204);
    assert_eq!(service.next_outcome().await, Outcome::NotTheProposer);
    assert_eq!(field.relay.seen().headers.total(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_parents_do_not_keep_the_true_one_out() {
    let field = Field::new(1_000).await;
    let service = field.service().await;
    let head = field.chain.publish(OURS.previous());
    for byte in 100..140 {
        service.header(&field.key(BlockHash([byte; 32].into()))).await;
    }
    field.relay.set_bid(OURS, HandBid { value: eth("0.06"), block: 5 });
    is_held(&service, field.key(head.block_hash)).await;
    assert_eq!(service.header(&field.key(head.block_hash)).await.status, 200);
}
