use std::sync::atomic::Ordering;

use super::operator::Counts;
use super::row::Row;

/// What the whole demo came to. A duty counts once, however many operators have it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    slots: usize,
    duties: usize,
    /// Every operator got its header from memory.
    hits: usize,
    unblinded: usize,
    /// Blocks that were signed and not revealed.
    lost: usize,
    /// Answers that a beacon node could not use.
    wrong: usize,
    /// Operators of one cluster got different headers.
    split: usize,
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
        self.duties += 1;
        self.hits += usize::from(played.is_hit());
        self.unblinded += usize::from(played.is_revealed());
        self.lost += usize::from(played.is_lost());
        self.wrong += usize::from(played.is_wrong());
        self.split += usize::from(played.is_split());
        self.shares.extend(row.share());
        self.answered_us.push(played.answered_us());
        self.calls += row.asked.iter().map(|(_, calls)| calls).sum::<usize>();
    }

    /// No block was lost and no wrong bid served.
    pub(crate) fn promises_kept(&self) -> bool {
        self.lost == 0 && self.wrong == 0
    }

    pub(super) fn summary(&self, counts: &Counts) -> String {
        let Self { slots, duties, hits, unblinded, lost, wrong, split, calls, .. } = self;
        let registrations = counts.registrations.load(Ordering::Relaxed);
        format!(
            "\n{slots} slots, {duties} duties: {hits} hits, {unblinded} unblinded, {lost} lost, {wrong} wrong, {split} split\n\
             value served / best available at that instant: mean {:.4}, least {:.4}\n\
             header answered to the last operator: median {} us, slowest {} us; {:.1} relay calls a duty\n\
             over gRPC: {registrations} registrations sent, {} hints taken, {} rejected\n",
            self.mean_share(),
            self.shares.iter().copied().reduce(f64::min).unwrap_or(0.0),
            self.median_answered_us(),
            self.answered_us.iter().max().unwrap_or(&0),
            as_f64(*calls) / as_f64((*duties).max(1)),
            counts.pushed.applied(),
            counts.pushed.rejected(),
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
