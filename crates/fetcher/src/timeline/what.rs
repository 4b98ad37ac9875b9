use std::time::Duration;

use headstart_auction::Answer;
use headstart_bid_store::AuctionEventKind;
use headstart_registry::Directory;
use headstart_types::{BlockHash, RelayId, Wei};
use serde::{Deserialize, Serialize};

/// Something that happened in an auction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Milliseconds relative to the slot's start.
    pub at_ms: i64,
    #[serde(flatten)]
    pub what: What,
}

/// What happened. Relays have the names that they had then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    Hinted,
    Armed,
    HeadChanged {
        block_hash: BlockHash,
    },
    Expected {
        early_ms: i64,
        likely_ms: i64,
        late_ms: i64,
    },
    Asked {
        relay: String,
        call: u32,
    },
    Answered {
        relay: String,
        answer: String,
        took_ms: u64,
    },
    BidHeld {
        relay: String,
        value: Wei,
        block_hash: BlockHash,
    },
    HeaderAnswered {
        outcome: String,
        value: Option<Wei>,
        block_hash: Option<BlockHash>,
        took_us: u64,
    },
    Compared {
        value_served: Wei,
        best_at_serve: Option<Wei>,
        bid_age_ms: i64,
        left_on_table_after: Wei,
    },
    BlockSubmitted {
        outcome: String,
        block_hash: BlockHash,
        took_us: u64,
    },
    /// So many further events were not kept.
    LeftOut {
        events: u64,
    },
}

impl What {
    pub(super) fn new(what: &AuctionEventKind, directory: &Directory) -> Self {
        let name = |relay: &RelayId| {
            directory.relay(*relay).map_or_else(|| relay.to_string(), |relay| relay.name.clone())
        };
        let micros = |took: &Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        match what {
            AuctionEventKind::Hinted => Self::Hinted,
            AuctionEventKind::Armed => Self::Armed,
            AuctionEventKind::HeadChanged { block_hash } => Self::HeadChanged { block_hash: *block_hash },
            AuctionEventKind::Expected(moment) => Self::Expected {
                early_ms: moment.early_ms,
                likely_ms: moment.likely_ms,
                late_ms: moment.late_ms,
            },
            AuctionEventKind::Asked { relay, call } => Self::Asked { relay: name(relay), call: *call },
            AuctionEventKind::Answered { relay, answer, took } => Self::Answered {
                relay: name(relay),
                answer: answer.as_str().to_owned(),
                took_ms: micros(took) / 1_000,
            },
            AuctionEventKind::BidHeld { relay, value, block_hash } => {
                Self::BidHeld { relay: name(relay), value: *value, block_hash: *block_hash }
            }
            AuctionEventKind::HeaderAnswered { outcome, value, block_hash, took, .. } => {
                Self::HeaderAnswered {
                    outcome: outcome.to_string(),
                    value: *value,
                    block_hash: *block_hash,
                    took_us: micros(took),
                }
            }
            AuctionEventKind::Compared(regret) => Self::Compared {
                value_served: regret.value_served,
                best_at_serve: regret.best_at_serve,
                bid_age_ms: regret.bid_age_at_serve_ms,
                left_on_table_after: regret.left_on_table_after,
            },
            AuctionEventKind::BlockSubmitted { outcome, block_hash, took } => Self::BlockSubmitted {
                outcome: outcome.to_string(),
                block_hash: *block_hash,
                took_us: micros(took),
            },
        }
    }

    /// Whether it happens only in an auction that this process runs or stands by for.
    pub fn is_of_a_run(&self) -> bool {
        !matches!(self, Self::Hinted | Self::HeaderAnswered { .. } | Self::BlockSubmitted { .. })
    }

    /// Whether a relay gave anything but a bid.
    pub fn is_without_bid(&self) -> bool {
        matches!(self, Self::Answered { answer, .. } if answer != Answer::Bid.as_str())
    }
}
