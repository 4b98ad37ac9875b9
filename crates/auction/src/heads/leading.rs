use std::cmp::Reverse;

use headstart_types::{BlockHash, Network, UnixMillis};

use super::view::View;
use super::{Head, Heads, NodeIndex};

/// Most nodes must have contradicted the head for so long until it is given up although a sound node has it.
const OUTVOTED_MS: i64 = 2_000;

/// The head that leads, and the node that it was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leading {
    pub(super) node: NodeIndex,
    pub(super) head: Head,
    pub(super) since: UnixMillis,
}

/// A node that has a say in which head leads.
#[derive(Clone, Copy, Debug)]
struct Voter {
    node: NodeIndex,
    head: Head,
    since: UnixMillis,
}

impl Heads {
    /// Settles which head leads; whether it is another one.
    pub(super) fn elect(&mut self, now: UnixMillis, network: &Network) -> bool {
        let voters = self.voters(now, network);
        let Some(freshest) = self.freshest(&voters) else { return false };
        let Some(leading) = self.leading else {
            self.follow(now, freshest);
            return true;
        };
        if let Some(rival) = outvoting(&leading, &voters, now) {
            self.leave(leading.head.block_hash);
            self.follow(now, rival);
            return true;
        }
        if let Some(keeper) = self.keeper(&leading, &voters, freshest) {
            let head = self.known(leading.head.block_hash).map_or(keeper.head, |known| known.head);
            self.leading = Some(Leading { node: keeper.node, head, ..leading });
            return false;
        }
        self.follow(now, freshest);
        true
    }

    fn follow(&mut self, now: UnixMillis, voter: Voter) {
        self.left.retain(|left| *left != voter.head.block_hash);
        self.leading = Some(Leading { node: voter.node, head: voter.head, since: now });
    }

    /// The nodes that are to be believed as much as any.
    fn voters(&self, now: UnixMillis, network: &Network) -> Vec<Voter> {
        let sound = |view: &View| view.soundness(now, network);
        let with_head = || self.views.iter().filter(|(_, view)| view.head.is_some());
        let best = with_head().map(|(_, view)| sound(view)).max();
        with_head()
            .filter(|(_, view)| Some(sound(view)) == best)
            .filter_map(|(node, view)| Some(Voter { node: *node, head: view.head?, since: view.since }))
            .collect()
    }

    /// The newest head that was not left; of several in one slot that which most have, then that which was told first.
    fn freshest(&self, voters: &[Voter]) -> Option<Voter> {
        let votes = |block| voters.iter().filter(|voter| voter.head.block_hash == block).count();
        let rank = |voter: &Voter| {
            let Head { slot, block_hash, .. } = voter.head;
            (!self.left.contains(&block_hash), slot, votes(block_hash), Reverse((voter.since, voter.node)))
        };
        voters.iter().copied().max_by_key(rank)
    }

    /// The node by which the head goes on to lead; `None` if another leads from now on.
    fn keeper(&self, leading: &Leading, voters: &[Voter], freshest: Voter) -> Option<Voter> {
        let is_left = |block: BlockHash| self.left.contains(&block);
        let goes_on = freshest.head.slot > leading.head.slot && !is_left(freshest.head.block_hash);
        let is_void = is_left(leading.head.block_hash) && !is_left(freshest.head.block_hash);
        let mut having = voters.iter().filter(|voter| voter.head.block_hash == leading.head.block_hash);
        let same = having.clone().find(|voter| voter.node == leading.node);
        same.or_else(|| having.next()).copied().filter(|_| !goes_on && !is_void)
    }
}

/// Another head that most nodes have had for long, although the leading one has led for long.
fn outvoting(leading: &Leading, voters: &[Voter], now: UnixMillis) -> Option<Voter> {
    let is_old = |since: UnixMillis| now - since >= OUTVOTED_MS;
    let has_most = |rival: &&Voter| {
        let same = voters.iter().filter(|voter| voter.head.block_hash == rival.head.block_hash);
        let old = same.filter(|voter| is_old(voter.since)).count();
        rival.head.block_hash != leading.head.block_hash && 2 * old > voters.len()
    };
    voters.iter().find(has_most).filter(|_| is_old(leading.since)).copied()
}

/// When contradiction that began at `since` can next be enough to outvote.
pub(super) fn outvoted_at(since: UnixMillis) -> UnixMillis {
    since + OUTVOTED_MS
}
