use headstart_types::{ForkName, Network, Slot, Wei};

use super::*;
use crate::chain::{Chain, ChainConfig};
use crate::http_client::Endpoint;
use crate::market::Market;
use crate::relay::{Behaviour, Encodings, Relay, RelayConfig, SubmitFault, WireFault};
use crate::testing::{PATIENCE, begun, clock};

const VALUE: Wei = Wei::new(7_600_000_000_000_000);

/// A cluster that proposes in every slot, straight through one relay.
struct Scene {
    network: Network,
    chain: Chain,
    relay: Relay,
    endpoint: Endpoint,
    cluster: Cluster,
    proposer: Proposer,
}

impl Scene {
    async fn new(fork: ForkName, client: BeaconClient) -> Self {
        let network = begun(fork, 12_000);
        let cluster = Cluster::new("one", client, 100, 4);
        let chain = Chain::new(ChainConfig {
            validators: cluster.identities().collect(),
            ours_per_mille: 1000,
            ..ChainConfig::new(network.clone(), clock(), 5)
        });
        let config = RelayConfig::new(chain.clone(), Market::new(network.clone(), 5, 4), 1);
        let relay = Relay::spawn(config.with_behaviour(Behaviour::by_hand())).await.unwrap();
        let endpoint = Endpoint::new(&format!("http://{}", relay.addr())).unwrap();
        relay.set_bid_value(Slot(6), VALUE);
        let proposer = Proposer::new(chain.clone());
        Self { network, chain, relay, endpoint, cluster, proposer }
    }

    async fn propose(&self) -> Proposal {
        self.proposer.propose(&self.endpoint, &self.cluster, Slot(6)).await.unwrap()
    }
}

#[tokio::test]
async fn every_client_proposes_a_builder_block_in_every_fork() {
    for fork in ForkName::ALL {
        for client in BeaconClient::ALL {
            let scene = Scene::new(fork, client).await;
            let proposal = scene.propose().await;
            assert!(proposal.has_bid() && proposal.is_revealed(), "{client:?} in {fork}: {proposal:?}");
            assert_eq!(
                proposal.reveal.as_ref().unwrap().status,
                if fork == ForkName::Fulu { 202 } else { 200 }
            );
            let (value, block_hash) = proposal.header.bid.unwrap();
            assert_eq!(value, VALUE);
            assert_eq!(scene.chain.publish(Slot(6)).block_hash, block_hash, "the head is the revealed block");
            assert_eq!(scene.chain.head().slot, Slot(6));
        }
    }
}

#[tokio::test]
async fn without_a_bid_the_cluster_publishes_a_local_block() {
    let scene = Scene::new(ForkName::Fulu, BeaconClient::Teku).await;
    scene.relay.withdraw_bid(Slot(6));
    let proposal = scene.propose().await;
    assert_eq!((proposal.header.status, proposal.reveal.clone(), proposal.wrong()), (204, None, None));
    let local = scene.chain.revealed(Slot(6)).unwrap();
    assert!(!local.from_builder);
    assert_eq!(scene.chain.publish(Slot(6)).root, local.root);
}

#[tokio::test]
async fn operators_of_a_cluster_submit_the_same_block() {
    let scene = Scene::new(ForkName::Electra, BeaconClient::Lighthouse).await;
    let endpoints = vec![scene.endpoint.clone(); 4];
    let proposals = scene.proposer.propose_together(&endpoints, &scene.cluster, Slot(6)).await;
    assert_eq!(proposals.iter().map(|proposal| proposal.operator).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert!(proposals.iter().all(Proposal::is_revealed), "{proposals:?}");
    let seen = scene.relay.seen();
    let mut roots: Vec<_> = seen.submits.iter().map(|call| call.block.unwrap().1).collect();
    roots.dedup();
    assert_eq!((seen.submits.total(), roots.len()), (4, 1));
}

#[tokio::test]
async fn a_second_different_block_of_a_slot_is_refused() {
    let scene = Scene::new(ForkName::Fulu, BeaconClient::Teku).await;
    let first = scene.propose().await;
    assert!(first.is_revealed());
    scene.relay.set_bid_value(Slot(6), Wei::new(1));
    let second = scene.propose().await.reveal.unwrap();
    assert_eq!(second.status, 400);
    assert!(second.message.unwrap().contains("another payload for this slot was already delivered"));
}

#[tokio::test]
async fn blocks_with_a_bad_signature_or_an_unknown_payload_are_refused() {
    let scene = Scene::new(ForkName::Fulu, BeaconClient::Teku).await;
    let key = headstart_types::AuctionKey {
        slot: Slot(6),
        parent_hash: scene.chain.head().block_hash,
        proposer: scene.chain.duty(Slot(6)).pubkey,
    };
    let bid = scene.proposer.get_header(&scene.endpoint, BeaconClient::Teku, key).await.bid.unwrap();
    let parent = scene.chain.head();
    let stranger = scene.proposer.sign(&Validator::new(999), Slot(6), parent, &bid);
    let submit = async |block| {
        let reply = scene.proposer.submit(
            &scene.endpoint,
            BeaconClient::Teku,
            block,
            headstart_types::Encoding::Json,
        );
        let reply = reply.await;
        (reply.status, reply.message.unwrap_or_default())
    };
    let (status, message) = submit(&stranger).await;
    assert!(status == 400 && message.contains("could not verify payload signature"), "{message}");
    let elsewhere = crate::Example::new(ForkName::Fulu, 1).block;
    let (status, message) = submit(&elsewhere).await;
    assert!(status == 400 && message.contains("no execution payload"), "{message}");
    assert!(scene.chain.revealed(Slot(6)).is_none());
}

#[tokio::test]
async fn beacon_nodes_notice_payloads_and_blobs_that_were_not_signed() {
    let scene = Scene::new(ForkName::Electra, BeaconClient::Lodestar).await;
    scene.relay.behave(Behaviour::by_hand().with_submit(SubmitFault::AnotherPayload));
    assert_eq!(scene.propose().await.wrong(), Some(&Wrong::Payload));
    scene.relay.behave(Behaviour::by_hand().with_submit(SubmitFault::WrongBlobs));
    assert_eq!(scene.propose().await.wrong(), Some(&Wrong::Blobs));
    assert!(scene.chain.revealed(Slot(6)).is_none(), "neither is published");
}

#[tokio::test]
async fn relays_fail_submissions_as_told() {
    let scene = Scene::new(ForkName::Fulu, BeaconClient::Prysm).await;
    let faults = [
        (SubmitFault::WithoutV2, 404),
        (SubmitFault::Forgets, 400),
        (SubmitFault::Wire(WireFault::Status { code: 503, body: String::new() }), 503),
        (SubmitFault::Wire(WireFault::Reset), 0),
        (SubmitFault::Wire(WireFault::Withhold), 0),
    ];
    for (fault, status) in faults {
        scene.relay.behave(Behaviour::by_hand().with_submit(fault.clone()));
        assert_eq!(scene.propose().await.reveal.unwrap().status, status, "{fault:?}");
        assert!(scene.chain.revealed(Slot(6)).is_none(), "{fault:?} publishes nothing");
    }
    scene.relay.behave(Behaviour::by_hand().with_submit(SubmitFault::NeverPublishes));
    assert!(scene.propose().await.is_revealed(), "the lie is told as the truth would be");
    assert!(scene.chain.revealed(Slot(6)).is_none());
}

#[tokio::test]
async fn registrations_are_signed_for_the_network() {
    let scene = Scene::new(ForkName::Fulu, BeaconClient::Nimbus).await;
    let answers =
        scene.proposer.register(&scene.endpoint, &scene.cluster, clock().now().seconds()).await.unwrap();
    assert_eq!(answers.len(), 1);
    assert!(scene.relay.has_seen(PATIENCE, |seen| seen.registrations_received == 4).await);
    for registration in &scene.relay.seen().registrations.last().unwrap().first {
        assert_eq!(registration.verify(&scene.network, clock().now()), Ok(()));
    }
}

#[tokio::test]
async fn a_relay_that_takes_only_json_or_no_late_block_says_so() {
    let scene = Scene::new(ForkName::Fulu, BeaconClient::Teku).await;
    scene.relay.adjust(|behaviour| behaviour.encodings = Encodings::AcceptOnlyJson);
    assert_eq!(scene.propose().await.reveal.unwrap().status, 415);
    scene.relay.behave(Behaviour { submit_cutoff_ms: Some(4000), ..Behaviour::by_hand() });
    scene.relay.set_bid_value(Slot(1), VALUE);
    let late =
        scene.proposer.propose(&scene.endpoint, &scene.cluster, Slot(1)).await.unwrap().reveal.unwrap();
    assert!(late.status == 400 && late.message.unwrap().contains("too late"));
}
