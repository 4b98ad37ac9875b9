use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use headstart_auction::{Guard, GuardVerdict};
use headstart_relay::SubmitVersion;
use headstart_types::{BlsPublicKey, BlsSignature, Encoding, ForkName, Root, Slot, UnblindedPayload};
use tokio::sync::watch;

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
    Failed(ApiError),
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
    answers: HashMap<SubmissionId, Answer>,
    /// Blocks of each slot that were forwarded although their signer is not proven.
    unproven: BTreeMap<Slot, usize>,
    guard: Guard,
}

/// Distinct unproven blocks of one slot that relays get to see. Those that others served are few; the rest is garbage.
const UNPROVEN_MAX: usize = 64;
/// Slots for which answers are kept.
const SLOTS_KEPT: u64 = 2;

/// What to do with a submission.
pub(crate) enum Admission {
    /// It is the first of its kind: run it and tell the answer here.
    Run(watch::Sender<Option<SubmitReply>>, Answer),
    /// The same runs or has run: its answer is this one's too.
    Join(Answer),
}

impl Submissions {
    pub(crate) fn admit(&self, id: SubmissionId, current: Slot) -> Admission {
        let oldest = Slot(current.0.saturating_sub(SLOTS_KEPT));
        let state = &mut *self.lock();
        state.answers.retain(|id, _| id.slot >= oldest);
        state.unproven = state.unproven.split_off(&oldest);
        state.guard.forget_before(oldest);
        if let Some(answer) = state.answers.get(&id).filter(|answer| !has_died(answer)) {
            return Admission::Join(answer.clone());
        }
        let (tell, answer) = watch::channel(None);
        state.answers.insert(id, answer.clone());
        Admission::Run(tell, answer)
    }

    /// Whether relays may see one more unproven block of this slot.
    pub(crate) fn admit_unproven(&self, slot: Slot) -> bool {
        let mut state = self.lock();
        let unproven = state.unproven.entry(slot).or_default();
        let admitted = *unproven < UNPROVEN_MAX;
        *unproven += usize::from(admitted);
        admitted
    }

    /// Lets the next submission of this block run anew: this one ended without the block being revealed.
    pub(crate) fn forget(&self, id: &SubmissionId) {
        self.lock().answers.remove(id);
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

/// Whether the run ended without telling an answer, as one does that panics: nobody may wait for it any more.
fn has_died(answer: &Answer) -> bool {
    // In this order, for a run tells its answer before it ends.
    answer.has_changed().is_err() && answer.borrow().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURRENT: Slot = Slot(100);

    fn id(slot: u64) -> SubmissionId {
        let (block_root, signature) = (Root::repeat_byte(1), BlsSignature::default());
        SubmissionId { slot: Slot(slot), block_root, signature, version: SubmitVersion::V2 }
    }

    fn run(submissions: &Submissions, slot: u64) -> watch::Sender<Option<SubmitReply>> {
        match submissions.admit(id(slot), CURRENT) {
            Admission::Run(tell, _) => tell,
            Admission::Join(_) => panic!("the submission of slot {slot} is the first of its kind"),
        }
    }

    fn joins(submissions: &Submissions, slot: u64) -> bool {
        matches!(submissions.admit(id(slot), CURRENT), Admission::Join(_))
    }

    #[test]
    fn a_run_that_dies_is_run_anew_and_one_that_has_told_its_answer_is_not() {
        let submissions = Submissions::default();
        drop(run(&submissions, 100));
        let tell = run(&submissions, 100);
        assert!(joins(&submissions, 100), "it is under way");
        tell.send_replace(Some(SubmitReply::Published));
        drop(tell);
        assert!(joins(&submissions, 100), "its answer is everyone's");
    }
}
