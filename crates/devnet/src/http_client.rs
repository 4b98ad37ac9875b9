use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONNECTION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A Builder API that a beacon node has been configured with: a plain `http` URL, and headers to send along.
#[derive(Clone, Debug)]
pub struct Endpoint {
    base: String,
    headers: HeaderMap,
}

/// Why a URL is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use {0:?} as a Builder API: write http://host:port, with a path if need be")]
pub struct EndpointError(String);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("answer within the deadline")]
    Timeout,
    #[error("connect, or keep the connection")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A complete answer.
#[derive(Clone, Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// From the first byte sent to the last one received.
    pub took: Duration,
}

/// An HTTP client with warm connections; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient(Client<HttpConnector, Full<Bytes>>);

impl Endpoint {
    pub fn new(url: &str) -> Result<Self, EndpointError> {
        let base = url.trim_end_matches('/');
        let wrong = || EndpointError(base.chars().take(200).collect());
        let uri: Uri = base.parse().map_err(|_| wrong())?;
        let plain = uri.scheme_str() == Some("http") && uri.query().is_none();
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@'));
        if plain && authority.is_some() {
            Ok(Self { base: base.to_owned(), headers: HeaderMap::new() })
        } else {
            Err(wrong())
        }
    }

    /// Sends this header with every call, such as an `Authorization`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub fn url(&self) -> &str {
        &self.base
    }
}

impl HttpClient {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(75)).build(connector),
        )
    }

    /// One call within `patience`, body included. A header `Connection: close` ends the connection with it.
    pub(crate) async fn call(
        &self,
        endpoint: &Endpoint,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
        patience: Duration,
    ) -> Result<Answered, CallError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", endpoint.base)
            .parse()
            .map_err(|error| CallError::Transport(Box::new(error)))?;
        *request.headers_mut() = headers;
        request.headers_mut().extend(endpoint.headers.clone());
        tokio::time::timeout(patience, self.exchange(request)).await.map_err(|_| CallError::Timeout)?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answered, CallError> {
        debug_assert!(!request.headers().contains_key(HOST), "the client writes the host itself");
        let asked = Instant::now();
        let response =
            self.0.request(request).await.map_err(|error| CallError::Transport(Box::new(error)))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(CallError::Transport)?;
        Ok(Answered {
            status: head.status,
            headers: head.headers,
            body: body.to_bytes(),
            took: asked.elapsed(),
        })
    }
}

impl Answered {
    /// A header's text; `None` if it is absent or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The header by which Nimbus asks for a new connection each time.
pub(crate) fn close_connection(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
}
