use std::time::Duration;

use futures_util::future::{BoxFuture, Fuse, FusedFuture, FutureExt};
use headstart_auction::{Head, NodeState, ParentFacts, Told, ToldHead};
use headstart_beacon::{ChainReorg, Event, PayloadAttributes, Syncing};
use headstart_types::{Root, TreeHash};
use tokio::sync::mpsc;
use tokio::time::{self, Instant, MissedTickBehavior};
use tracing::{debug, info};

use super::Followed;
use super::blocks::{Fetched, News};

const STATE_TIMEOUT: Duration = Duration::from_secs(2);

/// How far one node's events have been taken in.
struct Following {
    followed: Followed,
    /// Only the newest head counts: its block is fetched beside the events, and a newer head drops the older fetch.
    fetching: Fuse<BoxFuture<'static, Option<Fetched>>>,
    /// The beacon block that is the node's head, as far as it was taken in.
    head: Option<Root>,
    was_connected: bool,
}

/// How well the node is, and which head it has.
struct State {
    syncing: Syncing,
    head: Option<Root>,
}

impl Followed {
    pub(super) async fn take_in(&self, mut events: mpsc::Receiver<Event>) {
        let mut states = time::interval(self.fetcher.slot_duration());
        states.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asking = std::pin::pin!(Fuse::terminated());
        let (followed, fetching) = (self.clone(), Fuse::terminated());
        let mut following = Following { followed, fetching, head: None, was_connected: false };
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => following.take(event),
                    None => break,
                },
                Some(fetched) = &mut following.fetching => following.take_head(&fetched),
                _ = states.tick() => asking.set(self.ask_state().fuse()),
                Some(state) = &mut asking => following.take_state(&state),
            }
        }
    }

    async fn ask_state(&self) -> Option<State> {
        let deadline = Instant::now() + STATE_TIMEOUT;
        // A node that is away is told of by whoever follows its events.
        let away = |error: &headstart_beacon::Error| debug!(beacon_node = %self.node, "failed to {error}");
        let syncing = self.node.syncing(deadline).await.inspect_err(away).ok()?;
        let head = self.node.head_root(deadline).await.inspect_err(away).ok().flatten();
        Some(State { syncing, head })
    }
}

impl Following {
    fn take(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.was_connected = true;
                self.followed.tell(Told::Connected);
                // What happened while nobody listened is not told again.
                self.fetch(None);
            }
            Event::Disconnected => self.followed.tell(Told::Disconnected),
            Event::Head(head) => self.take_news(&head),
            Event::PayloadAttributes(attributes) => self.followed.take_attributes(&attributes),
            Event::ChainReorg(reorg) => self.take_reorg(&reorg),
        }
    }

    fn take_news(&mut self, head: &headstart_beacon::Head) {
        let dependent_roots = [head.previous_duty_dependent_root, head.current_duty_dependent_root];
        let (root, is_optimistic) = (head.block, head.execution_optimistic);
        let changed_at = self.followed.fetcher.now();
        let news = News { root, changed_at, is_optimistic, dependent_roots };
        match self.followed.fetcher.shared.blocks.get(root) {
            Some(block) => {
                self.fetching = Fuse::terminated();
                self.take_head(&Fetched { root, block, news: Some(news) });
            }
            None => self.fetch(Some(news)),
        }
    }

    fn fetch(&mut self, news: Option<News>) {
        let followed = self.followed.clone();
        self.fetching = async move { followed.fetch(news).await }.boxed().fuse();
    }

    /// Some nodes tell of the re-org first and others of the head that it led to.
    fn take_reorg(&self, reorg: &ChainReorg) {
        let node = &self.followed.node;
        info!(beacon_node = %node, slot = %reorg.slot, depth = reorg.depth, "chain re-organised");
        let has_come = self.head == Some(reorg.new_head_block);
        self.followed.tell(if has_come { Told::CameByReorg } else { Told::Reorg });
    }

    fn take_head(&mut self, fetched: &Fetched) {
        let Fetched { root, block, news } = fetched;
        let head =
            Head { slot: block.slot, block_hash: block.block_hash, parent_hash: Some(block.parent_hash) };
        self.head = Some(*root);
        self.followed.tell(Told::Head(ToldHead {
            head,
            changed_at: news.map(|news| news.changed_at),
            is_optimistic: news.is_some_and(|news| news.is_optimistic),
            dependent_roots: news.map(|news| news.dependent_roots),
        }));
    }

    /// A head that the node has not told, or of which the block could not be had, is asked for.
    fn take_state(&mut self, state: &State) {
        let Syncing { is_syncing, is_optimistic, el_offline, .. } = state.syncing;
        self.followed.tell(Told::State(NodeState { is_syncing, is_optimistic, el_offline }));
        let is_untold = state.head.is_some_and(|head| self.head != Some(head));
        if is_untold && self.was_connected && self.fetching.is_terminated() {
            self.fetch(None);
        }
    }
}

impl Followed {
    fn take_attributes(&self, attributes: &PayloadAttributes) {
        let facts = ParentFacts {
            prev_randao: attributes.prev_randao,
            parent_block_number: Some(attributes.parent_block_number),
            withdrawals_root: attributes.withdrawals.tree_hash_root(),
        };
        let (slot, parent) = (attributes.proposal_slot, attributes.parent_block_hash);
        let known = self.fetcher.schedule().heads.facts(slot, parent);
        self.tell(Told::Announced { slot, parent, facts });
        if known != Some(facts) {
            self.fetcher.withdraw_bids_on(slot, parent, &facts);
        }
    }
}
