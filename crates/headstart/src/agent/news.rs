use std::collections::BTreeSet;

use headstart_auction::{DependentRoots, Duty};
use headstart_types::{BlockHash, BlsPublicKey, Epoch, Root, Slot};

/// News that wait to be taken in; over it their sources wait.
pub(crate) const NEWS_MAX: usize = 64;

/// What the plan is made from.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// The chain's newest block, and the execution block in it.
    Head {
        slot: Slot,
        block_hash: BlockHash,
    },
    /// A payload of `slot` is prepared on `parent`.
    Announced {
        slot: Slot,
        parent: BlockHash,
    },
    Duties {
        epoch: Epoch,
        under: DependentRoots,
        dependent_root: Root,
        duties: Vec<Duty>,
    },
    /// The validators of the cluster.
    Validators(BTreeSet<BlsPublicKey>),
}
