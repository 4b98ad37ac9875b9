//! `POST /eth/v1/builder/blinded_blocks` (200 with the payload) and `POST /eth/v2/builder/blinded_blocks` (202).
//!
//! After a proposer has signed there is no local block to fall back to, so nothing of our own state may fail this.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headstart_relay::SubmitVersion;
use headstart_types::Accept;
use http::{HeaderMap, StatusCode};

use crate::addressees::Addressees;
use crate::callers::Caller;
use crate::reply::{ApiError, versioned};
use crate::request::{accept_of, encoding_of};
use crate::signed_block::SignedBlock;
use crate::submissions::{Admission, Answer, SLOTS_ASTRAY_MAX, SubmitReply};
use crate::{BuilderApi, Config, reveal};

pub(crate) async fn v1(
    State(api): State<BuilderApi>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    api.submit(&caller, SubmitVersion::V1, &headers, body).await.unwrap_or_else(ApiError::into_response)
}

pub(crate) async fn v2(
    State(api): State<BuilderApi>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    api.submit(&caller, SubmitVersion::V2, &headers, body).await.unwrap_or_else(ApiError::into_response)
}

impl BuilderApi {
    async fn submit(
        &self,
        caller: &Caller,
        version: SubmitVersion,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response, ApiError> {
        let (asker, (signed, accept)) = match caller {
            Caller::Known(asker) => (asker.clone(), self.read(version, headers, body).await?),
            // A signed block is its own credential; what does not prove itself is told only that it has none.
            Caller::Stranger(stranger) => match self.read(version, headers, body).await {
                Ok(read) if self.proves_itself(&read.0).await => {
                    (self.config().directory.load().asker_open(), read)
                }
                _ => return Err(self.refuse(stranger)),
            },
        };
        let to = self.addressees(&asker, &signed).await;
        let to = Arc::new(if matches!(caller, Caller::Stranger(_)) { to.nameless() } else { to });
        let mut answer = self.join_or_run(signed, Arc::clone(&to))?;
        // The run always tells an answer; should it have died, that is said and not left hanging.
        let told = answer.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
        Ok(match told {
            Some(SubmitReply::Payload(payload)) => {
                let encoding = accept.preferred();
                versioned(payload.fork(), encoding, payload.body(encoding)).map(Body::from)
            }
            Some(SubmitReply::Published) => StatusCode::ACCEPTED.into_response(),
            Some(SubmitReply::Refused(refusal)) => refusal.into_response(),
            Some(SubmitReply::Failed(failures)) => failures.error_for(&to).into_response(),
            None => ApiError::new(StatusCode::BAD_GATEWAY, "the submission ended without an answer")
                .into_response(),
        })
    }

    /// The block, and in which encoding its payload is wanted.
    async fn read(
        &self,
        version: SubmitVersion,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<(SignedBlock, Accept), ApiError> {
        let encoding = encoding_of(headers)?;
        let accept = match version {
            SubmitVersion::V1 => accept_of(headers)?,
            // v2 has no body to negotiate, so whatever its caller accepts is fine.
            SubmitVersion::V2 => Accept::JSON,
        };
        let Config { network, fetcher, .. } = self.config();
        Ok((SignedBlock::read(fetcher.verifier(), network, version, encoding, body).await?, accept))
    }

    /// One run for all submissions that are the same. It belongs to the process: a caller that hangs up changes nothing.
    fn join_or_run(&self, signed: SignedBlock, to: Arc<Addressees>) -> Result<Answer, ApiError> {
        let current = self.config().network.slot_at(self.config().clock.now());
        if signed.id.slot.0.abs_diff(current.0) > SLOTS_ASTRAY_MAX {
            return Err(ApiError::bad_request(format!(
                "message.slot {} lies far from the current slot {current}: no relay can have its payload",
                signed.id.slot
            )));
        }
        match self.shared.submissions.admit(signed.id, current, &to.relays) {
            Admission::Join(answer) => Ok(answer),
            Admission::Run(running, answer) => {
                let revealing = reveal::run(self.clone(), signed, to, running);
                self.shared.tasks.spawn(self.shared.revealing.track_future(revealing));
                Ok(answer)
            }
        }
    }
}
