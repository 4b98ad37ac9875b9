use headstart_relay::Failure;

use crate::server::{Server, Step, reply};
use crate::world::{at_once, empty, relay_at, soon};

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
