use std::collections::BTreeMap;

use anyhow::{Context, bail};
use clap::Args;
use headstart_auction::CallPolicy;
use headstart_registry::RelayRow;
use headstart_relay::{RelayUrl, TopBidUrl};

use super::list;
use crate::commands::desk::Desk;
use crate::slug;

#[derive(Debug, Args)]
pub(super) struct Add {
    /// What clusters and log lines call it: 1 to 63 of a-z, 0-9 and -.
    #[arg(value_parser = slug::parse)]
    name: String,
    /// `https://0x<public key>@host`: bids must be signed by this key.
    #[arg(long, value_name = "URL")]
    url: String,
    /// When it may be asked: mev-boost-relay, helix, ultrasound, aestus or bloxroute.
    #[arg(long, value_name = "POLICY", default_value = "mev-boost-relay", value_parser = policy)]
    policy: String,
    /// The earliest ask, in milliseconds relative to the start of the slot.
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    first_ms: Option<i32>,
    /// The relay's own cut-off.
    #[arg(long, value_name = "MS")]
    last_ms: Option<i32>,
    /// Between the starts of two asks.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..))]
    min_gap_ms: Option<u32>,
    /// Asks that may follow one another at once, one for each gap without an ask.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    burst: Option<u32>,
    /// Asks in one slot.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    calls_max: Option<u32>,
    /// Whether it only answers for the slot right after its head.
    #[arg(long, value_name = "true|false")]
    head_required: Option<bool>,
    /// Whether bids are taken from its header streams; by default for helix with an X-Api-Key.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    stream: Option<bool>,
    /// Where it announces its top bids: `wss://host/path`.
    #[arg(long, value_name = "URL", value_parser = top_bid_url)]
    top_bid_url: Option<String>,
    /// A further header of every call; its value is never shown. Repeat it for further ones.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
}

impl Add {
    pub(super) async fn run(&self, desk: &Desk) -> anyhow::Result<()> {
        let url: RelayUrl = self.url.parse().with_context(|| format!("add relay {}", self.name))?;
        let row = self.row(&url);
        let (preset, directory) = (CallPolicy::preset(&self.policy), desk.directory(&desk.rows().await?)?);
        let first_ms = row.first_ms.or(preset.map(|preset| preset.first_ms));
        if first_ms >= row.last_ms.or(preset.map(|preset| preset.last_ms)) {
            bail!("add relay {}: --first-ms must lie before --last-ms", self.name);
        }
        // The configuration file's relays are not in the database, which therefore cannot tell.
        if directory.relays().iter().any(|relay| relay.name == row.name || relay.id == row.id) {
            bail!(
                "add relay {}: another relay has its name or its URL; `headstart relay list` shows them",
                self.name
            );
        }
        desk.registry.add_relay(&desk.actor, desk.now, &row).await?;
        list::show(desk, &self.name, &format!("relay {} added", self.name)).await
    }

    fn row(&self, url: &RelayUrl) -> RelayRow {
        RelayRow {
            name: self.name.clone(),
            id: url.id(),
            url: self.url.clone(),
            headers: BTreeMap::from_iter(self.headers.clone()),
            policy: self.policy.clone(),
            first_ms: self.first_ms.map(i64::from),
            last_ms: self.last_ms.map(i64::from),
            min_gap_ms: self.min_gap_ms.map(i64::from),
            burst: self.burst,
            calls_max: self.calls_max,
            head_required: self.head_required,
            stream: self.stream,
            top_bid_url: self.top_bid_url.clone(),
        }
    }
}

fn policy(text: &str) -> Result<String, String> {
    let presets = CallPolicy::PRESETS.map(|(name, _)| name);
    if presets.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("write one of {}", presets.join(", ")))
    }
}

fn top_bid_url(text: &str) -> Result<String, String> {
    text.parse::<TopBidUrl>().map(|_| text.to_owned()).map_err(|error| format!("failed to {error}"))
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
