//! Faults on the wire: what is done to an answer that is right in itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use headstart_types::Encoding;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;

use super::fault::WireFault;
use super::reply::Answer;
use crate::server::{Body, HangUp, full};

const DRIPS_PER_S: u64 = 20;
const ENDLESS_CHUNK: &[u8] = &[b' '; 32 * 1024];
const HTML: &str =
    "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>";

impl WireFault {
    /// Whether the relay does its work all the same, and only its answer suffers.
    pub(super) fn only_distorts(&self) -> bool {
        matches!(
            self,
            Self::SlowHead { .. }
                | Self::SlowBody { .. }
                | Self::StallMidBody
                | Self::Gzip
                | Self::WithoutVersion
                | Self::WrongContentType
        )
    }
}

/// Sends `answer` as the fault wants it; `endless_bytes` counts what endless answers send.
pub(super) async fn send(
    answer: Answer,
    fault: &WireFault,
    endless_bytes: &Arc<AtomicU64>,
) -> Result<Response<Body>, HangUp> {
    Ok(match fault {
        WireFault::SlowHead { ms } => {
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            answer.into_response()
        }
        WireFault::SlowBody { bytes_per_s } => slow_body(answer, *bytes_per_s),
        WireFault::StallMidBody => stalled(answer),
        WireFault::Reset => return Err(HangUp),
        WireFault::Status { code, body } => plain(status(*code), Encoding::Json.content_type(), body.clone()),
        WireFault::RateLimited { retry_after_s } => {
            let body = r#"{"code":429,"message":"rate limit exceeded"}"#;
            let response =
                plain(StatusCode::TOO_MANY_REQUESTS, Encoding::Json.content_type(), body.to_owned());
            with_header(response, RETRY_AFTER, &retry_after_s.to_string())
        }
        WireFault::Redirect { to } => {
            with_header(Answer::empty(StatusCode::FOUND).into_response(), LOCATION, to)
        }
        WireFault::Html200 => plain(StatusCode::OK, "text/html; charset=utf-8", HTML.to_owned()),
        WireFault::Endless => endless(answer, Arc::clone(endless_bytes)),
        WireFault::Gzip => {
            let body = gzip(&answer.body);
            with_header(Answer { body, ..answer }.into_response(), CONTENT_ENCODING, "gzip")
        }
        WireFault::WithoutVersion => Answer { version: None, ..answer }.into_response(),
        WireFault::WrongContentType => Answer { content_type: Some("text/plain"), ..answer }.into_response(),
        WireFault::Withhold => std::future::pending().await,
    })
}

fn slow_body(answer: Answer, bytes_per_s: u64) -> Response<Body> {
    let chunk = usize::try_from(bytes_per_s / DRIPS_PER_S).unwrap_or(usize::MAX).max(1);
    let gap = Duration::from_millis(1000 / bytes_per_s.clamp(1, DRIPS_PER_S));
    streamed(answer, move |body| {
        stream::unfold(body, move |mut rest| async move {
            if rest.is_empty() {
                return None;
            }
            tokio::time::sleep(gap).await;
            let drop = rest.split_to(chunk.min(rest.len()));
            Some((drop, rest))
        })
    })
}

fn stalled(answer: Answer) -> Response<Body> {
    streamed(answer, |body| {
        let half = body.slice(..body.len() / 2);
        stream::once(std::future::ready(half)).chain(stream::pending())
    })
}

/// Sends the body in the pieces that `pieces` makes of it, with its whole length announced.
fn streamed<S>(answer: Answer, pieces: impl FnOnce(Bytes) -> S) -> Response<Body>
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let (head, body) = answer.into_parts();
    let length = body.len().to_string();
    let body = stream_body(pieces(body));
    with_header(head.map(|()| body), CONTENT_LENGTH, &length)
}

fn endless(answer: Answer, endless_bytes: Arc<AtomicU64>) -> Response<Body> {
    let chunks = stream::repeat(Bytes::from_static(ENDLESS_CHUNK)).inspect(move |chunk| {
        endless_bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    });
    let (head, _) = answer.into_parts();
    head.map(|()| stream_body(chunks))
}

fn stream_body(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| Ok::<_, io::Error>(Frame::data(chunk)))).boxed_unsync()
}

fn plain(status: StatusCode, content_type: &str, body: String) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    with_header(response, CONTENT_TYPE, content_type)
}

fn with_header(mut response: Response<Body>, name: HeaderName, value: &str) -> Response<Body> {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A gzip member of one or more stored blocks (RFC 1951 §3.2.4, RFC 1952): valid, and no smaller than its content.
fn gzip(content: &[u8]) -> Bytes {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks = content.chunks(usize::from(u16::MAX));
    let last = blocks.len().saturating_sub(1);
    for (number, block) in blocks.enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        member.push(u8::from(number == last));
        member.extend_from_slice(&length.to_le_bytes());
        member.extend_from_slice(&(!length).to_le_bytes());
        member.extend_from_slice(block);
    }
    member.extend_from_slice(&crc32(content).to_le_bytes());
    member.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    member.into()
}

fn crc32(content: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !content.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_carries_the_checksum_of_its_content() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let member = gzip(b"123456789");
        assert_eq!(member[member.len() - 8..], [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0]);
    }
}
