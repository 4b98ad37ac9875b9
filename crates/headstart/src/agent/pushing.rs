use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headstart_auction::{Hint, HintRejected};
use headstart_cluster_api::client::{HintOutcome, HintPusher, Link};
use headstart_types::{Clock, Network, UnixMillis};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time;
use tracing::{debug, info};

use super::News;
use super::plan::Plan;

/// What became of all hints so far.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    applied: AtomicU64,
    rejected: AtomicU64,
}

impl Pushed {
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }
}

/// Takes in news and pushes what the plan says.
pub(crate) struct Pushing {
    pub(crate) network: Arc<Network>,
    pub(crate) clock: Clock,
    pub(crate) hints: HintPusher,
    pub(crate) expected_ask_ms: Option<i64>,
    pub(crate) pushed: Arc<Pushed>,
}

impl Pushing {
    /// Until there is nobody left to bring news.
    pub(crate) async fn run(self, mut news: mpsc::Receiver<News>) {
        let mut plan = Plan::new(self.expected_ask_ms);
        let mut link = self.hints.link();
        let mut settling = JoinSet::new();
        loop {
            let now = self.clock.now();
            plan.forget_before(self.network.slot_at(now), &self.network);
            if matches!(*link.borrow(), Link::Up { .. }) {
                self.push(&mut plan, now, &mut settling).await;
            }
            tokio::select! {
                told = news.recv() => match told {
                    Some(told) => take_in(&mut plan, told),
                    None => break,
                },
                Ok(()) = link.changed() => {
                    // A service that was away may have forgotten everything.
                    if matches!(*link.borrow_and_update(), Link::Up { .. }) {
                        plan.forget_said();
                    }
                }
                Some(Ok((hint, outcome))) = settling.join_next() => self.settle(&mut plan, &hint, outcome),
                () = time::sleep(now.until(Plan::wake_at(now, &self.network))) => {}
            }
        }
    }

    async fn push(
        &self,
        plan: &mut Plan,
        now: UnixMillis,
        settling: &mut JoinSet<(Hint, Option<HintOutcome>)>,
    ) {
        for hint in plan.due(now, &self.network) {
            debug!(slot = %hint.slot, parent_hash = ?hint.parent_hash, "hint pushed");
            let pending = self.hints.push(hint).await;
            plan.note_said(&hint);
            settling.spawn(async move { (hint, pending.outcome().await) });
        }
    }

    fn settle(&self, plan: &mut Plan, hint: &Hint, outcome: Option<HintOutcome>) {
        match outcome {
            Some(HintOutcome::Applied) => {
                self.pushed.applied.fetch_add(1, Ordering::Relaxed);
            }
            Some(HintOutcome::Rejected(reason)) => {
                self.pushed.rejected.fetch_add(1, Ordering::Relaxed);
                info!(slot = %hint.slot, proposer = %hint.proposer, reason, "hint rejected");
                // The cluster's claim may be about to reach the service.
                if reason == HintRejected::NotYours.as_str() {
                    plan.say_again_later(hint);
                }
            }
            // The runtime is shutting down.
            None => {}
        }
    }
}

fn take_in(plan: &mut Plan, news: News) {
    match news {
        News::Head { slot, block_hash } => plan.set_head(slot, block_hash),
        News::Announced { slot, parent } => plan.announce(slot, parent),
        News::Duties { epoch, under, dependent_root, duties } => {
            plan.set_duties(epoch, under, dependent_root, duties);
        }
        News::Validators(validators) => plan.set_validators(validators),
    }
}
