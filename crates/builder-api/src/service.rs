//! One connection's requests: who asks, then getHeader before everything else, the rest through the router.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::{BoxFuture, Either, FutureExt};
use http::header::CONNECTION;
use http::{HeaderValue, Method};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::Service;

use crate::access::{Access, Target};
use crate::callers::{Caller, Stranger};
use crate::get_header::Immediate;
use crate::patience::Phase;
use crate::reply::ApiError;
use crate::routes::{route, router};
use crate::{BuilderApi, HeaderPath, ServerConfig};

/// The whole Builder API as a hyper service.
#[derive(Clone)]
pub(crate) struct BuilderService {
    api: BuilderApi,
    access: Access,
    router: Router,
    from: IpAddr,
    phase: Phase,
}

/// A hit's reply is one piece of memory; only the router's replies are boxed.
pub(crate) type ReplyBody = http_body_util::Either<Full<Bytes>, Body>;
type Reply = http::Response<ReplyBody>;
type Replying = Either<Ready<Result<Reply, Infallible>>, BoxFuture<'static, Result<Reply, Infallible>>>;

impl BuilderService {
    pub(crate) fn new(api: BuilderApi, config: ServerConfig) -> Self {
        let router = router(api.clone(), config.limits);
        let from = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self { api, access: config.access, router, from, phase: Phase::default() }
    }

    /// The same service for one connection, whose stream it tells when a request is under way.
    pub(crate) fn on_connection(&self, from: IpAddr, phase: Phase) -> Self {
        Self { from, phase, ..self.clone() }
    }

    /// Answers through the router.
    fn routed(&self, caller: Caller, request: http::Request<Incoming>) -> Replying {
        let routed = route(self.api.clone(), self.router.clone(), caller, request.map(Body::new));
        // A task of its own: a caller that hangs up as soon as it has sent its block does not take it back.
        let routed = self.api.shared.tasks.spawn(routed);
        self.later(
            async move { boxed(routed.await.unwrap_or_else(|_| ApiError::panicked().into_response())) },
        )
    }

    /// A reply that memory cannot give at once.
    fn later(&self, reply: impl Future<Output = Reply> + Send + 'static) -> Replying {
        let (phase, api) = (self.phase.clone(), self.api.clone());
        phase.busy();
        let reply = async move {
            let reply = reply.await;
            phase.idle();
            Ok(api.last_while_draining(reply))
        };
        Either::Right(reply.boxed())
    }

    fn at_once(&self, reply: Reply) -> Replying {
        self.phase.idle();
        Either::Left(ready(Ok(self.api.last_while_draining(reply))))
    }
}

impl BuilderApi {
    /// The reply, and on shutdown the end of its connection.
    fn last_while_draining(&self, mut reply: Reply) -> Reply {
        if self.is_draining() {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }
}

impl Service<http::Request<Incoming>> for BuilderService {
    type Response = Reply;
    type Error = Infallible;
    type Future = Replying;

    fn call(&self, request: http::Request<Incoming>) -> Self::Future {
        let target = Target::of(request.uri().path());
        let directory = self.api.config().directory.load();
        let asker = match self.access.asker(&directory, request.headers(), target.token) {
            Ok(asker) => asker,
            Err(why) => return self.routed(Caller::Stranger(Stranger { from: self.from, why }), request),
        };
        if request.method() == Method::GET
            && let HeaderPath::Key(key) = HeaderPath::parse(target.path)
        {
            return match self.api.get_header(&asker, key, request.headers()) {
                Immediate::Reply(reply) => self.at_once(small(reply)),
                Immediate::Error(error) => self.at_once(boxed(error.into_response())),
                Immediate::Miss(missed) => {
                    let api = self.api.clone();
                    self.later(async move { small(api.missed_header(missed).await) })
                }
            };
        }
        self.routed(Caller::Known(asker), request)
    }
}

fn small(reply: http::Response<Bytes>) -> Reply {
    reply.map(|body| http_body_util::Either::Left(Full::new(body)))
}

fn boxed(reply: Response) -> Reply {
    reply.map(http_body_util::Either::Right)
}
