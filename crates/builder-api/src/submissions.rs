use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use headstart_auction::{Guard, GuardVerdict};
use headstart_relay::SubmitVersion;
use headstart_types::{
    BlsPublicKey, BlsSignature, Encoding, ForkName, RelayId, Root, Slot, UnblindedPayload,
};
use tokio::sync::{mpsc, watch};

use crate::addressees::Addressee;
use crate::failures::Failures;
use crate::reply::ApiError;

/// Submissions that are the same: one signed block, through one version of the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SubmissionId {
    pub(crate) slot: Slot,
    pub(crate) block_root: Root,
    pub(crate) signature: BlsSignature,
    pub(crate) version: SubmitVersion,
}

/// What everyone who submits this block is answered.
#[derive(Clone, Debug)]
pub(crate) enum SubmitReply {
    /// v1: the payload, believed.
    Payload(Arc<RevealedPayload>),
    /// v2: a relay publishes the block.
    Published,
    /// Relays did not get to see the block.
    Refused(ApiError),
    /// No relay took it; each submitter is told of its own.
    Failed(Arc<Failures>),
}

/// A payload and its encodings, each made at most once however many operators ask for it.
#[derive(Debug)]
pub(crate) struct RevealedPayload {
    fork: ForkName,
    payload: UnblindedPayload,
    ssz: OnceLock<Bytes>,
    json: OnceLock<Bytes>,
}

impl RevealedPayload {
    pub(crate) fn new(fork: ForkName, payload: UnblindedPayload) -> Self {
        Self { fork, payload, ssz: OnceLock::new(), json: OnceLock::new() }
    }

    pub(crate) fn fork(&self) -> ForkName {
        self.fork
    }

    pub(crate) fn body(&self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Ssz => self.ssz.get_or_init(|| self.payload.to_ssz().into()).clone(),
            Encoding::Json => self.json.get_or_init(|| self.payload.to_json(self.fork).into()).clone(),
        }
    }
}

pub(crate) type Answer = watch::Receiver<Option<SubmitReply>>;

/// The submissions of the current slots: one run for all that are the same, its answer kept until the slot is over.
///
/// Proven blocks are few by nature, one for each proposer; what is not proven is counted, and refused beyond a limit.
#[derive(Debug, Default)]
pub(crate) struct Submissions {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    runs: HashMap<SubmissionId, Run>,
    /// Blocks of each slot that were forwarded although their signer is not proven.
    unproven: BTreeMap<Slot, usize>,
    guard: Guard,
}

/// Distinct unproven blocks of one slot that relays get to see. Those that others served are few; the rest is garbage.
const UNPROVEN_MAX: usize = 64;
/// Slots for which answers are kept.
const SLOTS_KEPT: u64 = 2;
/// Blocks further from the current slot are garbage; the margin is wide, lest a wrong clock of ours lose a block. As long
/// as blocks of a slot are taken it stays known which ones were forwarded.
pub(crate) const SLOTS_ASTRAY_MAX: u64 = 32;

/// One run, as those see it who submit the same block.
#[derive(Debug)]
struct Run {
    answer: Answer,
    /// Each relay once, so that no more wait here than there are.
    asked: BTreeSet<RelayId>,
    more: mpsc::UnboundedSender<Addressee>,
}

/// What a run has to do with those who submit the same block.
pub(crate) struct Running {
    /// Where the answer is told.
    pub(crate) tell: watch::Sender<Option<SubmitReply>>,
    /// Relays that those who join bring, to be asked too.
    pub(crate) more: mpsc::UnboundedReceiver<Addressee>,
}

/// What to do with a submission.
pub(crate) enum Admission {
    /// It is the first of its kind: run it.
    Run(Running, Answer),
    /// The same runs or has run: its answer is this one's too.
    Join(Answer),
}

impl Submissions {
    /// Whoever submits what is submitted already has its own relays asked as well.
    pub(crate) fn admit(&self, id: SubmissionId, current: Slot, relays: &[Addressee]) -> Admission {
        let state = &mut *self.lock();
        state.forget(current);
        if let Some(answer) = state.runs.get_mut(&id).and_then(|run| run.join(relays)) {
            return Admission::Join(answer);
        }
        let ((tell, answer), (sender, more)) = (watch::channel(None), mpsc::unbounded_channel());
        let asked = relays.iter().map(|to| to.relay.id()).collect();
        state.runs.insert(id, Run { answer: answer.clone(), asked, more: sender });
        Admission::Run(Running { tell, more }, answer)
    }

    /// Whether relays may see one more unproven block of this slot.
    pub(crate) fn admit_unproven(&self, slot: Slot) -> bool {
        let mut state = self.lock();
        let unproven = state.unproven.entry(slot).or_default();
        let admitted = *unproven < UNPROVEN_MAX;
        *unproven += usize::from(admitted);
        admitted
    }

    /// Lets the next submission of this block run anew: the run that tells here ended without the block being revealed.
    pub(crate) fn forget(&self, id: &SubmissionId, tell: &watch::Sender<Option<SubmitReply>>) {
        let ended = tell.subscribe();
        let mut state = self.lock();
        if state.runs.get(id).is_some_and(|run| run.answer.same_channel(&ended)) {
            state.runs.remove(id);
        }
    }

    pub(crate) fn claim(&self, slot: Slot, proposer: BlsPublicKey, block_root: Root) -> GuardVerdict {
        self.lock().guard.claim(slot, proposer, block_root)
    }

    /// Another process has forwarded this block, and so it may be forwarded here.
    pub(crate) fn overruled(&self, slot: Slot, proposer: BlsPublicKey, forwarded: Root) {
        self.lock().guard.overruled(slot, proposer, forwarded);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A run that is under way stays whatever its slot: what is the same must not run beside it.
    fn forget(&mut self, current: Slot) {
        let answered = Slot(current.0.saturating_sub(SLOTS_KEPT));
        self.runs.retain(|id, run| id.slot >= answered || run.is_under_way());
        let taken = Slot(current.0.saturating_sub(SLOTS_ASTRAY_MAX));
        self.unproven = self.unproven.split_off(&taken);
        self.guard.forget_before(taken);
    }
}

impl Run {
    /// Has these relays asked too; `None` when the run can do nothing for them any more.
    fn join(&mut self, relays: &[Addressee]) -> Option<Answer> {
        let is_taken =
            matches!(&*self.answer.borrow(), Some(SubmitReply::Payload(_) | SubmitReply::Published));
        let mut all_asked = true;
        for to in relays {
            if self.asked.insert(to.relay.id()) {
                all_asked &= self.more.send(to.clone()).is_ok();
            }
        }
        (is_taken || all_asked && !self.has_died()).then(|| self.answer.clone())
    }

    /// Whether it ended without telling an answer, as a run does that panics: nobody may wait for it any more.
    fn has_died(&self) -> bool {
        // In this order, for a run tells its answer before it ends.
        !self.is_under_way() && self.answer.borrow().is_none()
    }

    fn is_under_way(&self) -> bool {
        self.answer.has_changed().is_ok()
    }
}

#[cfg(test)]
#[path = "submissions_tests.rs"]
mod tests;
