use headstart_types::{Accept, Encoding};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};

use crate::reply::ApiError;

/// The encoding that a request body is in: JSON unless it is said, as the specification has it. Anything but the two is
/// 415.
pub(crate) fn encoding_of(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return Ok(Encoding::Json) };
    content_type.to_str().ok().and_then(Encoding::from_content_type).ok_or_else(|| {
        let message = "Content-Type must be application/json or application/octet-stream";
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    })
}

/// What the caller takes; nothing of ours is 406.
pub(crate) fn accept_of(headers: &HeaderMap) -> Result<Accept, ApiError> {
    let Some(value) = headers.get(ACCEPT) else { return Ok(Accept::JSON) };
    value.to_str().ok().and_then(Accept::parse).ok_or_else(|| {
        let message = "Accept must allow application/octet-stream or application/json";
        ApiError::new(StatusCode::NOT_ACCEPTABLE, message)
    })
}
