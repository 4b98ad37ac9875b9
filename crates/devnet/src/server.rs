//! One accept loop for relays and beacon nodes: HTTP/1.1 on a real socket, ended when its handle is dropped.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// Connections beyond this many are closed unanswered.
const CONNECTIONS_MAX: usize = 8192;

pub(crate) type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error>;

/// Instead of an answer: the connection is reset.
#[derive(Debug, thiserror::Error)]
#[error("answer: the server hangs up")]
pub(crate) struct HangUp;

/// Answers requests; one instance serves all connections.
pub(crate) trait Handler: Send + Sync + 'static {
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, HangUp>> + Send;
}

/// A running server; dropping it closes the port and every connection.
#[derive(Debug)]
pub(crate) struct Server {
    addr: SocketAddr,
    task: AbortOnDropHandle<()>,
}

impl Server {
    pub(crate) async fn spawn(listen: SocketAddr, handler: Arc<impl Handler>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        Ok(Self { addr, task: AbortOnDropHandle::new(tokio::spawn(accept(listener, handler))) })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns once the port is closed, so that the next caller is refused.
    pub(crate) async fn stop(self) {
        self.task.abort();
        let _cancelled = self.task.await;
    }
}

async fn accept(listener: TcpListener, handler: Arc<impl Handler>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) if connections.len() < CONNECTIONS_MAX => {
                connections.spawn(serve(stream, Arc::clone(&handler)));
            }
            Ok(_) => tracing::debug!("devnet server is full, connection closed"),
            Err(error) => {
                tracing::debug!(%error, "devnet server failed to accept");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, handler: Arc<impl Handler>) {
    let _unsupported = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Connection { stream, reset: Arc::clone(&reset) });
    let service = service_fn(move |request| {
        let (handler, reset) = (Arc::clone(&handler), Arc::clone(&reset));
        async move {
            let answer = handler.answer(request).await;
            reset.store(answer.is_err(), Ordering::Relaxed);
            answer
        }
    });
    if let Err(error) =
        hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades().await
    {
        tracing::trace!(%error, "devnet connection ended");
    }
}

/// A stream that can be closed by a reset instead of an orderly end.
struct Connection {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _closes_orderly_instead = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A body that is at hand.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Reads a request's body; `None` when it is longer than `bytes_max` or breaks off.
pub(crate) async fn read_body(body: Incoming, bytes_max: usize) -> Option<Bytes> {
    let collected = http_body_util::Limited::new(body, bytes_max).collect().await;
    collected.ok().map(http_body_util::Collected::to_bytes)
}
