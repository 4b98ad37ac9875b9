use e2e::{SLOT, auction, eth, eventually, network, relay_bidding, validator};
use futures_util::future::join_all;
use headstart_types::{AuctionKey, BlockHash, ForkName, Root, Wei};

use super::{ask, guarded};

const OPERATORS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn all_operators_of_a_cluster_get_the_same_header_although_better_bids_come() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let (service, mut tenants) = guarded(&network, std::slice::from_ref(&relay)).await;
    let proposer = validator(0);
    for (cluster, operators) in [("of-many", OPERATORS), ("of-one", 1)] {
        tenants.cluster(cluster, &["relay 1"], std::slice::from_ref(&proposer)).await;
        tenants.operators(cluster, operators).await;
    }
    let mut nodes = Vec::new();
    for number in 0..OPERATORS {
        nodes.push(tenants.beacon_node(&format!("node-{number}"), &["of-many"]).await);
    }
    let alone = tenants.beacon_node("alone", &["of-one"]).await;
    let key = auction(&proposer);
    let value = async |key: &AuctionKey, node| {
        service.client().call(&ask(key, node)).await.bid(ForkName::Fulu).message.value()
    };
    let first = join_all(nodes[..2].iter().map(|node| value(&key, node))).await;
    assert_eq!(first, [eth("0.03"); 2]);

    relay.set_bid_value(SLOT, eth("0.05"));
    eventually("the better bid is held", async || value(&key, &alone).await == eth("0.05")).await;
    let later: Vec<Wei> = join_all(nodes.iter().map(|node| value(&key, node))).await;
    assert!(later.iter().all(|value| *value == eth("0.03")), "{later:?}");

    let other_parent = AuctionKey { parent_hash: BlockHash(Root::repeat_byte(0x99)), ..key };
    assert_eq!(value(&other_parent, &nodes[0]).await, eth("0.05"), "another parent is another header");
    let next_round = async || value(&key, &nodes[0]).await == eth("0.05");
    eventually("a later round of consensus gets the better bid", next_round).await;
    let again: Vec<Wei> = join_all(nodes.iter().map(|node| value(&key, node))).await;
    assert!(again.iter().all(|value| *value == eth("0.05")), "{again:?}");
}
