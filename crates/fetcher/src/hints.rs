//! Takes hints that came to other processes, and keeps them until their slots are over.

use std::collections::BTreeMap;
use std::time::Duration;

use headstart_auction::{Hint, HintRejected, Hinted, Hints, Outlook};
use headstart_bid_store::{AuctionEvent, AuctionEventKind, HintId, SharedHint, TakenHint};
use headstart_registry::Cluster;
use headstart_types::{AuctionKey, Slot};
use tokio::time;
use tracing::debug;

use crate::Fetcher;
use crate::schedule::Schedule;

/// How often a fetcher says that it keeps its hints, and looks for those of dead ones.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// A fetcher that is silent for so long has died: well before the auctions of its hints begin.
const SILENT_FOR: Duration = Duration::from_secs(1);

/// Takes hints as they come, as long as the process prefetches.
pub(crate) async fn follow(fetcher: Fetcher) {
    let store = &fetcher.shared.config.store;
    let mut kept = BTreeMap::new();
    while !fetcher.shared.closing.is_cancelled() {
        let has_news = time::timeout(LOOK_EVERY, fetcher.shared.hints_wait.notified()).await.is_ok();
        if !fetcher.prefetches() {
            continue;
        }
        for taken in store.take_hints().await {
            fetcher.keep_hint(&mut kept, taken);
        }
        if !has_news {
            fetcher.look_after_hints(&mut kept).await;
        }
    }
}

impl Fetcher {
    /// Takes what an operator of the cluster says of a slot to come, for all processes. The auction is armed as if a beacon
    /// node had told of it; that it was hinted before is fine.
    pub fn hint(&self, cluster: &Cluster, hint: &Hint) -> Result<(), HintRejected> {
        let hinted = self.take_hint(&cluster.name, hint)?;
        let store = &self.shared.config.store;
        if hinted == Hinted::New && store.has_others() {
            let (store, shared) = (store.clone(), SharedHint { cluster: cluster.name.clone(), hint: *hint });
            // While the store is away the hint is this process's; it is everybody's again when the store is back.
            self.spawn(async move { _ = store.put_hint(shared).await });
        }
        Ok(())
    }

    fn take_hint(&self, cluster: &str, hint: &Hint) -> Result<Hinted, HintRejected> {
        let directory = self.shared.config.directory.load();
        // The name of whoever serves the validator is told to nobody, so this comes before all else.
        let claim = directory.claim_of(&hint.proposer, cluster).ok_or(HintRejected::NotYours)?;
        let mut schedule = self.schedule();
        let Schedule { duties, heads, hints, .. } = &mut *schedule;
        let outlook = Outlook { network: self.network(), duties, heads };
        let hinted = hints.take(self.now(), &claim.cluster.name, hint, &outlook)?;
        drop(schedule);
        if hinted == Hinted::New {
            let parent_hash = hint.parent_hash.unwrap_or_default();
            let key = AuctionKey { slot: hint.slot, parent_hash, proposer: hint.proposer };
            let (cluster, at) = (Some(claim.cluster.name.clone()), self.now());
            self.shared.config.store.tell(AuctionEvent { cluster, key, at, what: AuctionEventKind::Hinted });
            self.hurry(&[hint.proposer].into());
            self.look_again();
        }
        Ok(hinted)
    }

    /// What clusters have hinted for the slots to come.
    pub fn hints(&self) -> Hints {
        self.schedule().hints.clone()
    }

    /// Takes over from dead fetchers, lets go what is over, and says what is kept.
    async fn look_after_hints(&self, kept: &mut BTreeMap<HintId, Slot>) {
        let store = &self.shared.config.store;
        for taken in store.reclaim_hints(SILENT_FOR).await {
            self.keep_hint(kept, taken);
        }
        let current = self.network().slot_at(self.now());
        let over: Vec<_> = kept.extract_if(.., |_, slot| *slot < current).map(|(id, _)| id).collect();
        store.done_with_hints(&over).await;
        store.keep_hints(&kept.keys().cloned().collect::<Vec<_>>()).await;
    }

    /// A hint that cannot be read, or that this process does not believe, is kept for no longer than any: what one process
    /// rejects another may know better, but nobody takes it anew.
    fn keep_hint(&self, kept: &mut BTreeMap<HintId, Slot>, taken: TakenHint) {
        let Some(SharedHint { cluster, hint }) = taken.hint else {
            debug!("a hint that cannot be read is left out: it is of another version");
            kept.insert(taken.id, Slot(0));
            return;
        };
        match self.take_hint(&cluster, &hint) {
            Ok(hinted) => debug!(%cluster, slot = %hint.slot, ?hinted, "hint of another process taken"),
            Err(rejected) => {
                debug!(%cluster, slot = %hint.slot, "a hint that another process took is left out: {rejected}");
            }
        }
        kept.insert(taken.id, hint.slot);
    }
}
