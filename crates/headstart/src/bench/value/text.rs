//! The report for people.

use std::fmt::Write;

use super::aggregate::Spread;
use super::report::{Cell, Played, Report};
use super::sample::Strategy;
use crate::commands::table::Table;

/// Definitions, what was played, and a table for each relay set.
pub(crate) fn text(report: &Report) -> String {
    let mut text = String::new();
    // A string takes all.
    let _ = writeln!(text, "{}\n", played(&report.played));
    for (word, meaning) in &report.definitions {
        let _ = writeln!(text, "{word}: {meaning}");
    }
    let late = report.late_us;
    let _ = writeln!(
        text,
        "\nthis machine woke whoever had to ask {} late at the median, {} at the 99th percentile, {} at worst",
        time(late.median),
        time(late.p99),
        time(late.max),
    );
    let mut sets: Vec<_> = report.results.iter().map(|cell| cell.relays).collect();
    sets.dedup();
    for set in sets {
        let _ = writeln!(text, "\nrelays {set}: {}", round_trips(set));
        let cells = report.results.iter().filter(|cell| cell.relays == set);
        let _ = write!(text, "{}", table(cells.clone()));
        for cell in cells.filter(|cell| cell.strategy == Strategy::Headstart) {
            let _ = writeln!(text, "{}", calls(cell));
        }
    }
    text
}

/// The calls of each relay, so that it can be seen which one got too many.
fn calls(cell: &Cell) -> String {
    let of_relay = cell.calls.of_relay.iter().map(|(name, Spread { least, most })| {
        if least == most { format!("{name} {most}") } else { format!("{name} {least} to {most}") }
    });
    format!(
        "calls of {} in one auction, asked at {} ms: {}; outside the slot to relays that answer one call in it: {}",
        cell.strategy,
        cell.offset_ms,
        of_relay.collect::<Vec<_>>().join(", "),
        cell.calls.outside_slot
    )
}

fn played(played: &Played) -> String {
    let Played { seeds, slots, warm_up, slot_ms, jitter_ms, curve, told, .. } = played;
    let curve = curve.as_deref().unwrap_or("generated");
    let told = if *told { "told when it is asked" } else { "not told when it is asked" };
    format!(
        "seeds {seeds}, {slots} slots of {slot_ms} ms each after {warm_up} to warm up; asked within {jitter_ms} ms of \
         the offset; bids {curve}; headstart is {told}"
    )
}

fn round_trips(set: super::cast::RelaySet) -> String {
    set.cast().into_iter().map(|cast| cast.name).collect::<Vec<_>>().join(", ")
}

fn table<'a>(cells: impl Iterator<Item = &'a Cell>) -> Table {
    let mut table = Table::new([
        "offset",
        "strategy",
        "auctions",
        "reachable",
        "p5",
        "least",
        "above",
        "delivered",
        "fetched",
        "books",
        "p5",
        "least",
        "answered",
        "p99",
        "max",
        "calls",
        "max",
        "poller",
        "refused",
        "missed",
        "wrong",
    ]);
    for cell in cells {
        let (reachable, books, took) = (cell.of_reachable, cell.of_books, cell.answered_us);
        table.row([
            format!("{} ms", cell.offset_ms),
            cell.strategy.to_string(),
            cell.auctions.to_string(),
            share(reachable.mean),
            share(reachable.p5),
            share(reachable.least),
            reachable.above.to_string(),
            share(cell.of_delivered.mean),
            cell.of_fetched.map_or_else(|| "-".to_owned(), |fetched| share(fetched.mean)),
            share(books.mean),
            share(books.p5),
            share(books.least),
            time(took.median),
            time(took.p99),
            time(took.max),
            format!("{:.1}", cell.calls.mean),
            cell.calls.max.to_string(),
            format!("{:.2}", cell.calls_of_poller),
            cell.calls.refused.to_string(),
            cell.missed.to_string(),
            cell.wrong.to_string(),
        ]);
    }
    table
}

/// Cut and not rounded, so that nothing looks better than it is.
fn share(share: f64) -> String {
    format!("{:.4}", (share * 10_000.0).floor() / 10_000.0)
}

fn time(us: u64) -> String {
    if us < 10_000 { format!("{us} us") } else { format!("{} ms", us / 1000) }
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::sample;
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_strategy_and_the_definitions_stand_above() {
        let told = text(&report(&Strategy::ALL.map(|strategy| sample(strategy, Some(99), 20))));
        for strategy in Strategy::ALL {
            let line = told.lines().find(|line| line.starts_with(&format!("170 ms  {strategy} ")));
            assert!(line.is_some_and(|line| line.contains("0.9900")), "{told}");
        }
        for word in ["reachable: the best bid that any answer could have carried", "delivered: the best bid"]
        {
            assert!(told.contains(word), "{told}");
        }
    }

    #[test]
    fn below_the_table_stands_how_often_headstart_called_each_relay() {
        let mut samples = [Some(99), Some(98)].map(|value| sample(Strategy::Headstart, value, 20));
        samples[1].calls.of_relay = vec![2, 7];
        let told = text(&report(&samples));
        assert!(told.contains("asked at 170 ms: polled-30 2, polled-60 4 to 7; outside"), "{told}");
    }

    #[test]
    fn a_share_is_never_rounded_up_to_what_it_is_not() {
        assert_eq!(share(0.99999), "0.9999");
        assert_eq!(share(1.0), "1.0000");
        assert_eq!([time(9_999), time(20_500)], ["9999 us", "20 ms"]);
    }
}
