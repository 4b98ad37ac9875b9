use headstart_relay::{HeaderAnswer, Submission, SubmitAnswer, SubmitVersion};
use headstart_types::{Encoding, ForkName, SignedBlindedBeaconBlock, UnblindedPayload};

use crate::server::{Request, Script, Server, Step, head, reply};
use crate::world::{FULU, JSON, SSZ, at_once, auction, bad_request, empty, golden, relay_at, soon, ssz_bid};

const V1: &str = "POST /eth/v1/builder/blinded_blocks";
const V2: &str = "POST /eth/v2/builder/blinded_blocks";

fn block(version: SubmitVersion) -> Submission {
    Submission::from_ssz(version, ForkName::Fulu, golden("fulu/signed_blinded_beacon_block.ssz").into())
}

fn payload() -> UnblindedPayload {
    UnblindedPayload::from_ssz(ForkName::Fulu, &golden("fulu/unblinded_payload.ssz")).unwrap()
}

fn ssz_payload() -> Script {
    reply("200 OK", &[SSZ, FULU], &golden("fulu/unblinded_payload.ssz"))
}

fn lines(server: &Server) -> Vec<String> {
    server.requests().into_iter().map(|request| request.line).collect()
}

fn is_json(request: &Request) -> bool {
    request.header("content-type") == Some("application/json")
}

/// A relay that publishes blocks in JSON and refuses SSZ.
fn json_only(request: &Request) -> Script {
    empty(if is_json(request) { "202 Accepted" } else { "415 Unsupported Media Type" })
}

#[tokio::test]
async fn v2_is_accepted_by_202() {
    let server = Server::always(empty("202 Accepted")).await;
    let answer = relay_at(&server).submit(&block(SubmitVersion::V2), soon()).await;
    assert_eq!(answer, SubmitAnswer::Accepted);
    assert_eq!(answer.taken_by(), Some(SubmitVersion::V2));
    let request = server.requests().remove(0);
    assert_eq!(request.line, V2);
    assert_eq!(request.header("content-type"), Some("application/octet-stream"));
    assert_eq!(request.header("eth-consensus-version"), Some("fulu"));
    let signed = golden("fulu/signed_blinded_beacon_block.ssz");
    assert_eq!(request.body, signed, "byte for byte as it was signed");
}

#[tokio::test]
async fn a_success_of_v2_that_is_no_202_must_be_proven_by_v1() {
    let page = || reply("200 OK", &[("Content-Type", "text/html")], b"<html>It works!");
    let anything = Server::always(page()).await;
    let answer = relay_at(&anything).submit(&block(SubmitVersion::V2), soon()).await;
    assert!(matches!(answer, SubmitAnswer::Malformed(_)), "{answer:?}");
    assert_eq!(lines(&anything), [V2, V1]);

    let old = |request: &Request| if request.line == V1 { ssz_payload() } else { empty("200 OK") };
    let old = Server::start(old).await;
    let answer = relay_at(&old).submit(&block(SubmitVersion::V2), soon()).await;
    assert_eq!(answer, SubmitAnswer::Payload(Box::new(payload())));
}

#[tokio::test]
async fn an_acceptance_counts_though_its_body_never_ends() {
    let accepted = Step::Send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\n".to_vec());
    let server = Server::always(vec![accepted, Step::Stall]).await;
    assert_eq!(relay_at(&server).submit(&block(SubmitVersion::V2), soon()).await, SubmitAnswer::Accepted);
}

#[tokio::test]
async fn v1_gives_the_payload_of_every_fork_in_ssz_and_in_json() {
    for fork in ForkName::ALL {
        let block = golden(&format!("{fork}/signed_blinded_beacon_block.ssz"));
        let submission = Submission::from_ssz(SubmitVersion::V1, fork, block.into());
        let ssz = golden(&format!("{fork}/unblinded_payload.ssz"));
        let expected = UnblindedPayload::from_ssz(fork, &ssz).unwrap();
        let in_ssz = reply("200 OK", &[SSZ, ("Eth-Consensus-Version", fork.as_str())], &ssz);
        let in_json = reply("200 OK", &[JSON], &golden(&format!("{fork}/unblinded_payload.json")));
        for script in [in_ssz, in_json] {
            let server = Server::always(script).await;
            let answer = relay_at(&server).submit(&submission, soon()).await;
            assert_eq!(answer.taken_by(), Some(SubmitVersion::V1));
            assert_eq!(answer, SubmitAnswer::Payload(Box::new(expected.clone())));
            assert_eq!(lines(&server), [V1]);
        }
    }
}

#[tokio::test]
async fn a_relay_without_v2_is_asked_by_v1() {
    for status in ["404 Not Found", "405 Method Not Allowed", "501 Not Implemented"] {
        let answer =
            |request: &Request| if request.line == V1 { ssz_payload() } else { empty("404 Not Found") };
        let server = Server::start(answer).await;
        let answer = relay_at(&server).submit(&block(SubmitVersion::V2), soon()).await;
        assert_eq!(answer, SubmitAnswer::Payload(Box::new(payload())), "{status}");
        assert_eq!(answer.taken_by(), Some(SubmitVersion::V1), "the fall-back can be told");
        assert_eq!(lines(&server), [V2, V1]);
    }
}

#[tokio::test]
async fn other_refusals_of_v2_do_not_fall_back() {
    let server =
        Server::start(|request| if request.line == V1 { ssz_payload() } else { bad_request("too late") })
            .await;
    let relay = relay_at(&server);
    relay.submit(&block(SubmitVersion::V1), soon()).await;
    let answer = relay.submit(&block(SubmitVersion::V2), soon()).await;
    assert!(matches!(&answer, SubmitAnswer::Refused(refusal) if refusal.message == "too late"));
    assert_eq!(answer.taken_by(), None);
    assert_eq!(lines(&server), [V1, V2]);
}

#[tokio::test]
async fn a_relay_that_refuses_ssz_is_sent_json_from_then_on() {
    let server = Server::start(json_only).await;
    let relay = relay_at(&server);
    for _ in 0..2 {
        assert_eq!(relay.submit(&block(SubmitVersion::V2), soon()).await, SubmitAnswer::Accepted);
    }
    let requests = server.requests();
    assert_eq!(requests.iter().map(is_json).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(requests[1].header("eth-consensus-version"), Some("fulu"));
    let ssz = golden("fulu/signed_blinded_beacon_block.ssz");
    let expected = SignedBlindedBeaconBlock::from_ssz(ForkName::Fulu, &ssz).unwrap();
    assert_eq!(SignedBlindedBeaconBlock::from_json(ForkName::Fulu, &requests[1].body).unwrap(), expected);
}

#[tokio::test]
async fn a_400_is_doubted_only_while_the_relay_has_never_shown_ssz() {
    let refuse_blocks = |request: &Request| {
        if request.line.starts_with("GET") { ssz_bid(ForkName::Fulu) } else { bad_request("invalid block") }
    };
    let server = Server::start(refuse_blocks).await;
    let relay = relay_at(&server);
    assert!(matches!(relay.submit(&block(SubmitVersion::V2), soon()).await, SubmitAnswer::Refused(_)));
    assert_eq!(server.requests().len(), 2, "both encodings are tried on a relay that nothing is known of");
    let bid = relay.header(&auction(), ForkName::Fulu, 950, soon()).await;
    assert!(matches!(bid, HeaderAnswer::Bid(_)));
    assert!(matches!(relay.submit(&block(SubmitVersion::V2), soon()).await, SubmitAnswer::Refused(_)));
    assert_eq!(server.requests().len(), 4, "one that sends SSZ bids reads SSZ blocks");
}

#[tokio::test]
async fn blocks_that_we_cannot_decode_are_sent_as_they_are() {
    let server = Server::start(json_only).await;
    let relay = relay_at(&server);
    let json = Submission::from_json(SubmitVersion::V2, ForkName::Fulu, b"{\"message\":{}}"[..].into());
    assert_eq!(relay.submit(&json, soon()).await, SubmitAnswer::Accepted);
    assert_eq!(server.requests()[0].body, b"{\"message\":{}}");
    let ssz = Submission::from_ssz(SubmitVersion::V2, ForkName::Fulu, b"\x01"[..].into());
    assert!(
        matches!(relay.submit(&ssz, soon()).await, SubmitAnswer::Refused(refusal) if refusal.status == 415)
    );
    assert_eq!(ssz.encoded(Encoding::Json), None);
}

#[tokio::test]
async fn answers_to_v1_without_a_payload_of_the_fork_are_malformed() {
    let announced = vec![head("Content-Type: application/json\r\nContent-Length: 33554433"), Step::Stall];
    let page = reply("200 OK", &[("Content-Type", "text/html")], b"<html>");
    for script in [empty("200 OK"), empty("202 Accepted"), announced, page] {
        let server = Server::always(script.clone()).await;
        let answer = relay_at(&server).submit(&block(SubmitVersion::V1), soon()).await;
        assert!(matches!(answer, SubmitAnswer::Malformed(_)), "{script:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_payload_is_read_however_its_head_describes_it() {
    let [ssz, json] = ["ssz", "json"].map(|end| golden(&format!("fulu/unblinded_payload.{end}")));
    let text = ("Content-Type", "text/plain; charset=utf-8");
    for script in [
        reply("200 OK", &[SSZ], &ssz),
        reply("200 OK", &[SSZ, ("Eth-Consensus-Version", "electra")], &ssz),
        reply("200 OK", &[text], &ssz),
        reply("200 OK", &[], &ssz),
        reply("200 OK", &[text], &json),
        reply("200 OK", &[], &json),
        reply("200 OK", &[JSON, ("Eth-Consensus-Version", "nonsense")], &json),
    ] {
        let server = Server::always(script).await;
        let answer = relay_at(&server).submit(&block(SubmitVersion::V1), soon()).await;
        assert_eq!(answer, SubmitAnswer::Payload(Box::new(payload())));
    }
}

#[tokio::test]
async fn a_stuck_submit_ends_at_its_deadline_and_the_next_takes_a_new_connection() {
    let server = Server::always(vec![Step::Stall]).await;
    let relay = relay_at(&server);
    for _ in 0..2 {
        assert_eq!(relay.submit(&block(SubmitVersion::V2), at_once()).await, SubmitAnswer::Timeout);
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn failures_of_a_submit_are_told_apart() {
    let broken = Server::always(vec![Step::Reset]).await;
    let answer = relay_at(&broken).submit(&block(SubmitVersion::V2), soon()).await;
    assert!(matches!(answer, SubmitAnswer::Transport(_)));
    let limited = Server::always(empty("429 Too Many Requests")).await;
    let answer = relay_at(&limited).submit(&block(SubmitVersion::V2), soon()).await;
    assert_eq!(answer, SubmitAnswer::RateLimited { retry_after_ms: None });
    let failing = Server::always(empty("500 Oops")).await;
    let answer = relay_at(&failing).submit(&block(SubmitVersion::V1), soon()).await;
    assert!(matches!(answer, SubmitAnswer::Refused(refusal) if refusal.status == 500));
}
