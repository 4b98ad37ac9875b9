//! The report as a picture: how much of the value each strategy captured, and what it asked of relays. SVG with its own
//! style, so that it is readable on light and on dark pages.

use std::fmt::Write;

use super::cast::RelaySet;
use super::goals::share_with;
use super::report::{Cell, Report};
use super::sample::Strategy;

const WIDTH: f64 = 860.0;
const PANEL_HEIGHT: f64 = 250.0;
const TOP: f64 = 84.0;
const BETWEEN: f64 = 86.0;
const VALUE: (f64, f64) = (70.0, 500.0);
const CALLS: (f64, f64) = (580.0, 840.0);
/// Nines of the value axis: 0, 0.9, 0.99, 0.999, 0.9999 and all.
const NINES: f64 = 5.0;

const STYLE: &str = "<style>
text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-size:16px;font-weight:600}.small{font-size:11px;fill:#57606a}
.page{fill:#fff}.grid{stroke:#d0d7de}.aim{stroke:#57606a;stroke-dasharray:5 4}.line{fill:none;stroke-width:2.2}
.sidecar .mark{fill:#9a6700}.prefetch-once .mark{fill:#cf222e}.poll-50ms .mark{fill:#0969da}.headstart .mark{fill:#1a7f37}
.sidecar .line{stroke:#9a6700}.prefetch-once .line{stroke:#cf222e}.poll-50ms .line{stroke:#0969da}.headstart .line{stroke:#1a7f37}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.small{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#3d444d}.aim{stroke:#9198a1}
.sidecar .mark{fill:#d29922}.prefetch-once .mark{fill:#ff7b72}.poll-50ms .mark{fill:#79c0ff}.headstart .mark{fill:#56d364}
.sidecar .line{stroke:#d29922}.prefetch-once .line{stroke:#ff7b72}.poll-50ms .line{stroke:#79c0ff}.headstart .line{stroke:#56d364}
}
</style>";

/// A picture with a row for each relay set.
pub(crate) fn svg(report: &Report) -> String {
    let mut sets: Vec<_> = report.results.iter().map(|cell| cell.relays).collect();
    sets.dedup();
    #[expect(clippy::cast_precision_loss, reason = "a few rows")]
    let height = TOP + sets.len() as f64 * (PANEL_HEIGHT + BETWEEN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"value captured and relay calls of four strategies\">\n{STYLE}\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    write_text(&mut svg, (20.0, 28.0), "title", "start", "What the served bid was worth");
    legend(&mut svg);
    let mut top = TOP;
    for set in sets {
        let cells: Vec<_> = report.results.iter().filter(|cell| cell.relays == set).collect();
        value_panel(&mut svg, top, set, &cells);
        calls_panel(&mut svg, top, &cells);
        top += PANEL_HEIGHT + BETWEEN;
    }
    svg.push_str("</svg>\n");
    svg
}

fn legend(svg: &mut String) {
    let mut x = 20.0;
    for strategy in Strategy::ALL {
        let _ = writeln!(
            svg,
            "<g class=\"{strategy}\"><rect class=\"mark\" x=\"{x}\" y=\"42\" width=\"12\" height=\"12\"/></g>"
        );
        write_text(svg, (x + 18.0, 53.0), "", "start", strategy.as_str());
        x += 130.0;
    }
}

/// Captured value by offset, each further nine as far above the last one.
fn value_panel(svg: &mut String, top: f64, set: RelaySet, cells: &[&Cell]) {
    let (left, right) = VALUE;
    let heading = format!("relays {set}: share of the delivered value (mean), by the moment of asking");
    write_text(svg, (left - 50.0, top + 10.0), "", "start", &heading);
    let bottom = top + PANEL_HEIGHT;
    let height = |share: f64| bottom - nines(share) / NINES * (PANEL_HEIGHT - 30.0);
    for label in ["0", "0.9", "0.99", "0.999", "0.9999", "1"] {
        let y = height(label.parse().unwrap_or(0.0));
        let class = if label == share_with(set).to_string() { "aim" } else { "grid" };
        write_line(svg, class, (left, y), (right, y));
        write_text(svg, (left - 6.0, y + 4.0), "small", "end", label);
    }
    let offsets = offsets(cells);
    let at = |place: usize| left + 30.0 + spread(place, offsets.len()) * (right - left - 60.0);
    for (place, offset_ms) in offsets.iter().enumerate() {
        write_text(svg, (at(place), bottom + 18.0), "small", "middle", &format!("{offset_ms} ms"));
    }
    for strategy in Strategy::ALL {
        let points: Vec<_> = offsets
            .iter()
            .enumerate()
            .filter_map(|(place, offset_ms)| {
                let cell = find(cells, *offset_ms, strategy)?;
                Some((at(place), height(cell.of_delivered.mean)))
            })
            .collect();
        write_curve(svg, strategy, &points);
    }
}

/// Calls of one relay in one auction, by offset.
fn calls_panel(svg: &mut String, top: f64, cells: &[&Cell]) {
    let (left, right) = CALLS;
    let bottom = top + PANEL_HEIGHT;
    write_text(svg, (left - 30.0, top + 10.0), "", "start", "calls of one relay in one auction (mean)");
    let most = cells.iter().map(|cell| cell.calls.mean).fold(1.0, f64::max);
    write_line(svg, "grid", (left, bottom), (right, bottom));
    let offsets = offsets(cells);
    #[expect(clippy::cast_precision_loss, reason = "a few offsets")]
    let room = (right - left) / offsets.len().max(1) as f64;
    let bar = room / 5.0;
    let mut x = left;
    for offset_ms in offsets {
        for (strategy, x) in Strategy::ALL.into_iter().zip((0..).map(|place| x + f64::from(place) * bar)) {
            let Some(cell) = find(cells, offset_ms, strategy) else { continue };
            let tall = cell.calls.mean / most * (PANEL_HEIGHT - 50.0);
            let y = bottom - tall;
            let _ = writeln!(
                svg,
                "<g class=\"{strategy}\"><rect class=\"mark\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"/></g>",
                bar - 2.0
            );
            write_text(svg, (x + bar / 2.0, y - 4.0), "small", "middle", &format!("{:.0}", cell.calls.mean));
        }
        write_text(svg, (x + 2.0 * bar, bottom + 18.0), "small", "middle", &format!("{offset_ms} ms"));
        x += room;
    }
}

/// How many nines a share begins with, and what there is of the next one.
fn nines(share: f64) -> f64 {
    (-(1.0 - share).max(0.0).log10()).clamp(0.0, NINES)
}

/// Places from 0 to 1; one alone stands in the middle.
#[expect(clippy::cast_precision_loss, reason = "a few places")]
fn spread(place: usize, places: usize) -> f64 {
    if places < 2 { 0.5 } else { place as f64 / (places - 1) as f64 }
}

fn offsets(cells: &[&Cell]) -> Vec<i64> {
    let mut offsets: Vec<_> = cells.iter().map(|cell| cell.offset_ms).collect();
    offsets.sort_unstable();
    offsets.dedup();
    offsets
}

fn find<'a>(cells: &[&'a Cell], offset_ms: i64, strategy: Strategy) -> Option<&'a Cell> {
    cells.iter().find(|cell| (cell.offset_ms, cell.strategy) == (offset_ms, strategy)).copied()
}

fn write_curve(svg: &mut String, strategy: Strategy, points: &[(f64, f64)]) {
    let path: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(svg, "<g class=\"{strategy}\"><polyline class=\"line\" points=\"{}\"/>", path.join(" "));
    for (x, y) in points {
        let _ = writeln!(svg, "<circle class=\"mark\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
    }
    svg.push_str("</g>\n");
}

fn write_line(svg: &mut String, class: &str, (from_x, from_y): (f64, f64), (to_x, to_y): (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{from_x:.1}\" y1=\"{from_y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\"/>"
    );
}

/// All texts are our own: no character of theirs needs escaping.
fn write_text(svg: &mut String, (x, y): (f64, f64), class: &str, anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::tests::sample;
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn each_strategy_has_a_curve_and_a_bar_within_the_picture() {
        let svg = svg(&report(&Strategy::ALL.map(|strategy| sample(strategy, Some(99), 20))));
        for strategy in Strategy::ALL {
            assert!(svg.matches(&format!("<g class=\"{strategy}\">")).count() == 3, "{strategy}: {svg}");
        }
        let numbers =
            svg.split("y=\"").skip(1).filter_map(|rest| rest.split('"').next()?.parse::<f64>().ok());
        assert!(numbers.into_iter().all(|y| (0.0..=TOP + PANEL_HEIGHT + BETWEEN).contains(&y)), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn each_nine_is_a_step_and_all_is_the_top() {
        for (share, step) in [(0.0, 0.0), (0.9, 1.0), (0.99, 2.0), (0.999, 3.0), (1.0, NINES), (1.5, NINES)] {
            assert!((nines(share) - step).abs() < 1e-9, "{share}");
        }
    }
}
