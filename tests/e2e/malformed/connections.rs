//! What is wrong with the connection and not with the request.

use std::time::{Duration, Instant};

use e2e::{Connection, Request, Service, network};
use headstart_types::ForkName;

use super::VALIDATORS;

const HEAD_TIMEOUT: Duration = Duration::from_millis(300);
const STATUS: &[u8] = b"GET /eth/v1/builder/status HTTP/1.1\r\nHost: headstart\r\n\r\n";

async fn service() -> Service {
    let setup = Service::on(&network(ForkName::Fulu));
    let setup = setup.builder_api(&format!("head_timeout_ms = {}", HEAD_TIMEOUT.as_millis()));
    setup.builder_api("body_timeout_ms = 300").builder_api("body_bytes_max = 65536").start().await
}

/// The connection is closed in good order, after at least the time that a head may take.
async fn assert_closed(mut connection: Connection, began: Instant) {
    let sent = connection.until_closed().await.expect("closed and not reset");
    assert!(sent.is_empty(), "{}", sent.escape_ascii());
    assert!(began.elapsed() >= HEAD_TIMEOUT, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_sent_head_is_given_up() {
    let service = service().await;
    for half in
        [&b""[..], b"G", b"GET /eth/v1/builder/status HTTP/1.1\r\nHost: head", &STATUS[..STATUS.len() - 1]]
    {
        let began = Instant::now();
        let mut connection = service.client().connect().await;
        connection.send(half).await.unwrap();
        assert_closed(connection, began).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_is_given_up_too() {
    let service = service().await;
    let began = Instant::now();
    let mut connection = service.client().connect().await;
    let mut closed = false;
    for byte in STATUS.iter().cycle().take(STATUS.len() - 1) {
        closed = connection.send(&[*byte]).await.is_err();
        if closed {
            break;
        }
        tokio::time::sleep(HEAD_TIMEOUT / 6).await;
    }
    assert!(closed, "bytes that trickle in buy no time");
    assert!(began.elapsed() >= HEAD_TIMEOUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_outlives_the_time_of_a_head() {
    let service = service().await;
    let mut connection = service.client().connect().await;
    for _ in 0..3 {
        assert_eq!(connection.exchange(STATUS).await.expect("the connection is alive").status, 200);
        tokio::time::sleep(HEAD_TIMEOUT * 2).await;
    }
    let began = Instant::now();
    connection.send(b"GET /eth").await.unwrap();
    assert_closed(connection, began).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_a_408() {
    let service = service().await;
    let request = Request::new("POST", VALIDATORS).header("Content-Length", "500").without_length("[");
    let reply = service.client().call(&request).await;
    assert_eq!(reply.status, 408, "{}", reply.text());
    assert!(reply.message().expect("an error object").contains("body"), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_far_beyond_the_limit_is_a_413_and_no_reset() {
    let service = service().await;
    for (content_type, megabytes) in
        [("application/json", 1), ("application/octet-stream", 8), ("text/plain", 32)]
    {
        let request = Request::post(VALIDATORS, content_type, vec![b' '; megabytes << 20]);
        let reply = service.client().call(&request).await;
        assert_eq!(reply.status, 413, "{megabytes} MiB: {}", reply.text());
        assert!(reply.message().expect("an error object").contains("65536 bytes"), "{}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_a_4xx_or_closed_and_never_a_reset() {
    let service = service().await;
    let long_header = format!("GET / HTTP/1.1\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(400_000));
    let long_target = format!("GET /{} HTTP/1.1\r\nConnection: close\r\n\r\n", "x".repeat(70_000));
    let many_headers = format!("GET / HTTP/1.1\r\nConnection: close\r\n{}\r\n", "A: b\r\n".repeat(500));
    for bytes in [
        b"hello\r\n\r\n".as_slice(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\r\n\r\n",
        b"G\0T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad name: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nName: a\0b\r\n\r\n",
        b"POST /eth/v1/builder/validators HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /eth/v1/builder/validators HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /eth/v1/builder/validators HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /eth/v1/builder/validators HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        long_header.as_bytes(),
        long_target.as_bytes(),
        many_headers.as_bytes(),
    ] {
        let shown = bytes[..bytes.len().min(60)].escape_ascii();
        let mut connection = service.client().connect().await;
        connection.send(bytes).await.unwrap();
        let answer = connection.until_closed().await.unwrap_or_else(|error| panic!("{shown}: {error}"));
        let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
        assert!(refused, "{shown}: {}", answer.escape_ascii());
    }
    assert_eq!(service.client().call(&Request::get("/eth/v1/builder/status")).await.status, 200);
}
