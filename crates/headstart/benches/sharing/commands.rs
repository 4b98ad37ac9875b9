//! What one auction asks of Redis: two processes with all roles, relays that are polled as in production, operators that
//! ask and propose in every slot of twelve seconds. Pings and this bench's own INFO do not count.

use std::collections::BTreeMap;
use std::time::Duration;

use headstart_types::Slot;
use tokio::{runtime, time};

use crate::chain::{Field, PROCESSES, RELAYS};
use crate::redis_server::RedisServer;
use crate::server::Server;

const AUCTIONS: u32 = 4;
const GENESIS_IN_MS: i64 = 14_000;
/// Before the lead of the first slot, when nothing is under way.
const IDLE_UNTIL: Duration = Duration::from_secs(4);
const IDLE_S: u32 = 5;
/// What keeps connections alive, and who asks for these figures.
const NOT_COUNTED: [&str; 2] = ["ping", "info"];

/// Calls by command, as the server counts them: what scripts call is counted beside the script itself.
type Calls = BTreeMap<String, u64>;

pub(crate) fn measure() {
    let server = Server::start();
    runtime::Runtime::new().unwrap().block_on(async {
        let idle = Duration::from_secs(IDLE_S.into());
        let field = Field::new(GENESIS_IN_MS).await;
        let mut play = field.play(&server.url()).await;
        field.before_genesis(IDLE_UNTIL + idle).await;
        let before = calls(&server.redis);
        time::sleep(idle).await;
        let idle = since(&calls(&server.redis), &before);
        let idle_each_s = sum(&idle) / f64::from(IDLE_S);
        field.quiet_of(Slot(0)).await;
        while play.proposals.try_recv().is_ok() {}
        let (before, sent) = (calls(&server.redis), server.redis.info("total_net_input_bytes"));
        field.quiet_of(Slot(u64::from(AUCTIONS))).await;
        let counted = since(&calls(&server.redis), &before);
        let bytes = server.redis.info("total_net_input_bytes") - sent;
        let mut served = 0;
        while let Ok(proposal) = play.proposals.try_recv() {
            served += u32::from(proposal.header.status == 200);
        }
        let each = sum(&counted) / f64::from(AUCTIONS);
        println!("  {PROCESSES} processes with all roles, {RELAYS} relays, {AUCTIONS} auctions, {served} headers served");
        println!("  idle: {idle_each_s:.1} commands/s ({})", listed(&idle, IDLE_S));
        println!("  one auction, in a slot of 12 s, idle commands included: {each:.0} commands, {} kB to the server",
            bytes / u64::from(AUCTIONS) / 1_000);
        println!("  by command: {}", listed(&counted, AUCTIONS));
        println!("  not counted: {}", NOT_COUNTED.join(", "));
    });
}

fn calls(server: &RedisServer) -> Calls {
    let stats = server.cli(&["INFO", "COMMANDSTATS"]);
    let calls = stats.lines().filter_map(|line| {
        let (name, figures) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), figures.split(',').next()?.parse().ok()?))
    });
    calls.filter(|(name, _)| !NOT_COUNTED.contains(&name.as_str())).collect()
}

fn since(after: &Calls, before: &Calls) -> Calls {
    let added = after.iter().map(|(name, calls)| (name.clone(), calls - before.get(name).unwrap_or(&0)));
    added.filter(|(_, calls)| *calls > 0).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn sum(calls: &Calls) -> f64 {
    calls.values().sum::<u64>() as f64
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn listed(calls: &Calls, among: u32) -> String {
    let each = calls.iter().map(|(name, calls)| format!("{name} {:.1}", *calls as f64 / f64::from(among)));
    each.collect::<Vec<_>>().join(", ")
}
