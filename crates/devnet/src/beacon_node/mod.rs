//! A beacon node: the part of the beacon API that a Builder API service needs, over the simulated chain.

mod blocks;
mod duties;
mod events;
mod health;
mod hearing;
mod spec;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headstart_types::{Encoding, Epoch};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::events::Told;
use self::hearing::Hearing;
use self::telling::Telling;
use crate::chain::{Chain, ChainBlock};
use crate::server::{Body, Handler, HangUp, Server, full};

/// How a beacon node behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeaconBehaviour {
    #[default]
    Healthy,
    /// Says that it is behind.
    Syncing,
    /// Answers everything with 503, and ends event streams.
    Unavailable,
    /// Knows only the first version of proposer duties.
    WithoutDutiesV2,
    /// Tells the duties of the next epoch only out of its state.
    WithoutNextDuties,
    /// Event streams opened from now on stay empty.
    Silent,
    /// Its execution client has not checked its heads.
    Optimistic,
    /// Its execution client is away.
    ExecutionOffline,
}

/// A running beacon node; dropping it closes its port.
#[derive(Debug)]
pub struct BeaconNode {
    state: Arc<State>,
    server: Server,
    _follows: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct State {
    chain: Chain,
    controls: Mutex<Controls>,
    /// What it tells its streams.
    events: broadcast::Sender<Told>,
}

#[derive(Debug, Default)]
struct Controls {
    behaviour: BeaconBehaviour,
    /// Ends the event streams of today; later ones get a token of their own.
    streams: CancellationToken,
    hearing: Hearing,
    telling: Telling,
    /// Epochs of which it does not tell the duties.
    duties_refused: BTreeSet<Epoch>,
    /// So many further blocks are not given out.
    blocks_withheld: usize,
}

/// Events that a slow stream may lag behind before it misses some.
const EVENTS_KEPT: usize = 256;

impl BeaconNode {
    /// A beacon node of the chain on a free port of the loopback interface.
    pub async fn spawn(chain: Chain) -> io::Result<Self> {
        Self::spawn_at(chain, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    pub async fn spawn_at(chain: Chain, listen: SocketAddr) -> io::Result<Self> {
        let happening = chain.events();
        let events = broadcast::channel(EVENTS_KEPT).0;
        let state = Arc::new(State { chain, controls: Mutex::default(), events });
        let server = Server::spawn(listen, Arc::clone(&state)).await?;
        let follows = tokio::spawn(Arc::clone(&state).follow(happening));
        Ok(Self { state, server, _follows: AbortOnDropHandle::new(follows) })
    }

    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// `http://127.0.0.1:<port>`
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// From the next call on the node behaves like this.
    pub fn behave(&self, behaviour: BeaconBehaviour) {
        self.state.controls().behaviour = behaviour;
        if behaviour == BeaconBehaviour::Unavailable {
            self.end_event_streams();
        }
    }

    /// The newest block that this node has heard of.
    pub fn head(&self) -> ChainBlock {
        self.state.head()
    }

    /// From now on it hears so much later what happens to the chain.
    pub fn hear_after(&self, delay: Duration) {
        self.state.hear_after(delay);
    }

    /// It hears no more of the chain, and stays at the head that it has.
    pub fn cut_off(&self) {
        self.state.cut_off();
    }

    /// It hears no more of the chain, and has this head without ever telling of it.
    pub fn cut_off_at(&self, head: ChainBlock) {
        self.state.cut_off_at(head);
    }

    /// It hears of the chain at once again, and tells the head that it missed.
    pub fn join_again(&self) {
        self.state.join_again();
    }

    /// Ends all event streams; clients may come back at once.
    pub fn end_event_streams(&self) {
        std::mem::take(&mut self.state.controls().streams).cancel();
    }

    /// Closes the port, and returns once callers are refused.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl State {
    fn controls(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self) -> BeaconBehaviour {
        self.controls().behaviour
    }

    fn answer_get(&self, segments: &[&str], query: &str) -> Response<Body> {
        let answer = match segments {
            ["v1", "beacon", "genesis"] => Ok(spec::genesis(self.chain.network())),
            ["v1", "config", "spec"] => Ok(spec::spec(self.chain.network())),
            ["v1", "config", "fork_schedule"] => Ok(spec::fork_schedule(self.chain.network())),
            ["v1", "node", "syncing"] => Ok(self.syncing()),
            ["v1", "node", "health"] => return self.health(),
            ["v1", "node", "version"] => Ok(json!({ "data": { "version": spec::VERSION } })),
            ["v2", "node", "version"] => Ok(spec::version_v2()),
            [_, "validator", "duties", "proposer", epoch] if self.refuses_duties(epoch) => {
                Err((StatusCode::SERVICE_UNAVAILABLE, "the duties are not known yet".to_owned()))
            }
            [_, "validator", "duties", "proposer", epoch] if self.is_too_far(epoch) => {
                Err((StatusCode::BAD_REQUEST, "the epoch is ahead".to_owned()))
            }
            ["v1", "validator", "duties", "proposer", epoch] => {
                duties::proposer_duties(&self.chain, epoch, false)
            }
            ["v2", "validator", "duties", "proposer", epoch]
                if self.behaviour() != BeaconBehaviour::WithoutDutiesV2 =>
            {
                duties::proposer_duties(&self.chain, epoch, true)
            }
            ["v2", "beacon", "blocks", _] if self.withholds_block() => Err(blocks::not_found()),
            ["v1", "beacon", "states", id, "proposer_lookahead"] => {
                duties::lookahead(&self.chain, self.head(), id)
            }
            ["v1", "beacon", "states", id, "validators"] => {
                duties::validators(&self.chain, self.head(), id, query)
            }
            ["v1", "beacon", "blinded_blocks", _] if self.blocks_withheld() > 0 => Err(blocks::not_found()),
            ["v1", "beacon", "blinded_blocks", id] => blocks::blinded_block(&self.chain, self.head(), id),
            ["v2", "beacon", "blocks", id] => blocks::block(&self.chain, self.head(), id),
            ["v1", "beacon", "headers", id] => blocks::header(&self.chain, self.head(), id),
            ["v1", "events"] => return self.event_stream(query),
            _ => Err((StatusCode::NOT_FOUND, "no such endpoint".to_owned())),
        };
        match answer {
            Ok(value) => json_response(StatusCode::OK, &value),
            Err((status, message)) => refusal(status, &message),
        }
    }
}

impl Handler for State {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, HangUp> {
        if self.behaviour() == BeaconBehaviour::Unavailable {
            return Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, "the node is unavailable"));
        }
        if request.method() != Method::GET {
            return Ok(refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET is simulated"));
        }
        let operation = request.uri().path().strip_prefix("/eth/").unwrap_or_default();
        let segments: Vec<&str> = operation.split('/').collect();
        Ok(self.answer_get(&segments, request.uri().query().unwrap_or_default()))
    }
}

fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(full(value.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static(Encoding::Json.content_type());
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn refusal(status: StatusCode, message: &str) -> Response<Body> {
    json_response(status, &json!({ "code": status.as_u16(), "message": message }))
}
