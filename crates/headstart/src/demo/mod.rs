//! The whole thing in one process, over real sockets: five relays, builders, a beacon node and three clusters of four
//! operators, with the service between them exactly as it runs in production.

mod administration;
mod cast;
mod introduction;
mod operator;
mod options;
mod outcomes;
mod row;
mod settings;
mod tally;
mod world;

use std::time::Duration;

use crate::{App, Shutdown, clock, commands};
use anyhow::Context;
use futures_util::future::join_all;
use headstart_types::Slot;

pub(crate) use options::Options;
pub(crate) use tally::Tally;

use administration::Member;
use operator::Operator;
use outcomes::Outcomes;
use world::World;

/// Slots before the first row, for the chain to get going and the service to learn duties and head.
const WARM_UP_SLOTS: u64 = 2;

/// Plays the demo, printing a row for each slot and a summary.
pub(crate) async fn play(options: Options) -> anyhow::Result<Tally> {
    let mut world = World::start(options).await?;
    let config = world.service_config()?;
    let handed_out = administration::administer(&config, &world).await?;
    let app = App::start(config, clock::SYSTEM).await?;
    let mut outcomes = Outcomes::new(app.store().watch());
    let url =
        format!("http://{}", app.builder_api_addr().context("serve beacon nodes: the demo has every role")?);
    let door = app.cluster_api_addr().context("find the clusters' door: it is not enabled")?;
    let door = format!("http://{door}");
    commands::print(&world.introduction(&url, &door))?;
    let shutdown = Shutdown::default();
    let service = tokio::spawn(app.run(shutdown.clone()));
    let operators = operators(&world, handed_out.members, &door)?;
    join_all(operators.iter().map(|(_, operator)| operator.register())).await;
    world.employ(operators)?;
    world.begin(&url, &handed_out.credential)?;

    commands::print(&row::heading())?;
    let mut tally = Tally::default();
    let first = Slot(world.slot_now().0 + WARM_UP_SLOTS);
    for slot in first.0..first.0 + options.slots {
        let proposals = world.live_through(Slot(slot)).await;
        outcomes.collect();
        let row = world.row(Slot(slot), proposals, &mut outcomes);
        commands::print(&row.to_string())?;
        tally.count(&row);
    }
    commands::print(&tally.summary(&world.counts))?;
    shutdown.hurry();
    // What the demo shows is on the screen; a slow drain is not worth waiting for.
    let _ = tokio::time::timeout(Duration::from_secs(2), service).await;
    Ok(tally)
}

/// Each member of each cluster, with its own way to the service.
fn operators(world: &World, members: Vec<Member>, door: &str) -> anyhow::Result<Vec<(usize, Operator)>> {
    let operator = |member: Member| {
        let place = member.cluster;
        let client = operator::client(member, &world.clusters[place].cluster.name, door)?;
        Ok((place, world.operator(place, client)))
    };
    members.into_iter().map(operator).collect()
}
