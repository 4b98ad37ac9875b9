use std::collections::BTreeMap;

use headstart_types::{BlockHash, Network, Slot, UnixMillis};

use super::report::Tally;
use super::{Head, NodeState, ToldHead};
use crate::DependentRoots;

/// A node that was not heard for so many slots says nothing any more.
const SILENT_SLOTS: i64 = 2;
/// A stream that is opened again so soon was never lost.
const LOST_MS: i64 = 500;

/// How far a beacon node is to be believed; the greater, the further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Soundness {
    /// Its events are lost, or it does not send any.
    Silent,
    /// It says itself that it is behind.
    Syncing,
    /// No execution client has checked its head.
    Optimistic,
    Sound,
}

impl Soundness {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Syncing => "syncing",
            Self::Optimistic => "optimistic",
            Self::Sound => "sound",
        }
    }
}

/// One beacon node's view of the chain.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) head: Option<Head>,
    /// When that became its head.
    pub(super) since: UnixMillis,
    /// The node left another block for it.
    pub(super) came_by_reorg: bool,
    /// The block that was its head before, if that led and this node had led there.
    pub(super) led_to_former: Option<BlockHash>,
    /// The parent that the node itself prepares a payload on, for each slot to come.
    pub(super) announced: BTreeMap<Slot, BlockHash>,
    pub(super) dependent_roots: Option<DependentRoots>,
    pub(super) heard_at: UnixMillis,
    pub(super) tally: Tally,
    /// Its dissent from the head that leads has been counted.
    pub(super) dissent_noted: bool,
    /// It has said that it leaves its head.
    pub(super) is_leaving: bool,
    lost_at: Option<UnixMillis>,
    state: NodeState,
}

impl View {
    pub(super) fn new(now: UnixMillis) -> Self {
        Self {
            head: None,
            since: now,
            came_by_reorg: false,
            led_to_former: None,
            announced: BTreeMap::new(),
            dependent_roots: None,
            heard_at: now,
            tally: Tally::default(),
            dissent_noted: false,
            is_leaving: false,
            lost_at: None,
            state: NodeState::default(),
        }
    }

    pub(super) fn connected(&mut self) -> bool {
        // What it told of leaving before the break may long be over.
        self.is_leaving = false;
        self.lost_at.take().is_some()
    }

    pub(super) fn disconnected(&mut self, now: UnixMillis) -> bool {
        self.lost_at.get_or_insert(now);
        false
    }

    pub(super) fn leaves(&mut self) -> bool {
        self.is_leaving = true;
        false
    }

    pub(super) fn state(&mut self, state: NodeState) -> bool {
        std::mem::replace(&mut self.state, state) != state
    }

    /// Whether the node has said before that it leaves its former head.
    pub(super) fn take_head(&mut self, now: UnixMillis, told: &ToldHead) -> bool {
        let was_leaving = std::mem::take(&mut self.is_leaving);
        if told.changed_at.is_some() {
            self.state.is_optimistic = told.is_optimistic;
        }
        self.dependent_roots = told.dependent_roots.or(self.dependent_roots);
        if self.head.is_none_or(|known| known.block_hash != told.head.block_hash) {
            (self.since, self.came_by_reorg, self.dissent_noted) = (now, false, false);
            // The announcement was for the former head; a new one follows if the node prepares payloads at all.
            self.announced.retain(|_, parent| *parent == told.head.block_hash);
            self.tally.optimistic += u64::from(told.is_optimistic);
        }
        self.head = Some(told.head);
        was_leaving
    }

    pub(super) fn has(&self, block: BlockHash) -> bool {
        self.head.is_some_and(|head| head.block_hash == block)
    }

    pub(super) fn soundness(&self, now: UnixMillis, network: &Network) -> Soundness {
        if self.silent_from(network) <= now {
            Soundness::Silent
        } else if self.state.is_syncing {
            Soundness::Syncing
        } else if self.state.is_optimistic || self.state.el_offline {
            Soundness::Optimistic
        } else {
            Soundness::Sound
        }
    }

    /// The moment from which it counts as silent unless it is heard again.
    pub(super) fn silent_from(&self, network: &Network) -> UnixMillis {
        let unheard = self.heard_at + SILENT_SLOTS * network.slot_duration_ms.cast_signed();
        self.lost_at.map_or(unheard, |lost_at| unheard.min(lost_at + LOST_MS))
    }
}
