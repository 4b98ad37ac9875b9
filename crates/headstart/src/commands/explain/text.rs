use std::fmt::Write;

use headstart_auction::TimingPreset;
use headstart_types::UnixMillis;

use super::view::{ClaimView, View};
use crate::commands::moment::utc;
use crate::commands::standing::RelayStanding;
use crate::commands::table::{NOTHING, Table, list};

pub(super) fn render(view: &View) -> String {
    let mut text = format!("validator {}\n", view.pubkey);
    if view.claims.is_empty() {
        text.push_str(
            "\nno cluster claims it, so nobody is served; `headstart validators import` claims it\n",
        );
    }
    for claim in &view.claims {
        text.push_str(&render_claim(claim));
    }
    if !view.suspended.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\nalso claimed by {}, which is suspended", list(&view.suspended));
    }
    text.push_str(&render_registration(view));
    text
}

fn render_claim(claim: &ClaimView) -> String {
    let (policy, sources) = (&claim.policy, &claim.sources);
    let mut table = Table::new(["  policy", "value", "from"]);
    for (key, value, from) in [
        ("relays", list(&policy.relays), sources.relays),
        ("min bid", format!("{} ETH", policy.min_bid_wei.eth()), sources.min_bid_wei),
        ("timing", policy.timing.map_or(NOTHING, TimingPreset::as_str).to_owned(), sources.timing),
        ("cutoff", policy.cutoff_text(), sources.cutoff_ms),
        ("expected ask", format!("{} ms", policy.expected_ask_ms), sources.expected_ask_ms),
        ("sticky", if policy.sticky { "yes" } else { "no" }.to_owned(), sources.sticky),
        ("sticky for", format!("{} ms", policy.sticky_ms), sources.sticky_ms),
        ("mode", policy.mode.to_string(), sources.mode),
    ] {
        table.row([format!("  {key}"), value, from.to_owned()]);
    }
    let (cluster, level) = (&claim.cluster, claim.level.as_str());
    format!("\ncluster {cluster} ({level}), asked for by {}\n{table}", askers(claim))
}

fn askers(claim: &ClaimView) -> String {
    let open = claim.open.then_some("whoever asks without a credential").into_iter().map(str::to_owned);
    let askers: Vec<_> = claim.beacon_nodes.iter().cloned().chain(open).collect();
    if askers.is_empty() { "nobody".to_owned() } else { askers.join(", ") }
}

fn render_registration(view: &View) -> String {
    let Some(registration) = &view.registration else {
        return "\nno registration on record: relays do not know where to pay it\n".to_owned();
    };
    let mut table = Table::new(["  relay", "state", "last fault"]);
    for RelayStanding { relay, state, fault } in &view.relays {
        table.row([
            format!("  {relay}"),
            (*state).to_owned(),
            fault.clone().unwrap_or_else(|| NOTHING.to_owned()),
        ]);
    }
    format!(
        "\nregistered {} UTC: fee recipient {}, gas limit {}\n{table}",
        utc(UnixMillis::from_seconds(registration.timestamp)),
        registration.fee_recipient,
        registration.gas_limit
    )
}
