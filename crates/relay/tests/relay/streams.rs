//! Streams of a relay over real sockets: what is sent, and what their misbehaviour is taken for.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use headstart_relay::{
    CallResult, Failure, FrameResult, HeaderStream, Operation, Relay, StreamEnd, StreamFrame, StreamKind,
};
use headstart_types::{ForkName, SignedBuilderBid, Slot, Wei};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use crate::server::{Script, Server, reply};
use crate::world::{RELAY_KEY, at_once, auction, bad_request, empty, golden, relay_at, relay_with, soon};

type Peer = WebSocketStream<TcpStream>;

/// A relay that grants every stream, one after the other, and then does this with it.
struct Streamer {
    address: SocketAddr,
    _task: AbortOnDropHandle<()>,
}

impl Streamer {
    async fn start<F: Future<Output = ()> + Send>(serve: impl Fn(Peer) -> F + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(peer) = tokio_tungstenite::accept_async(stream).await {
                    serve(peer).await;
                }
            }
        });
        Self { address, _task: AbortOnDropHandle::new(task) }
    }

    /// Sends these messages and closes.
    async fn sending(messages: Vec<Message>) -> Self {
        Self::start(move |mut peer| {
            let messages = messages.clone();
            async move {
                for message in messages {
                    let _gone = peer.send(message).await;
                }
                let _gone = peer.close(None).await;
                while let Some(Ok(_)) = peer.next().await {}
            }
        })
        .await
    }

    fn relay(&self) -> Relay {
        relay_with(&format!("http://{RELAY_KEY}@{}", self.address))
    }
}

async fn open(relay: &Relay) -> Result<HeaderStream, Failure> {
    relay.header_stream(&auction(), ForkName::Fulu, soon(), soon()).await
}

fn frame(kind: u8, fork: u8, ssz: &[u8]) -> Message {
    Message::Binary([&[kind, fork], ssz].concat().into())
}

fn bid() -> Message {
    frame(1, 6, &golden("fulu/signed_builder_bid.ssz"))
}

/// Everything up to the stream's end.
async fn all(mut stream: HeaderStream) -> (Vec<StreamFrame>, StreamEnd) {
    let mut frames = Vec::new();
    loop {
        match stream.next().await {
            Ok(frame) => frames.push(frame),
            Err(end) => return (frames, end),
        }
    }
}

#[tokio::test]
async fn bids_come_as_they_were_sent_and_the_rest_is_told_apart() {
    let ssz = golden("fulu/signed_builder_bid.ssz");
    let messages = vec![
        bid(),
        frame(9, 0, b"of the future"),
        frame(1, 5, &ssz),
        Message::Text("hello".into()),
        Message::Ping(b"well?".as_slice().into()),
        frame(1, 6, &ssz[..ssz.len() / 2]),
        bid(),
    ];
    let streamer = Streamer::sending(messages).await;
    let relay = streamer.relay();
    let stream = open(&relay).await.unwrap();
    assert_eq!(relay.streams_open(StreamKind::Header), 1);
    let (frames, end) = all(stream).await;
    let expected = SignedBuilderBid::from_ssz(ForkName::Fulu, &ssz).unwrap();
    let bids = frames.iter().filter(|frame| match frame {
        StreamFrame::Bid(received) => received.bid == expected && received.ssz == ssz,
        StreamFrame::Malformed(_) => false,
    });
    // Text is a frame of kind 'h'.
    assert_eq!((bids.count(), frames.len(), end), (2, 4, StreamEnd::Closed));
    assert_eq!(relay.frames(FrameResult::Malformed), 2);
    assert_eq!(relay.frames(FrameResult::Ignored), 2);
    assert_eq!(relay.streams_open(StreamKind::Header), 0);
    assert_eq!(relay.stream_ends(StreamKind::Header, "closed"), 1);
    assert_eq!(relay.calls(Operation::Stream, CallResult::Answered), 1);
}

#[tokio::test]
async fn a_wish_for_a_stream_says_who_asks_when_and_for_how_long() {
    let server = Server::always(empty("404 Not Found")).await;
    assert!(matches!(open(&relay_at(&server)).await, Err(Failure::Refused(no)) if no.status == 404));
    let request = server.requests().remove(0);
    let key = auction();
    let line = format!("GET /eth/v1/builder/header_stream/{}/{}/{}", key.slot, key.parent_hash, key.proposer);
    assert_eq!(request.line, line);
    assert_eq!(request.header("upgrade"), Some("websocket"));
    assert_eq!(request.header("sec-websocket-version"), Some("13"));
    assert_eq!(request.header("date-milliseconds"), Some("1764810778500"));
    assert_eq!(request.header("user-agent"), Some(concat!("headstart/", env!("CARGO_PKG_VERSION"))));
    let timeout_ms: u64 = request.header("x-timeout-ms").unwrap().parse().unwrap();
    assert!((15_000..=20_000).contains(&timeout_ms), "{timeout_ms}");
}

#[tokio::test]
async fn a_refused_stream_is_told_like_every_refusal() {
    let told = async |script: Script| open(&relay_at(&Server::always(script).await)).await.unwrap_err();
    let refused = told(reply("401 Unauthorized", &[], b"StreamNotAdmitted")).await;
    assert!(matches!(refused, Failure::Refused(no) if no.status == 401 && no.message == "StreamNotAdmitted"));
    assert!(matches!(told(bad_request("slot is too old")).await, Failure::Refused(no) if no.status == 400));
    let limited = told(reply("429 Too Many Requests", &[("Retry-After", "2")], b"")).await;
    assert_eq!(limited, Failure::RateLimited { retry_after_ms: Some(2_000) });
    for no_websocket in [empty("200 OK"), empty("204 No Content")] {
        assert!(matches!(told(no_websocket).await, Failure::Malformed(_)));
    }
    let another = [("Connection", "upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Accept", "bm8=")];
    assert!(matches!(told(reply("101 Switching Protocols", &another, b"")).await, Failure::Malformed(_)));
}

#[tokio::test]
async fn a_relay_that_never_grants_costs_its_deadline_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = relay_with(&format!("http://{RELAY_KEY}@{}", listener.local_addr().unwrap()));
    let opened = relay.header_stream(&auction(), ForkName::Fulu, at_once(), soon()).await;
    assert_eq!(opened.unwrap_err(), Failure::Timeout);
}

#[tokio::test]
async fn a_stream_is_over_at_its_deadline() {
    let streamer = Streamer::start(async |mut peer| while let Some(Ok(_)) = peer.next().await {}).await;
    let relay = streamer.relay();
    let stream = relay.header_stream(&auction(), ForkName::Fulu, soon(), at_once()).await.unwrap();
    assert_eq!(all(stream).await, (vec![], StreamEnd::Over));
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_noticed() {
    let streamer = Streamer::start(async |peer| {
        let _held = peer;
        std::future::pending::<()>().await;
    })
    .await;
    let began = Instant::now();
    let (frames, end) = all(open(&streamer.relay()).await.unwrap()).await;
    assert_eq!((frames, end), (vec![], StreamEnd::Silent));
    assert!(began.elapsed() >= Duration::from_secs(2), "one second of silence, and one for the answer");
}

#[tokio::test]
async fn a_quiet_peer_that_answers_pings_is_borne() {
    let streamer = Streamer::start(async |mut peer| while let Some(Ok(_)) = peer.next().await {}).await;
    let relay = streamer.relay();
    let ends = Instant::now() + Duration::from_millis(3_500);
    let stream = relay.header_stream(&auction(), ForkName::Fulu, soon(), ends).await.unwrap();
    assert_eq!(all(stream).await, (vec![], StreamEnd::Over));
}

#[tokio::test]
async fn whoever_sends_too_much_is_given_up() {
    let long = Streamer::sending(vec![Message::Binary(vec![1; (2 << 20) + 1].into())]).await;
    assert_eq!(all(open(&long.relay()).await.unwrap()).await, (vec![], StreamEnd::TooLong));
    let flood = Streamer::start(async |mut peer| while peer.send(frame(9, 0, b"")).await.is_ok() {}).await;
    assert_eq!(all(open(&flood.relay()).await.unwrap()).await, (vec![], StreamEnd::Flooded));
    let pings = Message::Ping(b"?".as_slice().into());
    let pinging = Streamer::sending(vec![pings; 5_000]).await;
    assert_eq!(all(open(&pinging.relay()).await.unwrap()).await.1, StreamEnd::Flooded);
}

#[tokio::test]
async fn a_stream_of_which_nothing_can_be_read_is_given_up() {
    let streamer = Streamer::sending(vec![frame(1, 6, b"no bid"); 20]).await;
    let relay = streamer.relay();
    let (frames, end) = all(open(&relay).await.unwrap()).await;
    assert_eq!((frames.len(), end), (8, StreamEnd::Garbled));
    let mut mixed: Vec<_> = (0..7).map(|_| frame(1, 6, b"no bid")).collect();
    mixed.push(bid());
    let mixed = Streamer::sending(vec![mixed; 4].concat()).await;
    let (frames, end) = all(open(&mixed.relay()).await.unwrap()).await;
    assert_eq!((frames.len(), end), (32, StreamEnd::Closed), "never so many in a row");
}

fn announcement(slot: u64, wei: u64) -> Message {
    let mut bytes = vec![0; 188];
    bytes[8..16].copy_from_slice(&slot.to_le_bytes());
    bytes[156..164].copy_from_slice(&wei.to_le_bytes());
    Message::Binary(bytes.into())
}

#[tokio::test]
async fn top_bids_are_heard_over_connections_that_break() {
    let short = Message::Binary(vec![0; 187].into());
    let streamer = Streamer::sending(vec![announcement(7, 1), short, announcement(7, 2)]).await;
    let relay = streamer.relay();
    let url = format!("ws://{}/ws/v1/top_bid", streamer.address).parse().unwrap();
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let watching = relay.watch_top_bids(&url, |top_bid| sender.send((top_bid.slot, top_bid.value)).unwrap());
    let hearing = async {
        for wei in [1, 2, 1, 2] {
            assert_eq!(heard.recv().await, Some((Slot(7), Wei::new(wei))));
        }
    };
    tokio::select! {
        never = watching => match never {},
        () = hearing => {}
    }
    // It may have heard more by now than was looked at.
    assert!(relay.stream_ends(StreamKind::TopBid, "closed") >= 1);
    assert!(relay.frames(FrameResult::TopBid) >= 4 && relay.frames(FrameResult::Malformed) >= 2);
}
