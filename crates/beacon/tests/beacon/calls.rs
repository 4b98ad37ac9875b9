use std::error::Error as _;
use std::time::Duration;

use headstart_beacon::{BeaconNode, DutiesVersion, Error};
use headstart_types::{Epoch, ForkName, Root, Slot, ValidatorIndex};
use tokio::time::Instant;

use crate::server::{Script, Server, Step, json};

const KEY: &str =
    "0x85009c6432bddc9d9b00c63cd311c79311bbd13f99f58544737dd5f6dcbbf4ca64b913c30ac7a099e28f580efd3c2414";
const ROOT: &str = "0x2cdb2034fb8c6f5c06ade3da5138003f406b0a51c2caeb8c090a5db61c276f34";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn duties() -> Script {
    let duty = format!(r#"{{"pubkey":"{KEY}","validator_index":"17","slot":"64","new_field":true}}"#);
    json("200 OK", &format!(r#"{{"dependent_root":"{ROOT}","execution_optimistic":false,"data":[{duty}]}}"#))
}

#[tokio::test]
async fn duties_come_from_v2() {
    let server = Server::always(duties()).await;
    let duties = server.node().proposer_duties(Epoch(2), soon()).await.unwrap();
    assert_eq!((duties.version, duties.dependent_root), (DutiesVersion::V2, ROOT.parse().unwrap()));
    let duty = duties.duties[0];
    assert_eq!(
        (duty.slot, duty.validator_index, duty.pubkey.to_string()),
        (Slot(64), ValidatorIndex(17), KEY.to_owned())
    );
    assert_eq!(server.targets(), ["/eth/v2/validator/duties/proposer/2"]);
    assert!(server.heads()[0].contains("user-agent: headstart/test"));
}

#[tokio::test]
async fn duties_fall_back_to_v1_on_a_node_without_v2() {
    let answer =
        |target: &str, _| if target.contains("/v1/") { duties() } else { json("404 Not Found", "{}") };
    let server = Server::start(answer).await;
    let duties = server.node().proposer_duties(Epoch(2), soon()).await.unwrap();
    assert_eq!((duties.version, duties.duties.len()), (DutiesVersion::V1, 1));
}

/// Refuses duties, and has a head in the epoch 1, whose state knows the proposers of the epochs 1 and 2.
fn with_lookahead(target: &str) -> Script {
    let state = format!("/eth/v1/beacon/states/{ROOT}");
    if target == "/eth/v1/beacon/headers/head" {
        let message = format!(r#"{{"slot":"40","state_root":"{ROOT}"}}"#);
        json("200 OK", &format!(r#"{{"data":{{"root":"{ROOT}","header":{{"message":{message}}}}}}}"#))
    } else if target == format!("{state}/proposer_lookahead") {
        let indices: Vec<_> = (0..64).map(|slot| format!("\"{}\"", 100 + slot)).collect();
        json("200 OK", &format!(r#"{{"version":"fulu","data":[{}]}}"#, indices.join(",")))
    } else if target.starts_with(&format!("{state}/validators?id=132,133,")) {
        let validators: Vec<_> = (132..164)
            .map(|index| {
                format!(r#"{{"index":"{index}","status":"active","validator":{{"pubkey":"{KEY}"}}}}"#)
            })
            .collect();
        json("200 OK", &format!(r#"{{"data":[{}]}}"#, validators.join(",")))
    } else {
        json("400 Bad Request", r#"{"message":"the epoch is ahead"}"#)
    }
}

#[tokio::test]
async fn duties_that_are_refused_are_read_out_of_the_state() {
    let server = Server::start(|target, _| with_lookahead(target)).await;
    let duties = server.node().proposer_duties(Epoch(2), soon()).await.unwrap();
    assert_eq!((duties.version, duties.dependent_root), (DutiesVersion::Lookahead, ROOT.parse().unwrap()));
    let known: Vec<_> = duties.duties.iter().map(|duty| (duty.slot.0, duty.validator_index.0)).collect();
    assert_eq!(known, (64..96).map(|slot| (slot, slot + 68)).collect::<Vec<_>>());
    assert_eq!(duties.duties[0].pubkey.to_string(), KEY);
}

#[tokio::test]
async fn the_refusal_is_told_where_the_state_does_not_help() {
    let server = Server::start(|target, _| with_lookahead(target)).await;
    for epoch in [0, 3, u64::MAX] {
        let error = server.node().proposer_duties(Epoch(epoch), soon()).await.unwrap_err();
        assert!(
            matches!(error, Error::Status { status: 400, message, .. } if message == "the epoch is ahead")
        );
    }
    let server = Server::always(json("404 Not Found", "{}")).await;
    let error = server.node().proposer_duties(Epoch(2), soon()).await.unwrap_err();
    assert!(matches!(error, Error::Status { status: 404, what: "the proposer duties", .. }));
}

#[tokio::test]
async fn a_syncing_node_is_not_asked_twice_for_duties() {
    let server = Server::always(json("503 Service Unavailable", r#"{"code":503,"message":"syncing"}"#)).await;
    let error = server.node().proposer_duties(Epoch(2), soon()).await.unwrap_err();
    assert_eq!(error.to_string(), "get the proposer duties: the beacon node answered 503 \"syncing\"");
    assert_eq!(server.targets().len(), 1);
}

#[tokio::test]
async fn a_missing_field_is_refused_by_its_name() {
    let server = Server::always(json("200 OK", r#"{"data":[]}"#)).await;
    let error = server.node().proposer_duties(Epoch(2), soon()).await.unwrap_err();
    assert_eq!(error.to_string(), "read the proposer duties of the beacon node");
    assert!(error.source().unwrap().to_string().contains("missing field `dependent_root`"));
}

const GENESIS: &str = r#"{"data":{"genesis_time":"1742213400","genesis_fork_version":"0x10000910",
    "genesis_validators_root":"0x212f13fc4df078b6cb7db228f1c8307566dcecf900867401a92023d7ba99cb5f"}}"#;

fn chain(target: &str, spec: &str) -> Script {
    json("200 OK", if target == "/eth/v1/config/spec" { spec } else { GENESIS })
}

#[tokio::test]
async fn a_network_is_learnt_from_spec_and_genesis() {
    let spec = r#"{"data":{"CONFIG_NAME":"hoodi","SECONDS_PER_SLOT":"12","SLOTS_PER_EPOCH":"32",
        "GENESIS_FORK_VERSION":"0x10000910","FULU_FORK_EPOCH":"50688","FULU_FORK_VERSION":"0x70000910",
        "BLOB_SCHEDULE":[{"EPOCH":"52480","MAX_BLOBS_PER_BLOCK":"15"}],"UNKNOWN":{"a":[1]}}}"#;
    let server = Server::start(|target, _| chain(target, spec)).await;
    let network = server.node().network(soon()).await.unwrap();
    assert_eq!((network.name.as_str(), network.genesis_time_ms.seconds()), ("hoodi", 1_742_213_400));
    assert_eq!(network.fork_at(Slot(50_688 * 32)), Some(ForkName::Fulu));
    assert_eq!(network.max_blobs(Slot(52_480 * 32)), 15);
    let genesis = server.node().genesis(soon()).await.unwrap();
    assert_eq!(genesis.validators_root, network.genesis_validators_root);
}

#[tokio::test]
async fn a_spec_without_a_needed_key_is_refused_by_its_name() {
    let server = Server::start(|target, _| chain(target, r#"{"data":{"SECONDS_PER_SLOT":"12"}}"#)).await;
    let error = server.node().network(soon()).await.unwrap_err();
    assert!(error.source().unwrap().to_string().contains("SLOTS_PER_EPOCH"));
}

#[tokio::test]
async fn sync_state_and_version_are_read() {
    let server = Server::start(|target, _| {
        json(
            "200 OK",
            if target == "/eth/v1/node/syncing" {
                r#"{"data":{"head_slot":"9","sync_distance":"3","is_syncing":true,"el_offline":true}}"#
            } else {
                r#"{"data":{"version":"Lighthouse/v8.0.1/x86_64-linux"}}"#
            },
        )
    })
    .await;
    let syncing = server.node().syncing(soon()).await.unwrap();
    assert_eq!((syncing.head_slot, syncing.sync_distance), (Slot(9), 3));
    assert!(syncing.is_syncing && syncing.el_offline && !syncing.is_optimistic);
    assert_eq!(server.node().version(soon()).await.unwrap(), "Lighthouse/v8.0.1/x86_64-linux");
}

/// A block of which `payload` is the part that tells of the execution block.
fn block(payload: &str) -> String {
    let fields = format!(
        r#""block_hash":"{ROOT}","parent_hash":"{}","block_number":"23936001","gas_limit":"60000000""#,
        Root::repeat_byte(1)
    );
    format!(
        r#"{{"version":"fulu","data":{{"message":{{"slot":"63","body":{{"graffiti":"0x","{payload}":{{{fields},"new_field":["0x00"]}}}}}},"signature":"0x"}}}}"#
    )
}

/// Has one block, in full, and answers to blinded blocks with this status.
async fn without_blinded(status: &'static str) -> Server {
    let full = block("execution_payload");
    let answer = move |target: &str, _| match target {
        _ if target.contains("blinded") => json(status, "{}"),
        _ if target.contains("0x0707") => json("200 OK", &full),
        _ => json("404 Not Found", "{}"),
    };
    Server::start(answer).await
}

#[tokio::test]
async fn a_blinded_block_tells_its_execution_block() {
    let blinded = block("execution_payload_header");
    let server = Server::always(json("200 OK", &blinded)).await;
    let block = server.node().execution_block(Root::repeat_byte(7), soon()).await.unwrap().unwrap();
    assert_eq!((block.slot, block.block_number, block.gas_limit), (Slot(63), 23_936_001, 60_000_000));
    assert_eq!((block.block_hash.to_string(), block.parent_hash.0), (ROOT.to_owned(), Root::repeat_byte(1)));
    assert_eq!(server.targets(), [format!("/eth/v1/beacon/blinded_blocks/{}", Root::repeat_byte(7))]);
}

#[tokio::test]
async fn a_node_without_blinded_blocks_is_soon_asked_for_full_ones_only() {
    let asked_in_vain = [("404 Not Found", 3), ("405 Method Not Allowed", 1), ("501 Not Implemented", 1)];
    for (status, times) in asked_in_vain {
        let server = without_blinded(status).await;
        let node = server.node();
        for _ in 0..5 {
            let block = node.execution_block(Root::repeat_byte(7), soon()).await.unwrap().unwrap();
            assert_eq!(block.block_hash.to_string(), ROOT);
        }
        let blinded = |target: &&String| target.contains("blinded");
        assert_eq!(server.targets().iter().filter(blinded).count(), times, "{status}");
        assert_eq!(server.targets().len(), 5 + times);
    }
}

#[tokio::test]
async fn a_block_that_the_node_has_in_neither_form_says_nothing_of_the_forms_that_it_serves() {
    let server = without_blinded("404 Not Found").await;
    let node = server.node();
    for _ in 0..5 {
        assert_eq!(node.execution_block(Root::ZERO, soon()).await.unwrap(), None);
    }
    assert_eq!(server.targets().iter().filter(|target| target.contains("blinded")).count(), 5);
}

#[tokio::test]
async fn the_head_is_told_by_its_root() {
    let header = format!(r#"{{"data":{{"root":"{ROOT}","canonical":true,"header":{{"message":{{}}}}}}}}"#);
    let server = Server::start(move |_, earlier| match earlier {
        0 => json("200 OK", &header),
        _ => json("404 Not Found", "{}"),
    })
    .await;
    let node = server.node();
    assert_eq!(node.head_root(soon()).await.unwrap(), Some(ROOT.parse().unwrap()));
    assert_eq!(server.targets(), ["/eth/v1/beacon/headers/head"]);
    assert_eq!(node.head_root(soon()).await.unwrap(), None);
}

#[tokio::test]
async fn calls_end_at_their_deadline_and_at_their_limit() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_owned();
    for script in [vec![Step::Stall], vec![Step::Send(head), Step::Stall]] {
        let server = Server::always(script).await;
        let deadline = Instant::now() + Duration::from_millis(300);
        assert!(matches!(server.node().version(deadline).await, Err(Error::Timeout { .. })));
    }
    let announced = Step::Send("HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n".to_owned());
    let endless = Step::Send("HTTP/1.1 200 OK\r\n\r\n".to_owned() + &"x".repeat(65_537));
    for script in [vec![announced, Step::Stall], vec![endless, Step::Stall]] {
        let server = Server::always(script).await;
        assert!(matches!(server.node().version(soon()).await, Err(Error::TooLong { bytes_max: 65_536, .. })));
    }
}

#[tokio::test]
async fn redirects_are_not_followed_and_broken_connections_are_told() {
    let server = Server::always(json("302 Found\r\nLocation: /elsewhere", "")).await;
    assert!(matches!(server.node().version(soon()).await, Err(Error::Status { status: 302, .. })));
    assert_eq!(server.targets().len(), 1);
    let server = Server::always(vec![Step::Close]).await;
    assert!(matches!(server.node().version(soon()).await, Err(Error::Transport { .. })));
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    let server = Server::always(json("200 OK", r#"{"data":{"version":"x"}}"#)).await;
    let url = format!("http://user:hush@{}/prefix/?key=hush", server.address);
    let node = BeaconNode::new(&url, "headstart/test").unwrap();
    node.version(soon()).await.unwrap();
    assert_eq!(server.targets(), ["/prefix/eth/v1/node/version?key=hush"]);
    assert!(server.heads()[0].contains("authorization: basic dxnlcjpodxno"));
    assert_eq!(node.to_string(), format!("http://{}", server.address));
    assert!(!format!("{node:?}").contains("hush"));
}

#[tokio::test]
async fn a_url_that_cannot_be_used_is_refused_with_its_remedy() {
    let error = BeaconNode::new("localhost", "x").unwrap_err();
    assert!(error.to_string().contains("write it as http://host:port"));
    assert!(matches!(BeaconNode::new("ftp://localhost", "x"), Err(Error::Scheme(scheme)) if scheme == "ftp"));
}
