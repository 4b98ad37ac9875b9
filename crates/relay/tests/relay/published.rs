use headstart_relay::{Failure, Relay};
use headstart_types::{SignedValidatorRegistration, registrations_from_ssz};

use crate::server::{Script, Server, Step, head, reply};
use crate::world::{JSON, RELAY_KEY, at_once, bad_request, empty, golden, relay_at, relay_with, soon};

fn registration() -> SignedValidatorRegistration {
    registrations_from_ssz(&golden("registrations/mainnet.ssz")).unwrap()[0]
}

fn ok(body: &[u8]) -> Script {
    reply("200 OK", &[JSON], body)
}

async fn read(relay: &Relay) -> Result<Option<SignedValidatorRegistration>, Failure> {
    relay.published_registration(&registration().message.pubkey, soon()).await
}

async fn read_from(script: Script) -> Result<Option<SignedValidatorRegistration>, Failure> {
    read(&relay_at(&Server::always(script).await)).await
}

#[tokio::test]
async fn what_a_relay_publishes_of_a_validator_is_read_by_its_key() {
    let published = serde_json::to_vec(&registration()).unwrap();
    let server = Server::always(ok(&published)).await;
    assert_eq!(read(&relay_at(&server)).await, Ok(Some(registration())));
    let asked = &server.requests()[0];
    let pubkey = registration().message.pubkey;
    assert_eq!(asked.line, format!("GET /relay/v1/data/validator_registration?pubkey={pubkey}"));
    assert_eq!(asked.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn a_relay_behind_a_path_and_a_query_is_asked_there() {
    let server = Server::always(empty("404 Not Found")).await;
    let relay = relay_with(&format!("http://{RELAY_KEY}@{}/boost?id=secret", server.address));
    assert_eq!(read(&relay).await, Ok(None));
    let line = &server.requests()[0].line;
    assert!(line.starts_with("GET /boost/relay/v1/data/validator_registration?pubkey=0x"), "{line}");
    assert!(line.ends_with("&id=secret"), "{line}");
}

#[tokio::test]
async fn a_relay_that_publishes_nothing_says_so_in_several_ways() {
    for script in
        [bad_request("no registration found for validator"), empty("404 Not Found"), empty("204 No Content")]
    {
        assert_eq!(read_from(script).await, Ok(None));
    }
}

#[tokio::test]
async fn an_answer_that_is_no_registration_of_this_validator_is_malformed() {
    let mut of_another = registration();
    of_another.message.pubkey.0[5] ^= 1;
    let of_another = serde_json::to_vec(&of_another).unwrap();
    let long = [vec![b' '; 20_000], serde_json::to_vec(&registration()).unwrap()].concat();
    for body in [&b"{}"[..], b"null", b"<html>", &of_another, &long] {
        let answer = read_from(ok(body)).await;
        assert!(matches!(answer, Err(Failure::Malformed(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn failures_of_a_read_are_told_apart() {
    let limited = read_from(reply("429 Too Many Requests", &[("Retry-After", "7")], b"")).await;
    assert_eq!(limited, Err(Failure::RateLimited { retry_after_ms: Some(7_000) }));
    assert!(matches!(read_from(empty("503 Service Unavailable")).await, Err(Failure::Refused(_))));
    assert!(matches!(read_from(vec![Step::Reset]).await, Err(Failure::Transport(_))));
    let slow =
        Server::always(vec![head("Content-Type: application/json\r\nContent-Length: 900"), Step::Drip]).await;
    let pubkey = registration().message.pubkey;
    assert_eq!(relay_at(&slow).published_registration(&pubkey, at_once()).await, Err(Failure::Timeout));
}
