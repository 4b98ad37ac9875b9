use headstart_relay::{CallResult, Failure, Operation};
use headstart_types::{ForkName, UnixMillis};

use crate::server::{Server, Step, reply};
use crate::world::{at_once, auction, empty, relay_at, soon};

#[tokio::test]
async fn status_warms_both_connection_pools() {
    let server = Server::always(reply("200 OK", &[], b"{}")).await;
    let relay = relay_at(&server);
    relay.status(soon()).await.unwrap();
    relay.status(soon()).await.unwrap();
    let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(lines, ["GET /eth/v1/builder/status"; 4]);
    assert_eq!(server.connections(), 2, "one for header calls and one for submits, both kept open");
}

#[tokio::test]
async fn a_relay_that_is_not_well_says_so_in_its_own_words() {
    let server = Server::always(reply("503 Service Unavailable", &[], b"terminating")).await;
    let failure = relay_at(&server).status(soon()).await.unwrap_err();
    assert_eq!(failure.to_string(), "be accepted: the relay answered 503 \"terminating\"");
    let server = Server::always(empty("302 Found")).await;
    assert!(
        matches!(relay_at(&server).status(soon()).await, Err(Failure::Refused(refusal)) if refusal.status == 302)
    );
}

#[tokio::test]
async fn a_silent_relay_is_given_up_at_the_deadline() {
    let server = Server::always(vec![Step::Stall]).await;
    assert_eq!(relay_at(&server).status(at_once()).await, Err(Failure::Timeout));
}

#[tokio::test]
async fn a_relay_tells_the_time_beside_whatever_it_answers() {
    let date = ("Date", "Wed, 03 Dec 2025 23:12:58 GMT");
    for status in ["200 OK", "503 Service Unavailable"] {
        let server = Server::always(reply(status, &[date], b"")).await;
        assert_eq!(relay_at(&server).date(soon()).await, Some(UnixMillis(1_764_803_578_000)), "{status}");
    }
    for headers in [&[][..], &[("Date", "now")]] {
        let server = Server::always(reply("200 OK", headers, b"")).await;
        assert_eq!(relay_at(&server).date(soon()).await, None);
    }
    let silent = Server::always(vec![Step::Stall]).await;
    assert_eq!(relay_at(&silent).date(at_once()).await, None);
}

#[tokio::test]
async fn calls_are_counted_by_what_they_were_for_and_how_they_ended() {
    let server = Server::start(|request| match request.header("accept") {
        None | Some("*/*") => empty("503 Service Unavailable"),
        Some(_) => empty("204 No Content"),
    })
    .await;
    let relay = relay_at(&server);
    assert!(relay.status(soon()).await.is_err());
    for _ in 0..2 {
        relay.header(&auction(), ForkName::Fulu, 900, soon()).await;
    }
    assert_eq!(relay.calls(Operation::Status, CallResult::Failed), 1);
    assert_eq!(relay.calls(Operation::Header, CallResult::Answered), 2);
    let counted =
        |operation| CallResult::ALL.map(|result| relay.calls(operation, result)).iter().sum::<u64>();
    assert_eq!(Operation::ALL.map(counted), [1, 0, 2, 0, 0, 0, 0]);
}
