//! The figures of one process, in Prometheus' text format. The rooms count for themselves; here they are only read, when
//! somebody asks.

mod beacon_nodes;
mod figures;
mod headers;
mod process;
mod relays;
mod value;

use std::fmt;
use std::sync::Arc;

use headstart_bid_store::BidStore;
use headstart_builder_api::Tally;
use headstart_fetcher::Fetcher;
use headstart_registry::LiveDirectory;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;

use super::Health;
use figures::Figures;

/// Where figures come from.
pub(crate) struct Sources {
    pub(crate) tally: Arc<Tally>,
    pub(crate) fetcher: Fetcher,
    pub(crate) directory: LiveDirectory,
    pub(crate) registry: headstart_registry::Registry,
    pub(crate) store: BidStore,
    pub(crate) health: Arc<Health>,
}

/// All figures, registered once.
pub(crate) struct Metrics(Registry);

impl Metrics {
    pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    pub(crate) fn new(sources: Sources) -> Self {
        let mut registry = Registry::with_prefix("headstart");
        registry.register_collector(Box::new(sources));
        Self(registry)
    }

    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0)?;
        Ok(text)
    }
}

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut figures = Figures(encoder);
        process::show(self, &mut figures)?;
        headers::show(&self.tally, &mut figures)?;
        value::show(&self.fetcher, &mut figures)?;
        relays::show(&self.fetcher, &mut figures)?;
        beacon_nodes::show(&self.fetcher, &mut figures)
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}
