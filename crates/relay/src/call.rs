use std::future::Future;

use bytes::{Bytes, BytesMut};
use headstart_types::{CONSENSUS_VERSION, Encoding, ForkName};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{RequestBuilder, Response};
use tokio::time::{Instant, timeout_at};

use crate::refusal;
use crate::{Failure, Operation, Refusal, Relay};

const ERROR_BODY_BYTES_MAX: usize = 4 * 1024;

/// The most memory set aside on the word of a `Content-Length` alone.
const PREALLOCATED_BYTES_MAX: usize = 64 * 1024;

impl Relay {
    /// Gives the whole call one absolute deadline: connecting, sending, head, body, and every further attempt inside it.
    pub(crate) async fn call<T>(
        &self,
        operation: Operation,
        deadline: Instant,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        if deadline <= Instant::now() {
            return Err(Failure::Timeout);
        }
        let result = timeout_at(deadline, call).await.unwrap_or(Err(Failure::Timeout));
        self.tally().count(operation, &result);
        result
    }
}

/// Sends and waits for the head; every status but 2xx is a [`Failure`].
pub(crate) async fn send(request: RequestBuilder) -> Result<Response, Failure> {
    let response = request.send().await.map_err(Failure::transport)?;
    if response.status().is_success() { Ok(response) } else { Err(no(response).await) }
}

/// Sends a wish to speak another protocol; only 101 grants it.
pub(crate) async fn switch(request: RequestBuilder) -> Result<Response, Failure> {
    let response = request.send().await.map_err(Failure::transport)?;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => Ok(response),
        status if status.is_success() => {
            Err(Failure::malformed(format_args!("{status} is no answer to the wish for a WebSocket")))
        }
        _ => Err(no(response).await),
    }
}

async fn no(response: Response) -> Failure {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => {
            Failure::RateLimited { retry_after_ms: refusal::retry_after_ms(response.headers()) }
        }
        status => Failure::Refused(refused(status, response).await),
    }
}

async fn refused(status: StatusCode, mut response: Response) -> Refusal {
    let message = if status.is_redirection() {
        "redirects are not followed".to_owned()
    } else if is_encoded(response.headers()) {
        String::new()
    } else {
        refusal::message(&prefix(&mut response).await)
    };
    Refusal { status: status.as_u16(), message }
}

/// The first bytes of a body that nobody depends on: a longer or broken one is cut, not an error.
pub(crate) async fn prefix(response: &mut Response) -> Bytes {
    let mut read = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_BODY_BYTES_MAX - read.len();
        read.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    read.freeze()
}

/// The whole body, or `Malformed` as soon as it is known to be longer than `bytes_max` or not sent as it is.
pub(crate) async fn body(response: &mut Response, bytes_max: usize) -> Result<Bytes, Failure> {
    if is_encoded(response.headers()) {
        return Err(Failure::malformed("the body is compressed, which nobody asked for"));
    }
    let too_long = || Failure::malformed(format_args!("the body is longer than {bytes_max} bytes"));
    let announced = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(too_long());
    }
    let mut read = BytesMut::with_capacity(announced.unwrap_or(0).min(PREALLOCATED_BYTES_MAX));
    while let Some(chunk) = response.chunk().await.map_err(Failure::transport)? {
        if chunk.len() > bytes_max - read.len() {
            return Err(too_long());
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}

/// How a 2xx body is written. SSZ must name `fork` beside it; JSON names its fork inside. A reply without
/// `Content-Type` is taken for JSON, the specification's default.
pub(crate) fn encoding_of(headers: &HeaderMap, fork: ForkName) -> Result<Encoding, Failure> {
    let content_type = headers.get(CONTENT_TYPE).map_or(Ok("application/json"), HeaderValue::to_str);
    let encoding = content_type.ok().and_then(Encoding::from_content_type);
    match encoding {
        Some(Encoding::Ssz) => check_fork(headers, fork).map(|()| Encoding::Ssz),
        Some(Encoding::Json) => Ok(Encoding::Json),
        None => Err(Failure::malformed("the body is neither SSZ nor JSON by its content type")),
    }
}

fn check_fork(headers: &HeaderMap, fork: ForkName) -> Result<(), Failure> {
    let Some(named) = headers.get(CONSENSUS_VERSION) else {
        return Err(Failure::malformed("an SSZ body came without Eth-Consensus-Version"));
    };
    if named.as_bytes().eq_ignore_ascii_case(fork.as_str().as_bytes()) {
        Ok(())
    } else {
        Err(Failure::malformed(format_args!("Eth-Consensus-Version is not {fork}, the fork of the slot")))
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
