//! Heads that come late, are replaced or left out, and beacon nodes that do not agree: whoever asks gets a bid on exactly
//! the parent that it builds on, or 204.

mod boundaries;
mod duties;
mod late;
mod lost;
mod order;
mod rearm;
mod replaced;
mod several_nodes;

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::{PATIENCE, Reply, Service, Setup, eth, eventually, header_request};
use headstart::clock::SYSTEM;
use headstart_devnet::{
    BeaconNode, Behaviour, Chain, ChainBlock, ChainConfig, Duty, Market, Relay, RelayConfig, Validator,
};
use headstart_types::{
    ACCEPT_SSZ_THEN_JSON, AuctionKey, BlockHash, ForkName, Network, Outcome, Slot, TIMEOUT_MS,
};

const SLOT_MS: u64 = 6_000;
/// Blocks of a slot are late from here on.
const DUE_MS: i64 = 2_000;
/// Time enough to start everything before the block of the slot before [`Field::ours`] is due, of which the head's slot
/// has begun.
const STARTS_IN_MS: i64 = 11_000;

/// A chain on which our validator proposes one slot, told by two beacon nodes, and one relay on it.
struct Field {
    ours: Slot,
    network: Network,
    chain: Chain,
    /// The first is the service's first.
    nodes: [BeaconNode; 2],
    relay: Relay,
    validator: Validator,
}

impl Field {
    async fn new() -> Self {
        Self::with_ours(Slot(5)).await
    }

    /// `ours` begins in [`STARTS_IN_MS`], up to a second later because genesis is a whole second. The chain's head is the
    /// block two slots before.
    async fn with_ours(ours: Slot) -> Self {
        let before = i64::try_from(ours.0 * SLOT_MS).expect("a few slots");
        let network = headstart_devnet::network(ForkName::Fulu, SLOT_MS, SYSTEM.now(), STARTS_IN_MS - before);
        let validator = Validator::new(77);
        let mut config = ChainConfig::new(network.clone(), SYSTEM, 3);
        config.validators = vec![(validator.index, validator.pubkey)];
        let chain = Chain::new(config);
        let duty = Duty { slot: ours, pubkey: validator.pubkey, validator_index: validator.index };
        chain.set_duties(network.epoch(ours), vec![duty], None);
        for slot in [3, 2] {
            chain.publish(Slot(ours.0 - slot));
        }
        let nodes = [Self::node(&chain).await, Self::node(&chain).await];
        let relay = RelayConfig::new(chain.clone(), Market::new(network.clone(), 3, 1), 1);
        let relay = Relay::spawn(relay.with_behaviour(Behaviour::by_hand())).await.expect("a port is free");
        relay.set_bid_value(ours, eth("0.05"));
        Self { ours, network, chain, nodes, relay, validator }
    }

    async fn node(chain: &Chain) -> BeaconNode {
        BeaconNode::spawn(chain.clone()).await.expect("a port is free")
    }

    /// Follows so many of the nodes.
    fn setup(&self, nodes: usize, relay_keys: &str) -> Setup {
        let follow = |setup: Setup, node: &BeaconNode| setup.beacon_node(&node.url());
        let setup = self.nodes.iter().take(nodes).fold(Service::on(&self.network), follow);
        setup.relay_with("one", &self.relay, relay_keys).cluster(
            "alpha",
            &["one"],
            std::slice::from_ref(&self.validator.key),
        )
    }

    /// Follows so many of the nodes, and asks its relay whenever it wants to.
    async fn service(&self, nodes: usize) -> Service {
        self.setup(nodes, "first_ms = -12000\nlast_ms = 3900").start().await
    }

    /// Until so many milliseconds after the start of our slot: when things happen is what these tests are about.
    async fn at(&self, ms: i64) {
        let moment = self.network.slot_start(self.ours) + ms;
        tokio::time::sleep(SYSTEM.now().until(moment)).await;
    }

    /// The block of the slot before ours becomes the head so many milliseconds into its slot.
    async fn head_comes(&self, into_its_slot_ms: i64) -> ChainBlock {
        self.at(into_its_slot_ms - i64::try_from(SLOT_MS).expect("a few seconds")).await;
        self.chain.publish(self.ours.previous())
    }

    fn key(&self, parent_hash: BlockHash) -> AuctionKey {
        AuctionKey { slot: self.ours, parent_hash, proposer: self.validator.pubkey }
    }

    async fn is_held(&self, service: &Service, parent: ChainBlock) {
        let held = async || {
            let auction = service.store().auction(&self.key(parent.block_hash));
            auction.is_some_and(|auction| !auction.offers().is_empty())
        };
        eventually("a bid on this parent is held before anybody asks", held).await;
    }

    /// Asks as a beacon node does that builds on `parent`, and holds the answer against it.
    async fn ask(&self, service: &Service, parent: BlockHash) -> Reply {
        let request = header_request(&self.key(parent)).header("Accept", ACCEPT_SSZ_THEN_JSON);
        let reply = service.client().call(&request.header(TIMEOUT_MS, "700")).await;
        assert!(reply.took < Duration::from_secs(1), "{:?}", reply.took);
        match reply.status {
            200 => {
                let bid = reply.bid(ForkName::Fulu).message;
                assert_eq!(bid.header().parent_hash(), parent, "the bid is on the very parent");
                let attributes = self.chain.attributes(self.ours, parent);
                assert_eq!(bid.header().prev_randao(), attributes.prev_randao);
            }
            status => assert_eq!(status, 204),
        }
        reply
    }

    /// Whoever builds on one of these has a bid waiting, each its own, and nobody else gets one of them.
    async fn each_is_a_hit(&self, service: &mut Service, parents: &[ChainBlock]) {
        let mut blocks = BTreeSet::new();
        for parent in parents {
            let reply = self.ask(service, parent.block_hash).await;
            assert_eq!(service.next_outcome().await, Outcome::Hit, "on the block of slot {}", parent.slot);
            blocks.insert(reply.bid(ForkName::Fulu).message.header().block_hash());
        }
        assert_eq!(blocks.len(), parents.len(), "every parent has a block of its own");
        self.relay.withdraw_bid(self.ours);
        let stranger = self.ask(service, BlockHash([0xee; 32].into())).await;
        assert_eq!(stranger.status, 204, "on another parent");
    }

    /// The parents on which the relay was asked for our slot.
    fn asked_parents(&self) -> BTreeSet<BlockHash> {
        self.relay.seen().headers_of(self.ours).map(|call| call.parent_hash).collect()
    }
}
