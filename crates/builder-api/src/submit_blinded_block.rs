//! `POST /eth/v1/builder/blinded_blocks` (200 with the payload) and `POST /eth/v2/builder/blinded_blocks` (202).
//!
//! After a proposer has signed there is no local block to fall back to, so nothing of our own state may fail this.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headstart_relay::{Submission, SubmitVersion};
use headstart_types::{Accept, Encoding, ForkName, SignedBlindedBeaconBlock, Slot};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use crate::BuilderApi;
use crate::get_header::not_acceptable;
use crate::reply::{ApiError, versioned};
use crate::reveal;
use crate::submissions::{Admission, Answer, SubmissionId, SubmitReply};

pub(crate) async fn v1(State(api): State<BuilderApi>, headers: HeaderMap, body: Bytes) -> Response {
    api.submit(SubmitVersion::V1, &headers, body).await.unwrap_or_else(ApiError::into_response)
}

pub(crate) async fn v2(State(api): State<BuilderApi>, headers: HeaderMap, body: Bytes) -> Response {
    api.submit(SubmitVersion::V2, &headers, body).await.unwrap_or_else(ApiError::into_response)
}

impl BuilderApi {
    async fn submit(
        &self,
        version: SubmitVersion,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, ApiError> {
        let encoding = encoding_of(headers)?;
        let accept = accept_of(headers, version)?;
        let signed = SignedBlock::decode(self, version, encoding, body)?;
        let mut answer = self.join_or_run(signed)?;
        // The run always tells an answer; should it have died, that is said and not left hanging.
        let told = answer.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
        Ok(match told {
            Some(SubmitReply::Payload(payload)) => {
                let encoding = accept.preferred();
                versioned(payload.fork(), encoding, payload.body(encoding)).map(Body::from)
            }
            Some(SubmitReply::Published) => StatusCode::ACCEPTED.into_response(),
            Some(SubmitReply::Failed(error)) => error.into_response(),
            None => ApiError::new(StatusCode::BAD_GATEWAY, "the submission ended without an answer")
                .into_response(),
        })
    }

    /// One run for all submissions that are the same. It belongs to the process: a caller that hangs up changes nothing.
    fn join_or_run(&self, signed: SignedBlock) -> Result<Answer, ApiError> {
        let current = self.config().network.slot_at(self.config().clock.now());
        match self.shared.submissions.admit(signed.id, current) {
            Admission::Join(answer) => Ok(answer),
            Admission::Run(tell, answer) => {
                self.shared.tasks.spawn(reveal::run(self.clone(), signed, tell));
                Ok(answer)
            }
            Admission::TooMany => {
                let slot = signed.id.slot;
                Err(ApiError::bad_request(format!(
                    "too many different blocks were submitted for slot {slot}"
                )))
            }
        }
    }
}

/// A signed block as it came: decoded, and in its original bytes for the relays.
pub(crate) struct SignedBlock {
    pub(crate) id: SubmissionId,
    pub(crate) fork: ForkName,
    pub(crate) block: Arc<SignedBlindedBeaconBlock>,
    pub(crate) submission: Submission,
}

impl SignedBlock {
    fn decode(
        api: &BuilderApi,
        version: SubmitVersion,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Self, ApiError> {
        let refuse = |error| ApiError::bad_request(format!("failed to {error}"));
        let slot = match encoding {
            Encoding::Ssz => {
                SignedBlindedBeaconBlock::slot_of_ssz(&body).ok_or_else(|| too_short(body.len()))?
            }
            Encoding::Json => SignedBlindedBeaconBlock::slot_of_json(&body).map_err(refuse)?,
        };
        let fork = api.fork_of(slot)?;
        let (block, submission) = match encoding {
            Encoding::Ssz => (
                SignedBlindedBeaconBlock::from_ssz(fork, &body).map_err(refuse)?,
                Submission::from_ssz(version, fork, body),
            ),
            Encoding::Json => (
                SignedBlindedBeaconBlock::from_json(fork, &body).map_err(refuse)?,
                Submission::from_json(version, fork, body),
            ),
        };
        let id = SubmissionId {
            slot,
            block_root: block.message.tree_hash_root(),
            signature: block.signature,
            version,
        };
        Ok(Self { id, fork, block: Arc::new(block), submission })
    }
}

impl BuilderApi {
    /// The fork follows from the slot alone; a header that names another one is not a reason to lose a block.
    fn fork_of(&self, slot: Slot) -> Result<ForkName, ApiError> {
        let unknown = || {
            let known = ForkName::ALL.map(ForkName::as_str).join(", ");
            ApiError::bad_request(format!(
                "message.slot {slot} lies in a fork that is not served here (served: {known})"
            ))
        };
        self.config().network.fork_at(slot).ok_or_else(unknown)
    }
}

/// The encoding that a request body is in; anything but the two is 415.
pub(crate) fn encoding_of(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(Encoding::from_content_type).ok_or_else(|| {
        let message = "Content-Type must be application/json or application/octet-stream";
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    })
}

/// v2 has no body to negotiate, so whatever its caller accepts is fine.
fn accept_of(headers: &HeaderMap, version: SubmitVersion) -> Result<Accept, ApiError> {
    match headers.get(ACCEPT) {
        Some(value) if version == SubmitVersion::V1 => {
            value.to_str().ok().and_then(Accept::parse).ok_or_else(not_acceptable)
        }
        _ => Ok(Accept::JSON),
    }
}

fn too_short(size: usize) -> ApiError {
    let message =
        format!("failed to decode the signed blinded beacon block from SSZ: {size} bytes are too few");
    ApiError::bad_request(message)
}
