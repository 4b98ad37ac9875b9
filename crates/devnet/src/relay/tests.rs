use bytes::Bytes;
use headstart_types::{
    ACCEPT_SSZ_THEN_JSON, AuctionKey, BlockHash, CONSENSUS_VERSION, ForkName, Network, PublicKey, Root,
    SignedBuilderBid, SignedValidatorRegistration, Slot, Wei, signing_root,
};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};

use super::*;
use crate::cluster::{BeaconClient, BidField, Cluster, Proposer, Validator, Wrong};
use crate::http_client::{Answered, CallError, Endpoint, HttpClient};
use crate::testing::{PATIENCE, begun, clock};

const VALUE: Wei = Wei::new(5_600_000_000_000_000);

/// One relay that bids by hand, and who calls it.
struct Scene {
    network: Network,
    relay: Relay,
    endpoint: Endpoint,
    chain: Chain,
    validator: Validator,
    http: HttpClient,
}

impl Scene {
    async fn new(fork: ForkName, behaviour: Behaviour) -> Self {
        let network = begun(fork, 12_000);
        let config = RelayConfig::by_hand(&network, clock(), 1).with_behaviour(behaviour);
        let chain = config.chain.clone();
        let relay = Relay::spawn(config).await.unwrap();
        let endpoint = Endpoint::new(&format!("http://{}", relay.addr())).unwrap();
        Self { network, relay, endpoint, chain, validator: Validator::new(1), http: HttpClient::new() }
    }

    fn current_slot(&self) -> Slot {
        self.network.slot_at(clock().now())
    }

    fn key(&self, slot: Slot) -> AuctionKey {
        AuctionKey { slot, parent_hash: BlockHash(Root::repeat_byte(3)), proposer: self.validator.pubkey }
    }

    async fn get(&self, slot: Slot, accept: &'static str) -> Result<Answered, CallError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let path = format!("/eth/v1/builder/header/{}", self.key(slot));
        self.http.call(&self.endpoint, Method::GET, &path, headers, Bytes::new(), PATIENCE).await
    }

    async fn status(&self, slot: Slot) -> u16 {
        self.get(slot, ACCEPT_SSZ_THEN_JSON).await.unwrap().status.as_u16()
    }

    fn proposer(&self) -> Proposer {
        Proposer::new(self.chain.clone())
    }
}

#[tokio::test]
async fn a_bid_comes_in_ssz_and_in_json_and_is_signed_by_the_relay() {
    for fork in ForkName::ALL {
        let scene = Scene::new(fork, Behaviour::by_hand()).await;
        scene.relay.set_bid_value(Slot(9), VALUE);
        let ssz = scene.get(Slot(9), ACCEPT_SSZ_THEN_JSON).await.unwrap();
        assert_eq!(ssz.header(CONTENT_TYPE.as_str()), Some("application/octet-stream"));
        assert_eq!(ssz.header(CONSENSUS_VERSION), Some(fork.as_str()));
        let bid = SignedBuilderBid::from_ssz(fork, &ssz.body).unwrap();
        let json = scene.get(Slot(9), "*/*").await.unwrap();
        assert_eq!(json.header(CONTENT_TYPE.as_str()), Some("application/json"));
        assert_eq!(SignedBuilderBid::from_json(fork, &json.body).unwrap(), bid);
        let root = signing_root(bid.message.tree_hash_root(), scene.network.builder_domain());
        assert_eq!((bid.message.pubkey(), bid.message.value()), (scene.relay.public_key(), VALUE));
        assert!(PublicKey::decompress(&scene.relay.public_key()).unwrap().verify(root, &bid.signature));
    }
}

#[tokio::test]
async fn what_is_not_acceptable_is_refused() {
    let scene = Scene::new(ForkName::Fulu, Behaviour::by_hand()).await;
    scene.relay.set_bid_value(Slot(9), VALUE);
    assert_eq!(scene.get(Slot(9), "text/html").await.unwrap().status, 406);
    scene.relay.adjust(|behaviour| behaviour.encodings = Encodings::ExactAccept);
    let almost = scene.get(Slot(9), "application/octet-stream;q=1,application/json;q=0.9").await.unwrap();
    assert_eq!(
        almost.header(CONTENT_TYPE.as_str()),
        Some("application/json"),
        "Helix compares whole strings"
    );
}

#[tokio::test]
async fn without_a_bid_the_answer_is_204_and_every_call_is_recorded() {
    let scene = Scene::new(ForkName::Fulu, Behaviour::by_hand()).await;
    assert_eq!(scene.status(Slot(9)).await, 204);
    scene.relay.set_bid_value(Slot(9), VALUE);
    assert_eq!(scene.status(Slot(9)).await, 200);
    scene.relay.withdraw_bid(Slot(9));
    assert_eq!(scene.status(Slot(9)).await, 204);
    let seen = scene.relay.seen();
    let statuses: Vec<u16> = seen.headers_of(Slot(9)).map(|call| call.status).collect();
    assert_eq!((statuses, seen.headers.total()), (vec![204, 200, 204], 3));
    assert_eq!(
        seen.headers.iter().filter_map(|call| call.bid).map(|(_, value)| value).collect::<Vec<_>>(),
        [VALUE]
    );
}

#[tokio::test]
async fn a_once_per_slot_relay_answers_403_then_one_bid_then_429() {
    let behaviour = Behaviour { access: Access::OncePerSlotInSlot, ..Behaviour::by_hand() };
    let scene = Scene::new(ForkName::Fulu, behaviour).await;
    let slot = scene.current_slot();
    for slot in [slot, slot.next(), Slot(slot.0 + 2)] {
        scene.relay.set_bid_value(slot, VALUE);
    }
    assert_eq!(scene.status(Slot(slot.0 + 2)).await, 403, "its slot has not begun");
    let statuses = [scene.status(slot).await, scene.status(slot).await];
    // The slot may end between the calls; then both are told that it is not the current one.
    assert!([[200, 429], [200, 403], [403, 403]].contains(&statuses), "{statuses:?}");
}

#[tokio::test]
async fn a_head_gated_relay_answers_only_for_the_next_slot() {
    let behaviour = Behaviour { access: Access::HeadGated, ..Behaviour::by_hand() };
    let scene = Scene::new(ForkName::Fulu, behaviour).await;
    let head = Slot(scene.current_slot().0 + 100);
    scene.chain.publish(head);
    let next = head.next();
    for slot in [head, next, next.next()] {
        scene.relay.set_bid_value(slot, VALUE);
    }
    assert_eq!([scene.status(head).await, scene.status(next).await], [400, 200]);
    let refused = scene.get(next.next(), ACCEPT_SSZ_THEN_JSON).await.unwrap();
    let error: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(
        error["message"],
        format!("request for wrong slot. request slot: {}, bid slot: {next}", next.next())
    );
}

#[tokio::test]
async fn a_head_gated_relay_gets_over_a_missed_slot() {
    let behaviour = Behaviour { access: Access::HeadGated, ..Behaviour::by_hand() };
    let scene = Scene::new(ForkName::Fulu, behaviour).await;
    let given_up = scene.network.slot_at(clock().now() - 4000);
    let slots = [given_up.next(), given_up.next().next()];
    for slot in slots {
        scene.relay.set_bid_value(slot, VALUE);
    }
    let statuses = [scene.status(slots[0]).await, scene.status(slots[1]).await];
    // The deadline of the next slot may pass between the calls.
    assert!([[200, 400], [200, 200], [400, 200]].contains(&statuses), "{statuses:?} with a head at slot 0");
}

#[tokio::test]
async fn after_the_cutoff_there_is_no_bid() {
    let behaviour = Behaviour { header_cutoff_ms: Some(3000), ..Behaviour::by_hand() };
    let scene = Scene::new(ForkName::Fulu, behaviour).await;
    let (past, next) = (Slot(1), scene.current_slot().next());
    scene.relay.set_bid_value(past, VALUE);
    scene.relay.set_bid_value(next, VALUE);
    assert_eq!([scene.status(past).await, scene.status(next).await], [204, 200]);
}

#[tokio::test]
async fn every_invalid_bid_is_noticed_by_a_beacon_node_as_what_it_is() {
    let expected = |fault, fork| match fault {
        BidFault::BadSignature => Some(BidField::Signature),
        BidFault::WrongParent => Some(BidField::ParentHash),
        BidFault::WrongTimestamp => Some(BidField::Timestamp),
        BidFault::WrongRandao => Some(BidField::PrevRandao),
        BidFault::WrongBlockNumber => Some(BidField::BlockNumber),
        BidFault::WrongWithdrawals => Some(BidField::WithdrawalsRoot),
        BidFault::EmptyTransactions => Some(BidField::TransactionsRoot),
        BidFault::ZeroBlockHash => Some(BidField::BlockHash),
        BidFault::ZeroFeeRecipient => Some(BidField::FeeRecipient),
        BidFault::ZeroValue => Some(BidField::Value),
        BidFault::TooManyBlobs if fork != ForkName::Capella => Some(BidField::Commitments),
        // A beacon node knows neither relay keys nor what a bid is really worth.
        BidFault::WrongForkVersion | BidFault::TooManyBlobs | BidFault::WrongKey | BidFault::AbsurdValue => {
            None
        }
    };
    for fork in ForkName::ALL {
        let scene = Scene::new(fork, Behaviour::by_hand()).await;
        scene.relay.set_bid_value(Slot(9), VALUE);
        for fault in BidFault::ALL {
            scene.relay.behave(Behaviour::by_hand().with_bid_fault(fault));
            let asked =
                scene.proposer().get_header(&scene.endpoint, BeaconClient::Teku, scene.key(Slot(9))).await;
            let wrong = asked.reply.wrong;
            if fault == BidFault::WrongForkVersion {
                assert!(matches!(wrong, Some(Wrong::Version(_))), "{fork}: {wrong:?}");
            } else {
                assert_eq!(wrong, expected(fault, fork).map(Wrong::Bid), "{fork} {fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn relays_with_the_same_block_offer_the_same_hash() {
    let network = begun(ForkName::Fulu, 12_000);
    let mut hashes = Vec::new();
    for (number, block) in [(1, 7), (2, 7), (3, 8)] {
        let relay = Relay::spawn(RelayConfig::by_hand(&network, clock(), number)).await.unwrap();
        relay.set_bid(Slot(9), HandBid { value: VALUE, block });
        let key = AuctionKey {
            slot: Slot(9),
            parent_hash: BlockHash::default(),
            proposer: Validator::new(1).pubkey,
        };
        let proposer = Proposer::new(Chain::new(ChainConfig::new(network.clone(), clock(), 0)));
        let endpoint = Endpoint::new(&format!("http://{}", relay.addr())).unwrap();
        let asked = proposer.get_header(&endpoint, BeaconClient::Teku, key).await;
        hashes.push(asked.reply.bid.unwrap().1);
    }
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
}

#[tokio::test]
async fn one_unknown_validator_refuses_the_batch_and_helix_takes_no_ssz() {
    let scene = Scene::new(ForkName::Fulu, Behaviour::by_hand()).await;
    let cluster = Cluster::new("one", BeaconClient::Teku, 100, 3);
    let register =
        async || scene.proposer().register(&scene.endpoint, &cluster, 1).await.unwrap()[0].status.as_u16();
    assert_eq!(register().await, 200);
    let unknown = vec![cluster.validators[1].pubkey];
    scene.relay.adjust(|behaviour| behaviour.registrations = Registrations::Unknown(unknown));
    assert_eq!(register().await, 400);
    scene.relay.adjust(|behaviour| behaviour.registrations = Registrations::OnlyJson);
    assert_eq!(register().await, 415);
    let seen = scene.relay.seen();
    assert_eq!((seen.registrations_received, seen.registrations.total()), (9, 3));
    assert!(seen.registrations.last().is_some_and(|call| call.ssz && call.count == 3));
}

#[tokio::test]
async fn accepted_registrations_are_published() {
    let scene = Scene::new(ForkName::Fulu, Behaviour::by_hand()).await;
    let cluster = Cluster::new("one", BeaconClient::Teku, 100, 2);
    scene.relay.adjust(|behaviour| {
        behaviour.registrations = Registrations::Unknown(vec![cluster.validators[1].pubkey]);
    });
    let read = async |validator: &Validator| {
        let path = format!("/relay/v1/data/validator_registration?pubkey={}", validator.pubkey);
        let read =
            scene.http.call(&scene.endpoint, Method::GET, &path, HeaderMap::new(), Bytes::new(), PATIENCE);
        let read = read.await.unwrap();
        let published = serde_json::from_slice::<SignedValidatorRegistration>(&read.body);
        (read.status.as_u16(), published.ok().map(|published| published.message.timestamp))
    };
    scene.proposer().register(&scene.endpoint, &cluster, 1).await.unwrap();
    assert_eq!(read(&cluster.validators[0]).await, (400, None), "a refused batch is refused whole");
    scene.relay.adjust(|behaviour| behaviour.registrations = Registrations::Accept);
    scene.proposer().register(&scene.endpoint, &cluster, 1).await.unwrap();
    let (status, Some(newest)) = read(&cluster.validators[0]).await else { panic!("it is published") };
    assert_eq!(status, 200);
    for (data, answer) in [
        (DataApi::Older, (200, Some(newest - 1))),
        (DataApi::Newer, (200, Some(newest + 1))),
        (DataApi::Absent, (404, None)),
        (DataApi::Status(503), (503, None)),
    ] {
        scene.relay.adjust(|behaviour| behaviour.data = data);
        assert_eq!(read(&cluster.validators[0]).await, answer, "{data:?}");
    }
    scene.relay.behave(Behaviour::by_hand());
    scene.relay.forget_registrations();
    assert_eq!(read(&cluster.validators[0]).await, (400, None));
    assert_eq!(scene.relay.seen().data_reads, 7);
}

#[tokio::test]
async fn faults_on_the_wire_are_what_they_are_called() {
    let scene = Scene::new(ForkName::Fulu, Behaviour::by_hand()).await;
    scene.relay.set_bid_value(Slot(9), VALUE);
    let ask = async |fault: WireFault| {
        scene.relay.behave(Behaviour::by_hand().with_header(HeaderFault::Wire(fault)));
        let patience = Duration::from_millis(400);
        let path = format!("/eth/v1/builder/header/{}", scene.key(Slot(9)));
        scene.http.call(&scene.endpoint, Method::GET, &path, HeaderMap::new(), Bytes::new(), patience).await
    };
    assert!(matches!(ask(WireFault::SlowHead { ms: 5000 }).await, Err(CallError::Timeout)));
    assert!(matches!(ask(WireFault::SlowBody { bytes_per_s: 100 }).await, Err(CallError::Timeout)));
    assert!(matches!(ask(WireFault::StallMidBody).await, Err(CallError::Timeout)));
    assert!(matches!(ask(WireFault::Withhold).await, Err(CallError::Timeout)));
    assert!(matches!(ask(WireFault::Reset).await, Err(CallError::Transport(_))));
    let redirect = ask(WireFault::Redirect { to: "http://127.0.0.1:1/".to_owned() }).await.unwrap();
    assert_eq!((redirect.status.as_u16(), redirect.header("location")), (302, Some("http://127.0.0.1:1/")));
    let status = ask(WireFault::Status { code: 502, body: "{}".to_owned() }).await.unwrap();
    assert_eq!((status.status.as_u16(), &status.body[..]), (502, &b"{}"[..]));
    let limited = ask(WireFault::RateLimited { retry_after_s: 2 }).await.unwrap();
    assert_eq!((limited.status.as_u16(), limited.header("retry-after")), (429, Some("2")));
    assert_eq!(
        ask(WireFault::Html200).await.unwrap().header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(ask(WireFault::Gzip).await.unwrap().header("content-encoding"), Some("gzip"));
    assert_eq!(ask(WireFault::WithoutVersion).await.unwrap().header(CONSENSUS_VERSION), None);
    assert_eq!(ask(WireFault::WrongContentType).await.unwrap().header("content-type"), Some("text/plain"));
    assert!(ask(WireFault::Endless).await.is_err());
    assert!(scene.relay.seen().endless_bytes > 32 << 10);
}

#[tokio::test]
async fn a_call_is_held_until_the_moment_but_not_beyond_the_callers_patience() {
    let scene =
        Scene::new(ForkName::Fulu, Behaviour { holds_until_ms: Some(0), ..Behaviour::by_hand() }).await;
    let next = Slot(scene.current_slot().0 + 2);
    scene.relay.set_bid_value(next, VALUE);
    let headers = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-timeout-ms"),
        HeaderValue::from_static("250"),
    )]);
    let path = format!("/eth/v1/builder/header/{}", scene.key(next));
    let answered =
        scene.http.call(&scene.endpoint, Method::GET, &path, headers, Bytes::new(), PATIENCE).await.unwrap();
    assert!((140..1000).contains(&answered.took.as_millis()), "held for {:?}", answered.took);
    assert_eq!(scene.relay.seen().headers.last().and_then(|call| call.timeout_ms), Some(250));
}

#[tokio::test]
async fn no_answer_is_here_before_its_round_trip_is_over() {
    let scene = Scene::new(ForkName::Fulu, Behaviour { latency_ms: 40, ..Behaviour::by_hand() }).await;
    scene.relay.set_bid_value(Slot(9), VALUE);
    for _ in 0..2 {
        let answered = scene.get(Slot(9), ACCEPT_SSZ_THEN_JSON).await.unwrap();
        assert!(answered.took >= Duration::from_millis(40), "{:?}", answered.took);
    }
}

#[tokio::test]
async fn a_stopped_relay_refuses_connections_and_can_come_back_on_its_port() {
    let scene = Scene::new(ForkName::Fulu, Behaviour::by_hand()).await;
    let addr = scene.relay.addr();
    scene.relay.stop().await;
    let path = "/eth/v1/builder/status";
    let status = async || {
        let http = HttpClient::new();
        http.call(&scene.endpoint, Method::GET, path, HeaderMap::new(), Bytes::new(), PATIENCE).await
    };
    assert!(matches!(status().await, Err(CallError::Transport(_))));
    let config = RelayConfig { listen: addr, ..RelayConfig::by_hand(&scene.network, clock(), 1) };
    let _relay = Relay::spawn(config).await.unwrap();
    assert_eq!(status().await.unwrap().status, 200);
}

#[tokio::test]
async fn tests_can_wait_for_what_a_relay_sees() {
    let scene = Scene::new(ForkName::Fulu, Behaviour::by_hand()).await;
    let (seen, status) =
        tokio::join!(scene.relay.has_seen(PATIENCE, |seen| seen.headers.total() == 1), scene.status(Slot(3)));
    assert!(seen && status == 204);
    assert!(!scene.relay.has_seen(Duration::from_millis(20), |seen| seen.headers.total() == 2).await);
}

#[tokio::test]
async fn a_market_relay_gives_the_bid_that_it_holds_at_that_moment() {
    let network = begun(ForkName::Fulu, 12_000);
    let chain = Chain::new(ChainConfig::new(network.clone(), clock(), 0));
    let market = Market::new(network.clone(), 9, 6);
    let relay = Relay::spawn(RelayConfig::new(chain.clone(), market, 2)).await.unwrap();
    let endpoint = Endpoint::new(&format!("http://{}", relay.addr())).unwrap();
    let slot = Slot(2);
    let key = AuctionKey { slot, parent_hash: BlockHash::default(), proposer: Validator::new(1).pubkey };
    let asked = Proposer::new(chain).get_header(&endpoint, BeaconClient::Teku, key).await;
    // Bidding for a slot of the past is over, so the bid stands still.
    assert_eq!(asked.reply.bid.map(|(value, _)| value), relay.top_bid(slot, clock().now()));
    assert!(asked.reply.wrong.is_none());
}

#[tokio::test]
async fn some_bids_are_invalid_now_and_then_and_always_the_same_ones() {
    let occasional = Some(Occasional { per_mille: 300, fault: BidFault::ZeroValue });
    let scene = Scene::new(ForkName::Fulu, Behaviour { occasional, ..Behaviour::by_hand() }).await;
    let mut invalid = Vec::new();
    for round in 0..2 {
        for slot in (1..=30).map(Slot) {
            scene.relay.set_bid_value(slot, VALUE);
            let asked =
                scene.proposer().get_header(&scene.endpoint, BeaconClient::Teku, scene.key(slot)).await;
            if asked.reply.wrong.is_some() {
                invalid.push((round, slot));
            }
        }
    }
    let (first, second): (Vec<_>, Vec<_>) = invalid.into_iter().partition(|(round, _)| *round == 0);
    assert!((1..25).contains(&first.len()), "{} of 30 are invalid", first.len());
    assert!(first.iter().map(|(_, slot)| slot).eq(second.iter().map(|(_, slot)| slot)));
}
