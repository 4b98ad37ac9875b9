//! Routes requests: getHeader before everything else, the rest through the router.

use std::convert::Infallible;
use std::future::{Ready, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, FutureExt};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::Service;
use tower::ServiceExt;

use crate::get_header::Immediate;
use crate::patience::Phase;
use crate::reply::ApiError;
use crate::{BuilderApi, HeaderPath, Limits, register_validator, status, submit_blinded_block};

/// The whole Builder API as a hyper service.
#[derive(Clone)]
pub(crate) struct BuilderService {
    api: BuilderApi,
    router: Router,
    phase: Phase,
}

/// A hit's reply is one piece of memory; only the router's replies are boxed.
pub(crate) type ReplyBody = http_body_util::Either<Full<Bytes>, Body>;
type Reply = http::Response<ReplyBody>;

impl BuilderService {
    pub(crate) fn new(api: BuilderApi, limits: Limits) -> Self {
        let router = router(api.clone(), limits);
        Self { api, router, phase: Phase::default() }
    }

    /// The same service for one connection, whose stream it tells when a request is under way.
    pub(crate) fn on_connection(&self, phase: Phase) -> Self {
        Self { phase, ..self.clone() }
    }

    /// A reply that memory cannot give at once.
    fn later(
        &self,
        reply: impl Future<Output = Reply> + Send + 'static,
    ) -> <Self as Service<http::Request<Incoming>>>::Future {
        let phase = self.phase.clone();
        phase.busy();
        let reply = async move {
            let reply = reply.await;
            phase.idle();
            Ok(reply)
        };
        Either::Right(reply.boxed())
    }

    fn at_once(&self, reply: Reply) -> <Self as Service<http::Request<Incoming>>>::Future {
        self.phase.idle();
        Either::Left(ready(Ok(reply)))
    }
}

impl Service<http::Request<Incoming>> for BuilderService {
    type Response = Reply;
    type Error = Infallible;
    type Future = Either<Ready<Result<Reply, Infallible>>, BoxFuture<'static, Result<Reply, Infallible>>>;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        if request.method() == Method::GET
            && let HeaderPath::Key(key) = HeaderPath::parse(request.uri().path())
        {
            return match self.api.get_header(key, request.headers()) {
                Immediate::Reply(reply) => self.at_once(small(reply)),
                Immediate::Error(error) => self.at_once(boxed(error.into_response())),
                Immediate::Miss(missed) => {
                    let api = self.api.clone();
                    self.later(async move { small(api.missed_header(missed).await) })
                }
            };
        }
        let routed = route(self.router.clone(), request.map(Body::new));
        // A task of its own: a caller that hangs up as soon as it has sent its block does not take it back.
        let routed = self.api.shared.tasks.spawn(routed);
        self.later(
            async move { boxed(routed.await.unwrap_or_else(|_| ApiError::panicked().into_response())) },
        )
    }
}

fn small(reply: http::Response<Bytes>) -> Reply {
    reply.map(|body| http_body_util::Either::Left(Full::new(body)))
}

fn boxed(reply: Response) -> Reply {
    reply.map(http_body_util::Either::Right)
}

async fn route(router: Router, request: Request) -> Response {
    let request = match without_doubled_slashes(request) {
        Ok(request) => request,
        Err(error) => return error.into_response(),
    };
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// A base URL with a trailing slash makes some clients ask for `//eth/v1/…`; that is no reason to fail.
fn without_doubled_slashes(request: Request) -> Result<Request, ApiError> {
    if !request.uri().path().contains("//") {
        return Ok(request);
    }
    let (mut head, body) = request.into_parts();
    let mut path = String::with_capacity(head.uri.path().len());
    for letter in head.uri.path().chars().filter(char::is_ascii) {
        if !(letter == '/' && path.ends_with('/')) {
            path.push(letter);
        }
    }
    head.uri = path.parse().map_err(|_| ApiError::bad_request("the request target is no valid path"))?;
    Ok(Request::from_parts(head, body))
}

fn router(api: BuilderApi, limits: Limits) -> Router {
    let bounded = middleware::from_fn(move |request, next| read_body(limits, request, next));
    Router::new()
        .route(
            "/eth/v1/builder/status",
            get(status::status).fallback(|| async { ApiError::method_not_allowed("GET") }),
        )
        .route("/eth/v1/builder/validators", post_only(post(register_validator::register_validator)))
        .route("/eth/v1/builder/blinded_blocks", post_only(post(submit_blinded_block::v1)))
        .route("/eth/v2/builder/blinded_blocks", post_only(post(submit_blinded_block::v2)))
        .fallback(header_or_not_found)
        .layer(bounded)
        .with_state(api)
}

fn post_only(route: axum::routing::MethodRouter<BuilderApi>) -> axum::routing::MethodRouter<BuilderApi> {
    route.fallback(|| async { ApiError::method_not_allowed("POST") })
}

/// What is left: a getHeader with a doubled slash, a malformed one, one with a wrong method, or no route of ours.
async fn header_or_not_found(api: axum::extract::State<BuilderApi>, request: Request) -> Response {
    match HeaderPath::parse(request.uri().path()) {
        HeaderPath::Other => {
            let message = "no such route: the Builder API lives under /eth/v1/builder and /eth/v2/builder";
            ApiError::new(StatusCode::NOT_FOUND, message).into_response()
        }
        _ if request.method() != Method::GET => ApiError::method_not_allowed("GET").into_response(),
        HeaderPath::Malformed(fault) => ApiError::bad_request(fault).into_response(),
        HeaderPath::Key(key) => match api.get_header(key, request.headers()) {
            Immediate::Reply(reply) => reply.map(Body::from),
            Immediate::Error(error) => error.into_response(),
            Immediate::Miss(missed) => api.missed_header(missed).await.map(Body::from),
        },
    }
}

/// What a request without use for a body may bring all the same.
const NO_BODY_BYTES_MAX: usize = 16 << 10;

/// Reads a body whole, within the limits of size and time, before its handler runs.
async fn read_body(limits: Limits, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let bytes_max = if head.method == Method::POST { limits.body_bytes_max } else { NO_BODY_BYTES_MAX };
    let collected = tokio::time::timeout(limits.body_timeout, Limited::new(body, bytes_max).collect());
    match collected.await {
        Ok(Ok(body)) => next.run(Request::from_parts(head, Body::from(body.to_bytes()))).await,
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than the {bytes_max} bytes that are taken here");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).into_response()
        }
        Ok(Err(_)) => ApiError::bad_request("the body ended before it was complete").into_response(),
        Err(_) => {
            let message = format!("the body was not complete within {:?}", limits.body_timeout);
            ApiError::new(StatusCode::REQUEST_TIMEOUT, message).into_response()
        }
    }
}
