//! One process at a time has a block revealed; the others take its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headstart_auction::{LeaseAnswer, RENEW_EVERY_MS, check_payload};
use headstart_bid_store::{BidStore, LeaseName, SubmissionKey};
use headstart_relay::SubmitVersion;
use headstart_types::{Encoding, UnblindedPayload};
use tokio::time::{self, Instant};
use tokio_util::task::AbortOnDropHandle;

use crate::BuilderApi;
use crate::equivocation::Signer;
use crate::signed_block::SignedBlock;
use crate::submissions::{RevealedPayload, SubmitReply};

/// How often somebody else's answer is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(15);
/// A block waits no longer for another process, which may not reach the relays: they take the same block twice.
const PATIENCE: Duration = Duration::from_millis(500);
/// What a payload may have to be shared; beyond it the other processes ask relays themselves.
const SHARED_BYTES_MAX: usize = 8 << 20;
const RENEW_EVERY: Duration = Duration::from_millis(RENEW_EVERY_MS.unsigned_abs());

/// Whose it is to have a block revealed.
pub(crate) enum Turn {
    Ours(OurTurn),
    /// Another process has done it.
    Answered(SubmitReply),
}

/// As long as this lives, the other processes wait, but not for long.
pub(crate) struct OurTurn {
    /// Where the answer is to be told; `None` when there are no others.
    shared: Option<(BidStore, SubmissionKey)>,
    _renewing: Option<AbortOnDropHandle<()>>,
}

impl BuilderApi {
    /// Waits for another process that has the same block revealed, as long as that lives and gets somewhere.
    pub(crate) async fn turn(&self, signed: &SignedBlock, signer: Signer, deadline: Instant) -> Turn {
        let store = &self.config().store;
        if !store.has_others() || signer != Signer::Proven {
            return Turn::Ours(OurTurn { shared: None, _renewing: None });
        }
        let key = key(signed);
        let until = deadline.min(Instant::now() + PATIENCE);
        loop {
            if let Some(reply) = store.answer(&key).await.and_then(|answer| decode(signed, &answer)) {
                return Turn::Answered(reply);
            }
            let lease = store.lease(LeaseName::Submission(key)).await;
            if !matches!(lease, LeaseAnswer::Held { .. }) || Instant::now() >= until {
                let renewing = AbortOnDropHandle::new(tokio::spawn(renew(store.clone(), key)));
                return Turn::Ours(OurTurn { shared: Some((store.clone(), key)), _renewing: Some(renewing) });
            }
            time::sleep(LOOK_EVERY).await;
        }
    }
}

impl OurTurn {
    /// Tells the others what the block came to.
    pub(crate) fn answer(&self, reply: Option<&SubmitReply>) {
        if let (Some((store, key)), Some(answer)) = (&self.shared, reply.and_then(encode)) {
            let (store, key) = (store.clone(), *key);
            tokio::spawn(async move { store.put_answer(key, answer).await });
        }
    }
}

async fn renew(store: BidStore, key: SubmissionKey) {
    loop {
        time::sleep(RENEW_EVERY).await;
        store.lease(LeaseName::Submission(key)).await;
    }
}

fn key(signed: &SignedBlock) -> SubmissionKey {
    let version = match signed.id.version {
        SubmitVersion::V1 => 1,
        SubmitVersion::V2 => 2,
    };
    SubmissionKey { slot: signed.id.slot, block_root: signed.id.block_root, version }
}

/// For v1 the payload in SSZ, for v2 nothing: that it is there says all.
fn encode(reply: &SubmitReply) -> Option<Bytes> {
    match reply {
        SubmitReply::Payload(payload) => {
            Some(payload.body(Encoding::Ssz)).filter(|payload| payload.len() <= SHARED_BYTES_MAX)
        }
        SubmitReply::Published => Some(Bytes::new()),
        SubmitReply::Refused(_) | SubmitReply::Failed(_) => None,
    }
}

/// Only what fits the block here is believed.
fn decode(signed: &SignedBlock, answer: &[u8]) -> Option<SubmitReply> {
    match signed.id.version {
        SubmitVersion::V2 => Some(SubmitReply::Published),
        SubmitVersion::V1 => {
            let payload = UnblindedPayload::from_ssz(signed.fork, answer).ok()?;
            check_payload(signed.fork, &signed.block, &payload).ok()?;
            Some(SubmitReply::Payload(Arc::new(RevealedPayload::new(signed.fork, payload))))
        }
    }
}
