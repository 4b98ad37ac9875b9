//! Follows one beacon node: its heads, what it announces of the payloads to come, and how well it is.

mod blocks;
mod following;

use std::time::Duration;

use headstart_auction::{NodeIndex, NodeReport, Outlook, ParentFacts, Told};
use headstart_beacon::BeaconNode;
use headstart_bid_store::AuctionEventKind;
use headstart_types::{AuctionKey, BlockHash, Slot, UnixMillis};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::Fetcher;
use crate::schedule::Schedule;

pub(crate) use blocks::Blocks;

/// Events waiting to be taken in; over it the stream of the beacon node waits.
const EVENTS_MAX: usize = 64;
/// A stream without a byte for so many slots is opened again.
const SILENT_SLOTS: u32 = 3;

/// One of the beacon nodes that are followed, by its place in the configuration.
#[derive(Clone)]
pub(crate) struct Followed {
    pub(crate) fetcher: Fetcher,
    pub(crate) node: BeaconNode,
    pub(crate) index: NodeIndex,
}

pub(crate) async fn follow(followed: Followed, shutdown: CancellationToken) {
    let (events, waiting) = mpsc::channel(EVENTS_MAX);
    let silence = followed.fetcher.slot_duration() * SILENT_SLOTS;
    let following = async { tokio::join!(followed.node.watch(silence, events), followed.take_in(waiting)) };
    shutdown.run_until_cancelled(following).await;
}

impl Followed {
    /// Tells the rules, and whoever depends on what they make of it.
    fn tell(&self, told: Told) {
        let fetcher = &self.fetcher;
        let (now, network) = (fetcher.now(), fetcher.network());
        let mut schedule = fetcher.schedule();
        let (led, former) = (schedule.heads.leader(), schedule.heads.head());
        let is_new = schedule.heads.take(now, network, self.index, told);
        let (leads, head) = (schedule.heads.leader(), schedule.heads.head());
        let roots = schedule.heads.dependent_roots().unwrap_or(schedule.dependent_roots);
        let has_other_duties = std::mem::replace(&mut schedule.dependent_roots, roots) != roots;
        drop(schedule);
        if led != leads && leads == Some(self.index) {
            debug!(beacon_node = %self.node, "this beacon node's head leads");
        }
        if has_other_duties {
            fetcher.shared.duties_stale.notify_waiters();
        }
        if let Some(head) =
            head.filter(|head| former.is_none_or(|former| former.block_hash != head.block_hash))
        {
            fetcher.tell_head(head.block_hash);
        }
        if is_new {
            fetcher.look_again();
        }
    }
}

/// What the nodes are called in figures: as in the log, with their place where that is not enough.
pub(crate) fn names(nodes: &[BeaconNode]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for node in nodes {
        let name = node.to_string();
        names.push(if names.contains(&name) { format!("{name}#{}", names.len()) } else { name });
    }
    names
}

impl Fetcher {
    /// How each beacon node stands that has told anything, by its name.
    pub fn beacon_nodes(&self) -> Vec<(String, NodeReport)> {
        let names = self.shared.node_names.get();
        let named = |report: NodeReport| Some((names?.get(report.node)?.clone(), report));
        let now = self.now();
        self.schedule().heads.report(now, self.network()).into_iter().filter_map(named).collect()
    }

    /// Whoever watches a running auction learns that another head leads.
    fn tell_head(&self, block_hash: BlockHash) {
        for (key, running) in self.running_auctions() {
            self.tell(&key, &running.asked_by(), &AuctionEventKind::HeadChanged { block_hash });
        }
    }

    /// The auctions that are due, as far as this process knows by now.
    pub(crate) fn due(&self, now: UnixMillis) -> Vec<AuctionKey> {
        let schedule = &mut *self.schedule();
        let Schedule { duties, heads, hints, arming, .. } = schedule;
        for node in heads.look(now, self.network()) {
            let name = self.shared.node_names.get().and_then(|names| names.get(node));
            info!(beacon_node = name, "a beacon node holds to another head than the leading one");
        }
        let outlook = Outlook { network: self.network(), duties, heads };
        arming.due(now, &outlook, hints, self.shared.config.lead_ms, |slot, proposer| {
            self.cutoff_ms(slot, proposer)
        })
    }

    /// How long until the heads may be others without any news.
    pub(crate) fn heads_wake_in(&self, now: UnixMillis) -> Option<Duration> {
        let wake_at = self.schedule().heads.wake_at(now, self.network());
        wake_at.map(|wake_at| now.until(wake_at))
    }

    /// Whoever proposes: an auction may run although no schedule is known.
    fn withdraw_bids_on(&self, slot: Slot, parent: BlockHash, facts: &ParentFacts) {
        let auctions = self.shared.config.store.auctions().into_iter().map(|(key, _)| key);
        for key in auctions.filter(|key| key.slot == slot && key.parent_hash == parent) {
            self.withdraw_bids(&key, facts);
        }
    }

    /// Bids that came before the facts were told are held against them; how many do not stand.
    pub(crate) fn withdraw_bids(&self, key: &AuctionKey, facts: &ParentFacts) -> usize {
        let withdrawn = self.shared.config.store.withdraw(key, |bid| bid.stands(facts).is_ok());
        if withdrawn > 0 {
            warn!(slot = %key.slot, withdrawn, "bids withdrawn: they are not what the beacon node announced");
        }
        withdrawn
    }
}
