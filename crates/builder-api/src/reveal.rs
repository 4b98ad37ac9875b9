//! Reveals one signed block: every relay that offered its hash and every other relay of the cluster, all at once. The
//! first right answer counts; the other relays are left to finish, for each of them spreads the block.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use headstart_auction::check_payload;
use headstart_relay::{Relay, SubmitAnswer, SubmitVersion};
use headstart_types::{BlsPublicKey, Outcome, RelayId, UnixMillis};
use http::StatusCode;
use tokio::sync::watch;
use tokio::time::{self, Instant};
use tracing::{error, info, warn};

use crate::BuilderApi;
use crate::equivocation::Signer;
use crate::reply::ApiError;
use crate::signed_block::SignedBlock;
use crate::submissions::{RevealedPayload, SubmitReply};

/// A relay that could not be reached or failed is tried again after so long.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// Relays are tried until this share of the slot is over, and at least for [`LEAST_PATIENCE`].
const PATIENCE_OF_SLOT: f64 = 2.0 / 3.0;
const LEAST_PATIENCE: Duration = Duration::from_secs(4);

/// Whom a block goes to, and whose it is.
struct Addressees {
    proposer: Option<BlsPublicKey>,
    cluster: String,
    relays: Vec<Relay>,
    /// How many of the relays offered this block; they stand first.
    offering: usize,
}

/// What one relay came to.
enum Verdict {
    Taken(SubmitReply),
    /// The relay said no: an HTTP status below 500, and what it said.
    Refused(String),
    /// Out of reach, failing, or answering with another payload until the deadline.
    Withheld(String),
}

pub(crate) async fn run(api: BuilderApi, signed: SignedBlock, tell: watch::Sender<Option<SubmitReply>>) {
    let (started, received_at) = (Instant::now(), api.config().clock.now());
    let signed = Arc::new(signed);
    let to = api.addressees(&signed);
    let signer = api.signer_of(&signed.block, signed.id.block_root, to.proposer).await;
    if let Some((outcome, refusal)) = api.refusal_of(&signed, signer) {
        conclude(&signed, &to, "none", outcome, started);
        api.shared.submissions.forget(&signed.id);
        tell.send_replace(Some(SubmitReply::Failed(refusal)));
        return;
    }
    // A proven block waits for nothing: garbage that keeps relays busy must not keep it waiting.
    let _permit = match signer {
        Signer::Proven => None,
        _ => api.shared.bulkheads.unproven_submits.acquire().await.ok(),
    };
    let deadline = api.deadline(&signed, received_at);
    let mut answers: FuturesUnordered<_> =
        to.relays.iter().map(|relay| submit_to(relay.clone(), Arc::clone(&signed), deadline)).collect();
    let mut failures = Failures::default();
    while let Some((relay, verdict)) = answers.next().await {
        match verdict {
            Verdict::Taken(reply) => {
                let first = tell.send_if_modified(|told| told.replace(reply).is_none());
                if first {
                    conclude(&signed, &to, relay.name(), taken(signed.id.version), started);
                    api.stop_asking(&signed);
                }
            }
            Verdict::Refused(reason) => failures.refused(&relay, &reason),
            Verdict::Withheld(reason) => failures.withheld(&relay, &reason),
        }
    }
    if tell.borrow().is_none() {
        api.fail(&signed, &to, signer, failures, started, &tell);
    }
}

const fn taken(version: SubmitVersion) -> Outcome {
    match version {
        SubmitVersion::V1 => Outcome::Revealed,
        SubmitVersion::V2 => Outcome::Published,
    }
}

impl BuilderApi {
    /// Why relays must not see this block; `None` when they may.
    fn refusal_of(&self, signed: &SignedBlock, signer: Signer) -> Option<(Outcome, ApiError)> {
        let slot = signed.id.slot;
        match signer {
            Signer::SecondBlock => Some((
                Outcome::SecondBlock,
                ApiError::bad_request(
                    "another block of this proposer was already submitted for this slot: a second one could get it slashed",
                ),
            )),
            Signer::Unproven if !self.shared.submissions.admit_unproven(slot) => Some((
                Outcome::Refused,
                ApiError::bad_request(format!(
                    "too many blocks without a proven signature were submitted for slot {slot}"
                )),
            )),
            Signer::Unproven | Signer::Proven => None,
        }
    }

    /// The relays that offered the block first, then the other relays of the proposer's cluster. A block that nobody
    /// offered to us (another operator's, or one built locally and blinded) goes to all of them: one may know it.
    fn addressees(&self, signed: &SignedBlock) -> Addressees {
        let config = self.config();
        let origin = config.store.origin(signed.block.block_hash());
        let duty = config.fetcher.duty_of(signed.id.slot);
        let scheduled = duty.filter(|duty| duty.validator_index == signed.block.message.proposer_index());
        let offered_to = origin.as_ref().filter(|known| known.key.slot == signed.id.slot);
        let proposer = offered_to.map(|known| known.key.proposer).or(scheduled.map(|duty| duty.proposer));
        let cluster = proposer.and_then(|proposer| config.directory.cluster_of(&proposer));
        let offering: Vec<RelayId> = origin.map(|known| known.relays).unwrap_or_default();
        let others: Vec<RelayId> = match cluster {
            Some(cluster) => cluster.policy.relays().to_vec(),
            None => config.fetcher.relays().iter().map(Relay::id).collect(),
        };
        let others = others.into_iter().filter(|id| !offering.contains(id));
        let relays = offering
            .iter()
            .copied()
            .chain(others)
            .filter_map(|id| config.fetcher.relay(id).cloned())
            .collect();
        let cluster = cluster.map_or_else(|| "unknown".to_owned(), |cluster| cluster.name.clone());
        Addressees { proposer, cluster, relays, offering: offering.len() }
    }

    /// One absolute deadline for all attempts at all relays.
    fn deadline(&self, signed: &SignedBlock, received_at: UnixMillis) -> Instant {
        let network = &self.config().network;
        let share = Duration::from_millis(network.slot_duration_ms).mul_f64(PATIENCE_OF_SLOT);
        let slot_begins_in = received_at.until(network.slot_start(signed.id.slot));
        let since_start = network.slot_start(signed.id.slot).until(received_at);
        Instant::now() + (slot_begins_in + share).saturating_sub(since_start).max(LEAST_PATIENCE)
    }

    /// The proposer has signed: its auction has nothing left to win.
    fn stop_asking(&self, signed: &SignedBlock) {
        if let Some(known) = self.config().store.origin(signed.block.block_hash()) {
            self.config().fetcher.submitted(&known.key);
        }
    }

    fn fail(
        &self,
        signed: &SignedBlock,
        to: &Addressees,
        signer: Signer,
        failures: Failures,
        started: Instant,
        tell: &watch::Sender<Option<SubmitReply>>,
    ) {
        let outcome = if failures.any_withheld { Outcome::Withheld } else { Outcome::Refused };
        conclude(signed, to, "none", outcome, started);
        if signer == Signer::Proven && to.offering > 0 {
            let (slot, reasons) = (signed.id.slot, &failures.reasons);
            error!(%slot, cluster = to.cluster, alarm = "block_lost", ?reasons, "no relay revealed a block that it had offered");
        }
        if outcome == Outcome::Withheld {
            // The caller may try again, and then relays are asked again.
            self.shared.submissions.forget(&signed.id);
        }
        tell.send_replace(Some(SubmitReply::Failed(failures.into_error(to))));
    }
}

/// Submits to one relay until it answers for good or the deadline passes.
async fn submit_to(relay: Relay, signed: Arc<SignedBlock>, deadline: Instant) -> (Relay, Verdict) {
    let verdict = loop {
        let answer = relay.submit(&signed.submission, deadline).await;
        let taken_by = answer.taken_by();
        let failure = match answer {
            SubmitAnswer::Accepted => break Verdict::Taken(SubmitReply::Published),
            SubmitAnswer::Payload(payload) => match check_payload(signed.fork, &signed.block, &payload) {
                Ok(()) => break Verdict::Taken(reply(&signed, *payload, taken_by)),
                Err(rejected) => {
                    let (slot, relay) = (signed.id.slot, relay.name());
                    error!(%slot, relay, alarm = "wrong_payload", "a relay revealed another payload: {rejected}");
                    break Verdict::Withheld(rejected.to_string());
                }
            },
            SubmitAnswer::Refused(refusal) if refusal.status < 500 => {
                break Verdict::Refused(refusal.to_string());
            }
            SubmitAnswer::Refused(refusal) => refusal.to_string(),
            SubmitAnswer::RateLimited { .. } => "it limits the rate of our calls".to_owned(),
            SubmitAnswer::Transport(reason) | SubmitAnswer::Malformed(reason) => reason,
            SubmitAnswer::Timeout => break Verdict::Withheld("no answer before the deadline".to_owned()),
        };
        if Instant::now() + RETRY_AFTER >= deadline {
            break Verdict::Withheld(failure);
        }
        warn!(relay = relay.name(), slot = %signed.id.slot, "submission failed, trying again: {failure}");
        time::sleep(RETRY_AFTER).await;
    };
    (relay, verdict)
}

/// A believed payload is the answer to v1; for v2 it proves that a relay without v2 has published the block.
fn reply(
    signed: &SignedBlock,
    payload: headstart_types::UnblindedPayload,
    taken_by: Option<SubmitVersion>,
) -> SubmitReply {
    match signed.id.version {
        SubmitVersion::V1 => SubmitReply::Payload(Arc::new(RevealedPayload::new(signed.fork, payload))),
        SubmitVersion::V2 => {
            warn!(slot = %signed.id.slot, ?taken_by, "the relay has no v2: the block went through v1");
            SubmitReply::Published
        }
    }
}

/// What relays said when none took the block.
#[derive(Debug, Default)]
struct Failures {
    reasons: Vec<String>,
    any_withheld: bool,
}

impl Failures {
    fn refused(&mut self, relay: &Relay, reason: &str) {
        self.reasons.push(format!("{}: {reason}", relay.name()));
    }

    fn withheld(&mut self, relay: &Relay, reason: &str) {
        self.any_withheld = true;
        self.reasons.push(format!("{}: {reason}", relay.name()));
    }

    /// 400 when every relay refused the block, 502 when one might have taken it.
    fn into_error(self, to: &Addressees) -> ApiError {
        let status = if self.any_withheld { StatusCode::BAD_GATEWAY } else { StatusCode::BAD_REQUEST };
        let known = if to.offering == 0 { "no relay offered this block here, and " } else { "" };
        let reasons = if self.reasons.is_empty() {
            "there is no relay to ask".to_owned()
        } else {
            self.reasons.join("; ")
        };
        ApiError::new(status, format!("{known}no relay took it: {reasons}"))
    }
}

/// One line for each submission, readable alone.
fn conclude(signed: &SignedBlock, to: &Addressees, relay: &str, outcome: Outcome, started: Instant) {
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(
        cluster = to.cluster, slot = %signed.id.slot, %outcome, relay, took_ms, version = ?signed.id.version,
        relays = to.relays.len(), offering = to.offering, block_hash = %signed.block.block_hash(),
        block_root = %signed.id.block_root, proposer_index = %signed.block.message.proposer_index(), "block submitted"
    );
}
