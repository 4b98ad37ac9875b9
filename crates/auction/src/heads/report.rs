use headstart_types::{Network, UnixMillis};

use super::{Heads, NodeIndex, Soundness};

/// What became of a node's heads so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) first: u64,
    pub(super) followed: u64,
    pub(super) followed_ms: u64,
    pub(super) dissents: u64,
    pub(super) optimistic: u64,
    pub(super) reorgs: u64,
}

impl Tally {
    pub(super) fn followed(&mut self, behind_ms: i64) {
        self.followed += 1;
        self.followed_ms += u64::try_from(behind_ms).unwrap_or(0);
    }
}

/// One beacon node as the others show it, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeReport {
    pub node: NodeIndex,
    /// Its head is the one that leads.
    pub leads: bool,
    pub soundness: Soundness,
    /// Heads that it told before any other.
    pub first: u64,
    /// Heads that another had told before.
    pub followed: u64,
    /// How much later it told those, in milliseconds, all together.
    pub followed_ms: u64,
    /// Times that it held to another head than the leading one, and was not just slower.
    pub dissents: u64,
    /// Heads that its execution client had not checked.
    pub optimistic: u64,
    /// Times that it left a block for another.
    pub reorgs: u64,
}

impl Heads {
    pub fn report(&self, now: UnixMillis, network: &Network) -> Vec<NodeReport> {
        let report = |(node, view): (&NodeIndex, &super::View)| {
            let soundness = view.soundness(now, network);
            let leads = self.leader() == Some(*node);
            let Tally { first, followed, followed_ms, dissents, optimistic, reorgs } = view.tally;
            let node = *node;
            NodeReport { node, leads, soundness, first, followed, followed_ms, dissents, optimistic, reorgs }
        };
        self.views.iter().map(report).collect()
    }
}
