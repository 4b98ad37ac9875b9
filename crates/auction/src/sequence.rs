/// The numbers of one operator's hints: each is one more than the last that was applied.
///
/// A hint that is rejected applies nothing, so its number is free for the next one: an operator that reconnects always
/// goes on at [`Sequence::applied`] + 1, and there is never a gap to explain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence {
    applied: u64,
}

/// How a number stands to those applied before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one that is awaited.
    Next,
    /// Applied before: the answer was lost, or a former stream's message came late.
    Duplicate,
    /// Numbers before it are missing.
    OutOfOrder,
}

impl Sequence {
    /// A sequence of which so many are applied already.
    pub fn from_applied(applied: u64) -> Self {
        Self { applied }
    }

    pub fn judge(&self, seq: u64) -> Order {
        match seq.checked_sub(self.applied) {
            Some(1) => Order::Next,
            Some(0) | None => Order::Duplicate,
            Some(_) => Order::OutOfOrder,
        }
    }

    /// The awaited number has taken effect.
    pub fn apply(&mut self) {
        self.applied = self.applied.saturating_add(1);
    }

    /// The last number that took effect; 0 before the first.
    pub fn applied(&self) -> u64 {
        self.applied
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_from_one_and_a_rejected_one_is_free_again() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.judge(1), Order::Next);
        assert_eq!(sequence.judge(1), Order::Next, "judging applies nothing");
        sequence.apply();
        assert_eq!((sequence.judge(1), sequence.judge(2)), (Order::Duplicate, Order::Next));
        assert_eq!((sequence.judge(0), sequence.judge(3)), (Order::Duplicate, Order::OutOfOrder));
        assert_eq!(sequence.applied(), 1);
    }

    #[test]
    fn the_last_number_of_all_does_not_overflow() {
        let mut sequence = Sequence::from_applied(u64::MAX - 1);
        assert_eq!(sequence.judge(u64::MAX), Order::Next);
        sequence.apply();
        sequence.apply();
        assert_eq!((sequence.applied(), sequence.judge(u64::MAX)), (u64::MAX, Order::Duplicate));
    }

    proptest! {
        #[test]
        fn whoever_resumes_after_the_applied_number_leaves_no_gap(
            stream in prop::collection::vec((0_u64..12, any::<bool>()), 0..200),
        ) {
            let (mut sequence, mut effects) = (Sequence::default(), Vec::new());
            for (seq, accepted) in stream {
                if sequence.judge(seq) == Order::Next && accepted {
                    sequence.apply();
                    effects.push(seq);
                }
            }
            prop_assert_eq!(effects, (1..=sequence.applied()).collect::<Vec<_>>());
        }
    }
}
