use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use headstart_types::{CONSENSUS_VERSION, Encoding, ForkName};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
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
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: u16,
    message: &'a str,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, format!("this route takes {allow} only"));
        error.header = Some((ALLOW, HeaderValue::from_static(allow)));
        error
    }

    pub(crate) fn panicked() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the request met a fault of this server: see its log")
    }

    pub(crate) fn busy(message: &'static str) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, message);
        error.header = Some((RETRY_AFTER, HeaderValue::from_static("2")));
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
