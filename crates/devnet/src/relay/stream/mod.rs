//! Streams over a WebSocket each: the bids of one auction, and announcements of all top bids.

mod bids;
#[cfg(test)]
mod tests;
mod top_bids;

use std::sync::Arc;

use bytes::Bytes;
use headstart_types::{AuctionKey, DATE_MILLISECONDS, TIMEOUT_MS};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::sync::CancellationToken;

use super::behaviour::Streams;
use super::fault::StreamFault;
use super::header;
use super::reply::{number, text};
use super::seen::StreamCall;
use super::state::{State, key, lock};
use crate::server::{Body, full};
pub(super) use top_bids::announcement;

/// Where top bids are announced, as at Helix.
pub(super) const TOP_BID: &str = "/relay/v1/builder/top_bid";
const API_KEY: &str = "x-api-key";

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
            let sending = bids::send(&state, &key, fault, call, &mut socket);
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
            broken.run_until_cancelled(top_bids::announce(&state, announced, &mut socket)).await;
        }
    });
    granted
}
