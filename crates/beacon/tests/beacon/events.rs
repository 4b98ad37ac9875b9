use std::time::Duration;

use headstart_beacon::{Event, Head};
use headstart_types::{Root, Slot, ValidatorIndex};
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::server::{Server, Step, events, json};

/// Longer than any test takes.
const PATIENT: Duration = Duration::from_mins(1);

/// A running watch, with its events; both end with the test.
struct Watch {
    events: Receiver<Event>,
    task: JoinHandle<()>,
}

impl Watch {
    fn start(server: &Server, idle_max: Duration, capacity: usize) -> Self {
        let (sender, events) = mpsc::channel(capacity);
        let node = server.node();
        Self { events, task: tokio::spawn(async move { node.watch(idle_max, sender).await }) }
    }

    async fn next(&mut self) -> Event {
        timeout(Duration::from_secs(20), self.events.recv()).await.unwrap().unwrap()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn head(slot: u64) -> String {
    let root = Root::repeat_byte(9);
    let roots = format!(
        r#""block":"{root}","state":"{root}","previous_duty_dependent_root":"{root}","current_duty_dependent_root":"{root}""#
    );
    format!(
        "event: head\ndata: {{\"slot\":\"{slot}\",{roots},\"epoch_transition\":false,\"new_field\":[]}}\n\n"
    )
}

fn slot_of(event: &Event) -> Slot {
    match event {
        Event::Head(Head { slot, .. }) => *slot,
        other => panic!("no head: {other:?}"),
    }
}

#[tokio::test]
async fn heads_attributes_and_reorgs_are_read() {
    let root = Root::repeat_byte(9);
    let withdrawal = r#"{"index":"1","validator_index":"2","address":"0xb64a30399f7f6b0c154c2e7af0a3ec7b0a5b131a","amount":"3"}"#;
    let attributes = format!(
        r#"{{"version":"fulu","data":{{"proposal_slot":"65","proposer_index":"17","parent_block_root":"{root}","parent_block_hash":"{root}","parent_block_number":"5","payload_attributes":{{"timestamp":"1700000000","prev_randao":"{root}","suggested_fee_recipient":"0x00","withdrawals":[{withdrawal}],"parent_beacon_block_root":"{root}"}}}}}}"#
    );
    let reorg = format!(
        r#"{{"slot":"64","depth":"2","old_head_block":"{root}","new_head_block":"{root}","old_head_state":"{root}","epoch":"2"}}"#
    );
    let text = format!(
        ": keep-alive\n\n{}event: payload_attributes\r\ndata: {attributes}\r\n\r\nevent: chain_reorg\ndata: {reorg}\n\n",
        head(64)
    );
    let server = Server::always(vec![events(&text), Step::Stall]).await;
    let mut watch = Watch::start(&server, PATIENT, 8);
    assert_eq!(watch.next().await, Event::Connected);
    assert_eq!(slot_of(&watch.next().await), Slot(64));
    let Event::PayloadAttributes(attributes) = watch.next().await else { panic!("no attributes") };
    assert_eq!((attributes.proposal_slot, attributes.proposer_index), (Slot(65), ValidatorIndex(17)));
    assert_eq!((attributes.parent_block_number, attributes.timestamp), (5, 1_700_000_000));
    assert_eq!((attributes.prev_randao, attributes.withdrawals[0].amount), (root, 3));
    let Event::ChainReorg(reorg) = watch.next().await else { panic!("no reorg") };
    assert_eq!((reorg.slot, reorg.depth), (Slot(64), 2));
    assert_eq!(server.targets(), ["/eth/v1/events?topics=head,payload_attributes,chain_reorg"]);
    assert!(server.heads()[0].contains("accept: text/event-stream"));
}

#[tokio::test]
async fn events_in_pieces_are_put_together() {
    let text = head(64);
    let (first, second) = text.split_at(30);
    let script = vec![events(first), Step::Send(second.to_owned()), Step::Stall];
    let server = Server::always(script).await;
    let mut watch = Watch::start(&server, PATIENT, 8);
    assert_eq!(watch.next().await, Event::Connected);
    assert_eq!(slot_of(&watch.next().await), Slot(64));
}

#[tokio::test]
async fn malformed_and_unknown_events_are_skipped() {
    let broken = "event: head\ndata: {\"slot\":\"63\"}\n\nevent: head\ndata: no json\n\n";
    let unknown =
        "event: block\ndata: {}\n\nevent: payload_attributes\ndata: {\"version\":\"gloas\",\"data\":{}}\n\n";
    let server = Server::always(vec![events(&format!("{broken}{unknown}{}", head(64))), Step::Stall]).await;
    let mut watch = Watch::start(&server, PATIENT, 8);
    assert_eq!(watch.next().await, Event::Connected);
    assert_eq!(slot_of(&watch.next().await), Slot(64));
    assert_eq!(server.targets().len(), 1, "the stream goes on");
}

#[tokio::test]
async fn a_closed_stream_is_opened_again_and_says_so() {
    let server = Server::start(|_, earlier| vec![events(&head(earlier as u64)), Step::Close]).await;
    let mut watch = Watch::start(&server, PATIENT, 8);
    for slot in 0..3 {
        assert_eq!(watch.next().await, Event::Connected);
        assert_eq!(slot_of(&watch.next().await), Slot(slot));
        assert_eq!(watch.next().await, Event::Disconnected);
    }
}

#[tokio::test]
async fn a_silent_stream_is_opened_again() {
    let server = Server::start(|_, earlier| vec![events(&head(earlier as u64)), Step::Stall]).await;
    let mut watch = Watch::start(&server, Duration::from_millis(200), 8);
    for slot in 0..2 {
        assert_eq!(watch.next().await, Event::Connected);
        assert_eq!(slot_of(&watch.next().await), Slot(slot));
        assert_eq!(watch.next().await, Event::Disconnected);
    }
}

#[tokio::test]
async fn a_node_that_gives_no_events_is_asked_again() {
    let server = Server::start(|_, earlier| match earlier {
        0 => json("503 Service Unavailable", "syncing"),
        1 => json("200 OK", "{}"),
        2 => vec![Step::Close],
        3 => vec![events(&"x".repeat(300_000)), Step::Stall],
        4 => vec![events("data: \u{fffd}"), Step::Close],
        _ => vec![events(&head(64)), Step::Stall],
    })
    .await;
    let mut watch = Watch::start(&server, PATIENT, 8);
    for _ in ["an event that never ends", "an event that breaks off"] {
        assert_eq!(watch.next().await, Event::Connected);
        assert_eq!(watch.next().await, Event::Disconnected);
    }
    assert_eq!(watch.next().await, Event::Connected);
    assert_eq!(slot_of(&watch.next().await), Slot(64));
}

#[tokio::test]
async fn a_full_channel_delays_events_and_loses_none() {
    let text: String = (0..1000).map(head).collect();
    let server = Server::always(vec![events(&text), Step::Stall]).await;
    let mut watch = Watch::start(&server, PATIENT, 1);
    assert_eq!(watch.next().await, Event::Connected);
    for slot in 0..1000 {
        assert_eq!(slot_of(&watch.next().await), Slot(slot));
    }
}

#[tokio::test]
async fn watching_ends_when_nobody_listens() {
    let server = Server::always(vec![events(""), Step::Stall]).await;
    let (sender, receiver) = mpsc::channel(1);
    let node = server.node();
    let watch = tokio::spawn(async move { node.watch(PATIENT, sender).await });
    drop(receiver);
    timeout(Duration::from_secs(20), watch).await.unwrap().unwrap();
}
