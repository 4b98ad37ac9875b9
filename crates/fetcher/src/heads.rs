//! Follows one beacon node: its heads, what it announces of the payloads to come, and how well it is.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Fuse, FusedFuture, FutureExt};
use headstart_auction::{Head, NodeIndex, NodeReport, NodeState, Outlook, ParentFacts, Told, ToldHead};
use headstart_beacon::{BeaconNode, ChainReorg, Event, ExecutionBlock, PayloadAttributes, Syncing};
use headstart_bid_store::AuctionEventKind;
use headstart_types::{AuctionKey, BlockHash, Root, TreeHash, UnixMillis};
use tokio::sync::mpsc;
use tokio::time::{self, Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::Fetcher;
use crate::schedule::Schedule;

/// Events waiting to be taken in; over it the stream of the beacon node waits.
const EVENTS_MAX: usize = 64;
const BLOCK_TIMEOUT: Duration = Duration::from_secs(2);
const STATE_TIMEOUT: Duration = Duration::from_secs(2);
/// A stream without a byte for so many slots is opened again.
const SILENT_SLOTS: u32 = 3;
/// Blocks of which one node need not ask what another was told, or it itself before a re-org.
const BLOCKS_KEPT: usize = 16;

/// One of the beacon nodes that are followed, by its place in the configuration.
#[derive(Clone)]
pub(crate) struct Followed {
    pub(crate) fetcher: Fetcher,
    pub(crate) node: BeaconNode,
    pub(crate) index: NodeIndex,
}

/// The execution blocks in the newest beacon blocks, by their roots.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Mutex<VecDeque<(Root, ExecutionBlock)>>);

/// What a node said with its new head, until the block is known.
#[derive(Clone, Copy, Debug)]
struct News {
    root: Root,
    changed_at: UnixMillis,
    is_optimistic: bool,
    dependent_roots: [Root; 2],
}

pub(crate) async fn follow(followed: Followed, shutdown: CancellationToken) {
    let (events, waiting) = mpsc::channel(EVENTS_MAX);
    let silence = followed.fetcher.slot_duration() * SILENT_SLOTS;
    let following = async { tokio::join!(followed.node.watch(silence, events), followed.take_in(waiting)) };
    shutdown.run_until_cancelled(following).await;
}

impl Followed {
    async fn take_in(&self, mut events: mpsc::Receiver<Event>) {
        let mut states = time::interval(self.fetcher.slot_duration());
        states.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Only the newest head counts: its block is fetched beside the events, and a newer head drops the older fetch.
        let mut fetching = std::pin::pin!(Fuse::terminated());
        let mut asking = std::pin::pin!(Fuse::terminated());
        let mut told = None;
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    None => break,
                    Some(Event::Connected) => {
                        self.tell(Told::Connected);
                        // What happened while nobody listened is not told again.
                        fetching.set(self.fetch(None).fuse());
                    }
                    Some(Event::Disconnected) => self.tell(Told::Disconnected),
                    Some(Event::Head(head)) => {
                        let news = self.news(&head);
                        let known = self.fetcher.shared.blocks.get(news.root);
                        fetching.set(known.map_or_else(|| self.fetch(Some(news)).fuse(), |_| Fuse::terminated()));
                        if let Some(block) = known {
                            told = self.take_head(&block, Some(&news));
                        }
                    }
                    Some(Event::PayloadAttributes(attributes)) => self.take_attributes(&attributes),
                    Some(Event::ChainReorg(reorg)) => self.take_reorg(&reorg, told),
                },
                Some((block, news)) = &mut fetching => told = self.take_head(&block, news.as_ref()),
                _ = states.tick() => asking.set(self.ask_state().fuse()),
                Some(state) = &mut asking => {
                    if self.take_state(&state) && fetching.is_terminated() {
                        fetching.set(self.fetch(None).fuse());
                    }
                }
            }
        }
    }

    fn news(&self, head: &headstart_beacon::Head) -> News {
        let dependent_roots = [head.previous_duty_dependent_root, head.current_duty_dependent_root];
        let (root, is_optimistic) = (head.block, head.execution_optimistic);
        News { root, changed_at: self.fetcher.now(), is_optimistic, dependent_roots }
    }

    /// Some nodes tell of the re-org first and others of the head that it led to, whose root is then the one `told` last.
    fn take_reorg(&self, reorg: &ChainReorg, told: Option<Root>) {
        info!(beacon_node = %self.node, slot = %reorg.slot, depth = reorg.depth, "chain re-organised");
        self.tell(if told == Some(reorg.new_head_block) { Told::CameByReorg } else { Told::Reorg });
    }

    /// The head event names the beacon block; relays want the hash of the execution block in it. Without an event it is the
    /// head of the moment.
    async fn fetch(&self, news: Option<News>) -> Option<(ExecutionBlock, Option<News>)> {
        let deadline = Instant::now() + BLOCK_TIMEOUT;
        let block = match &news {
            Some(news) => self.node.execution_block(news.root, deadline).await,
            None => self.node.head_block(deadline).await,
        };
        let block = block.unwrap_or_else(|error| {
            let cause = error.source().map(ToString::to_string);
            warn!(beacon_node = %self.node, cause, "failed to {error}");
            None
        })?;
        if let Some(news) = &news {
            self.fetcher.shared.blocks.keep(news.root, block);
        }
        Some((block, news))
    }

    async fn ask_state(&self) -> Option<Syncing> {
        let state = self.node.syncing(Instant::now() + STATE_TIMEOUT).await;
        // A node that is away is told of by whoever follows its events.
        state.inspect_err(|error| debug!(beacon_node = %self.node, "failed to {error}")).ok()
    }

    /// Whether the node has a newer head than it has told.
    fn take_state(&self, state: &Syncing) -> bool {
        let Syncing { head_slot, is_syncing, is_optimistic, el_offline, .. } = *state;
        self.tell(Told::State(NodeState { is_syncing, is_optimistic, el_offline }));
        self.fetcher.schedule().heads.head_of(self.index).is_some_and(|head| head.slot < head_slot)
    }

    /// Tells the head; gives its root, as far as the node named it.
    fn take_head(&self, block: &ExecutionBlock, news: Option<&News>) -> Option<Root> {
        let head =
            Head { slot: block.slot, block_hash: block.block_hash, parent_hash: Some(block.parent_hash) };
        self.tell(Told::Head(ToldHead {
            head,
            changed_at: news.map(|news| news.changed_at),
            is_optimistic: news.is_some_and(|news| news.is_optimistic),
            dependent_roots: news.map(|news| news.dependent_roots),
        }));
        news.map(|news| news.root)
    }

    fn take_attributes(&self, attributes: &PayloadAttributes) {
        let facts = ParentFacts {
            prev_randao: attributes.prev_randao,
            parent_block_number: Some(attributes.parent_block_number),
            withdrawals_root: attributes.withdrawals.tree_hash_root(),
        };
        let (slot, parent) = (attributes.proposal_slot, attributes.parent_block_hash);
        let known = self.fetcher.schedule().heads.facts(slot, parent);
        self.tell(Told::Announced { slot, parent, facts });
        if known != Some(facts)
            && let Some(duty) = self.fetcher.duty_of(slot)
        {
            let key = AuctionKey { slot, parent_hash: parent, proposer: duty.proposer };
            self.fetcher.withdraw_bids(&key, &facts);
        }
    }

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

impl Blocks {
    fn get(&self, root: Root) -> Option<ExecutionBlock> {
        let blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.iter().find(|(known, _)| *known == root).map(|(_, block)| *block)
    }

    fn keep(&self, root: Root, block: ExecutionBlock) {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.len() == BLOCKS_KEPT {
            blocks.pop_front();
        }
        blocks.push_back((root, block));
    }
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

    /// Bids that came before the facts were told are held against them; how many do not stand.
    pub(crate) fn withdraw_bids(&self, key: &AuctionKey, facts: &ParentFacts) -> usize {
        let withdrawn = self.shared.config.store.withdraw(key, |bid| bid.stands(facts).is_ok());
        if withdrawn > 0 {
            warn!(slot = %key.slot, withdrawn, "bids withdrawn: they are not what the beacon node announced");
        }
        withdrawn
    }
}
