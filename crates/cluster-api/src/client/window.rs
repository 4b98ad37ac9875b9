use std::collections::VecDeque;

use headstart_proto::v1::HintAck;
use headstart_proto::v1::hint_ack::Verdict;

/// The hints that are not settled yet, and their numbers: the client's side of the sequence rule.
///
/// Hints are sent ahead of their answers. When one is not applied, those sent behind it have numbers that will not be
/// applied either: nothing more is sent until all of them are answered, and then all that are left are numbered anew.
#[derive(Debug)]
pub(crate) struct Window<T> {
    /// In the order in which they were pushed; those that were sent come first.
    hints: VecDeque<Entry<T>>,
    /// Numbers that were sent on this stream and are not answered, in order.
    flying: VecDeque<u64>,
    next: u64,
    applied: u64,
    numbering: Option<u64>,
    recovering: bool,
}

#[derive(Debug)]
struct Entry<T> {
    /// As it was sent last; `None` before.
    seq: Option<u64>,
    hint: T,
}

/// What an answer settles.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled<T> {
    Nothing,
    Applied(T),
    Rejected(T, String),
    /// Not answerable: the stream is not to be trusted, and another one must be opened.
    Broken,
}

impl<T> Default for Window<T> {
    fn default() -> Self {
        let (hints, flying) = (VecDeque::new(), VecDeque::new());
        Self { hints, flying, next: 1, applied: 0, numbering: None, recovering: false }
    }
}

impl<T> Window<T> {
    pub(crate) fn len(&self) -> usize {
        self.hints.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hints.is_empty()
    }

    pub(crate) fn push(&mut self, hint: T) {
        self.hints.push_back(Entry { seq: None, hint });
    }

    /// A stream begins; gives the hints that were applied although their answers were lost.
    pub(crate) fn resume(&mut self, ack: &HintAck) -> Vec<T> {
        let mut applied = Vec::new();
        // Another process has applied others' numbers or none: what it says tells nothing of what was sent before.
        if self.numbering.replace(ack.numbering) == Some(ack.numbering) {
            let was_applied = |entry: &Entry<T>| entry.seq.is_some_and(|seq| seq <= ack.applied_seq);
            while self.hints.front().is_some_and(was_applied) {
                applied.extend(self.hints.pop_front().map(|entry| entry.hint));
            }
        }
        self.flying.clear();
        self.applied = ack.applied_seq;
        self.renumber();
        applied
    }

    /// Whether there is a hint that may be sent now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.recovering && self.hints.len() > self.flying.len()
    }

    /// The next hint to send, with its number.
    pub(crate) fn next(&mut self) -> Option<(u64, &T)> {
        if !self.is_ready() {
            return None;
        }
        let entry = self.hints.get_mut(self.flying.len())?;
        let seq = self.next;
        entry.seq = Some(seq);
        self.flying.push_back(seq);
        self.next += 1;
        Some((seq, &entry.hint))
    }

    /// Takes the answer to the oldest hint that is under way.
    pub(crate) fn answer(&mut self, ack: HintAck) -> Settled<T> {
        if self.flying.pop_front() != Some(ack.seq) {
            return Settled::Broken;
        }
        self.applied = ack.applied_seq;
        let settled = match ack.verdict() {
            Verdict::Applied => self.take(ack.seq).map_or(Settled::Nothing, Settled::Applied),
            Verdict::Rejected => {
                self.recovering = true;
                let taken = self.take(ack.seq);
                taken.map_or(Settled::Nothing, |hint| Settled::Rejected(hint, ack.reason))
            }
            // Somebody else of the same name used the number, or it is not its turn: the hint needs another one.
            Verdict::Duplicate | Verdict::OutOfOrder | Verdict::OverQuota => {
                self.recovering = true;
                Settled::Nothing
            }
            Verdict::Resume | Verdict::Unspecified => Settled::Broken,
        };
        if self.recovering && self.flying.is_empty() {
            self.renumber();
        }
        settled
    }

    fn take(&mut self, seq: u64) -> Option<T> {
        let place = self.hints.iter().position(|entry| entry.seq == Some(seq))?;
        self.hints.remove(place).map(|entry| entry.hint)
    }

    fn renumber(&mut self) {
        self.recovering = false;
        self.next = self.applied + 1;
        self.hints.iter_mut().for_each(|entry| entry.seq = None);
    }
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
