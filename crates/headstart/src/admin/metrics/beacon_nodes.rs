use std::fmt;

use headstart_auction::NodeReport;
use headstart_fetcher::Fetcher;

use super::figures::{Figures, label};

/// The beacon nodes that are followed, held against each other.
pub(super) fn show(fetcher: &Fetcher, figures: &mut Figures<'_>) -> fmt::Result {
    let reports = fetcher.beacon_nodes();
    let of_each = |figure: fn(&NodeReport) -> u64| {
        reports.iter().map(move |(node, report)| (label("node", node), figure(report)))
    };
    let leads = reports.iter().map(|(node, report)| (label("node", node), f64::from(u8::from(report.leads))));
    figures.gauges("beacon_node_leads", "1 for the node whose head auctions run on first.", leads)?;
    let states = reports.iter().map(|(node, report)| {
        let labels = [("node", node.as_str()), ("state", report.soundness.as_str())];
        (labels, 1.0)
    });
    figures.gauges(
        "beacon_node_state",
        "1, with how far the node is believed: sound, optimistic, syncing or silent.",
        states,
    )?;
    let first = of_each(|report| report.first);
    figures.counters("beacon_node_heads_first", "Heads that the node told before any other.", first)?;
    let followed = of_each(|report| report.followed);
    figures.counters("beacon_node_heads_after", "Heads that another node had told before.", followed)?;
    let lag = of_each(|report| report.followed_ms);
    figures.counters(
        "beacon_node_heads_lag_milliseconds",
        "How much later than the first node it told those, all together.",
        lag,
    )?;
    let dissents = of_each(|report| report.dissents);
    figures.counters("beacon_node_dissents", "Times that the node held to a head of its own.", dissents)?;
    let optimistic = of_each(|report| report.optimistic);
    figures.counters(
        "beacon_node_optimistic_heads",
        "Heads that the node's execution client had not checked.",
        optimistic,
    )?;
    let reorgs = of_each(|report| report.reorgs);
    figures.counters("beacon_node_reorgs", "Re-orgs that the node told of.", reorgs)
}
