use std::sync::Arc;

use headstart_types::{BlsPublicKey, Network, UnixMillis};

use crate::lane::Rank;

/// A registration that the relay should have. `mark` stands for its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    pub validator: BlsPublicKey,
    pub mark: u64,
    /// The validator is about to propose.
    pub urgent: bool,
}

/// What goes into one call: validators of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub cluster: Arc<str>,
    pub validators: Vec<BlsPublicKey>,
    pub(crate) rank: Rank,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Send(Batch),
    /// Ask again at this moment, or after the next offer or answer, whichever is first.
    Wait(Option<UnixMillis>),
}

/// What came of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryAnswer {
    Accepted,
    /// The relay dislikes the content: something in it, for one dislikes all.
    Refused,
    /// It has had enough of us for now.
    Limited {
        retry_after_ms: Option<u64>,
    },
    /// It failed, or was out of reach.
    Failed,
}

/// How gently registrations are sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    pub calls_per_s: u32,
    /// Calls that may be made at once after a rest.
    pub burst: u32,
    /// Milliseconds over which a cluster's many batches are spread.
    pub smear_ms: i64,
    /// Milliseconds after which a relay is told again what it refused.
    pub retry_refused_ms: i64,
}

impl Pace {
    /// Four fifths of an epoch for what is much, and a day for what was refused.
    pub fn of(network: &Network) -> Self {
        let epoch_ms = network.slot_duration_ms.saturating_mul(network.slots_per_epoch);
        let smear_ms = i64::try_from(epoch_ms / 5 * 4).unwrap_or(i64::MAX);
        Self { calls_per_s: 2, burst: 8, smear_ms, retry_refused_ms: crate::REFRESH_MS }
    }
}
