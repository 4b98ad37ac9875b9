use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use headstart_types::{AuctionKey, BlsPublicKey, SecretKey, Slot};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::behaviour::Behaviour;
use super::data::Registered;
use super::reply::Answer;
use super::seen::Seen;
use super::shelf::{Shelf, SignedBids};
use super::{HandBid, data, header, register, stream, submit};
use crate::chain::Chain;
use crate::market::{Market, Offer};
use crate::server::{Body, Handler, HangUp};

/// What all connections of one relay share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) chain: Chain,
    pub(super) market: Market,
    pub(super) number: u64,
    pub(super) key: SecretKey,
    pub(super) public_key: BlsPublicKey,
    pub(super) behaviour: Mutex<Behaviour>,
    pub(super) by_hand: Mutex<BTreeMap<Slot, HandBid>>,
    pub(super) registered: Mutex<Registered>,
    pub(super) shelf: Mutex<Shelf>,
    pub(super) signed_bids: SignedBids,
    pub(super) seen: Mutex<Seen>,
    pub(super) seen_more: Notify,
    pub(super) endless_bytes: Arc<AtomicU64>,
    /// A bid was set or withdrawn by hand.
    pub(super) bids_changed: Notify,
    /// Announcements that a test makes itself.
    pub(super) announced: broadcast::Sender<Bytes>,
    /// Ends the streams that are open.
    pub(super) streams: Mutex<CancellationToken>,
}

impl State {
    pub(super) fn behaviour(&self) -> Behaviour {
        lock(&self.behaviour).clone()
    }

    pub(super) fn by_hand(&self, slot: Slot) -> Option<Offer> {
        let bid = lock(&self.by_hand).get(&slot).copied()?;
        Some(Offer { builder: u64::MAX, step: bid.block, value: bid.value })
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.shelf)
    }

    /// Records something.
    pub(super) fn seen<T>(&self, record: impl FnOnce(&mut Seen) -> T) -> T {
        let recorded = record(&mut lock(&self.seen));
        self.seen_more.notify_waiters();
        recorded
    }

    pub(super) fn snapshot(&self) -> Seen {
        let endless_bytes = self.endless_bytes.load(Ordering::Relaxed);
        Seen { endless_bytes, ..lock(&self.seen).clone() }
    }
}

impl Handler for Arc<State> {
    async fn answer(&self, mut request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        if stream::is_wish(&request) {
            return Ok(stream::answer(self, &mut request));
        }
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        if path.ends_with(data::VALIDATOR_REGISTRATION) {
            let query = head.uri.query().unwrap_or_default();
            return Ok(data::validator_registration(self, query).await.into_response());
        }
        let Some(operation) = path.split_once("/eth/").map(|(_, operation)| operation) else {
            return Ok(self.unknown());
        };
        let segments: Vec<&str> = operation.split('/').collect();
        match (&head.method, segments.as_slice()) {
            (&Method::GET, ["v1", "builder", "status"]) => Ok(self.status().await),
            (&Method::GET, ["v1", "builder", "header", slot, parent, pubkey]) => {
                match key(slot, parent, pubkey) {
                    Some(key) => header::get_header(self, key, &head.headers).await,
                    None => Ok(self.refuse(StatusCode::BAD_REQUEST, "invalid slot, parent hash or pubkey")),
                }
            }
            (&Method::POST, ["v1", "builder", "validators"]) => {
                register::register_validators(self, &head.headers, body).await.map(Answer::into_response)
            }
            (&Method::POST, [version @ ("v1" | "v2"), "builder", "blinded_blocks"]) => {
                submit::submit_blinded_block(self, *version == "v2", &head.headers, body).await
            }
            _ => Ok(self.unknown()),
        }
    }
}

impl State {
    /// `GET /eth/v1/builder/status`
    async fn status(&self) -> Response<Body> {
        self.seen(|seen| seen.status_calls += 1);
        tokio::time::sleep(Duration::from_millis(self.behaviour().latency_ms)).await;
        Answer::empty(StatusCode::OK).into_response()
    }

    pub(super) fn unknown(&self) -> Response<Body> {
        self.seen(|seen| seen.unknown_calls += 1);
        self.refuse(StatusCode::NOT_FOUND, "not found")
    }

    pub(super) fn refuse(&self, status: StatusCode, message: &str) -> Response<Body> {
        Answer::error(&self.behaviour(), status, message).into_response()
    }
}

pub(super) fn key(slot: &str, parent_hash: &str, proposer: &str) -> Option<AuctionKey> {
    Some(AuctionKey {
        slot: slot.parse().ok()?,
        parent_hash: parent_hash.parse().ok()?,
        proposer: proposer.parse().ok()?,
    })
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
