//! Accepts connections and serves them until told to stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::patience::{PatientStream, Phase};
use crate::service::BuilderService;
use crate::{BuilderApi, Limits};

/// After the operating system refuses a connection (mostly for lack of descriptors) accepting rests for a moment.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves the Builder API on `listener` until `shutdown`, then lets requests under way and submissions finish.
pub async fn serve(listener: TcpListener, api: BuilderApi, limits: Limits, shutdown: CancellationToken) {
    let service = BuilderService::new(api.clone(), limits);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, place)) => {
                let phase = Phase::default();
                let service = service.on_connection(phase.clone());
                let stream = PatientStream::new(stream, phase, limits.head_timeout, limits.idle_timeout);
                let mut http = http1::Builder::new();
                http.max_buf_size(limits.head_bytes_max.max(MIN_BUFFER_BYTES)).half_close(false);
                let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
                connections.spawn(async move {
                    let _place = place;
                    if let Err(error) = connection.await {
                        debug!("connection ended: {error}");
                    }
                });
            }
            Err(error) => {
                warn!("failed to accept a connection: {error}");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
    drop(listener);
    let drained = async {
        graceful.shutdown().await;
        api.drained(limits.drain_timeout).await
    };
    if !matches!(tokio::time::timeout(limits.drain_timeout, drained).await, Ok(true)) {
        warn!("requests or submissions were still under way when the time for draining was over");
    }
}

/// The least buffer that the HTTP library takes.
const MIN_BUFFER_BYTES: usize = 8 << 10;

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // A peer that has gone already shows when it is read from.
    let _ = stream.set_nodelay(true);
    Ok((stream, place))
}
