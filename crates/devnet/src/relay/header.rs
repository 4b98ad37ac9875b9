use std::sync::Arc;
use std::time::{Duration, Instant};

use headstart_types::{AuctionKey, DATE_MILLISECONDS, ForkName, TIMEOUT_MS, UnixMillis};
use http::header::{ACCEPT, USER_AGENT};
use http::{HeaderMap, Response, StatusCode};

use super::behaviour::{Access, Behaviour, BidSource};
use super::bid_fault::sign_spoilt;
use super::fault::{BidFault, HeaderFault};
use super::reply::{Answer, negotiate, number, text};
use super::seen::HeaderCall;
use super::shelf::{BidId, MadeBid};
use super::state::State;
use super::wire;
use crate::fine_timer;
use crate::market::{Offer, scaled_ms};
use crate::payload::BuiltBlock;
use crate::seed::Seed;
use crate::server::{Body, HangUp};
use crate::sign::sign_bid;

/// How long before the caller gives up a held call is answered.
const HOLD_MARGIN_MS: u64 = 100;
const HELIX_GIVES_UP_MS: i64 = 4000;
const HOLD_MAX: Duration = Duration::from_secs(3);

/// Status and message.
type Refusal = (StatusCode, String);

/// `GET /eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}`
pub(super) async fn get_header(
    state: &State,
    key: AuctionKey,
    headers: &HeaderMap,
) -> Result<Response<Body>, HangUp> {
    let asked = Instant::now();
    let behaviour = state.behaviour();
    let call = state.seen(|seen| seen.headers.push(arrived(&key, headers, state.chain.clock().now())));
    let half = Duration::from_millis(behaviour.latency_ms) / 2;
    let looks_at = asked + half + hold(state, &behaviour, &key, headers);
    fine_timer::sleep_until(looks_at).await;
    let (answer, bid) = match decide(state, &behaviour, &key) {
        Ok(bid) => (bid_answer(&behaviour, &bid, headers), Some(bid)),
        Err(refusal) => (refusal, None),
    };
    // Signing and being woken late are no part of the way: both hide in its second half.
    fine_timer::sleep_until(looks_at + half).await;
    state.seen(|seen| {
        if let Some(call) = seen.headers.get_mut(call) {
            call.status = answer.status.as_u16();
            call.bid = bid.map(|bid| (bid.block_hash(), bid.signed.message.value()));
        }
    });
    match &behaviour.header {
        HeaderFault::Wire(fault) => wire::send(answer, fault, &state.endless_bytes).await,
        _ => Ok(answer.into_response()),
    }
}

fn arrived(key: &AuctionKey, headers: &HeaderMap, asked_at: UnixMillis) -> HeaderCall {
    HeaderCall {
        asked_at,
        slot: key.slot,
        parent_hash: key.parent_hash,
        proposer: key.proposer,
        accept: text(headers, ACCEPT.as_str()),
        user_agent: text(headers, USER_AGENT.as_str()),
        timeout_ms: number(headers, TIMEOUT_MS),
        date_ms: number(headers, DATE_MILLISECONDS),
        status: 0,
        bid: None,
    }
}

/// How long a relay that plays timing games holds the call.
fn hold(state: &State, behaviour: &Behaviour, key: &AuctionKey, headers: &HeaderMap) -> Duration {
    let Some(until_ms) = behaviour.holds_until_ms else { return Duration::ZERO };
    let network = state.chain.network();
    let until = network.slot_start(key.slot) + scaled_ms(network, until_ms);
    let patience =
        number(headers, TIMEOUT_MS).map(|ms: u64| Duration::from_millis(ms.saturating_sub(HOLD_MARGIN_MS)));
    state.chain.clock().now().until(until).min(patience.unwrap_or(HOLD_MAX)).min(HOLD_MAX)
}

/// The bid to give at this moment, or the refusal.
fn decide(state: &State, behaviour: &Behaviour, key: &AuctionKey) -> Result<Arc<MadeBid>, Answer> {
    let now = state.chain.clock().now();
    admit(state, behaviour.access, key, now)
        .and_then(|()| spend(state, behaviour.access, key))
        .map_err(|(status, message)| Answer::error(behaviour, status, &message))?;
    if state.chain.network().fork_at(key.slot).is_none() {
        return Err(Answer::error(behaviour, StatusCode::BAD_REQUEST, "unknown fork"));
    }
    top_bid(state, behaviour, key, now).ok_or_else(|| Answer::empty(StatusCode::NO_CONTENT))
}

/// What the relay bids at this moment, whoever asks and however.
pub(super) fn top_bid(
    state: &State,
    behaviour: &Behaviour,
    key: &AuctionKey,
    now: UnixMillis,
) -> Option<Arc<MadeBid>> {
    let network = state.chain.network();
    let into_slot_ms = now - network.slot_start(key.slot);
    let cutoff = behaviour.header_cutoff_ms.map(|cutoff_ms| scaled_ms(network, cutoff_ms.cast_signed()));
    if cutoff.is_some_and(|cutoff| into_slot_ms >= cutoff) || behaviour.header == HeaderFault::NoBid204 {
        return None;
    }
    let fork = network.fork_at(key.slot)?;
    let offer = match behaviour.bids {
        BidSource::Market => state.market.top_bid(state.number, key.slot, now),
        BidSource::ByHand => state.by_hand(key.slot),
    }?;
    make_bid(state, fork, key, offer, fault_of(state, behaviour, key, offer))
}

/// When the relay may bid otherwise than at this moment; `None` when nobody knows.
pub(super) fn next_change(
    state: &State,
    behaviour: &Behaviour,
    key: &AuctionKey,
    now: UnixMillis,
) -> Option<UnixMillis> {
    match behaviour.bids {
        BidSource::Market => state.market.next_change(state.number, key.slot, now),
        BidSource::ByHand => None,
    }
}

/// Whether the relay answers for that auction at this moment.
pub(super) fn admit(state: &State, access: Access, key: &AuctionKey, now: UnixMillis) -> Result<(), Refusal> {
    let (network, head) = (state.chain.network(), state.chain.head().slot);
    // Helix gives a missing block up at the attestation deadline and takes its slot for the head's.
    let given_up = network.slot_at(now - scaled_ms(network, HELIX_GIVES_UP_MS));
    let bid_slot = head.max(given_up).next();
    match access {
        Access::NotBeforeHead if key.slot < head => {
            Err((StatusCode::BAD_REQUEST, "slot is too old".to_owned()))
        }
        Access::HeadGated if key.slot != bid_slot => {
            let message = format!("request for wrong slot. request slot: {}, bid slot: {bid_slot}", key.slot);
            Err((StatusCode::BAD_REQUEST, message))
        }
        Access::OncePerSlotInSlot
            if now < network.slot_start(key.slot) || network.slot_at(now) != key.slot =>
        {
            Err((StatusCode::FORBIDDEN, "not a validator call for the current slot".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Uses up the call of a relay that answers one a slot. Streams are no calls.
fn spend(state: &State, access: Access, key: &AuctionKey) -> Result<(), Refusal> {
    if access == Access::OncePerSlotInSlot && !state.shelf().first_call(key.slot, key.proposer) {
        return Err((StatusCode::TOO_MANY_REQUESTS, "one header per slot".to_owned()));
    }
    Ok(())
}

/// What is wrong with this bid: always the same for the same bid.
fn fault_of(state: &State, behaviour: &Behaviour, key: &AuctionKey, offer: Offer) -> Option<BidFault> {
    if let HeaderFault::Bid(fault) = behaviour.header {
        return Some(fault);
    }
    let chance = Seed::new(state.number).with_slot(key.slot).with(offer.builder).with(offer.step);
    behaviour
        .occasional
        .filter(|occasional| chance.happens(occasional.per_mille))
        .map(|occasional| occasional.fault)
}

fn make_bid(
    state: &State,
    fork: ForkName,
    key: &AuctionKey,
    offer: Offer,
    fault: Option<BidFault>,
) -> Option<Arc<MadeBid>> {
    let Offer { builder, step, value } = offer;
    let id = BidId { key: *key, builder, step, value, fault };
    state.bid(id, || {
        let attributes = state.chain.attributes(key.slot, key.parent_hash);
        let block = BuiltBlock::new(fork, attributes, key.proposer, builder, step);
        let bid = block.bid(value, state.public_key);
        let network = state.chain.network();
        let signed = match fault {
            None => sign_bid(network, bid, &state.key),
            Some(fault) => sign_spoilt(network, key.slot, bid, fault, &state.key),
        };
        MadeBid::new(id, block, signed)
    })
}

fn bid_answer(behaviour: &Behaviour, bid: &MadeBid, headers: &HeaderMap) -> Answer {
    let Some(encoding) = negotiate(behaviour.encodings, headers) else {
        return Answer::error(
            behaviour,
            StatusCode::NOT_ACCEPTABLE,
            "application/octet-stream or application/json",
        );
    };
    Answer::message(encoding, bid.fork(), bid.bytes(encoding))
}
