use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// What a connection is at: its service and its stream tell each other.
///
/// The HTTP library has one timeout for "the head is slow" and for "no request comes", but the first must be short
/// (slow heads are an attack) and the second long (Teku asks once a slot over a connection that should stay warm).
#[derive(Clone, Debug, Default)]
pub(crate) struct Phase(Arc<AtomicU8>);

const IDLE: u8 = 0;
const HEAD: u8 = 1;
const BUSY: u8 = 2;

impl Phase {
    /// A head is complete and its request is being worked on.
    pub(crate) fn busy(&self) {
        self.0.store(BUSY, Ordering::Relaxed);
    }

    /// The request is answered; what is read next is another head.
    pub(crate) fn idle(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }
}

/// A stream that gives up on a peer that lets it wait: for the rest of a head, or for the next request.
pub(crate) struct PatientStream {
    stream: TcpStream,
    phase: Phase,
    head_timeout: Duration,
    idle_timeout: Duration,
    last_active: Instant,
    head_began: Instant,
    alarm: Pin<Box<Sleep>>,
    /// The alarm will wake this connection's task: a connection lives in one task, so once told is enough.
    armed: bool,
}

impl PatientStream {
    pub(crate) fn new(
        stream: TcpStream,
        phase: Phase,
        head_timeout: Duration,
        idle_timeout: Duration,
    ) -> Self {
        let now = Instant::now();
        // A new connection owes its first head, and is given the time of a head for it.
        phase.0.store(HEAD, Ordering::Relaxed);
        let alarm = Box::pin(tokio::time::sleep(head_timeout));
        Self {
            stream,
            phase,
            head_timeout,
            idle_timeout,
            last_active: now,
            head_began: now,
            alarm,
            armed: false,
        }
    }

    fn bytes_came(&mut self) {
        self.last_active = Instant::now();
        let began = self.phase.0.compare_exchange(IDLE, HEAD, Ordering::Relaxed, Ordering::Relaxed);
        if began.is_ok() {
            self.head_began = self.last_active;
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match self.phase.0.load(Ordering::Relaxed) {
            HEAD => Some(self.head_began + self.head_timeout),
            IDLE => Some(self.last_active + self.idle_timeout),
            // Requests under way have deadlines of their own.
            _ => None,
        }
    }

    fn set_alarm(&mut self, deadline: Instant) {
        self.alarm.as_mut().reset(deadline);
        self.armed = false;
    }

    /// Called when nothing can be read: `Ready` once the peer has let us wait too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline() else { return Poll::Pending };
        // The alarm is touched only when it must ring earlier or has rung: a busy connection leaves it alone.
        if self.alarm.deadline() > deadline {
            self.set_alarm(deadline);
        }
        while !self.armed || self.alarm.is_elapsed() {
            if self.alarm.as_mut().poll(cx).is_pending() {
                self.armed = true;
                break;
            }
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.set_alarm(deadline);
        }
        Poll::Pending
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(result) => {
                if buf.filled().len() > before {
                    self.bytes_came();
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                ready!(self.poll_patience(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncWrite for PatientStream {
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
