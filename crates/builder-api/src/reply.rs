use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headstart_types::{CONSENSUS_VERSION, Encoding, ForkName};
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

const VERSION: HeaderName = HeaderName::from_static(CONSENSUS_VERSION);

/// An error as the Builder API writes it: a status with `{"code", "message"}`. The message names the fault and the
/// remedy, and nothing of anyone else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
    /// The connection ends with this answer.
    close: bool,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: u16,
    message: &'a str,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None, close: false }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("this route takes {allow} only"));
        error.header = Some((ALLOW, HeaderValue::from_static(allow)));
        error
    }

    /// Says nothing of what was wrong with a credential: whoever guesses learns nothing from it.
    pub(crate) fn unauthorized(close: bool) -> Self {
        let message = "no valid credential of a beacon node: give it as userinfo of the URL (bn_ID:SECRET), as a Bearer token, or in the path as /t/TOKEN/; one that is unknown, wrong or revoked is refused";
        let mut error = Self::new(StatusCode::UNAUTHORIZED, message);
        error.header = Some((WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"headstart\"")));
        Self { close, ..error }
    }

    pub(crate) fn panicked() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the request met a fault of this server: see its log")
    }

    pub(crate) fn busy(message: &'static str) -> Self {
        Self::busy_for(2_000, message)
    }

    /// The same request can succeed after so many milliseconds.
    pub(crate) fn busy_for(retry_after_ms: u64, message: &'static str) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, message);
        let seconds = retry_after_ms.div_ceil(1_000).max(1);
        error.header = Some((RETRY_AFTER, HeaderValue::from(seconds)));
        error
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&ErrorBody { code: self.status.as_u16(), message: &self.message });
        let mut response = Response::new(Body::from(body.unwrap_or_default()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, content_type(Encoding::Json));
        response.headers_mut().extend(self.header);
        if self.close {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The media type alone: two clients compare the whole string.
pub(crate) const fn content_type(encoding: Encoding) -> HeaderValue {
    HeaderValue::from_static(encoding.content_type())
}

/// 200 with a body of one fork.
pub(crate) fn versioned(fork: ForkName, encoding: Encoding, body: Bytes) -> http::Response<Bytes> {
    let mut response = http::Response::new(body);
    let headers = response.headers_mut();
    headers.reserve(3);
    headers.insert(CONTENT_TYPE, content_type(encoding));
    headers.insert(VERSION, HeaderValue::from_static(fork.as_str()));
    response
}
