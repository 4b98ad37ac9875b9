use std::fmt;

use headstart_devnet::Proposal;
use headstart_types::{Outcome, Slot, Wei};

/// One slot of the demo.
pub(crate) struct Row {
    pub(super) slot: Slot,
    /// There was a duty, and nothing came of it.
    pub(super) missed: bool,
    pub(super) played: Option<Played>,
    /// From the first ask at a relay to the beacon node's own.
    pub(super) lead_ms: Option<i64>,
    /// The best bid that any of the cluster's relays held when the beacon node asked.
    pub(super) best: Option<Wei>,
    /// Relays and the calls that each got for this slot.
    pub(super) asked: Vec<(&'static str, usize)>,
}

/// A duty and what came of it: one proposal for each operator, of whom there is at least one.
pub(crate) struct Played {
    pub(super) proposals: Vec<Proposal>,
    /// One for each answered getHeader.
    pub(super) outcomes: Vec<Outcome>,
}

pub(super) fn heading() -> String {
    format!(
        "{:>5}  {:<7} {:>8}  {:<13} {:>10}  {:>10}  {:>10}  {:>6}  {:<22} {}\n",
        "slot",
        "cluster",
        "lead",
        "header",
        "answered",
        "value/ETH",
        "best/ETH",
        "share",
        "relays asked",
        "block"
    )
}

impl Played {
    /// Whether every operator got a header from memory.
    pub(super) fn is_hit(&self) -> bool {
        self.hits() == self.proposals.len()
    }

    fn hits(&self) -> usize {
        self.outcomes.iter().filter(|outcome| **outcome == Outcome::Hit).count()
    }

    /// Whether a block was signed and every operator learnt that it is published.
    pub(super) fn is_revealed(&self) -> bool {
        self.proposals.iter().all(Proposal::is_revealed)
    }

    /// A block was signed and somebody did not learn that it is published.
    pub(super) fn is_lost(&self) -> bool {
        self.proposals.iter().any(|proposal| proposal.reveal.is_some() && !proposal.is_revealed())
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.proposals.iter().any(|proposal| proposal.wrong().is_some())
    }

    /// Whether operators got different headers, so that they must first agree on one.
    pub(super) fn is_split(&self) -> bool {
        let block = |proposal: &Proposal| proposal.header.bid.map(|(_, block_hash)| block_hash);
        self.proposals.iter().any(|proposal| block(proposal) != block(&self.proposals[0]))
    }

    /// Until the last operator had its header, in microseconds.
    pub(super) fn answered_us(&self) -> u64 {
        self.proposals.iter().map(|proposal| proposal.header.answered_in_us).max().unwrap_or(0)
    }

    fn value(&self) -> Option<Wei> {
        self.proposals.iter().find_map(|proposal| proposal.header.bid).map(|(value, _)| value)
    }

    /// How many of the operators got a header from memory, or what became of the first who did not.
    fn header(&self) -> String {
        let other = self.outcomes.iter().find(|outcome| **outcome != Outcome::Hit);
        let word = other.map_or("hit", |outcome| outcome.as_str());
        format!("{word} {}/{}", self.hits(), self.proposals.len())
    }

    /// What became of the signed block.
    fn block(&self) -> String {
        if let Some(wrong) = self.proposals.iter().find_map(Proposal::wrong) {
            return format!("WRONG: {wrong:?}");
        }
        let mut reveals = self.proposals.iter().filter_map(|proposal| proposal.reveal.as_ref());
        if let Some(lost) = reveals.clone().find(|reveal| !matches!(reveal.status, 200 | 202)) {
            return format!("LOST: {} {}", lost.status, lost.message.as_deref().unwrap_or(""));
        }
        match reveals.next() {
            Some(first) => {
                let slowest =
                    reveals.map(|reveal| reveal.answered_in_us).fold(first.answered_in_us, u64::max);
                format!("unblinded in {} ms", slowest / 1000)
            }
            None => "built locally".to_owned(),
        }
    }
}

impl Row {
    pub(super) fn without_duty(slot: Slot, missed: bool) -> Self {
        Self { slot, missed, played: None, lead_ms: None, best: None, asked: Vec::new() }
    }

    /// Served value as a share of the best available at that instant.
    pub(super) fn share(&self) -> Option<f64> {
        Some(self.played.as_ref()?.value()?.ratio_of(self.best?))
    }

    fn lead(&self) -> String {
        self.lead_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"))
    }

    fn asked(&self) -> String {
        let calls = self.asked.iter().map(|(relay, calls)| format!("{relay} {calls}"));
        calls.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(played) = &self.played else {
            let text = if self.missed { "a duty, and no answer" } else { "-" };
            return writeln!(f, "{:>5}  {text}", self.slot);
        };
        let value = played.value().map_or_else(|| "-".to_owned(), Wei::eth);
        let best = self.best.map_or_else(|| "-".to_owned(), Wei::eth);
        let share = self.share().map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
        writeln!(
            f,
            "{:>5}  {:<7} {:>8}  {:<13} {:>7} us  {value:>10}  {best:>10}  {share:>6}  {:<22} {}",
            self.slot,
            played.proposals[0].cluster,
            self.lead(),
            played.header(),
            played.answered_us(),
            self.asked(),
            played.block(),
        )
    }
}
