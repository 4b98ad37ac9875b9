use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// How a service is told to end; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    begun: CancellationToken,
    hurried: CancellationToken,
}

impl Shutdown {
    /// The service serves on until nothing would be lost, and ends.
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// The service ends as soon as what is under way is finished: no block is waited for that has not come yet.
    pub fn hurry(&self) {
        self.hurried.cancel();
        self.begun.cancel();
    }

    /// For whoever need not be asked twice.
    pub(crate) fn token(&self) -> CancellationToken {
        self.begun.clone()
    }

    pub(crate) fn is_hurried(&self) -> bool {
        self.hurried.is_cancelled()
    }

    pub(crate) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    pub(crate) async fn hurried(&self) {
        self.hurried.cancelled().await;
    }
}

/// Begins the shutdown at the first SIGTERM or Ctrl-C, and hurries it at the second. From the call on neither ends the
/// process by itself, whenever the future is first polled. Must be called within a Tokio runtime.
pub(crate) fn on_signal(shutdown: Shutdown) -> impl Future<Output = ()> + Send {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else { return };
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        };
        let signal = next().await;
        info!(signal, "shutting down: serving on until nothing is lost");
        shutdown.begin();
        let signal = next().await;
        info!(signal, "shutting down at once: only what is under way is finished");
        shutdown.hurry();
    }
}
