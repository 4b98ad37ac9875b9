use headstart_relay::Failure;
use headstart_types::{SignedValidatorRegistration, registrations_from_ssz};

use crate::server::{Request, Server, Step, reply};
use crate::world::{at_once, bad_request, empty, golden, relay_at, soon};

fn registrations() -> Vec<SignedValidatorRegistration> {
    registrations_from_ssz(&golden("registrations/mainnet.ssz")).unwrap()
}

fn is_json(request: &Request) -> bool {
    request.header("content-type") == Some("application/json")
}

/// How many requests came in JSON, and how many in all.
fn json_of(server: &Server) -> (usize, usize) {
    let requests = server.requests();
    (requests.iter().filter(|request| is_json(request)).count(), requests.len())
}

#[tokio::test]
async fn registrations_go_out_in_ssz_as_they_were_signed() {
    let server = Server::always(empty("200 OK")).await;
    relay_at(&server).register(&registrations(), soon()).await.unwrap();
    let request = server.requests().remove(0);
    assert_eq!(request.line, "POST /eth/v1/builder/validators");
    assert_eq!(request.header("content-type"), Some("application/octet-stream"));
    assert_eq!(request.body, golden("registrations/mainnet.ssz"));
}

#[tokio::test]
async fn a_relay_that_takes_json_only_is_sent_json_from_then_on() {
    for refusal in ["415 Unsupported Media Type", "406 Not Acceptable", "400 Bad Request"] {
        let answer = move |request: &Request| empty(if is_json(request) { "200 OK" } else { refusal });
        let server = Server::start(answer).await;
        let relay = relay_at(&server);
        for _ in 0..2 {
            relay.register(&registrations(), soon()).await.unwrap();
        }
        assert_eq!(json_of(&server), (2, 3), "{refusal}");
        let sent: serde_json::Value = serde_json::from_slice(&server.requests()[2].body).unwrap();
        let golden: serde_json::Value =
            serde_json::from_slice(&golden("registrations/mainnet.json")).unwrap();
        assert_eq!(sent, golden);
    }
}

#[tokio::test]
async fn a_refused_batch_is_not_sent_again_to_a_relay_that_takes_ssz() {
    let server = Server::start(|request| {
        if request.body.len() > 180 { bad_request("unknown validator") } else { empty("200 OK") }
    })
    .await;
    let relay = relay_at(&server);
    relay.register(&registrations()[..1], soon()).await.unwrap();
    let failure = relay.register(&registrations(), soon()).await.unwrap_err();
    assert!(matches!(failure, Failure::Refused(refusal) if refusal.message == "unknown validator"));
    assert_eq!(json_of(&server), (0, 2));
}

#[tokio::test]
async fn a_relay_that_refuses_both_encodings_is_quoted_on_the_content() {
    let server = Server::start(|request| {
        if is_json(request) { empty("415 Unsupported Media Type") } else { bad_request("unknown validator") }
    })
    .await;
    let failure = relay_at(&server).register(&registrations(), soon()).await.unwrap_err();
    assert!(matches!(failure, Failure::Refused(refusal) if refusal.message == "unknown validator"));
}

#[tokio::test]
async fn an_empty_batch_needs_no_relay() {
    let server = Server::always(empty("200 OK")).await;
    relay_at(&server).register(&[], soon()).await.unwrap();
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn failures_of_a_registration_are_told_apart() {
    let limited = Server::always(reply("429 Too Many Requests", &[("Retry-After", "1")], b"")).await;
    let failure = relay_at(&limited).register(&registrations(), soon()).await;
    assert_eq!(failure, Err(Failure::RateLimited { retry_after_ms: Some(1000) }));
    let silent = Server::always(vec![Step::Stall]).await;
    assert_eq!(relay_at(&silent).register(&registrations(), at_once()).await, Err(Failure::Timeout));
    let broken = Server::always(vec![Step::Reset]).await;
    let failure = relay_at(&broken).register(&registrations(), soon()).await;
    assert!(matches!(failure, Err(Failure::Transport(_))));
}
