//! Streams over a WebSocket each: the bids of one auction, and announcements of all top bids.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use headstart_types::{AuctionKey, BlockHash, DATE_MILLISECONDS, Encoding, ForkName, Slot, TIMEOUT_MS, Wei};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Message, Role};
use tokio_util::sync::CancellationToken;

use super::behaviour::Streams;
use super::fault::StreamFault;
use super::reply::{number, text};
use super::seen::StreamCall;
use super::state::{State, key, lock};
use super::{BidSource, header};
use crate::server::{Body, full};

/// Where top bids are announced, as at Helix.
pub(super) const TOP_BID: &str = "/relay/v1/builder/top_bid";
const API_KEY: &str = "x-api-key";
/// The market is a function of time: so often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Whether the request wishes for a WebSocket.
pub(super) fn is_wish(request: &Request<Incoming>) -> bool {
    let upgrade = request.headers().get(UPGRADE);
    upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Grants the wish, in a task that ends with the relay, or says why not.
pub(super) fn answer(state: &Arc<State>, request: &mut Request<Incoming>) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut *request);
    let (path, headers) = (request.uri().path(), request.headers());
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let streams = state.behaviour().streams;
    match (streams, segments.as_slice()) {
        (Some(streams), ["eth", "v1", "builder", "header_stream", slot, parent, pubkey]) => {
            match key(slot, parent, pubkey) {
                Some(key) => header_stream(state, &streams, key, headers, upgrade),
                None => state.refuse(StatusCode::BAD_REQUEST, "invalid slot, parent hash or pubkey"),
            }
        }
        (Some(streams), _) if path == TOP_BID => top_bids(state, &streams, headers, upgrade),
        _ => state.unknown(),
    }
}

fn header_stream(
    state: &Arc<State>,
    streams: &Streams,
    key: AuctionKey,
    headers: &HeaderMap,
    upgrade: OnUpgrade,
) -> Response<Body> {
    let refused = refusal(state, streams, headers).or_else(|| {
        let now = state.chain.clock().now();
        let refused = header::admit(state, state.behaviour().access, &key, now).err();
        refused.map(|(status, message)| state.refuse(status, &message))
    });
    let asked_at = state.chain.clock().now();
    let call = state.seen(|seen| {
        seen.streams.push(StreamCall {
            asked_at,
            slot: key.slot,
            parent_hash: key.parent_hash,
            proposer: key.proposer,
            timeout_ms: number(headers, TIMEOUT_MS),
            date_ms: number(headers, DATE_MILLISECONDS),
            status: refused.as_ref().map_or(101, |answer| answer.status().as_u16()),
            frames: 0,
            is_over: refused.is_some(),
        })
    });
    if let Some(refused) = refused {
        return refused;
    }
    let broken = lock(&state.streams).clone();
    let (state, fault, granted) = (Arc::clone(state), streams.fault, granted(headers));
    tokio::spawn(async move {
        if let Some(mut socket) = open(upgrade).await {
            let sending = send_bids(&state, &key, fault, call, &mut socket);
            broken.run_until_cancelled(sending).await;
        }
        state.seen(|seen| seen.streams.get_mut(call).map(|call| call.is_over = true));
    });
    granted
}

fn refusal(state: &State, streams: &Streams, headers: &HeaderMap) -> Option<Response<Body>> {
    if let StreamFault::Refuse(code) = streams.fault {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return Some(state.refuse(status, "no stream for you"));
    }
    let is_admitted = streams.api_key.is_none() || streams.api_key == text(headers, API_KEY);
    (!is_admitted).then(|| state.refuse(StatusCode::UNAUTHORIZED, "StreamNotAdmitted"))
}

fn granted(headers: &HeaderMap) -> Response<Body> {
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key)) {
        answer.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

async fn open(upgrade: OnUpgrade) -> Option<Socket> {
    let upgraded = upgrade.await.ok()?;
    Some(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await)
}

/// A frame whenever the relay's best bid changes, half of its latency later, until the peer is gone.
async fn send_bids(state: &State, key: &AuctionKey, fault: StreamFault, call: u64, socket: &mut Socket) {
    let half = Duration::from_millis(state.behaviour().latency_ms) / 2;
    let (mut under_way, mut last) = (VecDeque::<(Instant, Bytes)>::new(), None);
    if fault == StreamFault::Silent {
        return std::future::pending().await;
    }
    loop {
        let changed = state.bids_changed.notified();
        let looked_at = Instant::now();
        let top = header::top_bid(state, &state.behaviour(), key, state.chain.clock().now());
        if let Some(top) = top
            && (last != Some(top.block_hash()) || fault == StreamFault::Flood)
        {
            last = Some(top.block_hash());
            under_way.push_back((looked_at + half, frame(top.fork(), &top.bytes(Encoding::Ssz), fault)));
        }
        while under_way.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            let Some((_, bytes)) = under_way.pop_front() else { break };
            if socket.send(Message::Binary(bytes)).await.is_err() {
                return;
            }
            let sent = state.seen(|seen| {
                seen.streams.get_mut(call).map_or(0, |call| {
                    call.frames += 1;
                    call.frames
                })
            });
            if matches!(fault, StreamFault::ClosesAfter(frames) if frames <= sent) {
                return;
            }
        }
        if fault == StreamFault::Flood && last.is_some() {
            tokio::task::yield_now().await;
            continue;
        }
        let due = under_way.front().map_or(Instant::now() + LOOK_EVERY, |(due, _)| *due);
        tokio::select! {
            () = changed => {}
            () = sleep_until(due.min(Instant::now() + LOOK_EVERY)) => {}
            heard = socket.next() => if !matches!(heard, Some(Ok(_))) { return },
        }
    }
}

/// `[u8 kind = 1][u8 fork][SSZ SignedBuilderBid]`
fn frame(fork: ForkName, ssz: &[u8], fault: StreamFault) -> Bytes {
    let fork_byte = match fork {
        ForkName::Capella => 3,
        ForkName::Deneb => 4,
        ForkName::Electra => 5,
        ForkName::Fulu => 6,
    };
    let fork_byte = if fault == StreamFault::WrongFork { fork_byte + 1 } else { fork_byte };
    let ssz = if fault == StreamFault::Malformed { &ssz[..ssz.len() / 2] } else { ssz };
    [&[1, fork_byte], ssz].concat().into()
}

fn top_bids(
    state: &Arc<State>,
    streams: &Streams,
    headers: &HeaderMap,
    upgrade: OnUpgrade,
) -> Response<Body> {
    let announced = state.announced.subscribe();
    state.seen(|seen| seen.top_bid_calls += 1);
    if let Some(refused) = refusal(state, streams, headers) {
        return refused;
    }
    let broken: CancellationToken = lock(&state.streams).clone();
    let (state, granted) = (Arc::clone(state), granted(headers));
    tokio::spawn(async move {
        if let Some(mut socket) = open(upgrade).await {
            broken.run_until_cancelled(announce(&state, announced, &mut socket)).await;
        }
    });
    granted
}

/// What a test announces, and the market's top bid for the slot to come whenever it changes.
async fn announce(
    state: &State,
    mut announced: tokio::sync::broadcast::Receiver<Bytes>,
    socket: &mut Socket,
) {
    let half = Duration::from_millis(state.behaviour().latency_ms) / 2;
    let mut last = None;
    loop {
        let announcement = tokio::select! {
            announced = announced.recv() => announced.ok(),
            () = sleep(LOOK_EVERY) => of_market(state, &mut last),
            heard = socket.next() => if matches!(heard, Some(Ok(_))) { None } else { return },
        };
        if let Some(announcement) = announcement {
            sleep(half).await;
            if socket.send(Message::Binary(announcement)).await.is_err() {
                return;
            }
        }
    }
}

fn of_market(state: &State, last: &mut Option<(Slot, Wei)>) -> Option<Bytes> {
    if state.behaviour().bids != BidSource::Market {
        return None;
    }
    let (now, head) = (state.chain.clock().now(), state.chain.head());
    let slot = state.chain.network().slot_at(now).max(head.slot.next());
    let top = state.market.top_bid(state.number, slot, now)?;
    if last.replace((slot, top.value)) == Some((slot, top.value)) {
        return None;
    }
    Some(announcement(state, slot, head.block_hash, top.value))
}

/// 188 bytes: moment, slot, block number, block hash, parent hash, builder, fee recipient and value.
pub(super) fn announcement(state: &State, slot: Slot, parent_hash: BlockHash, value: Wei) -> Bytes {
    let now_ms = state.chain.clock().now().0.cast_unsigned();
    let mut bytes = Vec::with_capacity(188);
    for number in [now_ms, slot.0, state.chain.head().block_number + 1] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    // Nobody looks at the block's hash: which block it is only a signed bid can tell.
    bytes.extend_from_slice(BlockHash::default().0.as_slice());
    bytes.extend_from_slice(parent_hash.0.as_slice());
    bytes.extend_from_slice(state.public_key.0.as_slice());
    bytes.extend_from_slice(&[0; 20]);
    bytes.extend_from_slice(&value.0.to_le_bytes::<32>());
    bytes.into()
}
