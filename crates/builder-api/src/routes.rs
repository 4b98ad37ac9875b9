//! The routes that are not hot: everything but a well-formed getHeader.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use http::request::Parts;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::ServiceExt;

use crate::access::Target;
use crate::callers::{BLINDED_BLOCKS, Caller, STATUS};
use crate::get_header::Immediate;
use crate::places::Place;
use crate::reply::ApiError;
use crate::{BuilderApi, HeaderPath, Limits, register_validator, status, submit_blinded_block};

/// Every path of the specification that is served, as it stands there.
pub const ROUTES: [&str; 5] = {
    let mut paths = [""; Route::ALL.len()];
    let mut number = 0;
    while number < paths.len() {
        paths[number] = Route::ALL[number].path();
        number += 1;
    }
    paths
};

/// One of [`ROUTES`]: there is no other way into the router.
#[derive(Clone, Copy)]
enum Route {
    Status,
    Validators,
    Header,
    BlindedBlocksV1,
    BlindedBlocksV2,
}

impl Route {
    const ALL: [Self; 5] =
        [Self::Status, Self::Validators, Self::Header, Self::BlindedBlocksV1, Self::BlindedBlocksV2];

    const fn path(self) -> &'static str {
        match self {
            Self::Status => STATUS,
            Self::Validators => "/eth/v1/builder/validators",
            Self::Header => "/eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}",
            Self::BlindedBlocksV1 => BLINDED_BLOCKS[0],
            Self::BlindedBlocksV2 => BLINDED_BLOCKS[1],
        }
    }

    fn add_to(self, router: Router<BuilderApi>) -> Router<BuilderApi> {
        let handler = match self {
            Self::Status => get(status::status).fallback(|| async { ApiError::method_not_allowed("GET") }),
            Self::Validators => post_only(post(register_validator::register_validator)),
            // Matched before the router; what comes here all the same is the fallback's.
            Self::Header => return router,
            Self::BlindedBlocksV1 => post_only(post(submit_blinded_block::v1)),
            Self::BlindedBlocksV2 => post_only(post(submit_blinded_block::v2)),
        };
        router.route(self.path(), handler)
    }
}

pub(crate) fn router(api: BuilderApi, limits: Limits) -> Router {
    let strangers = api.clone();
    let bounded = middleware::from_fn(move |caller: Extension<Caller>, request, next| {
        read_body(strangers.clone(), limits, caller.0, request, next)
    });
    let routes = Route::ALL.into_iter().fold(Router::new(), |router, route| route.add_to(router));
    // The limit is ours: the router's own is smaller than a body of registrations may be.
    let unlimited = DefaultBodyLimit::disable();
    routes.fallback(header_or_not_found).layer(unlimited).layer(bounded).with_state(api)
}

fn post_only(route: MethodRouter<BuilderApi>) -> MethodRouter<BuilderApi> {
    route.fallback(|| async { ApiError::method_not_allowed("POST") })
}

/// Answers one request; a stranger's only where strangers may go.
pub(crate) async fn route(api: BuilderApi, router: Router, caller: Caller, request: Request) -> Response {
    let mut request = match bare(request) {
        Ok(request) => request,
        Err(error) => return error.into_response(),
    };
    if let Caller::Stranger(stranger) = &caller
        && !stranger.may_pass(request.method(), request.uri().path())
    {
        return api.refuse(stranger).into_response();
    }
    request.extensions_mut().insert(caller);
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// The request without a token in its path and without doubled slashes, which some clients make of a base URL that
/// ends with one.
fn bare(request: Request) -> Result<Request, ApiError> {
    let target = Target::of(request.uri().path());
    if target.token.is_none() && !request.uri().path().contains("//") {
        return Ok(request);
    }
    let mut path = String::with_capacity(target.path.len() + 1);
    for letter in target.path.chars().filter(char::is_ascii) {
        if !(letter == '/' && path.ends_with('/')) {
            path.push(letter);
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    let (mut head, body) = request.into_parts();
    head.uri = path.parse().map_err(|_| ApiError::bad_request("the request target is no valid path"))?;
    Ok(Request::from_parts(head, body))
}

/// What is left: a getHeader with a doubled slash, a malformed one, one with a wrong method, or no route of ours.
async fn header_or_not_found(
    State(api): State<BuilderApi>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let asker = match caller {
        Caller::Known(asker) => asker,
        Caller::Stranger(stranger) => return api.refuse(&stranger).into_response(),
    };
    match HeaderPath::parse(request.uri().path()) {
        HeaderPath::Other => {
            let message = "no such route: the Builder API lives under /eth/v1/builder and /eth/v2/builder, or behind /t/TOKEN/eth";
            ApiError::new(StatusCode::NOT_FOUND, message).into_response()
        }
        _ if request.method() != Method::GET => ApiError::method_not_allowed("GET").into_response(),
        HeaderPath::Malformed(fault) => ApiError::bad_request(fault).into_response(),
        HeaderPath::Key(key) => match api.get_header(&asker, key, request.headers()) {
            Immediate::Reply(reply) => reply.map(Body::from),
            Immediate::Error(error) => error.into_response(),
            Immediate::Miss(missed) => api.missed_header(missed).await.map(Body::from),
        },
    }
}

/// What a request without use for a body may bring all the same.
const NO_BODY_BYTES_MAX: usize = 16 << 10;
/// What a stranger may bring: more than any signed block.
const STRANGERS_BODY_BYTES_MAX: usize = 8 << 20;

/// Reads a body whole, within the limits of size and time, before its handler runs.
async fn read_body(
    api: BuilderApi,
    limits: Limits,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    let bytes_max = match (&head.method, &caller) {
        (&Method::POST, Caller::Known(_)) => limits.body_bytes_max,
        (&Method::POST, Caller::Stranger(_)) => limits.body_bytes_max.min(STRANGERS_BODY_BYTES_MAX),
        _ => NO_BODY_BYTES_MAX,
    };
    let _place = match place(&api, &head, &caller).await {
        Ok(place) => place,
        Err(error) => return error.into_response(),
    };
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

/// A place among the bodies of its kind, taken before a byte of it is in memory. A block with a credential needs none.
async fn place(api: &BuilderApi, head: &Parts, caller: &Caller) -> Result<Place, ApiError> {
    match caller {
        _ if head.method != Method::POST => Ok(Place::new()),
        Caller::Stranger(_) => Ok(api.shared.strangers.place().await.into_iter().collect()),
        Caller::Known(asker) if head.uri.path() == Route::Validators.path() => {
            let place = api.shared.bulkheads.registrations.wait(asker.beacon_node()).await;
            place.ok_or_else(|| ApiError::busy("too many registration bodies at once: send this one again"))
        }
        Caller::Known(_) => Ok(Place::new()),
    }
}
