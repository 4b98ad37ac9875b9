//! What others tell an auction while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_auction::{AskMoment, RegretMeter};
use headstart_bid_store::ProcessId;
use headstart_types::{RelayId, Wei};
use tokio::sync::Notify;

/// An auction that runs in this process, as everybody but its own task sees it.
#[derive(Debug, Default)]
pub(crate) struct Running {
    submitted: AtomicBool,
    told: Notify,
    /// Of the lease under which relays are asked.
    fence: AtomicU64,
    regret: Mutex<RegretMeter>,
    /// When a beacon node is expected to ask; at the slot's start as long as nobody has said.
    moment: Mutex<Option<AskMoment>>,
    callers: Mutex<Callers>,
    /// Other processes at which somebody waits for a bid, and how often each has said so.
    waiting: Mutex<BTreeMap<ProcessId, u64>>,
    /// Relays that have announced a bid above the one that is held, and how much it is worth.
    announced: Mutex<BTreeMap<RelayId, Wei>>,
}

/// The clusters that have asked for an auction's header.
#[derive(Debug, Default)]
struct Callers {
    all: BTreeSet<Arc<str>>,
    /// They wait, and the auction does not know it yet.
    waiting: Vec<Arc<str>>,
}

/// Callers of one auction that are told apart; of further ones the auction runs as it is.
const CALLERS_MAX: usize = 64;

impl Running {
    /// Somebody of the cluster waits for a bid.
    pub(crate) fn is_waited_for(&self, cluster: &Arc<str>) {
        let mut callers = self.callers();
        callers.note(cluster);
        if callers.waiting.len() < CALLERS_MAX && !callers.waiting.contains(cluster) {
            callers.waiting.push(Arc::clone(cluster));
        }
    }

    /// A header was served to the cluster.
    pub(crate) fn was_asked_by(&self, cluster: &Arc<str>) {
        self.callers().note(cluster);
    }

    /// The clusters that have asked for the header.
    pub(crate) fn asked_by(&self) -> BTreeSet<Arc<str>> {
        self.callers().all.clone()
    }

    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has changed in the auction's entry.
    pub(crate) fn look(&self) {
        self.told.notify_one();
    }

    /// The clusters that wait and that the auction has not been told of.
    pub(crate) fn take_callers(&self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.callers().waiting)
    }

    pub(crate) fn submitted(&self) {
        self.submitted.store(true, Ordering::Release);
        self.told.notify_one();
    }

    pub(crate) fn is_submitted(&self) -> bool {
        self.submitted.load(Ordering::Acquire)
    }

    /// Until somebody has something to tell.
    pub(crate) async fn told(&self) {
        self.told.notified().await;
    }

    /// Somebody waits at that process.
    pub(crate) fn waits_at(&self, process: ProcessId, number: u64) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(process, number);
    }

    pub(crate) fn regret(&self) -> MutexGuard<'_, RegretMeter> {
        self.regret.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn moment(&self) -> AskMoment {
        self.moment.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(AskMoment::about(0))
    }

    pub(crate) fn set_moment(&self, moment: AskMoment) {
        *self.moment.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }

    /// A relay says that its best bid is worth that much, which is more than we hold.
    pub(crate) fn announced(&self, relay: RelayId, value: Wei) {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner).insert(relay, value);
        self.told.notify_one();
    }

    pub(crate) fn take_announced(&self) -> BTreeMap<RelayId, Wei> {
        std::mem::take(&mut *self.announced.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// This process asks the relays from here on, under the lease with that fence.
    pub(crate) fn leads_with(&self, fence: u64) {
        self.fence.store(fence, Ordering::Relaxed);
    }

    pub(crate) fn fence(&self) -> u64 {
        self.fence.load(Ordering::Relaxed)
    }

    /// The processes at which somebody waits; each is told once.
    pub(crate) fn take_waiting(&self) -> Vec<(ProcessId, u64)> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
            .into_iter()
            .collect()
    }
}

impl Callers {
    fn note(&mut self, cluster: &Arc<str>) {
        if self.all.len() < CALLERS_MAX && !self.all.contains(cluster) {
            self.all.insert(Arc::clone(cluster));
        }
    }
}
