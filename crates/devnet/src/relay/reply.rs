use bytes::Bytes;
use headstart_types::{ACCEPT_SSZ_THEN_JSON, Accept, CONSENSUS_VERSION, Encoding, ForkName};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};

use super::behaviour::{Behaviour, Encodings};
use crate::server::{Body, full};

/// An answer before anything on the wire distorts it.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<&'static str>,
    pub(super) version: Option<ForkName>,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, content_type: None, version: None, body: Bytes::new() }
    }

    pub(super) fn message(encoding: Encoding, version: ForkName, body: Bytes) -> Self {
        let content_type = Some(encoding.content_type());
        Self { status: StatusCode::OK, content_type, version: Some(version), body }
    }

    /// An error as this relay writes them: the specification's object, or text.
    pub(super) fn error(behaviour: &Behaviour, status: StatusCode, message: &str) -> Self {
        if behaviour.plain_text_errors {
            return Self {
                content_type: Some("text/plain; charset=utf-8"),
                body: message.to_owned().into(),
                ..Self::empty(status)
            };
        }
        let body = serde_json::json!({ "code": status.as_u16(), "message": message });
        Self {
            content_type: Some(Encoding::Json.content_type()),
            body: body.to_string().into(),
            ..Self::empty(status)
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let (head, body) = self.into_parts();
        head.map(|()| full(body))
    }

    /// The head of the response, and its body to be sent in another way.
    pub(super) fn into_parts(self) -> (Response<()>, Bytes) {
        let mut head = Response::builder().status(self.status);
        if let Some(content_type) = self.content_type {
            head = head.header(CONTENT_TYPE, content_type);
        }
        if let Some(version) = self.version {
            head = head.header(CONSENSUS_VERSION, version.as_str());
        }
        (head.body(()).unwrap_or_default(), self.body)
    }
}

/// The encoding to answer in; `None` when the caller takes neither.
pub(super) fn negotiate(encodings: Encodings, headers: &HeaderMap) -> Option<Encoding> {
    let accept = text(headers, ACCEPT.as_str()).unwrap_or_default();
    match encodings {
        Encodings::Negotiated | Encodings::AcceptOnlyJson => Accept::parse(&accept).map(Accept::preferred),
        Encodings::ExactAccept
            if [Encoding::Ssz.content_type(), ACCEPT_SSZ_THEN_JSON].contains(&&*accept) =>
        {
            Some(Encoding::Ssz)
        }
        Encodings::ExactAccept | Encodings::AnswerOnlyJson => Some(Encoding::Json),
    }
}

/// The encoding of a request's body; `None` for a type that no relay takes.
pub(super) fn request_encoding(headers: &HeaderMap) -> Option<Encoding> {
    Encoding::from_content_type(&text(headers, CONTENT_TYPE.as_str())?)
}

pub(super) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

pub(super) fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    text(headers, name)?.parse().ok()
}
