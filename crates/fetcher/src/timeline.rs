//! Keeps what happened in each auction until its slot is over, and then puts it on record.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use headstart_auction::Answer;
use headstart_bid_store::{AuctionEvent, AuctionEventKind};
use headstart_registry::{Directory, Registry, TimelineRecord};
use headstart_types::{AuctionKey, BlockHash, RelayId, Slot, Wei};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::time;
use tracing::warn;

use crate::Fetcher;

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

/// Auctions whose events are kept at a time; of a further one nothing is.
const AUCTIONS_MAX: usize = 1_024;
/// Events kept of one auction; further ones are counted.
const EVENTS_MAX: usize = 1_024;
/// So long after its slot nothing of an auction happens any more.
const SETTLED_MS: i64 = 2_000;
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Kept {
    seen: Vec<Seen>,
    left_out: u64,
}

struct Recorder {
    fetcher: Fetcher,
    source: String,
    auctions: HashMap<(Arc<str>, AuctionKey), Kept>,
}

/// Until the process ends; what is under way then is put on record as far as it has come.
pub(crate) async fn record(fetcher: Fetcher) {
    let (closing, mut events) = (fetcher.shared.closing.clone(), fetcher.shared.config.store.watch());
    let mut look = time::interval(LOOK_EVERY);
    let mut recorder =
        Recorder { fetcher, source: Registry::timeline_source(), auctions: HashMap::default() };
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => recorder.take(event),
                Err(RecvError::Lagged(missed)) => warn!(missed, "timelines have holes: too much happened at once"),
                Err(RecvError::Closed) => break,
            },
            _ = look.tick() => recorder.put_on_record(false).await,
            () = closing.cancelled() => break,
        }
    }
    recorder.put_on_record(true).await;
}

impl Recorder {
    fn take(&mut self, event: AuctionEvent) {
        let AuctionEvent { cluster: Some(cluster), key, at, what } = event else { return };
        let at_ms = at - self.fetcher.network().slot_start(key.slot) + answered_after_ms(&what);
        let what = What::new(&what, &self.fetcher.shared.config.directory.load());
        let place = (cluster, key);
        if self.auctions.len() >= AUCTIONS_MAX && !self.auctions.contains_key(&place) {
            return;
        }
        let kept = self.auctions.entry(place).or_default();
        if kept.seen.len() < EVENTS_MAX { kept.seen.push(Seen { at_ms, what }) } else { kept.left_out += 1 }
    }

    /// Writes what belongs to slots that are over, or all of it.
    async fn put_on_record(&mut self, all: bool) {
        let (now, network) = (self.fetcher.now(), Arc::clone(self.fetcher.network()));
        let is_over = |slot: Slot| all || network.slot_start(slot.next()) + SETTLED_MS <= now;
        let over: Vec<_> = self.auctions.extract_if(|(_, key), _| is_over(key.slot)).collect();
        let records = records(&self.source, over);
        if !records.is_empty() {
            self.fetcher.shared.config.registry.write_timelines(records).await;
        }
    }
}

fn records(source: &str, over: Vec<((Arc<str>, AuctionKey), Kept)>) -> Vec<TimelineRecord> {
    // A hint without a parent belongs to every auction of its duty.
    let nowhere = BlockHash::default();
    let (hinted, auctions): (Vec<_>, Vec<_>) =
        over.into_iter().partition(|((_, key), _)| key.parent_hash == nowhere);
    let of_duty = |(cluster, key): &(Arc<str>, AuctionKey)| {
        let hints = hinted.iter().filter(|((hinting, hint), _)| {
            hinting == cluster && hint.slot == key.slot && hint.proposer == key.proposer
        });
        hints.flat_map(|(_, kept)| kept.seen.clone()).collect::<Vec<_>>()
    };
    let with_hints = |(place, mut kept): ((Arc<str>, AuctionKey), Kept)| {
        kept.seen.extend(of_duty(&place));
        // Events of one millisecond stay in the order in which they came.
        kept.seen.sort_by_key(|seen| seen.at_ms);
        if kept.left_out > 0 {
            let at_ms = kept.seen.last().map_or(0, |seen| seen.at_ms);
            kept.seen.push(Seen { at_ms, what: What::LeftOut { events: kept.left_out } });
        }
        let (cluster, key) = place;
        Some(TimelineRecord {
            source: source.to_owned(),
            slot: key.slot,
            cluster: cluster.to_string(),
            parent_hash: key.parent_hash,
            proposer: key.proposer,
            events: serde_json::to_string(&kept.seen).ok()?,
        })
    };
    auctions.into_iter().filter_map(with_hints).collect()
}

/// A getHeader stands where it was answered, behind what it waited for.
fn answered_after_ms(what: &AuctionEventKind) -> i64 {
    match what {
        AuctionEventKind::HeaderAnswered { took, .. } if *took >= Duration::from_millis(1) => {
            i64::try_from(took.as_micros().div_ceil(1_000)).unwrap_or(i64::MAX)
        }
        _ => 0,
    }
}

impl What {
    fn new(what: &AuctionEventKind, directory: &Directory) -> Self {
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

    /// Whether a relay gave anything but a bid.
    pub fn is_without_bid(&self) -> bool {
        matches!(self, Self::Answered { answer, .. } if answer != Answer::Bid.as_str())
    }
}
