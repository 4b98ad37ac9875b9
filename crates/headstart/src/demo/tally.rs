use super::row::Row;

/// What the whole demo came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    slots: usize,
    duties: usize,
    hits: usize,
    unblinded: usize,
    /// Blocks that were signed and not revealed.
    lost: usize,
    /// Answers that a beacon node could not use.
    wrong: usize,
    shares: Vec<f64>,
    answered_us: Vec<u64>,
    calls: usize,
}

impl Tally {
    pub(super) fn count(&mut self, row: &Row) {
        self.slots += 1;
        let Some(played) = &row.played else {
            self.duties += usize::from(row.missed);
            return;
        };
        let proposal = &played.proposal;
        self.duties += 1;
        self.hits += usize::from(row.is_hit());
        self.unblinded += usize::from(proposal.is_revealed());
        self.lost += usize::from(proposal.reveal.is_some() && !proposal.is_revealed());
        self.wrong += usize::from(proposal.wrong().is_some());
        self.shares.extend(row.share());
        self.answered_us.push(proposal.header.answered_in_us);
        self.calls += row.asked.iter().map(|(_, calls)| calls).sum::<usize>();
    }

    /// No block was lost and no wrong bid served.
    pub(crate) fn promises_kept(&self) -> bool {
        self.lost == 0 && self.wrong == 0
    }

    pub(super) fn summary(&self) -> String {
        let Self { slots, duties, hits, unblinded, lost, wrong, calls, .. } = self;
        format!(
            "\n{slots} slots, {duties} duties: {hits} hits, {unblinded} unblinded, {lost} lost, {wrong} wrong\n\
             value served / best available at that instant: mean {:.4}, least {:.4}\n\
             header answered: median {} us, slowest {} us; {:.1} relay calls a duty\n",
            self.mean_share(),
            self.shares.iter().copied().reduce(f64::min).unwrap_or(0.0),
            self.median_answered_us(),
            self.answered_us.iter().max().unwrap_or(&0),
            as_f64(*calls) / as_f64((*duties).max(1)),
        )
    }

    fn mean_share(&self) -> f64 {
        self.shares.iter().sum::<f64>() / as_f64(self.shares.len().max(1))
    }

    fn median_answered_us(&self) -> u64 {
        let mut sorted = self.answered_us.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a demo are small")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
