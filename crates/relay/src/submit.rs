use headstart_types::{ACCEPT_SSZ_THEN_JSON, Encoding, ForkName, UnblindedPayload};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use reqwest::Response;
use tokio::time::Instant;

use crate::call;
use crate::client::Purpose;
use crate::encoding::Post;
use crate::refusal;
use crate::{Failure, Operation, Refusal, Relay, Submission, SubmitVersion};

const PAYLOAD_BYTES_MAX: usize = UnblindedPayload::MAX_SSZ_BYTES;

/// How a submit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitAnswer {
    /// v2 answered 202: the relay publishes the block.
    Accepted,
    /// v1 answered with the payload, which is *not verified*. For a v2 submission this is the fall-back of a relay
    /// without v2.
    Payload(Box<UnblindedPayload>),
    Refused(Refusal),
    RateLimited {
        retry_after_ms: Option<u64>,
    },
    /// The deadline passed before the last byte. The relay may have the block all the same.
    Timeout,
    /// No connection, or one that broke. The relay may have the block all the same.
    Transport(String),
    /// v1 answered 2xx with something that is no payload of the block's fork.
    Malformed(String),
}

impl SubmitAnswer {
    /// The API version that took the block; `None` when none did.
    pub fn taken_by(&self) -> Option<SubmitVersion> {
        match self {
            Self::Accepted => Some(SubmitVersion::V2),
            Self::Payload(_) => Some(SubmitVersion::V1),
            _ => None,
        }
    }
}

impl Refusal {
    /// Whether the relay will take the block at no later time either, by its own words.
    pub fn ends_submission(&self) -> bool {
        refusal::ends_submission(&self.message)
    }
}

impl Relay {
    /// `POST /eth/v{1,2}/builder/blinded_blocks`; a v2 submission falls back to v1 where the relay has no v2 (404, 405,
    /// 501, or a success that is not v2's 202: whoever answers everything with 200 has promised nothing, and v1 brings
    /// the proof). Everything happens within `deadline`; what to do after a failure is the caller's decision.
    pub async fn submit(&self, submission: &Submission, deadline: Instant) -> SubmitAnswer {
        let submitting = self.submit_versioned(submission);
        self.call(Operation::Submit, deadline, submitting).await.unwrap_or_else(SubmitAnswer::from)
    }

    async fn submit_versioned(&self, submission: &Submission) -> Result<SubmitAnswer, Failure> {
        if submission.version() == SubmitVersion::V2 {
            // 202 counts when its head is here; its body has no meaning.
            match self.post(submission, SubmitVersion::V2).await {
                Ok(response) if response.status() == StatusCode::ACCEPTED => {
                    return Ok(SubmitAnswer::Accepted);
                }
                Ok(_) => {}
                Err(Failure::Refused(refusal)) if lacks_v2(refusal.status) => {}
                Err(failure) => return Err(failure),
            }
        }
        let response = self.post(submission, SubmitVersion::V1).await?;
        read_payload(response, submission.fork()).await
    }

    async fn post(&self, submission: &Submission, version: SubmitVersion) -> Result<Response, Failure> {
        let post = Post {
            client: self.client(Purpose::Submits),
            url: &self.url().endpoint(version.path()),
            accept: ACCEPT_SSZ_THEN_JSON,
            fork: Some(submission.fork()),
            learnt: &self.learnt().submit,
        };
        post.send(|encoding| submission.encoded(encoding).cloned()).await
    }
}

fn lacks_v2(status: u16) -> bool {
    matches!(status, 404 | 405 | 501)
}

async fn read_payload(mut response: Response, fork: ForkName) -> Result<SubmitAnswer, Failure> {
    let body = call::body(&mut response, PAYLOAD_BYTES_MAX).await?;
    let payload = match payload_encoding(response.headers(), &body) {
        Encoding::Ssz => UnblindedPayload::from_ssz(fork, &body),
        Encoding::Json => UnblindedPayload::from_json(fork, &body),
    };
    let payload = payload.map_err(Failure::malformed)?;
    Ok(SubmitAnswer::Payload(Box::new(payload)))
}

/// By its content type or else by its first byte, and whatever fork its head names: a payload that is the one which was
/// signed is believed however it is wrapped, for there is no other.
fn payload_encoding(headers: &HeaderMap, body: &[u8]) -> Encoding {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    let seems = if is_object { Encoding::Json } else { Encoding::Ssz };
    named.and_then(Encoding::from_content_type).unwrap_or(seems)
}

impl From<Failure> for SubmitAnswer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::Refused(refusal),
            Failure::RateLimited { retry_after_ms } => Self::RateLimited { retry_after_ms },
            Failure::Timeout => Self::Timeout,
            Failure::Transport(reason) => Self::Transport(reason),
            Failure::Malformed(reason) => Self::Malformed(reason),
        }
    }
}
