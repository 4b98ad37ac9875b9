//! Who called, on the ways that are not hot, and what becomes of callers whom nobody knows.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use headstart_auction::{FailedAttempt, FailedAttempts};
use headstart_registry::Asker;
use http::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use crate::BuilderApi;
use crate::access::NoAsker;
use crate::reply::ApiError;

/// Whose request it is.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    Known(Asker),
    Stranger(Stranger),
}

/// Somebody without a good credential, where one is needed or was presented.
#[derive(Clone, Debug)]
pub(crate) struct Stranger {
    pub(crate) from: IpAddr,
    pub(crate) why: NoAsker,
}

/// What is known of strangers.
#[derive(Debug)]
pub(crate) struct Strangers {
    failed: Mutex<FailedAttempts>,
    /// Blocks of strangers that are being read, proved and revealed.
    blocks: Arc<Semaphore>,
}

/// A further block of a stranger waits. They are few in earnest: a credential was revoked in the middle of a slot.
const BLOCKS_MAX: usize = 256;

impl Default for Strangers {
    fn default() -> Self {
        Self { failed: Mutex::default(), blocks: Arc::new(Semaphore::new(BLOCKS_MAX)) }
    }
}

impl Strangers {
    /// A place among the strangers that bring a block.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.blocks).acquire_owned().await.ok()
    }
}

pub(crate) const STATUS: &str = "/eth/v1/builder/status";
pub(crate) const BLINDED_BLOCKS: [&str; 2] =
    ["/eth/v1/builder/blinded_blocks", "/eth/v2/builder/blinded_blocks"];

impl Stranger {
    /// Whether the request may go on to its handler. The status is for everyone who does not insist on being someone,
    /// and a signed block may prove itself.
    pub(crate) fn may_pass(&self, method: &Method, path: &str) -> bool {
        let status = path == STATUS && self.why == NoAsker::Absent;
        status || method == Method::POST && BLINDED_BLOCKS.contains(&path)
    }
}

impl BuilderApi {
    /// The 401 of a stranger, alike whatever is wrong. Only failures are counted, so a beacon node with a good credential
    /// never suffers from what others behind its address do.
    pub(crate) fn refuse(&self, stranger: &Stranger) -> ApiError {
        let Stranger { from, why } = stranger;
        let now = self.config().clock.now();
        let mut failed = self.shared.strangers.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = failed.failed(*from, now);
        drop(failed);
        if attempt == FailedAttempt::First {
            let (reason, id) = match why {
                NoAsker::Absent => ("absent", None),
                NoAsker::Refused { id } => ("refused", id.as_deref()),
            };
            warn!(%from, credential = reason, id, "a caller without a good credential was refused; further ones from there are not told for now");
        }
        ApiError::unauthorized(attempt == FailedAttempt::TooMany)
    }
}
