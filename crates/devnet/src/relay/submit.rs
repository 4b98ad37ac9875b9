use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headstart_types::{
    CONSENSUS_VERSION, Encoding, FixedBytes, ForkName, PublicKey, Root, SignedBlindedBeaconBlock,
    UnblindedPayload, signing_root,
};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;

use super::behaviour::{Behaviour, Encodings};
use super::fault::SubmitFault;
use super::reply::{Answer, negotiate, request_encoding, text};
use super::seen::SubmitCall;
use super::shelf::MadeBid;
use super::state::State;
use super::wire;
use crate::chain::Revealed;
use crate::market::scaled_ms;
use crate::payload::{BuiltBlock, random_blob};
use crate::seed::Seed;
use crate::server::{Body, HangUp, read_body};

const BODY_BYTES_MAX: usize = 8 << 20;
/// A block for a slot further ahead than this is refused instead of waited for.
const WAIT_MAX: Duration = Duration::from_secs(12);

/// `POST /eth/v1/builder/blinded_blocks` (answers with the payload) and its second version (answers 202).
pub(super) async fn submit_blinded_block(
    state: &State,
    v2: bool,
    headers: &HeaderMap,
    body: Incoming,
) -> Result<Response<Body>, HangUp> {
    let asked_at = state.chain.clock().now();
    let ssz = request_encoding(headers) == Some(Encoding::Ssz);
    let arrived = SubmitCall { asked_at, v2, ssz, status: 0, block: None, refused: None };
    // Whoever sees the call may change what the next one comes to, and not this one.
    let behaviour = state.behaviour();
    let call = state.seen(|seen| seen.submits.push(arrived));
    let Some(body) = read_body(body, BODY_BYTES_MAX).await else { return Err(HangUp) };
    tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    let answer = match &behaviour.submit {
        SubmitFault::Wire(fault) if !fault.only_distorts() => Answer::empty(StatusCode::OK),
        SubmitFault::WithoutV2 if v2 => Answer::error(&behaviour, StatusCode::NOT_FOUND, "not found"),
        _ => handle(state, &behaviour, call, v2, headers, &body).await,
    };
    state.seen(|seen| {
        if let Some(call) = seen.submits.get_mut(call) {
            call.status = answer.status.as_u16();
        }
    });
    match &behaviour.submit {
        SubmitFault::Wire(fault) => wire::send(answer, fault, &state.endless_bytes).await,
        _ => Ok(answer.into_response()),
    }
}

/// Verifies the block, publishes it, and answers.
async fn handle(
    state: &State,
    behaviour: &Behaviour,
    call: u64,
    v2: bool,
    headers: &HeaderMap,
    body: &Bytes,
) -> Answer {
    let refuse = |(status, message): (StatusCode, String)| {
        state.seen(|seen| {
            if let Some(call) = seen.submits.get_mut(call) {
                call.refused = Some(message.clone());
            }
        });
        Answer::error(behaviour, status, &message)
    };
    let block = match decode(state, behaviour, headers, body) {
        Ok(block) => block,
        Err(refusal) => return refuse(refusal),
    };
    let root = block.message.tree_hash_root();
    state.seen(|seen| {
        if let Some(call) = seen.submits.get_mut(call) {
            call.block = Some((block.slot(), root, block.block_hash()));
        }
    });
    if behaviour.submit_waits_for_slot {
        let until_slot = state.chain.clock().now().until(state.chain.network().slot_start(block.slot()));
        tokio::time::sleep(until_slot.min(WAIT_MAX)).await;
    }
    match verify(state, behaviour, &block, root) {
        Err(refusal) => refuse(refusal),
        Ok(bid) => {
            publish(state, behaviour, &bid, root);
            if v2 { Answer::empty(StatusCode::ACCEPTED) } else { payload_answer(behaviour, &bid, headers) }
        }
    }
}

type Refusal = (StatusCode, String);

fn bad(message: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, message.into())
}

fn decode(
    state: &State,
    behaviour: &Behaviour,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<SignedBlindedBeaconBlock, Refusal> {
    let unsupported = || (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported content type".to_owned());
    let encoding = request_encoding(headers).ok_or_else(unsupported)?;
    if encoding == Encoding::Ssz && behaviour.encodings == Encodings::AcceptOnlyJson {
        return Err(unsupported());
    }
    let named: Option<Result<ForkName, _>> = text(headers, CONSENSUS_VERSION).map(|version| version.parse());
    let named = named.transpose().map_err(|_| bad("unknown Eth-Consensus-Version"))?;
    match (encoding, named) {
        (Encoding::Ssz, None) => Err(bad("an SSZ body needs Eth-Consensus-Version")),
        (Encoding::Ssz, Some(fork)) => {
            SignedBlindedBeaconBlock::from_ssz(fork, body).map_err(|error| bad(error.to_string()))
        }
        (Encoding::Json, named) => {
            let slot =
                SignedBlindedBeaconBlock::slot_of_json(body).map_err(|error| bad(error.to_string()))?;
            let fork =
                named.or_else(|| state.chain.network().fork_at(slot)).ok_or_else(|| bad("unknown fork"))?;
            SignedBlindedBeaconBlock::from_json(fork, body).map_err(|error| bad(error.to_string()))
        }
    }
}

/// The bid that the block was signed for, if all is well with the block.
fn verify(
    state: &State,
    behaviour: &Behaviour,
    block: &SignedBlindedBeaconBlock,
    root: Root,
) -> Result<Arc<MadeBid>, Refusal> {
    let network = state.chain.network();
    let into_slot_ms = state.chain.clock().now() - network.slot_start(block.slot());
    let cutoff = behaviour.submit_cutoff_ms.map(|cutoff_ms| scaled_ms(network, cutoff_ms.cast_signed()));
    if let Some(cutoff) = cutoff.filter(|cutoff| into_slot_ms > *cutoff) {
        return Err(bad(format!(
            "sent too late into slot. cutoff: {cutoff}, request time into slot: {into_slot_ms}"
        )));
    }
    let bid = state.shelf().by_hash(block.slot(), block.block_hash());
    let bid = bid.filter(|_| behaviour.submit != SubmitFault::Forgets);
    let bid = bid.ok_or_else(|| bad("no execution payload for this request"))?;
    let message = &bid.signed.message;
    if block.message.header() != message.header() || block.message.commitments() != message.commitments() {
        return Err(bad("the signed header differs from the one that was offered"));
    }
    let proposer = PublicKey::decompress(&bid.id.key.proposer).map_err(|_| bad("unknown proposer"))?;
    if !proposer.verify(signing_root(root, network.proposer_domain(block.slot())), &block.signature) {
        return Err(bad("could not verify payload signature"));
    }
    if !state.shelf().deliver(&bid.id.key, root) {
        return Err(bad("another payload for this slot was already delivered"));
    }
    Ok(bid)
}

fn publish(state: &State, behaviour: &Behaviour, bid: &MadeBid, root: Root) {
    if matches!(
        behaviour.submit,
        SubmitFault::NeverPublishes | SubmitFault::AnotherPayload | SubmitFault::WrongBlobs
    ) {
        return;
    }
    let parent_hash = bid.id.key.parent_hash;
    let block_hash = bid.block_hash();
    state.chain.reveal(Revealed { slot: bid.id.key.slot, root, parent_hash, block_hash, from_builder: true });
}

fn payload_answer(behaviour: &Behaviour, bid: &MadeBid, headers: &HeaderMap) -> Answer {
    let Some(encoding) = negotiate(behaviour.encodings, headers) else {
        return Answer::error(
            behaviour,
            StatusCode::NOT_ACCEPTABLE,
            "application/octet-stream or application/json",
        );
    };
    let payload = match behaviour.submit {
        SubmitFault::AnotherPayload => another_payload(&bid.block),
        SubmitFault::WrongBlobs => with_wrong_blobs(bid.block.unblinded()),
        _ => bid.block.unblinded(),
    };
    let fork = bid.block.fork();
    let body = match encoding {
        Encoding::Ssz => payload.to_ssz(),
        Encoding::Json => payload.to_json(fork),
    };
    Answer::message(encoding, fork, body.into())
}

/// The right block hash on top of another block's content.
fn another_payload(block: &BuiltBlock) -> UnblindedPayload {
    let mut payload = block.unblinded();
    match &mut payload {
        UnblindedPayload::Capella(payload) => payload.state_root = Root::repeat_byte(0x0b),
        UnblindedPayload::Deneb(bundle) => bundle.execution_payload.state_root = Root::repeat_byte(0x0b),
    }
    payload
}

/// One blob more than was signed for, with a commitment of its own.
fn with_wrong_blobs(mut payload: UnblindedPayload) -> UnblindedPayload {
    if let UnblindedPayload::Deneb(bundle) = &mut payload {
        let bundle = &mut bundle.blobs_bundle;
        let _within_limits = bundle.commitments.push(FixedBytes::repeat_byte(0x0b));
        let _within_limits = bundle.proofs.push(FixedBytes::repeat_byte(0x0b));
        let _within_limits = bundle.blobs.push(random_blob(Seed::new(0x0b)));
    }
    payload
}
