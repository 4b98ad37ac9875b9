//! All attempts to have one relay take one block.

use std::sync::Arc;
use std::time::Duration;

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
    pub(crate) deadline: Instant,
    /// What the block has come to elsewhere.
    pub(crate) answer: Answer,
}

impl Attempts {
    /// Submits until the relay has said its last word or the deadline passes.
    pub(crate) async fn make(self) -> (Relay, Verdict) {
        let mut pause = RETRY_AFTER;
        loop {
            let verdict = self.verdict(self.relay.submit(&self.signed.submission, self.deadline).await);
            if self.is_last_word(&verdict) || Instant::now() + pause >= self.deadline {
                return (self.relay, verdict);
            }
            self.warn_of(&verdict);
            time::sleep(pause).await;
            if matches!(verdict, Verdict::Refused(_)) {
                pause = (pause * 2).min(RETRY_AFTER_MAX);
            }
        }
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

    fn is_last_word(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Taken(_) | Verdict::Wrong(_) => true,
            Verdict::Refused(refusal) => {
                // Once another relay has revealed the block, it is nothing strange that this one does not.
                let is_revealed = self.answer.borrow().is_some();
                self.insistence != Insistence::Offered || is_revealed || refusal.ends_submission()
            }
            Verdict::Withheld(_) => self.insistence == Insistence::Once,
        }
    }

    fn warn_of(&self, verdict: &Verdict) {
        let failure = match verdict {
            Verdict::Refused(refusal) => &refusal.to_string(),
            Verdict::Wrong(reason) | Verdict::Withheld(reason) => reason,
            Verdict::Taken(_) => return,
        };
        let (relay, slot) = (self.relay.name(), self.signed.id.slot);
        warn!(relay, %slot, "submission failed, trying again: {failure}");
    }
}
