use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Failure;

/// What a relay is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    Status,
    Register,
    Header,
    Submit,
    /// What it publishes of a validator.
    Published,
    /// Opening a header stream.
    Stream,
    /// Opening the stream of top bids.
    TopBid,
}

/// How a call ended, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallResult {
    /// 2xx, also without a bid.
    Answered,
    /// A status below 500 but 429.
    Refused,
    RateLimited,
    /// A status from 500 on.
    Failed,
    Timeout,
    Transport,
    Malformed,
}

impl Operation {
    pub const ALL: [Self; 7] = [
        Self::Status,
        Self::Register,
        Self::Header,
        Self::Submit,
        Self::Published,
        Self::Stream,
        Self::TopBid,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Register => "register",
            Self::Header => "header",
            Self::Submit => "submit",
            Self::Published => "published",
            Self::Stream => "stream",
            Self::TopBid => "top_bid",
        }
    }
}

impl CallResult {
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Refused,
        Self::RateLimited,
        Self::Failed,
        Self::Timeout,
        Self::Transport,
        Self::Malformed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::RateLimited => "rate_limited",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::Transport => "transport",
            Self::Malformed => "malformed",
        }
    }

    fn of<T>(result: &Result<T, Failure>) -> Self {
        match result {
            Ok(_) => Self::Answered,
            Err(Failure::Refused(refusal)) if refusal.status >= 500 => Self::Failed,
            Err(Failure::Refused(_)) => Self::Refused,
            Err(Failure::RateLimited { .. }) => Self::RateLimited,
            Err(Failure::Timeout) => Self::Timeout,
            Err(Failure::Transport(_)) => Self::Transport,
            Err(Failure::Malformed(_)) => Self::Malformed,
        }
    }
}

/// The calls of one relay, counted since its client was made.
#[derive(Debug)]
pub(crate) struct Tally([[AtomicU64; CallResult::ALL.len()]; Operation::ALL.len()]);

impl Default for Tally {
    fn default() -> Self {
        Self(array::from_fn(|_| array::from_fn(|_| AtomicU64::new(0))))
    }
}

impl Tally {
    pub(crate) fn count<T>(&self, operation: Operation, result: &Result<T, Failure>) {
        self.0[operation as usize][CallResult::of(result) as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn calls(&self, operation: Operation, result: CallResult) -> u64 {
        self.0[operation as usize][result as usize].load(Ordering::Relaxed)
    }
}
