use std::fmt;

use headstart_builder_api::Took;
use headstart_fetcher::Spread;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Writes figures one after the other.
pub(super) struct Figures<'a>(pub(super) DescriptorEncoder<'a>);

impl Figures<'_> {
    /// What only grows; `_total` is added to its name.
    pub(super) fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(encoder)
    }

    /// What goes up and down.
    pub(super) fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, f64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let encoder = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(encoder)
    }

    /// Values between bounds, without a unit.
    pub(super) fn spread(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        spread: &Spread,
    ) -> fmt::Result {
        let mut encoder = self.0.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        let count = spread.buckets.iter().map(|(_, count)| count).sum();
        // The format writes an infinite bound for the greatest number there is.
        let buckets: Vec<_> =
            spread.buckets.iter().map(|(bound, count)| (bound.min(f64::MAX), *count)).collect();
        encoder.encode_histogram::<NoLabelSet>(spread.sum, count, &buckets, None)
    }

    pub(super) fn seconds(&mut self, name: &str, help: &str, took: &Took) -> fmt::Result {
        let mut encoder =
            self.0.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        // The format writes an infinite bound for the greatest number there is.
        let buckets: Vec<_> =
            took.buckets.iter().map(|(bound, count)| (bound.min(f64::MAX), *count)).collect();
        encoder.encode_histogram::<NoLabelSet>(took.sum_s, took.count, &buckets, None)
    }
}

/// One label.
pub(super) fn label<'a>(name: &'static str, value: &'a str) -> [(&'static str, &'a str); 1] {
    [(name, value)]
}
