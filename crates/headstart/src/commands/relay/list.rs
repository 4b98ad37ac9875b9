use headstart_registry::{Directory, DirectoryRows, RelayEntry};
use headstart_relay::{RelayUrl, TopBidUrl};
use serde::Serialize;

use crate::commands::desk::Desk;
use crate::commands::table::{Table, list};

/// A relay of the catalogue; without what may be a credential.
#[derive(Serialize)]
struct RelayView {
    name: String,
    id: String,
    url: String,
    /// The configuration file declares it.
    declared: bool,
    first_ms: i64,
    last_ms: i64,
    min_gap_ms: i64,
    burst: u32,
    calls_max: u32,
    head_required: bool,
    stream: bool,
    top_bid_url: Option<String>,
    clusters: Vec<String>,
}

pub(super) async fn run(desk: &Desk) -> anyhow::Result<()> {
    let relays = all(desk).await?;
    desk.print(&relays, || table(&relays).or("no relays; `headstart relay add` adds one"))
}

/// The relay of that name, after a change.
pub(super) async fn show(desk: &Desk, name: &str, done: &str) -> anyhow::Result<()> {
    let relay: Vec<_> = all(desk).await?.into_iter().filter(|relay| relay.name == name).collect();
    desk.print(&relay.first(), || format!("{done}\n{}", table(&relay)))
}

async fn all(desk: &Desk) -> anyhow::Result<Vec<RelayView>> {
    let rows = desk.rows().await?;
    let directory = desk.directory(&rows)?;
    Ok(directory.relays().iter().map(|relay| view(relay, &directory, &rows)).collect())
}

fn view(relay: &RelayEntry, directory: &Directory, rows: &DirectoryRows) -> RelayView {
    let trusting = directory.clusters().filter(|cluster| cluster.policy.trusts(relay.id));
    let policy = relay.call_policy;
    RelayView {
        name: relay.name.clone(),
        id: relay.id.to_string(),
        // Its text shows the key and leaves out the query.
        url: relay.url.parse::<RelayUrl>().map_or_else(|_| String::new(), |url| url.to_string()),
        declared: rows.relays.iter().all(|row| row.id != relay.id),
        first_ms: policy.first_ms,
        last_ms: policy.last_ms,
        min_gap_ms: policy.min_gap_ms,
        burst: policy.burst,
        calls_max: policy.calls_max,
        head_required: policy.head_required,
        stream: relay.stream,
        // Its text leaves out the query too.
        top_bid_url: relay
            .top_bid_url
            .as_ref()
            .and_then(|url| url.parse::<TopBidUrl>().ok())
            .map(|url| url.to_string()),
        clusters: trusting.map(|cluster| cluster.name.to_string()).collect(),
    }
}

fn table(relays: &[RelayView]) -> Table {
    let mut table = Table::new([
        "relay", "from", "first", "last", "gap", "burst", "calls", "head", "streams", "clusters", "url",
    ]);
    for relay in relays {
        table.row([
            relay.name.clone(),
            if relay.declared { "file" } else { "database" }.to_owned(),
            format!("{} ms", relay.first_ms),
            format!("{} ms", relay.last_ms),
            format!("{} ms", relay.min_gap_ms),
            relay.burst.to_string(),
            relay.calls_max.to_string(),
            if relay.head_required { "required" } else { "no" }.to_owned(),
            streams(relay).to_owned(),
            list(&relay.clusters),
            relay.url.clone(),
        ]);
    }
    table
}

fn streams(relay: &RelayView) -> &'static str {
    match (relay.stream, relay.top_bid_url.is_some()) {
        (true, true) => "headers, top bids",
        (true, false) => "headers",
        (false, true) => "top bids",
        (false, false) => "no",
    }
}
