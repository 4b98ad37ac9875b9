//! What all streams have in common: a place of their cluster, and a caller who must go on being believed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use headstart_registry::{Caller, Cluster};
use tokio::sync::mpsc;
use tokio::time;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};
use tracing::{debug, error};

use crate::ClusterApi;
use crate::auth::Method;
use crate::lanes::Lane;
use crate::places::Place;
use crate::status::{RETRY_AFTER_MS, exhausted, internal, unauthenticated, unavailable};

/// An idle stream's caller is asked for so often, beside every change of the directory.
const RECHECK: Duration = Duration::from_secs(1);
/// What was answered before an error is given so long to be read.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The answers of a stream, each of which may be the error that ends it.
pub(crate) type Responses<T> = mpsc::Sender<Result<T, Status>>;
pub(crate) type ResponseStream<T> = ReceiverStream<Result<T, Status>>;

/// One stream's caller.
pub(crate) struct Session {
    api: ClusterApi,
    caller: Caller,
    _place: Place,
}

impl ClusterApi {
    /// Believes the caller of a stream and gives it one of its cluster's places.
    pub(crate) fn session(&self, metadata: &MetadataMap, method: Method) -> Result<Session, Status> {
        let caller = self.authenticate(metadata, method)?;
        let place = self.places().take(caller.cluster());
        let place = place.ok_or_else(|| exhausted("streams", RETRY_AFTER_MS))?;
        Ok(Session { api: self.clone(), caller, _place: place })
    }
}

impl Session {
    pub(crate) fn api(&self) -> &ClusterApi {
        &self.api
    }

    /// The lane of the caller's cluster.
    pub(crate) fn lane(&self) -> Lane {
        self.api.lanes().enter(&self.caller.cluster().name)
    }

    pub(crate) fn operator(&self) -> &Arc<str> {
        self.caller.operator()
    }

    /// The cluster as it is now, if its operator is still believed: asked for every message.
    pub(crate) fn cluster(&mut self) -> Result<&Arc<Cluster>, Status> {
        let directory = self.api.config().directory.load();
        self.caller.recheck(&directory, self.api.now()).map_err(unauthenticated)?;
        Ok(self.caller.cluster())
    }

    /// Runs the work of a stream in a task of its own, with room for so many answers, until it is done, the client has
    /// gone, or the caller is not believed any more.
    pub(crate) fn run<T: Send + 'static, W>(
        self,
        room: usize,
        work: impl FnOnce(Self, Responses<T>) -> W,
    ) -> Response<ResponseStream<T>>
    where
        W: Future<Output = Result<(), Status>> + Send + 'static,
    {
        let (responses, receiver) = mpsc::channel(room);
        let (api, caller) = (self.api.clone(), self.caller.clone());
        let cluster = Arc::clone(&caller.cluster().name);
        let work = AssertUnwindSafe(work(self, responses.clone())).catch_unwind();
        api.streams().spawn({
            let api = api.clone();
            async move {
                let outcome = tokio::select! {
                    outcome = work => outcome.unwrap_or_else(|_| {
                        error!("the task of a stream panicked; the stream ends");
                        Err(internal())
                    }),
                    status = ended(&api, caller) => Err(status),
                    () = responses.closed() => Ok(()),
                };
                if let Err(status) = outcome {
                    let (code, reason) = (status.code(), status.message());
                    debug!(cluster = &*cluster, ?code, reason, "a stream ends");
                    end(&responses, room, status).await;
                }
            }
        });
        Response::new(ReceiverStream::new(receiver))
    }
}

/// Resolves when a stream must end although its work is not done, with the reason.
async fn ended(api: &ClusterApi, mut caller: Caller) -> Status {
    let mut changes = api.config().directory.changed();
    loop {
        let now = api.now();
        if let Err(rejected) = caller.recheck(&api.config().directory.load(), now) {
            return unauthenticated(rejected);
        }
        tokio::select! {
            () = api.closing().cancelled() => {
                return unavailable("go on: the service is closing; reconnect and resume", RETRY_AFTER_MS);
            }
            _ = changes.changed() => {}
            () = time::sleep(RECHECK.min(now.until(caller.expires_at()))) => {}
        }
    }
}

/// An error ends a stream at once, so what was asked before it is answered first, if the client reads on.
async fn end<T>(responses: &Responses<T>, room: usize, status: Status) {
    let answered = time::timeout(LAST_WORDS, responses.reserve_many(room)).await;
    if let Ok(Ok(mut room)) = answered
        && let Some(place) = room.next()
    {
        place.send(Err(status));
    } else {
        let _ = responses.try_send(Err(status));
    }
}
