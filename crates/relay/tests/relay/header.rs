use headstart_relay::{HeaderAnswer, Relay};
use headstart_types::{Encoding, ForkName, SignedBuilderBid};

use crate::server::{Script, Server, reply};
use crate::world::{
    FULU, JSON, RELAY_KEY, SSZ, auction, bad_request, empty, golden, json_bid, relay_at, soon, ssz_bid,
    url_of,
};

async fn ask(relay: &Relay, fork: ForkName) -> HeaderAnswer {
    relay.header(&auction(), fork, 950, soon()).await
}

async fn answer_to(script: Script) -> HeaderAnswer {
    let server = Server::always(script).await;
    ask(&relay_at(&server), ForkName::Fulu).await
}

fn malformed(answer: HeaderAnswer) -> String {
    match answer {
        HeaderAnswer::Malformed(reason) => reason,
        other => panic!("not malformed: {other:?}"),
    }
}

#[tokio::test]
async fn bids_of_every_fork_arrive_in_ssz_and_in_json() {
    for fork in ForkName::ALL {
        let ssz = golden(&format!("{fork}/signed_builder_bid.ssz"));
        let expected = SignedBuilderBid::from_ssz(fork, &ssz).unwrap();
        for (script, encoding) in [(ssz_bid(fork), Encoding::Ssz), (json_bid(fork), Encoding::Json)] {
            let server = Server::always(script).await;
            let HeaderAnswer::Bid(received) = ask(&relay_at(&server), fork).await else {
                panic!("{fork} {encoding:?}")
            };
            assert_eq!((&received.bid, received.encoding), (&expected, encoding));
            assert_eq!(received.ssz, ssz, "{fork}: SSZ is at hand however the bid came");
        }
    }
}

#[tokio::test]
async fn a_header_call_says_who_asks_when_and_for_how_long() {
    let server = Server::always(empty("204 No Content")).await;
    assert_eq!(ask(&relay_at(&server), ForkName::Fulu).await, HeaderAnswer::NoBid);
    let request = server.requests().remove(0);
    let key = auction();
    let line = format!("GET /eth/v1/builder/header/{}/{}/{}", key.slot, key.parent_hash, key.proposer);
    assert_eq!(request.line, line);
    assert_eq!(request.header("accept"), Some("application/octet-stream;q=1.0,application/json;q=0.9"));
    assert_eq!(request.header("date-milliseconds"), Some("1764810778500"));
    assert_eq!(request.header("x-timeout-ms"), Some("950"));
    assert_eq!(request.header("user-agent"), Some(concat!("headstart/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("accept-encoding"), None, "nothing compressed is wanted");
    assert_eq!(request.header("authorization"), None, "the relay's key is no credential");
}

#[tokio::test]
async fn the_promised_time_never_exceeds_the_deadline() {
    let server = Server::always(empty("204 No Content")).await;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    relay_at(&server).header(&auction(), ForkName::Fulu, 60_000, deadline).await;
    let promised: u64 = server.requests()[0].header("x-timeout-ms").unwrap().parse().unwrap();
    assert!(promised <= 10_000, "{promised} ms promised of 10 s");
}

#[tokio::test]
async fn path_query_and_secret_headers_go_with_every_call() {
    let server = Server::always(empty("204 No Content")).await;
    let url = format!("http://{RELAY_KEY}@{}/boost/?id=secret", server.address);
    let mut config = headstart_relay::Config::new(url.parse().unwrap());
    config.headers = vec![("X-Api-Key".to_owned(), "hush-hush".to_owned())];
    assert!(!format!("{config:?}").contains("hush-hush") && !format!("{config:?}").contains("secret"));
    let relay = Relay::new(config, headstart_types::Clock::new(|| crate::world::NOW)).unwrap();
    assert!(!format!("{relay:?}").contains("hush-hush") && !format!("{relay:?}").contains("secret"));
    ask(&relay, ForkName::Fulu).await;
    let request = server.requests().remove(0);
    assert!(request.line.starts_with("GET /boost/eth/v1/builder/header/"), "{}", request.line);
    assert!(request.line.ends_with("?id=secret"), "{}", request.line);
    assert_eq!(request.header("x-api-key"), Some("hush-hush"));
}

#[tokio::test]
async fn content_types_are_read_with_their_parameters() {
    let json = golden("fulu/signed_builder_bid.json");
    let with_charset = reply("200 OK", &[("Content-Type", "application/json; charset=utf-8")], &json);
    assert!(matches!(answer_to(with_charset).await, HeaderAnswer::Bid(_)));
    assert!(
        matches!(answer_to(reply("200 OK", &[], &json)).await, HeaderAnswer::Bid(_)),
        "JSON is the default"
    );
    let page = reply("200 OK", &[("Content-Type", "text/html")], b"<html>maintenance</html>");
    assert!(malformed(answer_to(page).await).contains("neither SSZ nor JSON"));
}

#[tokio::test]
async fn a_bid_of_another_fork_is_malformed() {
    assert!(
        malformed(answer_to(ssz_bid(ForkName::Electra)).await).contains("not fulu, the fork of the slot")
    );
    assert!(malformed(answer_to(json_bid(ForkName::Electra)).await).contains("electra"));
    let unnamed = reply("200 OK", &[SSZ], &golden("fulu/signed_builder_bid.ssz"));
    assert!(malformed(answer_to(unnamed).await).contains("without Eth-Consensus-Version"));
}

#[tokio::test]
async fn broken_bids_are_malformed() {
    let ssz = golden("fulu/signed_builder_bid.ssz");
    malformed(answer_to(reply("200 OK", &[SSZ, FULU], &ssz[..ssz.len() - 1])).await);
    malformed(answer_to(reply("200 OK", &[SSZ, FULU], b"")).await);
    malformed(answer_to(reply("200 OK", &[JSON], br#"{"version":"fulu","data":{}}"#)).await);
    malformed(answer_to(empty("202 Accepted")).await);
    let long_word = format!(r#"{{"version":"fulu","data":{{"message":"{}\u0007"}}}}"#, "x".repeat(100_000));
    let reason = malformed(answer_to(reply("200 OK", &[JSON], long_word.as_bytes())).await);
    assert!(reason.len() <= 200, "what a relay wrote is cut before it is told");
}

#[tokio::test]
async fn refusals_keep_their_meaning_and_never_become_no_bid() {
    let early = answer_to(bad_request("request for wrong slot. request slot: 11, bid slot: 10")).await;
    assert!(matches!(early, HeaderAnswer::TooEarly(refusal) if refusal.status == 400));
    let late = answer_to(bad_request("slot is too old")).await;
    assert!(matches!(late, HeaderAnswer::TooLate(refusal) if refusal.message == "slot is too old"));
    let unknown = answer_to(reply("400 Bad Request", &[], b"proposer not registered")).await;
    assert!(matches!(unknown, HeaderAnswer::UnknownProposer(_)));
    let outside = answer_to(reply("403 Forbidden", &[JSON], br#"{"code":403,"message":"not now"}"#)).await;
    assert!(matches!(outside, HeaderAnswer::TooEarly(refusal) if refusal.status == 403));
    for status in ["400 Bad Request", "401 Unauthorized", "404 Not Found", "500 Oops", "503 Unavailable"] {
        let answer = answer_to(empty(status)).await;
        let HeaderAnswer::Refused(refusal) = answer else { panic!("{status}: {answer:?}") };
        assert!(status.starts_with(&refusal.status.to_string()));
    }
}

#[tokio::test]
async fn a_rate_limit_tells_when_to_come_back() {
    let limited =
        |headers| async move { answer_to(reply("429 Too Many Requests", headers, b"slow down")).await };
    assert_eq!(
        limited(&[("Retry-After", "2")]).await,
        HeaderAnswer::RateLimited { retry_after_ms: Some(2000) }
    );
    assert_eq!(limited(&[]).await, HeaderAnswer::RateLimited { retry_after_ms: None });
}

#[tokio::test]
async fn redirects_are_refused_and_not_followed() {
    let elsewhere = Server::always(ssz_bid(ForkName::Fulu)).await;
    let location = format!("http://{}/", elsewhere.address);
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let answer = answer_to(reply(status, &[("Location", &location)], b"")).await;
        assert!(
            matches!(&answer, HeaderAnswer::Refused(refusal) if refusal.message.contains("redirects")),
            "{answer:?}"
        );
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_relay_that_refuses_the_wish_for_ssz_is_asked_for_json_from_then_on() {
    let server = Server::start(|request| match request.header("accept") {
        Some("application/json") => json_bid(ForkName::Fulu),
        _ => empty("406 Not Acceptable"),
    })
    .await;
    let relay = relay_at(&server);
    for _ in 0..2 {
        assert!(matches!(ask(&relay, ForkName::Fulu).await, HeaderAnswer::Bid(_)));
    }
    assert_eq!(server.requests().len(), 3, "the second call asks for JSON at once");
    assert!(matches!(answer_to(empty("406 Not Acceptable")).await, HeaderAnswer::Refused(_)));
}

#[tokio::test]
async fn calls_share_one_warm_connection() {
    let server = Server::always(ssz_bid(ForkName::Fulu)).await;
    let relay = relay_at(&server);
    for _ in 0..5 {
        assert!(matches!(ask(&relay.clone(), ForkName::Fulu).await, HeaderAnswer::Bid(_)));
    }
    assert_eq!(server.connections(), 1);
    assert_eq!(relay.id(), url_of(&server).id());
}
