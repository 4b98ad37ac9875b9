//! Keeps what happened in each auction until its slot is over, and then puts it on record.

mod kept;
mod what;

use std::sync::atomic::Ordering;
use std::time::Duration;

use headstart_bid_store::{AuctionEvent, AuctionEventKind};
use headstart_registry::{Registry, TimelineRecord};
use headstart_types::{BlockHash, Slot};
use tokio::sync::broadcast::error::RecvError;
use tokio::time;
use tracing::warn;

use crate::Fetcher;
use kept::{Kept, Place, Story};

pub use what::{Seen, What};

/// So long after its slot nothing of an auction happens any more.
const SETTLED_MS: i64 = 2_000;
const LOOK_EVERY: Duration = Duration::from_secs(1);

struct Recorder {
    fetcher: Fetcher,
    source: String,
    kept: Kept,
}

/// Until the process ends; what is under way then is put on record as far as it has come.
pub(crate) async fn record(fetcher: Fetcher) {
    let closing = fetcher.shared.closing.clone();
    let mut events = fetcher.events_from_the_start().unwrap_or_else(|| fetcher.shared.config.store.watch());
    let mut look = time::interval(LOOK_EVERY);
    let mut recorder = Recorder { fetcher, source: Registry::timeline_source(), kept: Kept::default() };
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
        let slots = self.first_open()..=self.current().next();
        if !self.kept.note((cluster, key), Seen { at_ms, what }, &slots) {
            self.fetcher.shared.timelines_left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn current(&self) -> Slot {
        self.fetcher.network().slot_at(self.fetcher.now())
    }

    /// The first slot that is not over. What comes of an earlier one stands in the database already.
    fn first_open(&self) -> Slot {
        let current = self.current();
        let settles_at = self.fetcher.network().slot_start(current) + SETTLED_MS;
        if settles_at <= self.fetcher.now() { current } else { current.previous() }
    }

    /// Writes what belongs to slots that are over, or all of it.
    async fn put_on_record(&mut self, all: bool) {
        let first_open = self.first_open();
        let over = self.kept.extract(|slot| all || slot < first_open);
        let records = records(&self.source, over);
        if !records.is_empty() {
            self.fetcher.shared.config.registry.write_timelines(records, self.current()).await;
        }
    }
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

impl Fetcher {
    /// Events of which no timeline tells, because too many auctions were kept.
    pub fn timelines_left_out(&self) -> u64 {
        self.shared.timelines_left_out.load(Ordering::Relaxed)
    }
}

fn records(source: &str, over: Vec<(Place, Story)>) -> Vec<TimelineRecord> {
    // A hint without a parent belongs to every auction of its duty, and stands alone if there was none.
    let nowhere = BlockHash::default();
    let (hinted, mut auctions): (Vec<_>, Vec<_>) =
        over.into_iter().partition(|((_, key), _)| key.parent_hash == nowhere);
    let is_of = |(cluster, key): &Place, (hinting, hint): &Place| {
        hinting == cluster && hint.slot == key.slot && hint.proposer == key.proposer
    };
    let (with_auction, alone): (Vec<_>, Vec<_>) =
        hinted.into_iter().partition(|(hint, _)| auctions.iter().any(|(auction, _)| is_of(auction, hint)));
    for (auction, story) in &mut auctions {
        for (_, hints) in with_auction.iter().filter(|(hint, _)| is_of(auction, hint)) {
            story.join(hints);
        }
    }
    let record = |((cluster, key), story): (Place, Story)| {
        Some(TimelineRecord {
            source: source.to_owned(),
            slot: key.slot,
            cluster: cluster.to_string(),
            parent_hash: key.parent_hash,
            proposer: key.proposer,
            events: serde_json::to_string(&story.told()).ok()?,
        })
    };
    auctions.into_iter().chain(alone).filter_map(record).collect()
}
