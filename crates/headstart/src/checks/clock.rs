//! How far this machine's clock is off, as far as the `Date` of others' answers can tell.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, join_all};
use headstart_auction::{DateSample, OffsetBounds};
use headstart_beacon::BeaconNode;
use headstart_relay::Relay;
use headstart_types::{Clock, UnixMillis};
use tokio::time::{self, Instant};

use super::Finding;

/// Headers are cut off early or late by as much.
const WARN_MS: i64 = 200;
/// Slots are mistaken, and tokens and registrations refused.
const FAIL_MS: i64 = 1_000;
/// So many questions, so far apart: they meet a second at its different parts.
const SAMPLES: usize = 5;
const APART: Duration = Duration::from_millis(210);
const TIMEOUT: Duration = Duration::from_secs(1);
/// More of them would say no more.
const SERVERS_MAX: usize = 12;

/// The verdict goes by what is certain, and a clock that nobody told anything about is believed.
pub(crate) fn judge(offset: Option<OffsetBounds>) -> Finding {
    const REMEDY: &str = "synchronise this machine's clock with chrony or ntpd";
    let Some(offset) = offset else { return Finding::ok("clock", "not measured: nobody told the time") };
    let OffsetBounds { least_ms, most_ms, servers } = offset;
    let seen = format!("{least_ms} to {most_ms} ms ahead, by the word of {servers}");
    match offset.wrong_by_ms() {
        wrong_by if wrong_by > FAIL_MS => Finding::fail("clock", seen, REMEDY),
        wrong_by if wrong_by > WARN_MS => Finding::warn("clock", seen, REMEDY),
        _ => Finding::ok("clock", seen),
    }
}

/// Asks relays and beacon nodes what time it is; `None` when nobody says.
pub(super) async fn measure(relays: &[Relay], nodes: &[BeaconNode], clock: Clock) -> Option<OffsetBounds> {
    let of_relays =
        relays.iter().map(|relay| samples(clock, move || relay.date(Instant::now() + TIMEOUT).boxed()));
    let of_nodes =
        nodes.iter().map(|node| samples(clock, move || node.date(Instant::now() + TIMEOUT).boxed()));
    let all = of_nodes.map(FutureExt::boxed).chain(of_relays.map(FutureExt::boxed)).take(SERVERS_MAX);
    let samples = join_all(all.collect::<Vec<_>>()).await;
    let bounds: Vec<_> = samples.iter().filter_map(|samples| OffsetBounds::of_server(samples)).collect();
    OffsetBounds::agreed(&bounds)
}

async fn samples<'a>(clock: Clock, ask: impl Fn() -> BoxFuture<'a, Option<UnixMillis>>) -> Vec<DateSample> {
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let sent = clock.now();
        let Some(date) = ask().await else { break };
        samples.push(DateSample { sent, received: clock.now(), date });
        time::sleep(APART).await;
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn only_a_clock_that_is_certainly_wrong_is_blamed() {
        let verdict = |least_ms, most_ms| judge(Some(OffsetBounds { least_ms, most_ms, servers: 3 })).status;
        assert_eq!(judge(None).status, Verdict::Ok);
        assert_eq!(verdict(-900, 900), Verdict::Ok);
        assert_eq!(verdict(200, 400), Verdict::Ok);
        assert_eq!(verdict(201, 400), Verdict::Warn);
        assert_eq!(verdict(-5_000, -201), Verdict::Warn);
        assert_eq!(verdict(1_001, 2_000), Verdict::Fail);
        assert_eq!(verdict(-9_000, -1_001), Verdict::Fail);
    }
}
