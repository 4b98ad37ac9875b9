use std::collections::BTreeMap;

use serde::Serialize;

use super::aggregate::{Calls, Shares, Took, ratio};
use super::cast::RelaySet;
use super::field::DEFINITIONS;
use super::lateness::Lateness;
use super::options::{Options, SLOT_MS};
use super::sample::{Sample, Strategy};

/// The form of the JSON object; it grows when a key changes its meaning or goes.
const FORM: u32 = 3;

/// Everything that came of it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    form: u32,
    pub(super) definitions: BTreeMap<&'static str, &'static str>,
    pub(super) played: Played,
    /// How late the machine woke those who had to ask, in microseconds.
    pub(super) late_us: Took,
    pub(super) results: Vec<Cell>,
}

/// What was played.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Played {
    pub(super) seeds: String,
    pub(super) slots: u64,
    pub(super) warm_up: u64,
    pub(super) slot_ms: u64,
    pub(super) jitter_ms: u32,
    /// The file that was replayed.
    pub(super) curve: Option<String>,
    /// Whether headstart was told when it would be asked.
    pub(super) told: bool,
    pub(super) concurrent: usize,
}

/// One strategy with one relay set at one offset.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cell {
    pub(super) relays: RelaySet,
    pub(super) offset_ms: i64,
    pub(super) strategy: Strategy,
    pub(super) auctions: usize,
    pub(super) of_reachable: Shares,
    pub(super) of_delivered: Shares,
    /// `None` for who asks relays only when it is asked.
    pub(super) of_fetched: Option<Shares>,
    pub(super) of_books: Shares,
    /// Where the least of the reachable value was captured.
    pub(super) least_at: Option<Place>,
    /// From the asking to the last byte.
    pub(super) answered_us: Took,
    pub(super) calls: Calls,
    /// By those of the poller.
    pub(super) calls_of_poller: f64,
    pub(super) missed: usize,
    pub(super) wrong: usize,
    /// What was wrong with the first wrong one.
    pub(super) first_wrong: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Place {
    pub(super) seed: u64,
    pub(super) slot: u64,
}

impl Report {
    pub(super) fn new(options: &Options, samples: &[Sample], lateness: &Lateness) -> Self {
        let mut cells = BTreeMap::<_, Vec<&Sample>>::new();
        for sample in samples {
            cells.entry((sample.set, sample.offset_ms, sample.strategy)).or_default().push(sample);
        }
        let calls = |key| cells.get(&key).map_or(0, |samples| Calls::new(samples).total);
        let results = cells.iter().map(|((set, offset_ms, strategy), samples)| {
            let polled = calls((*set, *offset_ms, Strategy::Poll));
            Cell::new((*set, *offset_ms, *strategy), samples, polled)
        });
        Self {
            form: FORM,
            definitions: DEFINITIONS.into_iter().collect(),
            played: Played::new(options),
            late_us: Took::new(lateness.all_us()),
            results: results.collect(),
        }
    }

    /// Whether headstart served nothing wrong, and answered every time and in time.
    pub(crate) fn promises_kept(&self) -> bool {
        let ours = self.results.iter().filter(|cell| cell.strategy == Strategy::Headstart);
        ours.fold(0, |broken, cell| broken + cell.missed + cell.wrong) == 0
    }
}

impl Played {
    fn new(options: &Options) -> Self {
        Self {
            seeds: options.seed.to_string(),
            slots: options.slots,
            warm_up: options.warm_up,
            slot_ms: SLOT_MS,
            jitter_ms: options.jitter_ms,
            curve: options.curve.as_ref().map(|file| file.display().to_string()),
            told: !options.learn,
            concurrent: options.concurrent,
        }
    }
}

impl Cell {
    fn new(
        (relays, offset_ms, strategy): (RelaySet, i64, Strategy),
        samples: &[&Sample],
        polled: u64,
    ) -> Self {
        let calls = Calls::new(samples);
        let calls_of_poller = ratio(calls.total, polled);
        let wrong = samples.iter().filter_map(|sample| sample.answer.wrong.clone());
        Self {
            relays,
            offset_ms,
            strategy,
            auctions: samples.len(),
            of_reachable: Shares::new(samples, |sample| sample.reachable),
            of_delivered: Shares::new(samples, |sample| sample.delivered),
            of_fetched: samples
                .iter()
                .any(|sample| sample.fetched.is_some())
                .then(|| Shares::new(samples, |sample| sample.fetched)),
            of_books: Shares::new(samples, |sample| sample.in_books),
            least_at: least_at(samples),
            answered_us: Took::new(samples.iter().map(|sample| sample.answer.answered_us).collect()),
            calls,
            calls_of_poller,
            missed: samples.iter().filter(|sample| sample.is_missed()).count(),
            wrong: wrong.clone().count(),
            first_wrong: wrong.into_iter().next(),
        }
    }
}

fn least_at(samples: &[&Sample]) -> Option<Place> {
    let share = |sample: &Sample| {
        let value = sample.answer.value.unwrap_or_default();
        sample.reachable.map(|reachable| value.ratio_of(reachable))
    };
    let known = samples.iter().filter_map(|sample| Some((share(sample)?, sample)));
    let least = known.min_by(|one, other| one.0.total_cmp(&other.0))?;
    Some(Place { seed: least.1.seed, slot: least.1.slot.0 })
}

#[cfg(test)]
pub(super) mod tests {
    use clap::Parser;

    use super::super::aggregate::tests::sample;
    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    pub(in crate::bench::value) fn report(samples: &[Sample]) -> Report {
        Report::new(&Line::parse_from(["value"]).options, samples, &Lateness::default())
    }

    #[test]
    fn each_strategy_has_a_cell_and_calls_are_held_against_the_pollers() {
        let mut samples = Strategy::ALL.map(|strategy| sample(strategy, Some(90), 10));
        samples[3].calls.of_relay = vec![1, 2];
        let report = report(&samples);
        let told: Vec<_> = report.results.iter().map(|cell| (cell.strategy, cell.calls_of_poller)).collect();
        let told_of = |strategy| told.iter().find(|(told, _)| *told == strategy).map(|(_, calls)| *calls);
        assert_eq!(told.len(), 4);
        assert_eq!(told_of(Strategy::Poll), Some(1.0));
        assert_eq!(told_of(Strategy::Headstart), Some(0.5));
        assert_eq!(report.results[0].least_at, Some(Place { seed: 1, slot: 4 }));
    }

    #[test]
    fn a_wrong_late_or_missing_header_of_ours_breaks_the_promises_and_nobody_elses_does() {
        let kept = |strategy, value, answered_us, wrong: Option<&str>| {
            let mut sample = sample(strategy, value, answered_us);
            sample.answer.wrong = wrong.map(str::to_owned);
            report(&[sample]).promises_kept()
        };
        assert!(kept(Strategy::Headstart, Some(90), 950_000, None));
        assert!(!kept(Strategy::Headstart, Some(90), 950_001, None));
        assert!(!kept(Strategy::Headstart, None, 10, None));
        assert!(!kept(Strategy::Headstart, Some(90), 10, Some("signature")));
        assert!(kept(Strategy::PrefetchOnce, None, 10, None));
    }

    #[test]
    fn the_json_has_its_documented_keys() {
        let json = serde_json::to_value(report(&[sample(Strategy::Headstart, Some(90), 10)])).unwrap();
        assert_eq!(json["form"], 3);
        let cell = &json["results"][0];
        assert_eq!((&cell["relays"], &cell["strategy"]), (&"polling".into(), &"headstart".into()));
        for key in [
            "/of_reachable/mean",
            "/of_delivered/mean",
            "/of_fetched/mean",
            "/of_books/p5",
            "/answered_us/p99",
            "/calls/refused",
            "/calls/outside_slot",
            "/calls/of_relay/polled-30/most",
            "/least_at/seed",
        ] {
            assert!(cell.pointer(key).is_some_and(serde_json::Value::is_number), "{key} in {cell}");
        }
    }
}
