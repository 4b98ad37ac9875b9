use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_auction::Sequence;

/// Operators whose numbers are kept; over it the one who has pushed nothing for longest begins anew at 1.
const OPERATORS_MAX: usize = 65_536;

/// The numbers of every operator's hints. They outlive streams and lanes, and end with the process.
#[derive(Debug)]
pub(crate) struct SequenceBook {
    numbering: u64,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    sequences: HashMap<Operator, Kept>,
    uses: u64,
}

/// A cluster and its operator.
type Operator = (Arc<str>, Arc<str>);

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    sequence: Sequence,
    used: u64,
}

impl SequenceBook {
    pub(crate) fn new() -> Self {
        // A hasher of the standard library draws its keys at random: that is all that is asked of this number.
        Self { numbering: RandomState::new().hash_one("numbering"), known: Mutex::default() }
    }

    /// Differs from process to process.
    pub(crate) fn numbering(&self) -> u64 {
        self.numbering
    }

    pub(crate) fn of(&self, cluster: &Arc<str>, operator: &Arc<str>) -> Sequence {
        let operator = (Arc::clone(cluster), Arc::clone(operator));
        self.lock().sequences.get(&operator).map_or_else(Sequence::default, |kept| kept.sequence)
    }

    /// Only the operator's own lane calls this, so nobody has been there since [`SequenceBook::of`].
    pub(crate) fn set(&self, cluster: &Arc<str>, operator: &Arc<str>, sequence: Sequence) {
        let mut known = self.lock();
        known.uses += 1;
        let kept = Kept { sequence, used: known.uses };
        known.sequences.insert((Arc::clone(cluster), Arc::clone(operator)), kept);
        if known.sequences.len() > OPERATORS_MAX {
            known.forget_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget_one(&mut self) {
        let oldest =
            self.sequences.iter().min_by_key(|(_, kept)| kept.used).map(|(operator, _)| operator.clone());
        if let Some(oldest) = oldest {
            self.sequences.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_operators_are_kept_and_whoever_pushes_stays() {
        let book = SequenceBook::new();
        let cluster: Arc<str> = "a".into();
        let name = |number: usize| -> Arc<str> { format!("op-{number}").into() };
        for number in 0..OPERATORS_MAX {
            book.set(&cluster, &name(number), Sequence::from_applied(7));
        }
        book.set(&cluster, &name(0), Sequence::from_applied(8));
        book.set(&cluster, &name(OPERATORS_MAX), Sequence::from_applied(1));
        let applied = |number| book.of(&cluster, &name(number)).applied();
        assert_eq!((applied(0), applied(1), applied(2), applied(OPERATORS_MAX)), (8, 0, 7, 1));
    }
}
