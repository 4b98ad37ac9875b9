use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use headstart_auction::Hint;
use headstart_proto::v1;
use headstart_registry::Cluster;
use headstart_types::{BlsPublicKey, SignedValidatorRegistration, UnixMillis};
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::oneshot;
use tonic::Status;

/// Where an answer goes: room for it was set aside before the question entered the lane, so that no lane ever waits for
/// a client that does not read.
pub(crate) type Reply<T> = OwnedPermit<Result<T, Status>>;

/// What an operator sent, on its way through the lane of its cluster.
pub(crate) struct Item {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) operator: Arc<str>,
    pub(crate) work: Work,
}

pub(crate) enum Work {
    /// A stream of hints begins: everything that was sent on former ones has taken effect before it is answered.
    Resume {
        reply: Reply<v1::PushDutyHintsResponse>,
    },
    Hint {
        seq: u64,
        hint: Hint,
        patience: Arc<Patience>,
        reply: Reply<v1::PushDutyHintsResponse>,
    },
    Register {
        registrations: Vec<Registration>,
        reply: Reply<v1::RegisterValidatorsResponse>,
    },
    Remove {
        pubkeys: Vec<BlsPublicKey>,
        reply: oneshot::Sender<Result<u32, Status>>,
    },
}

impl Work {
    /// Whether it waits for the database.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(self, Self::Register { .. } | Self::Remove { .. })
    }
}

/// One registration of a message: whole, or its key as it was sent and what is wrong with it.
pub(crate) type Registration = Result<SignedValidatorRegistration, (Vec<u8>, String)>;

/// Until when a stream is not read, because its cluster is over its quota.
#[derive(Debug, Default)]
pub(crate) struct Patience(AtomicI64);

impl Patience {
    /// The longest wait: a stream must notice that its client has gone.
    const MS_MAX: u32 = 1_000;

    pub(crate) fn wait(&self, now: UnixMillis, ms: u32) {
        if ms > 0 {
            self.0.store((now + i64::from(ms.min(Self::MS_MAX))).0, Ordering::Relaxed);
        }
    }

    pub(crate) fn waits_until(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Relaxed))
    }
}
