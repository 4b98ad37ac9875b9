use std::time::Duration;

use futures_util::future::join_all;
use headstart_relay::Relay;
use headstart_types::RelayId;
use tokio::time::Instant;

use super::{Finding, Verdict};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether each relay has a good status, all at once.
pub(super) async fn check(relays: &[Relay]) -> Vec<(RelayId, Finding)> {
    join_all(relays.iter().map(async |relay| (relay.id(), one(relay).await))).await
}

async fn one(relay: &Relay) -> Finding {
    let began = Instant::now();
    let (status, name) = (relay.status(began + TIMEOUT).await, relay.name());
    match status {
        Ok(()) => Finding::ok("relay", format!("{name}: well, after {} ms", began.elapsed().as_millis())),
        Err(failure) => {
            let remedy =
                "correct its URL, or see whether this machine reaches it; until it answers it is left alone";
            Finding::warn("relay", format!("{name}: failed to {failure}"), remedy)
        }
    }
}

/// The relays that did not pass.
pub(super) fn away(findings: &[(RelayId, Finding)]) -> impl Iterator<Item = RelayId> {
    findings.iter().filter(|(_, finding)| finding.status != Verdict::Ok).map(|(relay, _)| *relay)
}
