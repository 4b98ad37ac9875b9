use headstart_types::{Slot, Wei};

use super::Offer;
use crate::seed::Seed;

/// The best bid of mainnet relays by the moment of asking (medians of February 2026): milliseconds into a slot of
/// 12 seconds, and wei.
const CURVE: [(i64, u128); 6] = [
    (-4000, 1_000_000_000_000),
    (-2000, 200_000_000_000_000),
    (-1000, 5_600_000_000_000_000),
    (0, 7_600_000_000_000_000),
    (1000, 8_900_000_000_000_000),
    (2000, 9_700_000_000_000_000),
];

const BIDDING_STARTS_MS: i64 = -4000;
const BIDDING_ENDS_MS: i64 = 4000;

/// How rich a slot is, in per mille of the median one: most are near it, a few are worth many times as much.
const RICHNESS: [u128; 9] = [300, 450, 600, 800, 1000, 1250, 1700, 2500, 6000];

/// Of a thousand steps of a restless builder, so many begin a burst, lower the bid, or withdraw it until the next step.
const BURSTS: u64 = 60;
const LOWERS: u64 = 40;
const WITHDRAWS: u64 = 10;
/// Further bids of a burst, and by how much each raises the bid for good, in per mille.
const BURST_BIDS: u64 = 4;
const BURST_RAISE: u128 = 3;
/// Bids of one step, with room for those of a burst.
const BIDS_PER_STEP: u64 = 8;

/// Builders that follow the curve, each in its own way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Builders {
    pub(super) seed: Seed,
    pub(super) count: u64,
    pub(super) temper: Temper,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Temper {
    /// Bids step by step, up and down by little.
    Steady,
    /// Also bids in bursts, lowers and withdraws.
    Restless,
}

/// What a restless builder does with one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Usual,
    Bursts,
    Lowers,
    Withdraws,
}

/// One step of one builder: a bid, the seed of what belongs to it, and how long ago it was made.
#[derive(Clone, Copy, Debug)]
struct Step {
    number: u64,
    seed: Seed,
    value: u128,
    age_ms: u64,
}

/// When a builder makes its steps.
#[derive(Clone, Copy, Debug)]
struct Pace {
    first_ms: i64,
    gap_ms: i64,
}

impl Pace {
    fn of(builder: Seed) -> Self {
        let gap_ms = builder.with_bytes(b"gap").within(40..120).cast_signed();
        let first_ms = BIDDING_STARTS_MS + builder.with_bytes(b"phase").within(0..120).cast_signed();
        Self { first_ms, gap_ms }
    }

    /// The number of the step that was made last, and when; `None` before the first.
    fn step(self, nominal_ms: i64) -> Option<(u64, i64)> {
        let number = (nominal_ms - self.first_ms).div_euclid(self.gap_ms);
        Some((u64::try_from(number).ok()?, self.first_ms + number * self.gap_ms))
    }
}

impl Builders {
    /// Builders bid step by step, each with its own gap.
    pub(super) fn offer(&self, slot: Slot, builder: u64, nominal_ms: i64) -> Option<Offer> {
        let seed = self.seed.with_slot(slot).with(builder);
        let nominal_ms = nominal_ms.min(BIDDING_ENDS_MS);
        let (number, made_at_ms) = Pace::of(seed).step(nominal_ms)?;
        let skill = u128::from(seed.with_bytes(b"skill").within(820..1040));
        let luck = u128::from(seed.with(number).within(990..1010));
        let value = median_wei(made_at_ms) * self.richness(slot) / 1000 * skill / 1000 * luck / 1000;
        let age_ms = (nominal_ms - made_at_ms).cast_unsigned();
        let (step, value) = match self.temper {
            Temper::Steady => (number, value),
            Temper::Restless => restless(Step { number, seed, value, age_ms })?,
        };
        Some(Offer { builder, step, value: Wei::new(value) })
    }

    /// When the builder's bid may change next after `nominal_ms`; `None` when bidding is over by then.
    pub(super) fn next_change(&self, slot: Slot, builder: u64, nominal_ms: i64) -> Option<i64> {
        let seed = self.seed.with_slot(slot).with(builder);
        let pace = Pace::of(seed);
        let Some((number, made_at_ms)) = pace.step(nominal_ms) else { return Some(pace.first_ms) };
        let next_step_ms = made_at_ms + pace.gap_ms;
        let spacing_ms = burst_spacing_ms(seed, number).cast_signed();
        let bids = (nominal_ms - made_at_ms) / spacing_ms + 1;
        let is_burst = self.temper == Temper::Restless && mood(seed, number) == Mood::Bursts;
        let goes_on = is_burst && bids <= BURST_BIDS.cast_signed();
        let next_ms = if goes_on { next_step_ms.min(made_at_ms + bids * spacing_ms) } else { next_step_ms };
        (next_ms <= BIDDING_ENDS_MS).then_some(next_ms)
    }

    /// What the values of `slot` are multiplied with, in per mille.
    fn richness(&self, slot: Slot) -> u128 {
        let pick = self.seed.with_slot(slot).with_bytes(b"richness").within(0..RICHNESS.len() as u64);
        RICHNESS.into_iter().nth(usize::try_from(pick).unwrap_or(0)).unwrap_or(1000)
    }
}

/// Number and value of what a restless builder makes of a step; `None` while its bid is withdrawn.
fn restless(step: Step) -> Option<(u64, u128)> {
    let Step { number, seed, value, age_ms } = step;
    let bursts = (0..number).filter(|earlier| mood(seed, *earlier) == Mood::Bursts).count() as u64;
    let raised = |bids: u64| value * (1000 + BURST_RAISE * u128::from(bids)) / 1000;
    let (bids, value) = match mood(seed, number) {
        Mood::Usual => (0, raised(bursts * BURST_BIDS)),
        Mood::Bursts => {
            let bids = (age_ms / burst_spacing_ms(seed, number)).min(BURST_BIDS);
            (bids, raised(bursts * BURST_BIDS + bids))
        }
        Mood::Lowers => {
            let kept = u128::from(seed.with(number).with_bytes(b"lowered").within(800..970));
            (0, raised(bursts * BURST_BIDS) * kept / 1000)
        }
        Mood::Withdraws => return None,
    };
    Some((number * BIDS_PER_STEP + bids, value))
}

/// Between two bids of a burst.
fn burst_spacing_ms(builder: Seed, step: u64) -> u64 {
    builder.with(step).with_bytes(b"burst").within(1..4)
}

fn mood(builder: Seed, step: u64) -> Mood {
    let draw = builder.with(step).with_bytes(b"mood").within(0..1000);
    if draw < BURSTS {
        Mood::Bursts
    } else if draw < BURSTS + LOWERS {
        Mood::Lowers
    } else if draw < BURSTS + LOWERS + WITHDRAWS {
        Mood::Withdraws
    } else {
        Mood::Usual
    }
}

/// The median of mainnet's best bids at `nominal_ms`, in wei: straight lines between the known points.
pub fn median_wei(nominal_ms: i64) -> u128 {
    let (first_ms, first_wei) = CURVE[0];
    if nominal_ms <= first_ms {
        return first_wei;
    }
    let segment = CURVE.windows(2).find(|points| nominal_ms <= points[1].0);
    segment.map_or(CURVE[CURVE.len() - 1].1, |points| {
        let ((from_ms, from_wei), (to_ms, to_wei)) = (points[0], points[1]);
        let elapsed = u128::from((nominal_ms - from_ms).cast_unsigned());
        from_wei + (to_wei - from_wei) * elapsed / u128::from((to_ms - from_ms).cast_unsigned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restless_builders() -> Builders {
        Builders { seed: Seed::new(7), count: 8, temper: Temper::Restless }
    }

    /// Every bid of a builder in a slot with the moment from which it holds; `None` for a withdrawal.
    fn bids(builders: &Builders, slot: u64, builder: u64) -> Vec<(i64, Option<Offer>)> {
        let mut bids: Vec<(i64, Option<Offer>)> = Vec::new();
        for ms in -3_900..3_900 {
            let offer = builders.offer(Slot(slot), builder, ms);
            if bids.last().is_none_or(|(_, last)| *last != offer) {
                bids.push((ms, offer));
            }
        }
        bids
    }

    #[test]
    fn restless_builders_bid_in_bursts_of_a_few_milliseconds() {
        let builders = restless_builders();
        let bids = bids(&builders, 3, 2);
        let bursts: Vec<_> = bids
            .windows(5)
            .filter(|burst| burst[4].0 - burst[0].0 <= 12 && burst[1..].iter().all(|(_, bid)| bid.is_some()))
            .collect();
        assert!(!bursts.is_empty(), "{} bids and no burst", bids.len());
        for burst in bursts {
            let values: Vec<_> = burst.iter().filter_map(|(_, bid)| bid.map(|bid| bid.value)).collect();
            assert!(values.is_sorted(), "{values:?}");
        }
    }

    #[test]
    fn restless_builders_lower_and_withdraw_bids_and_come_back() {
        let builders = restless_builders();
        let (mut lowered, mut withdrawn) = (0, 0);
        for slot in 1..20 {
            for pair in bids(&builders, slot, 1).windows(2) {
                match (pair[0].1, pair[1].1) {
                    (Some(old), Some(new)) => lowered += usize::from(new.value.ratio_of(old.value) < 0.97),
                    (Some(_), None) => withdrawn += 1,
                    _ => {}
                }
            }
            assert!(
                builders.offer(Slot(slot), 1, -3_000).is_some()
                    || builders.offer(Slot(slot), 1, -2_800).is_some()
            );
        }
        assert!(lowered > 5 && withdrawn > 5, "{lowered} lowered, {withdrawn} withdrawn");
    }

    #[test]
    fn each_bid_of_a_builder_has_a_step_of_its_own_and_steps_ascend() {
        let builders = restless_builders();
        let bids = bids(&builders, 5, 4);
        let steps: Vec<_> = bids.iter().filter_map(|(_, bid)| bid.map(|bid| bid.step)).collect();
        assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
    }

    #[test]
    fn steady_builders_are_as_they_always_were() {
        let steady = Builders { temper: Temper::Steady, ..restless_builders() };
        // The first is the one that holds when the look begins.
        let changes = &bids(&steady, 3, 2)[1..];
        assert!(changes.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 40), "no bursts");
        assert!(changes.iter().all(|(_, bid)| bid.is_some()), "no withdrawals");
    }
}
