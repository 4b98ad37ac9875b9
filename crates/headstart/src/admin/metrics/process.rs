use std::fmt;

use headstart_bid_store::Condition;

use super::Sources;
use super::figures::{Figures, label};

/// The process itself.
pub(super) fn show(sources: &Sources, figures: &mut Figures<'_>) -> fmt::Result {
    let build = label("version", env!("CARGO_PKG_VERSION"));
    figures.gauges("build_info", "1, with the version that runs.", [(build, 1.0)])?;
    let stage = f64::from(sources.health.stage() as u8);
    figures.gauge("drain_state", "0 starting, 1 serving, 2 draining, 3 closed.", stage)?;
    let degraded = degraded_stores(sources);
    let degraded = degraded.iter().map(|(store, is)| (label("store", store), f64::from(u8::from(*is))));
    figures.gauges(
        "store_degraded",
        "1 while a store is away or refuses what is put there, and memory stands in for it.",
        degraded,
    )?;
    let refused = [(label("store", "redis"), sources.store.refused())];
    figures.counters("store_refused", "Calls that a store answered with an error.", refused)?;
    let restarts = sources.fetcher.supervisor().restarts().into_iter().chain(sources.registry.restarts());
    let restarts = restarts.map(|(task, restarts)| (label("task", task), restarts));
    figures.counters("task_restarts", "Tasks that panicked and were started again.", restarts)?;
    let connections = u32::try_from(sources.tally.connections()).unwrap_or(u32::MAX);
    figures.gauge("connections", "Connections of beacon nodes.", f64::from(connections))?;
    let depth = u32::try_from(sources.registry.spool_depth()).unwrap_or(u32::MAX);
    figures.gauge("spool_depth", "Records that wait for the database.", f64::from(depth))?;
    let dropped = [(label("store", "registry"), sources.registry.spool_dropped())];
    figures.counters(
        "spool_dropped",
        "Records that were lost because the spool was full or failed.",
        dropped,
    )?;
    figures.counter(
        "timeline_events_left_out",
        "Events of which `explain slot` does not tell: of too many auctions, or of far slots.",
        sources.fetcher.timelines_left_out(),
    )?;
    let offset = sources.health.clock_offset();
    let bounds = offset.into_iter().flat_map(|offset| {
        [("least", offset.least_ms), ("most", offset.most_ms)].map(|(bound, ms)| {
            let ms = i32::try_from(ms).unwrap_or(if ms < 0 { i32::MIN } else { i32::MAX });
            (label("bound", bound), f64::from(ms) / 1_000.0)
        })
    });
    figures.gauges("clock_offset_seconds", "By how much this machine's clock is ahead of others'.", bounds)
}

/// The stores that processes share, and whether each is away. Whoever adds a store adds it here.
fn degraded_stores(sources: &Sources) -> [(&'static str, bool); 2] {
    [
        ("redis", sources.store.condition() != Condition::Well),
        ("registry", sources.directory.is_database_away()),
    ]
}
