//! The store that processes share when there is only one: the same rules as on Redis, in this process's memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use headstart_auction::{Guard, GuardVerdict, LeaseAnswer, Origin, Provenance};
use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Root, Slot};
use tokio::sync::broadcast;

use crate::envelope::Order;
use crate::feed::{Feed, Source};
use crate::hints::{HintId, TakenHint};
use crate::{LeaseName, Notice, ProcessId, SharedBid, SharedHint, SubmissionKey};

/// Notices that somebody who listens may lag behind.
const NOTICES_KEPT: usize = 4_096;
/// Hints kept; the oldest go first.
const HINTS_KEPT: usize = 65_536;

/// One store, as one of those who share it sees it.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    board: Arc<Board>,
    process: ProcessId,
}

#[derive(Debug)]
struct Board {
    state: Mutex<State>,
    notices: broadcast::Sender<(ProcessId, Notice)>,
}

#[derive(Debug, Default)]
struct State {
    bids: BTreeMap<(AuctionKey, RelayId), (Order, SharedBid)>,
    provenance: Provenance,
    guard: Guard,
    leases: HashMap<LeaseName, Lease>,
    fence: u64,
    answers: BTreeMap<SubmissionKey, Bytes>,
    /// Hints that nobody has taken.
    hints: VecDeque<(HintId, SharedHint)>,
    /// Those that somebody has, and when it last said so.
    taken: BTreeMap<HintId, (SharedHint, Instant)>,
    hinted: u64,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    holder: ProcessId,
    fence: u64,
    until: Instant,
}

impl Memory {
    pub(crate) fn new(process: ProcessId) -> Self {
        let board = Board { state: Mutex::default(), notices: broadcast::Sender::new(NOTICES_KEPT) };
        Self { board: Arc::new(board), process }
    }

    /// The same store, as another process sees it.
    pub(crate) fn beside(&self, process: ProcessId) -> Self {
        Self { board: Arc::clone(&self.board), process }
    }

    pub(crate) fn has_others(&self) -> bool {
        Arc::strong_count(&self.board) > 1
    }

    pub(crate) fn feed(&self) -> Feed {
        Feed(Source::Memory { notices: self.board.notices.subscribe(), me: self.process, has_begun: false })
    }

    pub(crate) fn tell(&self, notice: Notice) {
        // Nobody else may be there.
        let _ = self.board.notices.send((self.process, notice));
    }

    pub(crate) fn share_bid(&self, fence: u64, bid: SharedBid) -> bool {
        let order = Order { fence, moment: u64::try_from(bid.asked_at.0).unwrap_or_default() };
        let mut state = self.state();
        let place = (bid.key, bid.relay);
        if state.bids.get(&place).is_some_and(|(held, _)| *held > order) {
            return false;
        }
        state.bids.insert(place, (order, bid.clone()));
        drop(state);
        self.tell(Notice::Bid(bid));
        true
    }

    pub(crate) fn bids(&self, key: &AuctionKey) -> Vec<SharedBid> {
        let all = (*key, RelayId(0))..=(*key, RelayId(u64::MAX));
        self.state().bids.range(all).map(|(_, (_, bid))| bid.clone()).collect()
    }

    pub(crate) fn offered(&self, key: &AuctionKey, block_hash: BlockHash, relay: RelayId) {
        self.state().provenance.offered(key, block_hash, relay);
    }

    pub(crate) fn origin(&self, block_hash: BlockHash) -> Option<Origin> {
        self.state().provenance.of(block_hash).cloned()
    }

    pub(crate) fn claim(&self, slot: Slot, proposer: &BlsPublicKey, root: Root) -> Root {
        match self.state().guard.claim(slot, *proposer, root) {
            GuardVerdict::Forward => root,
            GuardVerdict::SecondBlock { forwarded } => forwarded,
        }
    }

    pub(crate) fn lease(&self, name: LeaseName, time: Duration) -> LeaseAnswer {
        let (now, mut state) = (Instant::now(), self.state());
        let held = state.leases.get(&name).copied().filter(|lease| lease.until > now);
        let fence = match held {
            Some(lease) if lease.holder != self.process => {
                let left_ms = i64::try_from((lease.until - now).as_millis()).unwrap_or(i64::MAX);
                return LeaseAnswer::Held { left_ms };
            }
            Some(lease) => lease.fence,
            None => {
                state.fence += 1;
                state.fence
            }
        };
        state.leases.insert(name, Lease { holder: self.process, fence, until: now + time });
        LeaseAnswer::Granted { fence }
    }

    pub(crate) fn release(&self, name: &LeaseName) {
        let mut state = self.state();
        if state.leases.get(name).is_some_and(|lease| lease.holder == self.process) {
            state.leases.remove(name);
        }
    }

    pub(crate) fn put_answer(&self, submission: SubmissionKey, answer: Bytes) {
        self.state().answers.insert(submission, answer);
    }

    pub(crate) fn answer(&self, submission: &SubmissionKey) -> Option<Bytes> {
        self.state().answers.get(submission).cloned()
    }

    pub(crate) fn put_hint(&self, hint: SharedHint) {
        let mut state = self.state();
        state.hinted += 1;
        // As wide as any number, so that ids are in order as text.
        let id = HintId(format!("{:020}", state.hinted));
        state.hints.push_back((id, hint));
        if state.hints.len() > HINTS_KEPT {
            state.hints.pop_front();
        }
        drop(state);
        self.tell(Notice::Hinted);
    }

    pub(crate) fn take_hints(&self) -> Vec<TakenHint> {
        let state = &mut *self.state();
        let now = Instant::now();
        let taken = state.hints.drain(..).map(|(id, hint)| {
            state.taken.insert(id.clone(), (hint.clone(), now));
            TakenHint { id, hint: Some(hint) }
        });
        taken.collect()
    }

    pub(crate) fn reclaim_hints(&self, silent_for: Duration) -> Vec<TakenHint> {
        let (now, mut state) = (Instant::now(), self.state());
        let silent = state.taken.iter_mut().filter(|(_, (_, said))| now - *said >= silent_for);
        let reclaimed = silent.map(|(id, (hint, said))| {
            *said = now;
            TakenHint { id: id.clone(), hint: Some(hint.clone()) }
        });
        reclaimed.collect()
    }

    pub(crate) fn keep_hints(&self, ids: &[HintId]) {
        let (now, mut state) = (Instant::now(), self.state());
        for id in ids {
            if let Some((_, said)) = state.taken.get_mut(id) {
                *said = now;
            }
        }
    }

    pub(crate) fn done_with_hints(&self, ids: &[HintId]) {
        let mut state = self.state();
        state.taken.retain(|id, _| !ids.contains(id));
    }

    /// Forgets everything of the slots before `slot`.
    pub(crate) fn forget_before(&self, slot: Slot) {
        let (now, mut state) = (Instant::now(), self.state());
        state.bids.retain(|(key, _), _| key.slot >= slot);
        state.provenance.forget_before(slot);
        state.guard.forget_before(slot);
        state.answers.retain(|submission, _| submission.slot >= slot);
        state.leases.retain(|_, lease| lease.until > now);
        state.hints.retain(|(_, hint)| hint.hint.slot >= slot);
        state.taken.retain(|_, (hint, _)| hint.hint.slot >= slot);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.board.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
