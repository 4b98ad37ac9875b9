use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{self, Sleep};
use tonic::transport::server::Connected;
use tracing::warn;

use crate::Limits;

/// After the operating system refuses a connection (mostly for lack of descriptors) accepting rests for a moment.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Connections as they come, at most so many at a time. Never ends, and never fails.
pub(crate) fn connections(
    listener: TcpListener,
    limits: Limits,
) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(limits.connections_max));
    stream::unfold((listener, places), move |(listener, places)| async move {
        let connection = accept(&listener, &places, limits).await;
        Some((Ok(connection?), (listener, places)))
    })
}

/// `None` is never the case: nobody closes the semaphore.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>, limits: Limits) -> Option<Connection> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A peer that has gone already shows when it is read from.
                let _ = stream.set_nodelay(true);
                let first_bytes = Some(Box::pin(time::sleep(limits.first_bytes_timeout)));
                return Some(Connection { stream, first_bytes, _place: place });
            }
            Err(error) => {
                warn!("failed to accept a connection: {error}");
                time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

/// A connection that must say something soon: later on, pings find out whether it still lives.
pub(crate) struct Connection {
    stream: TcpStream,
    first_bytes: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.first_bytes = None;
        } else if let Some(alarm) = &mut self.first_bytes
            && alarm.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
