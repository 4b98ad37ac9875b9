//! Accepts connections and serves them until told to stop.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::patience::{PatientStream, Phase};
use crate::service::BuilderService;
use crate::{Access, BuilderApi, Limits, Tally};

/// After the operating system refuses a connection (mostly for lack of descriptors) accepting rests for a moment.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// How one listener is served.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerConfig {
    pub access: Access,
    pub limits: Limits,
}

/// On shutdown, what is under way when the doors are closed has so long: a submission's own deadline, and a little.
const CLOSING: Duration = Duration::from_secs(10);
/// What the system has taken in and nobody has read yet is here within this.
const LINGER: Duration = Duration::from_millis(50);

/// Serves the Builder API on `listener` until `shutdown`; then whoever has come is still answered, idle connections are
/// closed, and requests under way and submissions finish.
pub async fn serve(
    listener: TcpListener,
    api: BuilderApi,
    config: ServerConfig,
    shutdown: CancellationToken,
) {
    let limits = config.limits;
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut doors = Doors {
        service: BuilderService::new(api.clone(), config),
        limits,
        tally: Arc::clone(api.tally()),
        closed: watch::Sender::new(false),
        connections: JoinSet::new(),
    };
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
            Some(_) = doors.connections.join_next() => continue,
        };
        match accepted {
            Ok(arrival) => doors.let_in(arrival),
            Err(error) => {
                warn!("failed to accept a connection: {error}");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    api.drain();
    // The system has let in some whom nobody has greeted yet: closing the listener would cut them off.
    let late = async {
        while let Ok(arrival) = accept(&listener, &places).await {
            doors.let_in(arrival);
        }
    };
    let _ = tokio::time::timeout(LINGER, late).await;
    drop(listener);
    let patience = limits.drain_timeout.min(CLOSING);
    let drained = async {
        doors.close().await;
        api.drained(patience).await
    };
    if !matches!(tokio::time::timeout(patience, drained).await, Ok(true)) {
        warn!("requests or submissions were still under way when the time for draining was over");
    }
}

/// What every connection is given.
struct Doors {
    service: BuilderService,
    limits: Limits,
    tally: Arc<Tally>,
    closed: watch::Sender<bool>,
    /// What one of them breaks is its own.
    connections: JoinSet<()>,
}

type Arrival = (TcpStream, IpAddr, OwnedSemaphorePermit);

impl Doors {
    fn let_in(&mut self, (stream, from, place): Arrival) {
        let (limits, phase) = (self.limits, Phase::default());
        let service = self.service.on_connection(from, phase.clone());
        let stream = PatientStream::new(stream, phase, limits.head_timeout, limits.idle_timeout);
        let mut http = http1::Builder::new();
        http.max_buf_size(limits.head_bytes_max.max(MIN_BUFFER_BYTES)).half_close(false);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let (mut closed, connected) = (self.closed.subscribe(), self.tally.connected());
        self.connections.spawn(async move {
            let _held = (place, connected);
            let mut connection = pin!(connection);
            let closing = async {
                let _ = closed.wait_for(|closed| *closed).await;
                tokio::time::sleep(LINGER).await;
            };
            let ended = tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = closing => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!("connection ended: {error}");
            }
        });
    }

    /// Closes connections as soon as they are idle. A request that is on its way when this begins is answered first.
    async fn close(&mut self) {
        self.closed.send_replace(true);
        while self.connections.join_next().await.is_some() {}
    }
}

/// The least buffer that the HTTP library takes.
const MIN_BUFFER_BYTES: usize = 8 << 10;

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<Arrival> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, from) = listener.accept().await?;
    // A peer that has gone already shows when it is read from.
    let _ = stream.set_nodelay(true);
    Ok((stream, from.ip(), place))
}
