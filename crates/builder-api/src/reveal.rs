//! Reveals one signed block: every relay that offered its hash and every other relay of the cluster, all at once. The
//! first right answer counts; the other relays are left to finish, for each of them spreads the block.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use headstart_bid_store::{AuctionEvent, AuctionEventKind};
use headstart_registry::{OutcomeKind, OutcomeRecord};
use headstart_relay::{Relay, SubmitVersion};
use headstart_types::{AuctionKey, Outcome, UnixMillis};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, error, info};

use crate::BuilderApi;
use crate::addressees::{Addressee, Addressees};
use crate::attempts::{Attempts, Insistence, Verdict};
use crate::equivocation::Signer;
use crate::failures::Failures;
use crate::reply::ApiError;
use crate::signed_block::SignedBlock;
use crate::submissions::{Running, SubmitReply};
use crate::turn::Turn;

/// Relays are tried with a proven block until this share of the slot is over, and with any for [`LEAST_PATIENCE`].
const PATIENCE_OF_SLOT: f64 = 2.0 / 3.0;
const LEAST_PATIENCE: Duration = Duration::from_secs(4);

pub(crate) async fn run(api: BuilderApi, signed: SignedBlock, to: Arc<Addressees>, running: Running) {
    let Running { tell, mut more } = running;
    let (started, received_at) = (Instant::now(), api.config().clock.now());
    let signed = Arc::new(signed);
    let signer = api.signer_of(&signed.block, signed.id.block_root, to.proposer).await;
    if let Some((outcome, refusal)) = api.refusal_of(&signed, signer) {
        api.conclude(&signed, &to, None, outcome, started);
        api.shared.submissions.forget(&signed.id, &tell);
        tell.send_replace(Some(SubmitReply::Refused(refusal)));
        return;
    }
    if let (Signer::Proven, Some(proposer)) = (signer, to.proposer) {
        api.tally().submitted(signed.id.slot, proposer, api.config().clock.now());
    }
    // A proven block waits for nothing: garbage that keeps relays busy must not keep it waiting.
    let _permit = match signer {
        Signer::Proven => None,
        _ => api.shared.bulkheads.unproven_submits.acquire().await.ok(),
    };
    let deadline = api.deadline(&signed, signer, received_at);
    let turn = match api.turn(&signed, signer, deadline).await {
        Turn::Ours(turn) => turn,
        Turn::Answered(reply) => {
            api.conclude(&signed, &to, None, taken(signed.id.version), started);
            tell.send_replace(Some(reply));
            return;
        }
    };
    let slot_begins = api.slot_begins(&signed, received_at);
    let attempts = |to: &Addressee| Attempts {
        relay: to.relay.clone(),
        signed: Arc::clone(&signed),
        insistence: insistence(signer, to),
        slot_begins,
        deadline,
        answer: tell.subscribe(),
    };
    let failures = ask_all(&to.relays, &mut more, attempts, |reply, relay| {
        // The first answer is everyone's; what other relays reveal later changes nothing.
        let first = tell.send_if_modified(|told| told.is_none() && told.replace(reply).is_none());
        if first {
            turn.answer(tell.borrow().as_ref());
            api.conclude(&signed, &to, Some(relay.name()), taken(signed.id.version), started);
            api.stop_asking(&signed);
        }
    });
    let failures = failures.await;
    if tell.borrow().is_none() {
        api.fail(&signed, &to, signer, failures, started, &tell);
    }
}

/// Submits to every relay at once, and to those that others bring meanwhile, and waits for all of them, telling of each
/// that took the block.
async fn ask_all(
    relays: &[Addressee],
    more: &mut mpsc::UnboundedReceiver<Addressee>,
    attempts: impl Fn(&Addressee) -> Attempts,
    taken: impl Fn(SubmitReply, &Relay),
) -> Failures {
    let mut verdicts: FuturesUnordered<_> = relays.iter().map(|to| attempts(to).make()).collect();
    let mut failures = Failures::default();
    loop {
        if verdicts.is_empty() {
            // Whoever brings another relay from now on has the block run anew.
            more.close();
        }
        tokio::select! {
            Some((relay, verdict)) = verdicts.next() => match verdict {
                Verdict::Taken(reply) => taken(reply, &relay),
                Verdict::Refused(refusal) => failures.refused(&relay, refusal.to_string()),
                Verdict::Wrong(reason) | Verdict::Withheld(reason) => failures.withheld(&relay, reason),
            },
            Some(to) = more.recv() => verdicts.push(attempts(&to).make()),
            else => break failures,
        }
    }
}

fn insistence(signer: Signer, to: &Addressee) -> Insistence {
    match signer {
        Signer::Proven if to.offered => Insistence::Offered,
        Signer::Proven => Insistence::MayKnow,
        Signer::Unproven | Signer::SecondBlock => Insistence::Once,
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

    /// One absolute deadline for all attempts at all relays.
    fn deadline(&self, signed: &SignedBlock, signer: Signer, received_at: UnixMillis) -> Instant {
        if signer != Signer::Proven {
            return Instant::now() + LEAST_PATIENCE;
        }
        let network = &self.config().network;
        let share = Duration::from_millis(network.slot_duration_ms).mul_f64(PATIENCE_OF_SLOT);
        let slot_begins_in = received_at.until(network.slot_start(signed.id.slot));
        let since_start = network.slot_start(signed.id.slot).until(received_at);
        Instant::now() + (slot_begins_in + share).saturating_sub(since_start).max(LEAST_PATIENCE)
    }

    fn slot_begins(&self, signed: &SignedBlock, received_at: UnixMillis) -> Instant {
        Instant::now() + received_at.until(self.config().network.slot_start(signed.id.slot))
    }

    /// The proposer has signed: its auction has nothing left to win.
    fn stop_asking(&self, signed: &SignedBlock) {
        if let Some(known) = self.config().store.origin(signed.block.block_hash()) {
            self.config().fetcher.submitted(&known.key);
        }
    }

    /// One line for each submission, readable alone, a record, and an event for those who watch.
    fn conclude(
        &self,
        signed: &SignedBlock,
        to: &Addressees,
        relay: Option<&str>,
        outcome: Outcome,
        started: Instant,
    ) {
        self.tally().submission_concluded(outcome);
        let (took, block_hash) = (started.elapsed(), signed.block.block_hash());
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        info!(
            cluster = to.cluster_name(), slot = %signed.id.slot, %outcome, relay = relay.unwrap_or("none"), took_ms, version = ?signed.id.version,
            relays = to.relays.len(), offering = to.offering(), %block_hash,
            block_root = %signed.id.block_root, proposer_index = %signed.block.message.proposer_index(), "block submitted"
        );
        let (slot, parent_hash) = (signed.id.slot, signed.block.message.header().parent_hash());
        let at = self.config().clock.now();
        self.config().journal.note_submission(OutcomeRecord {
            kind: OutcomeKind::Submission,
            cluster: to.cluster.clone(),
            slot,
            parent_hash,
            proposer: to.proposer,
            outcome,
            value: None,
            block_hash,
            relay: relay.map(str::to_owned),
            asked_ms: None,
            took,
            at,
        });
        let Some(proposer) = to.proposer else { return };
        self.config().store.tell(AuctionEvent {
            cluster: to.cluster.clone(),
            key: AuctionKey { slot, parent_hash, proposer },
            at,
            what: AuctionEventKind::BlockSubmitted { outcome, block_hash, took },
        });
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
        self.conclude(signed, to, None, outcome, started);
        let (slot, reasons) = (signed.id.slot, failures.by_name(|_| true));
        if signer == Signer::Proven && to.offering() > 0 {
            error!(%slot, cluster = to.cluster_name(), alarm = "block_lost", reasons, "no relay revealed a block that it had offered");
        } else {
            debug!(%slot, reasons, "no relay took the block");
        }
        if outcome == Outcome::Withheld || to.offering() > 0 {
            // The caller may try again, and then relays are asked again.
            self.shared.submissions.forget(&signed.id, tell);
        }
        tell.send_replace(Some(SubmitReply::Failed(Arc::new(failures))));
    }
}
