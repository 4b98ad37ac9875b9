use std::fmt;

use headstart_types::{Slot, Wei};

use super::Played;

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

pub(super) fn heading() -> String {
    format!(
        "{:>5}  {:<7} {:>8}  {:<9} {:>10}  {:>10}  {:>10}  {:>6}  {:<22} {}\n",
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

impl Row {
    /// Served value as a share of the best available at that instant.
    pub(super) fn share(&self) -> Option<f64> {
        let (value, _) = self.played.as_ref()?.proposal.header.bid?;
        Some(value.ratio_of(self.best?))
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
        let proposal = &played.proposal;
        let outcome = played.outcome.map_or("unseen", |outcome| outcome.as_str());
        let value = proposal.header.bid.map_or_else(|| "-".to_owned(), |(value, _)| value.eth());
        let best = self.best.map_or_else(|| "-".to_owned(), Wei::eth);
        let share = self.share().map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
        writeln!(
            f,
            "{:>5}  {:<7} {:>8}  {outcome:<9} {:>7} us  {value:>10}  {best:>10}  {share:>6}  {:<22} {}",
            self.slot,
            proposal.cluster,
            self.lead(),
            proposal.header.answered_in_us,
            self.asked(),
            block(played),
        )
    }
}

/// What became of the signed block.
fn block(played: &Played) -> String {
    let proposal = &played.proposal;
    match (&proposal.reveal, proposal.wrong()) {
        (_, Some(wrong)) => format!("WRONG: {wrong:?}"),
        (None, None) => "built locally".to_owned(),
        (Some(reveal), None) if proposal.is_revealed() => {
            format!("unblinded in {} ms", reveal.answered_in_us / 1000)
        }
        (Some(reveal), None) => {
            format!("LOST: {} {}", reveal.status, reveal.message.as_deref().unwrap_or(""))
        }
    }
}
