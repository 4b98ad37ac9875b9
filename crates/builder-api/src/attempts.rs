//! All calls that are to have one relay take one block.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use headstart_auction::check_payload;
use headstart_relay::{Refusal, Relay, SubmitAnswer, SubmitVersion};
use headstart_types::UnblindedPayload;
use tokio::time::{self, Instant};
use tracing::{error, warn};

use crate::signed_block::SignedBlock;
use crate::submissions::{Answer, RevealedPayload, SubmitReply};

/// A relay that could not be reached, failed or refused is asked again after so long.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// Each refusal doubles the pause, up to this: a relay that says no must not be kept busy with it.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(1);

/// A call that has not been answered for so long gets another one beside it, for its connection may be dead. Some relays
/// hold a payload back for a second.
const HEDGE_AFTER: Duration = Duration::from_millis(1_250);
/// Calls that one relay has at a time.
const CALLS_MAX: usize = 2;

/// What one relay came to.
pub(crate) enum Verdict {
    Taken(SubmitReply),
    /// The relay said no: an HTTP status below 500, and what it said.
    Refused(Refusal),
    /// It revealed another payload, and would do so again.
    Wrong(String),
    /// Out of reach or failing.
    Withheld(String),
}

/// How much is made of one relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insistence {
    /// It offered this block, and the proposer has signed it: whatever it says, it has a payload to give. It is asked
    /// until it says that it is too late.
    Offered,
    /// It may know the block: asked until it says no.
    MayKnow,
    /// Nobody has proven the block, and garbage must not keep relays busy.
    Once,
}

/// One relay, and the block that it is to take.
pub(crate) struct Attempts {
    pub(crate) relay: Relay,
    pub(crate) signed: Arc<SignedBlock>,
    pub(crate) insistence: Insistence,
    /// Relays hold a block that comes earlier until then.
    pub(crate) slot_begins: Instant,
    pub(crate) deadline: Instant,
    /// What the block has come to elsewhere.
    pub(crate) answer: Answer,
}

impl Attempts {
    /// Submits until the relay has said its last word or the deadline passes. Of two calls the first good answer counts.
    pub(crate) async fn make(self) -> (Relay, Verdict) {
        let (mut calls, mut pause) = (FuturesUnordered::new(), RETRY_AFTER);
        let mut next_call = Some(Instant::now());
        let mut said = Verdict::Withheld("the deadline has passed".to_owned());
        loop {
            let due = next_call.filter(|_| calls.len() < CALLS_MAX);
            tokio::select! {
                Some(answer) = calls.next() => {
                    said = self.verdict(answer);
                    if matches!(said, Verdict::Taken(_)) {
                        break;
                    }
                    next_call = next_call.filter(|_| !self.is_last_word(&said)).map(|_| Instant::now() + pause);
                    if matches!(said, Verdict::Refused(_)) {
                        pause = (pause * 2).min(RETRY_AFTER_MAX);
                    }
                    self.warn_of(&said, next_call.is_some());
                }
                () = time::sleep_until(due.unwrap_or(self.deadline)), if due.is_some() => {
                    // What another relay has revealed meanwhile needs no second call beside one that is under way.
                    let is_wanted = calls.is_empty() || !self.is_revealed();
                    next_call = self.hedge_at().filter(|_| is_wanted);
                    if is_wanted {
                        calls.push(self.relay.submit(&self.signed.submission, self.deadline));
                    }
                }
                else => break,
            }
            next_call = next_call.filter(|at| *at < self.deadline);
        }
        drop(calls);
        (self.relay, said)
    }

    /// When a call that begins now gets another one beside it.
    fn hedge_at(&self) -> Option<Instant> {
        let may_answer_from = self.slot_begins.max(Instant::now());
        (self.insistence != Insistence::Once).then(|| may_answer_from + HEDGE_AFTER)
    }

    fn verdict(&self, answer: SubmitAnswer) -> Verdict {
        let taken_by = answer.taken_by();
        match answer {
            SubmitAnswer::Accepted => Verdict::Taken(SubmitReply::Published),
            SubmitAnswer::Payload(payload) => self.judge(*payload, taken_by),
            SubmitAnswer::Refused(refusal) if refusal.status < 500 => Verdict::Refused(refusal),
            SubmitAnswer::Refused(refusal) => Verdict::Withheld(refusal.to_string()),
            SubmitAnswer::RateLimited { .. } => {
                Verdict::Withheld("it limits the rate of our calls".to_owned())
            }
            SubmitAnswer::Transport(reason) | SubmitAnswer::Malformed(reason) => Verdict::Withheld(reason),
            SubmitAnswer::Timeout => Verdict::Withheld("no answer before the deadline".to_owned()),
        }
    }

    /// A believed payload is the answer to v1; for v2 it proves that a relay without v2 has published the block.
    fn judge(&self, payload: UnblindedPayload, taken_by: Option<SubmitVersion>) -> Verdict {
        let (signed, slot) = (&self.signed, self.signed.id.slot);
        if let Err(rejected) = check_payload(signed.fork, &signed.block, &payload) {
            let relay = self.relay.name();
            error!(%slot, relay, alarm = "wrong_payload", "a relay revealed another payload: {rejected}");
            return Verdict::Wrong(rejected.to_string());
        }
        Verdict::Taken(match signed.id.version {
            SubmitVersion::V1 => SubmitReply::Payload(Arc::new(RevealedPayload::new(signed.fork, payload))),
            SubmitVersion::V2 => {
                warn!(%slot, ?taken_by, "the relay has no v2: the block went through v1");
                SubmitReply::Published
            }
        })
    }

    fn is_revealed(&self) -> bool {
        self.answer.borrow().is_some()
    }

    fn is_last_word(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Taken(_) | Verdict::Wrong(_) => true,
            Verdict::Refused(refusal) => {
                // Once another relay has revealed the block, it is nothing strange that this one does not.
                self.insistence != Insistence::Offered || self.is_revealed() || refusal.ends_submission()
            }
            Verdict::Withheld(_) => self.insistence == Insistence::Once,
        }
    }

    fn warn_of(&self, verdict: &Verdict, again: bool) {
        let failure = match verdict {
            Verdict::Refused(refusal) => &refusal.to_string(),
            Verdict::Withheld(reason) => reason,
            Verdict::Taken(_) | Verdict::Wrong(_) => return,
        };
        if again {
            let (relay, slot) = (self.relay.name(), self.signed.id.slot);
            warn!(relay, %slot, "submission failed, trying again: {failure}");
        }
    }
}
