//! What takes effect in a lane, one item after the other.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use headstart_auction::{Hint, Order, TokenBucket};
use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response;
use headstart_proto::v1::{HintAck, PushDutyHintsResponse};
use headstart_registry::Cluster;
use headstart_types::UnixMillis;
use tonic::Status;
use tracing::{debug, error};

use crate::Config;
use crate::sequences::SequenceBook;
use crate::status::internal;
use crate::work::{Item, Work};

/// A cluster may send the hints of so many seconds at once.
const HINT_BURST_S: u32 = 2;

/// Gives effect to what comes out of the lanes.
pub(crate) struct Applier {
    config: Arc<Config>,
    sequences: SequenceBook,
}

impl Applier {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self { config, sequences: SequenceBook::new() }
    }

    /// Gives effect to one item and answers it. Never waits for a client, and does not end when the item panics.
    pub(crate) async fn apply(&self, item: Item, quota: &mut Quota) {
        let Item { cluster, operator, work } = item;
        match work {
            Work::Resume { reply } => {
                reply.send(Ok(response(self.resume(&cluster, &operator))));
            }
            Work::Hint { seq, hint, patience, reply } => {
                let judged = isolated(async { self.hint(&cluster, &operator, seq, &hint, quota) }).await;
                if let Ok(judged) = &judged {
                    patience.wait(self.config.clock.now(), judged.wait_ms);
                }
                reply.send(judged.map(|judged| response(judged.ack)));
            }
            Work::Register { registrations, reply } => {
                reply.send(isolated(self.config.register(cluster, registrations)).await.flatten());
            }
            Work::Remove { pubkeys, reply } => {
                let removed = isolated(self.config.remove(&cluster, &operator, pubkeys)).await.flatten();
                // Whoever asked may have hung up.
                let _ = reply.send(removed);
            }
        }
    }

    fn resume(&self, cluster: &Cluster, operator: &Arc<str>) -> HintAck {
        let applied_seq = self.sequences.of(&cluster.name, operator).applied();
        let numbering = self.sequences.numbering();
        HintAck { applied_seq, verdict: Verdict::Resume.into(), numbering, ..HintAck::default() }
    }

    /// Only the number after the last applied one takes effect, and only a hint that is taken consumes it.
    fn hint(
        &self,
        cluster: &Cluster,
        operator: &Arc<str>,
        seq: u64,
        hint: &Hint,
        quota: &mut Quota,
    ) -> Judged {
        let now = self.config.clock.now();
        let mut sequence = self.sequences.of(&cluster.name, operator);
        let (verdict, reason, wait_ms) = match sequence.judge(seq) {
            Order::Duplicate => (Verdict::Duplicate, "", quota.useless(cluster, now)),
            Order::OutOfOrder => (Verdict::OutOfOrder, "", quota.useless(cluster, now)),
            Order::Next => match quota.hint(cluster, now) {
                0 => match self.config.fetcher.hint(cluster, hint) {
                    Ok(()) => {
                        sequence.apply();
                        self.sequences.set(&cluster.name, operator, sequence);
                        (Verdict::Applied, "", 0)
                    }
                    Err(rejected) => {
                        let (cluster, slot) = (&*cluster.name, hint.slot);
                        debug!(cluster, %operator, %slot, "hint rejected: failed to {rejected}");
                        (Verdict::Rejected, rejected.as_str(), 0)
                    }
                },
                wait_ms => (Verdict::OverQuota, "", wait_ms),
            },
        };
        let retry_after_ms = if verdict == Verdict::OverQuota { wait_ms } else { 0 };
        let (applied_seq, verdict, reason) = (sequence.applied(), verdict.into(), reason.to_owned());
        let ack = HintAck { applied_seq, seq, verdict, reason, retry_after_ms, numbering: 0 };
        Judged { ack, wait_ms }
    }
}

/// An answer, and for how many milliseconds the stream is not read after it.
struct Judged {
    ack: HintAck,
    wait_ms: u32,
}

/// What a lane has left of its cluster's hints. A lane that begins was empty for longer than this takes to fill.
pub(crate) struct Quota {
    hints: TokenBucket,
    /// Hints with numbers that are not awaited. They must not eat up what the awaited one needs, or a client that sends
    /// ahead would never get on; but whoever sends nothing else is read more slowly.
    useless: TokenBucket,
}

impl Quota {
    pub(crate) fn full() -> Self {
        let bucket = TokenBucket::new(0, u32::MAX);
        Self { hints: bucket, useless: bucket }
    }

    fn hint(&mut self, cluster: &Cluster, now: UnixMillis) -> u32 {
        wait_ms(&mut self.hints, cluster, now)
    }

    fn useless(&mut self, cluster: &Cluster, now: UnixMillis) -> u32 {
        wait_ms(&mut self.useless, cluster, now)
    }
}

/// Takes one; milliseconds until there is one, 0 when there was.
fn wait_ms(bucket: &mut TokenBucket, cluster: &Cluster, now: UnixMillis) -> u32 {
    let rate = cluster.quotas.hints_per_s;
    bucket.set(rate, rate.saturating_mul(HINT_BURST_S));
    bucket.take(now, 1).map_or_else(|ms| u32::try_from(ms).unwrap_or(u32::MAX), |()| 0)
}

fn response(ack: HintAck) -> PushDutyHintsResponse {
    PushDutyHintsResponse { response: Some(Response::Ack(ack)) }
}

/// A panic in one item is that item's misfortune alone.
async fn isolated<T>(work: impl Future<Output = T>) -> Result<T, Status> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| {
        error!("an item of a cluster's lane panicked; the lane goes on");
        internal()
    })
}
