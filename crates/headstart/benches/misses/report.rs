use crate::moments::When;

/// What is waited for after the first bid.
pub(crate) const GRACE_MS: u64 = 50;
/// A beacon node's patience, less the margin that headstart keeps.
pub(crate) const DEADLINE_MS: u64 = 950;
/// From the cut-off until a last byte has come, as between what headstart waits at most and that patience.
const AFTER_CUTOFF_MS: u64 = 75;
/// Of (round trip of the fastest relay with a bid + the grace), at the 99th percentile.
const RATIO_MAX: f64 = 1.1;

/// What became of one getHeader.
pub(crate) struct Miss {
    pub(crate) when: When,
    /// Round trip of the fastest relay that has a bid, as it was set; `None` if none of the cluster's has.
    pub(crate) fastest_ms: Option<u64>,
    /// The same, as a client saw it that asked that relay at the same moment.
    pub(crate) directly_us: Option<u64>,
    /// From the asking to the cut-off.
    pub(crate) left_ms: u64,
    pub(crate) answered_us: u64,
    pub(crate) status: u16,
    pub(crate) wrong: bool,
}

impl Miss {
    fn is_late(&self) -> bool {
        self.answered_us > DEADLINE_MS.min(self.left_ms + AFTER_CUTOFF_MS) * 1000
    }

    /// The time it took by what it should take; of those that got a bid.
    fn ratio(&self, base: Base) -> Option<f64> {
        let round_trip_us = match base {
            Base::Directly => self.directly_us?,
            Base::AsSet => self.fastest_ms? * 1000,
        };
        let due_us = round_trip_us + GRACE_MS * 1000;
        (self.status == 200).then(|| as_f64(self.answered_us) / as_f64(due_us))
    }

    /// What the machine adds by itself: the same of the client without headstart, which waits for nobody else.
    fn noise(&self) -> Option<f64> {
        let grace_us = GRACE_MS * 1000;
        let due_us = self.fastest_ms? * 1000 + grace_us;
        Some(as_f64(self.directly_us? + grace_us) / as_f64(due_us))
    }

    /// Whether a relay's bid could be here before the cut-off.
    fn has_a_bid(&self) -> bool {
        self.fastest_ms.is_some_and(|fastest_ms| fastest_ms <= self.left_ms)
    }
}

/// Which round trip an answer is held against.
#[derive(Clone, Copy, Debug)]
enum Base {
    /// That of a client which asked the fastest relay without headstart, on the same machine at the same moment.
    Directly,
    /// The one that the simulated relay was given.
    AsSet,
}

/// Tells all, and whether the promises were kept.
pub(crate) fn report(misses: &[Miss]) -> bool {
    for when in When::ALL {
        let of_kind: Vec<_> = misses.iter().filter(|miss| miss.when == when).collect();
        println!("{when:<16} {}", told(&of_kind));
    }
    let all: Vec<_> = misses.iter().collect();
    println!("{:<16} {}", "all", told(&all));
    let none: Vec<_> = misses.iter().filter(|miss| miss.fastest_ms.is_none()).collect();
    println!("no relay has a bid: {}, the slowest answered in {} ms", none.len(), slowest_ms(&none));
    let late = misses.iter().filter(|miss| miss.is_late()).count();
    let refused = misses.iter().filter(|miss| !matches!(miss.status, 200 | 204)).count();
    let wrong = misses.iter().filter(|miss| miss.wrong).count();
    let (ratios, as_set) = (ratios(&all, Base::Directly), ratios(&all, Base::AsSet));
    let p99 = at(&ratios, 990);
    let noise = sorted(misses.iter().filter_map(Miss::noise));
    println!(
        "by the round trips as they were set: half within {:.3}, 99 % within {:.3}; a client that asks without headstart: \
         half within {:.3}, 99 % within {:.3}",
        at(&as_set, 500),
        at(&as_set, 990),
        at(&noise, 500),
        at(&noise, 990)
    );
    println!(
        "p99 {p99:.3}, at most {RATIO_MAX}; {late} later than {DEADLINE_MS} ms, or than {AFTER_CUTOFF_MS} ms after the \
         cut-off; {refused} neither 200 nor 204, {wrong} wrong"
    );
    let is_kept = !ratios.is_empty() && p99 <= RATIO_MAX && late + refused + wrong == 0;
    println!("{}", if is_kept { "ok" } else { "FAIL" });
    is_kept
}

/// How soon they were answered, by what it should take.
fn told(misses: &[&Miss]) -> String {
    let ratios = ratios(misses, Base::Directly);
    let expected = misses.iter().filter(|miss| miss.has_a_bid()).count();
    let ranks = [500, 900, 990, 999, 1000].map(|per_mille| {
        format!("{} % within {:.3}", as_f64(per_mille as u64) / 10.0, at(&ratios, per_mille))
    });
    format!(
        "{} bids of {expected} that a relay had; {}; {} more than {RATIO_MAX}; the slowest in {} ms",
        ratios.len(),
        ranks.join(", "),
        ratios.iter().filter(|ratio| **ratio > RATIO_MAX).count(),
        slowest_ms(misses)
    )
}

fn slowest_ms(misses: &[&Miss]) -> u64 {
    misses.iter().map(|miss| miss.answered_us).max().unwrap_or(0) / 1000
}

fn ratios(misses: &[&Miss], base: Base) -> Vec<f64> {
    sorted(misses.iter().filter_map(|miss| miss.ratio(base)))
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The smallest that so many of a thousand do not exceed.
fn at(sorted: &[f64], per_mille: usize) -> f64 {
    let rank = (sorted.len() * per_mille).div_ceil(1000).max(1) - 1;
    sorted.get(rank).copied().unwrap_or(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn as_f64(number: u64) -> f64 {
    number as f64
}
