use std::collections::BTreeMap;

use bytes::Bytes;
use headstart_types::{BlockHash, Epoch, ForkName, Network, Root, Slot};
use http::HeaderMap;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::chain::{ChainConfig, Duty};
use crate::cluster::Validator;
use crate::http_client::{Answered, Endpoint, HttpClient};
use crate::testing::{PATIENCE, begun, clock};

struct Scene {
    network: Network,
    chain: Chain,
    node: BeaconNode,
    http: HttpClient,
}

impl Scene {
    async fn new() -> Self {
        let network = begun(ForkName::Fulu, 12_000);
        let chain = Chain::new(ChainConfig::new(network.clone(), clock(), 1));
        let node = BeaconNode::spawn(chain.clone()).await.unwrap();
        Self { network, chain, node, http: HttpClient::new() }
    }

    async fn call(&self, path: &str) -> Answered {
        let endpoint = Endpoint::new(&self.node.url()).unwrap();
        self.http.call(&endpoint, Method::GET, path, HeaderMap::new(), Bytes::new(), PATIENCE).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.call(path).await.body).unwrap()
    }

    async fn subscribe(&self, topics: &str) -> Subscription {
        let mut stream = TcpStream::connect(self.node.addr()).await.unwrap();
        let request = format!(
            "GET /eth/v1/events?topics={topics} HTTP/1.1\r\nHost: devnet\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut subscription = Subscription(BufReader::new(stream).lines());
        subscription.line_with(": subscribed").await.unwrap();
        subscription
    }
}

/// An event stream as it comes over the wire.
struct Subscription(Lines<BufReader<TcpStream>>);

impl Subscription {
    async fn line_with(&mut self, start: &str) -> Option<String> {
        while let Some(line) = timeout(PATIENCE, self.0.next_line()).await.unwrap().unwrap() {
            if line.starts_with(start) {
                return Some(line);
            }
        }
        None
    }

    async fn next(&mut self) -> Option<(String, Value)> {
        let topic = self.line_with("event: ").await?["event: ".len()..].to_owned();
        let data = self.line_with("data: ").await?;
        Some((topic, serde_json::from_str(&data["data: ".len()..]).unwrap()))
    }
}

#[tokio::test]
async fn genesis_and_spec_describe_the_network() {
    for fork in ForkName::ALL {
        let network = begun(fork, 700);
        let chain = Chain::new(ChainConfig::new(network.clone(), clock(), 1));
        let node = BeaconNode::spawn(chain.clone()).await.unwrap();
        let scene = Scene { network, chain, node, http: HttpClient::new() };
        let genesis = scene.get("/eth/v1/beacon/genesis").await["data"].clone();
        let time = genesis["genesis_time"].as_str().unwrap().parse().unwrap();
        let root: Root = genesis["genesis_validators_root"].as_str().unwrap().parse().unwrap();
        let spec: BTreeMap<String, Value> =
            serde_json::from_value(scene.get("/eth/v1/config/spec").await["data"].clone()).unwrap();
        assert_eq!(Network::from_spec("devnet", &spec, time, root), Ok(scene.network));
    }
}

#[tokio::test]
async fn a_new_head_is_told_with_the_payload_attributes_of_the_next_slot() {
    let scene = Scene::new().await;
    let mut events = scene.subscribe("head,payload_attributes").await;
    let block = scene.chain.publish(Slot(3));
    let (topic, head) = events.next().await.unwrap();
    assert_eq!((topic.as_str(), &head["slot"], &head["block"]), ("head", &json!("3"), &json!(block.root)));
    let (topic, attributes) = events.next().await.unwrap();
    assert_eq!((topic.as_str(), &attributes["version"]), ("payload_attributes", &json!("fulu")));
    let data = &attributes["data"];
    assert_eq!((&data["proposal_slot"], &data["parent_block_hash"]), (&json!("4"), &json!(block.block_hash)));
    assert_eq!(data["parent_block_number"], json!(block.block_number.to_string()));
    assert_eq!(data["proposer_index"], json!(scene.chain.duty(Slot(4)).validator_index));
    let inner = &data["payload_attributes"];
    assert_eq!(inner["timestamp"], json!(scene.network.payload_timestamp(Slot(4)).to_string()));
    assert_eq!(inner["withdrawals"].as_array().unwrap().len(), 16);
}

#[tokio::test]
async fn a_reorg_is_told_before_the_new_head() {
    let scene = Scene::new().await;
    for slot in 1..4 {
        scene.chain.publish(Slot(slot));
    }
    let (old_head, ancestor) = (scene.chain.head(), scene.chain.canonical_at(Slot(1)).unwrap());
    let mut events = scene.subscribe("chain_reorg,head").await;
    let new_head = scene.chain.reorg(Slot(4), 2);
    let (mut topic, mut reorg) = events.next().await.unwrap();
    // A stream may still be told of what happened just before it was opened.
    while topic == "head" && reorg["block"] != json!(new_head.root) {
        (topic, reorg) = events.next().await.unwrap();
    }
    assert_eq!((topic.as_str(), &reorg["depth"]), ("chain_reorg", &json!("2")));
    assert_eq!(
        (&reorg["old_head_block"], &reorg["new_head_block"]),
        (&json!(old_head.root), &json!(new_head.root))
    );
    assert_eq!(events.next().await.unwrap().1["block"], json!(new_head.root));
    assert_eq!((new_head.parent_root, new_head.block_number), (ancestor.root, ancestor.block_number + 1));
}

#[tokio::test]
async fn a_node_may_tell_of_the_head_first_and_announce_nothing() {
    let scene = Scene::new().await;
    scene.chain.publish(Slot(1));
    scene.node.tell_heads_before_reorgs();
    scene.node.announce_nothing();
    let mut events = scene.subscribe("chain_reorg,head,payload_attributes").await;
    let new_head = scene.chain.reorg(Slot(2), 1);
    let (mut topic, mut head) = events.next().await.unwrap();
    // A stream may still be told of what happened just before it was opened.
    while topic != "head" || head["block"] != json!(new_head.root) {
        (topic, head) = events.next().await.unwrap();
    }
    let (topic, reorg) = events.next().await.unwrap();
    assert_eq!((topic.as_str(), &reorg["new_head_block"]), ("chain_reorg", &json!(new_head.root)));
    scene.chain.publish(Slot(3));
    assert_eq!(events.next().await.unwrap().0, "head", "and nothing was announced");
}

#[tokio::test]
async fn blocks_are_found_by_root_slot_and_head() {
    let scene = Scene::new().await;
    let hash = BlockHash(Root::repeat_byte(9));
    let block = scene.chain.publish_block(Slot(2), hash);
    for id in [block.root.to_string(), "2".to_owned(), "head".to_owned()] {
        let found = scene.get(&format!("/eth/v2/beacon/blocks/{id}")).await;
        assert_eq!(found["data"]["message"]["body"]["execution_payload"]["block_hash"], json!(hash), "{id}");
        let blinded = scene.get(&format!("/eth/v1/beacon/blinded_blocks/{id}")).await;
        let header = &blinded["data"]["message"]["body"]["execution_payload_header"];
        assert_eq!(header["block_hash"], json!(hash), "{id}");
    }
    assert_eq!(scene.get("/eth/v1/beacon/headers/head").await["data"]["root"], json!(block.root));
    assert_eq!(scene.call("/eth/v2/beacon/blocks/1").await.status, 404);
    assert_eq!(scene.call("/eth/v2/beacon/blocks/0xzz").await.status, 400);
}

#[tokio::test]
async fn duties_come_in_both_versions_and_can_be_set() {
    let scene = Scene::new().await;
    for version in ["v1", "v2"] {
        let duties = scene.get(&format!("/eth/{version}/validator/duties/proposer/1")).await;
        assert_eq!(duties["data"].as_array().unwrap().len(), 32);
        assert_eq!(duties["data"][5]["pubkey"], json!(scene.chain.duty(Slot(37)).pubkey));
    }
    let validator = Validator::new(4);
    let duty = Duty { slot: Slot(33), validator_index: validator.index, pubkey: validator.pubkey };
    scene.chain.set_duties(Epoch(1), vec![duty], Some(Root::repeat_byte(1)));
    let duties = scene.get("/eth/v2/validator/duties/proposer/1").await;
    assert_eq!(duties["dependent_root"], json!(Root::repeat_byte(1)));
    assert_eq!(
        (&duties["data"][1]["pubkey"], &duties["data"][1]["validator_index"]),
        (&json!(validator.pubkey), &json!("4"))
    );
    assert_eq!(scene.call("/eth/v1/validator/duties/proposer/9").await.status, 400, "too far ahead");
    scene.node.behave(BeaconBehaviour::WithoutDutiesV2);
    assert_eq!(scene.call("/eth/v2/validator/duties/proposer/1").await.status, 404);
}

#[tokio::test]
async fn duties_depend_on_the_block_before_the_epoch_or_the_one_before_that() {
    let scene = Scene::new().await;
    let roots: BTreeMap<u64, Root> =
        [20, 31, 40, 63, 64].map(|slot| (slot, scene.chain.publish(Slot(slot)).root)).into();
    let dependent = async |version: &str| {
        scene.get(&format!("/eth/{version}/validator/duties/proposer/2")).await["dependent_root"].clone()
    };
    assert_eq!(dependent("v1").await, json!(roots[&63]));
    assert_eq!(dependent("v2").await, json!(roots[&31]));
}

#[tokio::test]
async fn a_node_can_be_behind_silent_or_unavailable() {
    let scene = Scene::new().await;
    assert_eq!(scene.get("/eth/v1/node/syncing").await["data"]["is_syncing"], json!(false));
    scene.node.behave(BeaconBehaviour::Syncing);
    assert_eq!(scene.get("/eth/v1/node/syncing").await["data"]["is_syncing"], json!(true));
    assert_eq!(scene.call("/eth/v1/node/health").await.status, 206);
    let mut events = scene.subscribe("head").await;
    scene.node.behave(BeaconBehaviour::Unavailable);
    assert_eq!(events.next().await, None, "the stream has ended");
    assert_eq!(scene.call("/eth/v1/node/version").await.status, 503);
    scene.node.behave(BeaconBehaviour::Healthy);
    assert_eq!(scene.call("/eth/v1/node/version").await.status, 200);
    assert_eq!(scene.call("/eth/v1/events?topics=nonsense").await.status, 400);
}

#[tokio::test]
async fn nodes_of_one_chain_hear_of_it_each_in_its_own_time() {
    let scene = Scene::new().await;
    let slow = BeaconNode::spawn(scene.chain.clone()).await.unwrap();
    let genesis = scene.chain.head();
    slow.cut_off();
    let block = scene.chain.publish(Slot(1));
    assert_eq!((scene.node.head(), slow.head()), (block, genesis));
    slow.join_again();
    assert_eq!(slow.head(), block);

    let mut events = scene.subscribe("head").await;
    scene.node.hear_after(std::time::Duration::from_millis(300));
    let later = scene.chain.publish(Slot(2));
    assert_eq!((scene.node.head(), slow.head()), (block, later));
    while events.next().await.unwrap().1["block"] != json!(later.root) {}
    assert_eq!(scene.node.head(), later);
}
