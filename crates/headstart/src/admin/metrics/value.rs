use std::fmt;

use headstart_fetcher::Fetcher;
use prometheus_client::registry::Unit;

use super::figures::Figures;

/// What served headers were worth.
pub(super) fn show(fetcher: &Fetcher, figures: &mut Figures<'_>) -> fmt::Result {
    figures.spread(
        "value_share",
        "Value served, as a share of the best that relays gave when they were asked at that instant; of a sample.",
        None,
        &fetcher.regrets().shares(),
    )?;
    figures.spread(
        "bid_age",
        "From the ask that brought a bid until it was first served.",
        Some(&Unit::Seconds),
        &fetcher.regrets().ages(),
    )
}
