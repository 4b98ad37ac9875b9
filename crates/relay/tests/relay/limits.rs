//! Slow, endless, broken and silent relays, through the header call that meets them most.

use std::time::Duration;

use headstart_relay::HeaderAnswer;
use headstart_types::ForkName;
use tokio::time::Instant;

use crate::server::{Script, Server, Step, head, reply};
use crate::world::{FULU, RELAY_KEY, SSZ, at_once, auction, empty, golden, relay_at, relay_with, soon};

async fn answer_by(deadline: Instant, script: Script) -> HeaderAnswer {
    let server = Server::always(script).await;
    relay_at(&server).header(&auction(), ForkName::Fulu, 950, deadline).await
}

const SSZ_HEAD: &str = "Content-Type: application/octet-stream\r\nEth-Consensus-Version: fulu";

#[tokio::test]
async fn one_deadline_covers_head_and_body() {
    let half = golden("fulu/signed_builder_bid.ssz")[..400].to_vec();
    let length = format!("{SSZ_HEAD}\r\nContent-Length: 923");
    let silent = vec![Step::Stall];
    let head_by_drops = vec![Step::Send(b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec()), Step::Drip];
    let no_body = vec![head(&length), Step::Stall];
    let half_a_body = vec![head(&length), Step::Send(half), Step::Stall];
    let body_by_drops = vec![head(&format!("{SSZ_HEAD}\r\nContent-Length: 1000000")), Step::Drip];
    for script in [silent, head_by_drops, no_body, half_a_body, body_by_drops] {
        let began = Instant::now();
        assert_eq!(answer_by(at_once(), script.clone()).await, HeaderAnswer::Timeout, "{script:?}");
        assert!(began.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn a_deadline_that_has_passed_sends_nothing() {
    let server = Server::always(empty("204 No Content")).await;
    let relay = relay_at(&server);
    let answer = relay.header(&auction(), ForkName::Fulu, 950, Instant::now()).await;
    assert_eq!(answer, HeaderAnswer::Timeout);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_malformed_however_it_comes() {
    let announced = vec![head(&format!("{SSZ_HEAD}\r\nContent-Length: 2097153")), Step::Stall];
    let endless = vec![head(&format!("{SSZ_HEAD}\r\nTransfer-Encoding: chunked")), Step::Flood];
    for script in [announced, endless] {
        let answer = answer_by(soon(), script).await;
        assert!(
            matches!(&answer, HeaderAnswer::Malformed(reason) if reason.contains("longer than 2097152 bytes"))
        );
    }
}

#[tokio::test]
async fn an_endless_error_page_is_cut() {
    let page = Step::Send(b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec());
    let answer = answer_by(soon(), vec![page, Step::Flood]).await;
    let HeaderAnswer::Refused(refusal) = answer else { panic!("{answer:?}") };
    assert_eq!((refusal.status, refusal.message), (500, "x".repeat(200)));
}

#[tokio::test]
async fn an_endless_head_is_given_up() {
    let start = Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec());
    let lines = Step::Send(b"X-Filler: yes\r\n".repeat(100_000));
    let answer = answer_by(soon(), vec![start, lines, Step::Stall]).await;
    assert!(matches!(answer, HeaderAnswer::Transport(_)), "{answer:?}");
}

#[tokio::test]
async fn compressed_bodies_are_malformed() {
    for encoding in ["gzip", "br", "identity, gzip"] {
        let script = reply("200 OK", &[SSZ, FULU, ("Content-Encoding", encoding)], b"\x1f\x8b");
        let answer = answer_by(soon(), script).await;
        assert!(
            matches!(&answer, HeaderAnswer::Malformed(reason) if reason.contains("compressed")),
            "{encoding}"
        );
    }
    let plain = reply(
        "200 OK",
        &[SSZ, FULU, ("Content-Encoding", "identity")],
        &golden("fulu/signed_builder_bid.ssz"),
    );
    assert!(matches!(answer_by(soon(), plain).await, HeaderAnswer::Bid(_)));
}

#[tokio::test]
async fn broken_connections_are_transport_failures() {
    let reset_in_the_body = vec![head(&format!("{SSZ_HEAD}\r\nContent-Length: 923")), Step::Reset];
    let no_http = vec![Step::Send(b"220 mail.example ESMTP\r\n\r\n".to_vec()), Step::Stall];
    for script in [vec![Step::Reset], reset_in_the_body, no_http] {
        let answer = answer_by(soon(), script.clone()).await;
        assert!(matches!(answer, HeaderAnswer::Transport(_)), "{script:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_a_transport_failure_without_its_query() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let relay = relay_with(&format!("http://{RELAY_KEY}@{address}?id=secret"));
    let answer = relay.header(&auction(), ForkName::Fulu, 950, soon()).await;
    assert!(matches!(&answer, HeaderAnswer::Transport(reason) if reason.contains("refused")), "{answer:?}");
    assert!(!format!("{answer:?}").contains("secret"));
}

#[tokio::test]
async fn tls_is_spoken_to_https_relays() {
    let server = Server::always(empty("204 No Content")).await;
    let relay = relay_with(&format!("https://{RELAY_KEY}@{}", server.address));
    let answer = relay.header(&auction(), ForkName::Fulu, 950, at_once()).await;
    assert!(matches!(answer, HeaderAnswer::Transport(_) | HeaderAnswer::Timeout), "{answer:?}");
    assert!(server.requests().is_empty(), "nothing is sent in the clear");
}
