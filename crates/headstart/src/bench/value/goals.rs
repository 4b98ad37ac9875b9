//! What headstart is meant to reach, for `--check`.

use super::cast::RelaySet;
use super::report::{Cell, Report};
use super::sample::Strategy;

/// Calls by those of the poller, at most.
const CALLS_OF_POLLER: f64 = 0.2;

/// The mean share of the delivered value that headstart is to capture with one relay set.
pub(super) fn share_with(relays: RelaySet) -> f64 {
    match relays {
        RelaySet::Polling | RelaySet::Mixed => 0.999,
        RelaySet::Streams => 0.9999,
    }
}

/// Every goal that headstart missed, with where it did.
pub(crate) fn missed_goals(report: &Report) -> Vec<String> {
    let ours = report.results.iter().filter(|cell| cell.strategy == Strategy::Headstart);
    let missed = ours.flat_map(|cell| missed_in(cell).into_iter().map(move |missed| (cell, missed)));
    missed.map(|(cell, missed)| format!("relays {}, {} ms: {missed}", cell.relays, cell.offset_ms)).collect()
}

fn missed_in(cell: &Cell) -> Vec<String> {
    let (goal, mean, calls) = (share_with(cell.relays), cell.of_delivered.mean, &cell.calls);
    let mut missed = Vec::new();
    if mean < goal {
        missed.push(format!("{mean:.6} of the delivered value, and not {goal}"));
    }
    if cell.calls_of_poller > CALLS_OF_POLLER {
        let part = cell.calls_of_poller;
        missed.push(format!("{part:.3} of the poller's calls, and not at most {CALLS_OF_POLLER}"));
    }
    if calls.refused > 0 {
        missed.push(format!("{} of {} calls refused", calls.refused, calls.total));
    }
    if cell.missed + cell.wrong > 0 {
        let (bad, auctions) = (cell.missed + cell.wrong, cell.auctions);
        missed.push(format!("{bad} of {auctions} headers missed or wrong"));
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::sample;
    use super::super::report::tests::report;
    use super::super::sample::{Sample, Tally};
    use super::*;

    /// What is told of headstart beside a poller with fifty calls to each of two relays.
    fn missed(change: impl FnOnce(&mut Sample)) -> Vec<String> {
        let [mut ours, mut poller] =
            [Strategy::Headstart, Strategy::Poll].map(|strategy| sample(strategy, Some(100), 10));
        ours.calls = Tally { of_relay: vec![10, 10], ..Tally::default() };
        poller.calls = Tally { of_relay: vec![50, 50], refused: 40, outside_slot: 40 };
        change(&mut ours);
        poller.set = ours.set;
        missed_goals(&report(&[ours, poller]))
    }

    #[test]
    fn the_goals_are_met_by_all_of_the_value_with_a_fifth_of_the_calls() {
        assert_eq!(missed(|_| ()), [""; 0]);
    }

    #[test]
    fn each_goal_that_is_missed_is_told_with_its_cell() {
        let told = |change: fn(&mut Sample)| match &missed(change)[..] {
            [told] => told.clone(),
            all => panic!("{all:?}"),
        };
        assert_eq!(
            told(|ours| ours.answer.value = Some(headstart_types::Wei::new(99))),
            "relays polling, 170 ms: 0.990000 of the delivered value, and not 0.999"
        );
        assert_eq!(
            told(|ours| ours.calls.of_relay[0] = 11),
            "relays polling, 170 ms: 0.210 of the poller's calls, and not at most 0.2"
        );
        assert_eq!(told(|ours| ours.calls.refused = 1), "relays polling, 170 ms: 1 of 20 calls refused");
        let late = told(|ours| ours.answer.answered_us = 950_001);
        assert_eq!(late, "relays polling, 170 ms: 1 of 1 headers missed or wrong");
        let wrong = told(|ours| ours.answer.wrong = Some("signature".to_owned()));
        assert_eq!(wrong, late);
    }

    #[test]
    fn what_was_delivered_counts_and_not_what_was_reachable_and_streams_bring_more_of_it() {
        let of = |set, delivered| {
            missed(|ours| {
                ours.set = set;
                ours.reachable = Some(headstart_types::Wei::new(200));
                ours.delivered = Some(headstart_types::Wei::new(delivered));
            })
        };
        assert_eq!(of(RelaySet::Polling, 100), [""; 0]);
        assert_eq!(of(RelaySet::Streams, 100), [""; 0]);
        assert_eq!(
            of(RelaySet::Streams, 101),
            ["relays streams, 170 ms: 0.990099 of the delivered value, and not 0.9999"]
        );
    }
}
