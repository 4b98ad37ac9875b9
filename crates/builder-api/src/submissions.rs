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
#[expect(clippy::unwrap_used, reason = "a test whose set-up fails, fails")]
mod tests {
    use headstart_relay::{Config, Relay};
    use headstart_types::{Clock, UnixMillis};

    use super::*;

    const CURRENT: Slot = Slot(100);
    const RELAY_KEY: &str =
        "0xb64720ee6f0d1c24d7f3c20032db23da635bfa97769c65a22e01e0074fee22dc6cad4ac35ea508338c1794fc7b76f572";

    fn id(slot: u64) -> SubmissionId {
        let (block_root, signature) = (Root::repeat_byte(1), BlsSignature::default());
        SubmissionId { slot: Slot(slot), block_root, signature, version: SubmitVersion::V2 }
    }

    fn relay(name: &str) -> Addressee {
        let url = format!("https://{RELAY_KEY}@{name}.example").parse().unwrap();
        let relay = Relay::new(Config::new(url), Clock::new(|| UnixMillis(0))).unwrap();
        Addressee { relay, offered: false, may_be_named: false }
    }

    fn run(submissions: &Submissions, slot: u64, relays: &[Addressee]) -> Running {
        match submissions.admit(id(slot), CURRENT, relays) {
            Admission::Run(running, _) => running,
            Admission::Join(_) => panic!("the submission of slot {slot} is the first of its kind"),
        }
    }

    fn joins(submissions: &Submissions, slot: u64, relays: &[Addressee]) -> bool {
        matches!(submissions.admit(id(slot), CURRENT, relays), Admission::Join(_))
    }

    #[test]
    fn a_run_that_dies_is_run_anew_and_one_that_has_told_its_answer_is_not() {
        let submissions = Submissions::default();
        drop(run(&submissions, 100, &[]));
        let running = run(&submissions, 100, &[]);
        assert!(joins(&submissions, 100, &[]), "it is under way");
        running.tell.send_replace(Some(SubmitReply::Published));
        drop(running);
        assert!(joins(&submissions, 100, &[relay("other")]), "its answer is everyone's");
    }

    #[test]
    fn relays_of_those_who_join_are_asked_once_each() {
        let submissions = Submissions::default();
        let [first, second] = ["first", "second"].map(relay);
        let mut running = run(&submissions, 100, std::slice::from_ref(&first));
        for _ in ["two", "operators"] {
            assert!(joins(&submissions, 100, &[first.clone(), second.clone()]));
        }
        assert_eq!(running.more.try_recv().unwrap().relay.id(), second.relay.id());
        assert!(running.more.try_recv().is_err());
    }

    #[test]
    fn a_failure_is_an_answer_only_for_those_whose_relays_were_asked() {
        let submissions = Submissions::default();
        let [first, second] = ["first", "second"].map(relay);
        let running = run(&submissions, 100, std::slice::from_ref(&first));
        running.tell.send_replace(Some(SubmitReply::Failed(Arc::default())));
        let former = running.tell.clone();
        drop(running);
        assert!(joins(&submissions, 100, std::slice::from_ref(&first)));
        let _running = run(&submissions, 100, &[first.clone(), second]);
        submissions.forget(&id(100), &former);
        assert!(joins(&submissions, 100, &[first]), "what another run came to does not end this one");
    }

    #[test]
    fn what_was_forwarded_is_known_for_as_long_as_blocks_of_its_slot_are_taken() {
        let submissions = Submissions::default();
        let (proposer, [first, second]) = (BlsPublicKey::default(), [1, 2].map(Root::repeat_byte));
        let slot = Slot(CURRENT.0 - SLOTS_ASTRAY_MAX);
        assert_eq!(submissions.claim(slot, proposer, first), GuardVerdict::Forward);
        for _ in 0..UNPROVEN_MAX {
            assert!(submissions.admit_unproven(slot));
        }
        let _running = run(&submissions, slot.0, &[]);
        let other = run(&submissions, 100, &[]);
        assert!(joins(&submissions, slot.0, &[]), "what is under way is not forgotten");
        drop(other);
        let second_block = GuardVerdict::SecondBlock { forwarded: first };
        assert_eq!(submissions.claim(slot, proposer, second), second_block);
        assert!(!submissions.admit_unproven(slot));
    }
}
