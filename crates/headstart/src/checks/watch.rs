use std::sync::Arc;
use std::time::Duration;

use headstart_beacon::BeaconNode;
use headstart_fetcher::Fetcher;
use headstart_types::Clock;
use tokio::time;
use tracing::{info, warn};

use super::{Finding, Verdict, beacon_nodes, clock, descriptors, private_files, relays};
use crate::Config;
use crate::admin::Health;

/// How often the clock is looked at.
const AGAIN_AFTER: Duration = Duration::from_mins(5);

/// Looks at everything once while the service begins to serve, and at the clock from then on. Nothing waits for it: what is
/// not as it should be is warned of, and a relay without a good status is left alone until it has one.
pub(crate) async fn watch(
    config: Arc<Config>,
    fetcher: Fetcher,
    nodes: Vec<BeaconNode>,
    health: Arc<Health>,
    clock: Clock,
) {
    let known = fetcher.relays();
    let (probed, of_nodes) = tokio::join!(relays::check(&known), beacon_nodes::check(&config, &nodes));
    relays::away(&probed).for_each(|relay| fetcher.leave_alone(relay));
    tell(probed.into_iter().map(|(_, finding)| finding).chain(of_nodes));
    tell([descriptors::check(&config)].into_iter().chain(private_files::check(&config)));
    let mut last = Verdict::Ok;
    loop {
        let offset = clock::measure(&fetcher.relays(), &nodes, clock).await;
        health.set_clock_offset(offset);
        let finding = clock::judge(offset);
        if finding.status != last {
            last = finding.status;
            if last == Verdict::Ok {
                info!(seen = finding.seen, "the clock is right again");
            } else {
                tell([finding]);
            }
        }
        time::sleep(AGAIN_AFTER).await;
    }
}

fn tell(findings: impl IntoIterator<Item = Finding>) {
    for finding in findings.into_iter().filter(|finding| finding.status != Verdict::Ok) {
        let Finding { check, seen, remedy, .. } = finding;
        warn!(check, seen, remedy, "something is not as it should be");
    }
}
