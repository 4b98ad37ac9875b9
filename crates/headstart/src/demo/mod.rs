//! The whole thing in one process, over real sockets: five relays, builders, a beacon node and three clusters, with the
//! service between them exactly as it runs in production.

mod cast;
mod options;
mod row;
mod tally;
mod world;

use std::collections::HashMap;
use std::time::Duration;

use headstart_builder_api::HeaderAnswered;
use headstart_devnet::Proposal;
use headstart_types::{Outcome, Slot};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::{App, clock, commands};

pub(crate) use options::Options;
pub(crate) use tally::Tally;

use row::Row;
use world::World;

/// Slots before the first row, for the chain to get going and the service to learn duties and head.
const WARM_UP_SLOTS: u64 = 2;

/// Plays the demo, printing a row for each slot and a summary.
pub(crate) async fn play(options: Options) -> anyhow::Result<Tally> {
    let mut world = World::start(options).await?;
    let app = App::start(world.service_config()?, clock::SYSTEM).await?;
    let mut answered = app.watch_headers();
    let url = format!("http://{}", app.builder_api_addr());
    commands::print(&world.introduction(&url))?;
    let stop = CancellationToken::new();
    let service = tokio::spawn(app.run(stop.clone()));
    world.begin(&url)?;

    commands::print(&row::heading())?;
    let (mut tally, mut outcomes) = (Tally::default(), HashMap::new());
    let first = Slot(world.slot_now().0 + WARM_UP_SLOTS);
    for slot in first.0..first.0 + options.slots {
        let proposal = world.live_through(Slot(slot)).await;
        collect(&mut answered, &mut outcomes);
        let row = world.row(Slot(slot), proposal, outcomes.remove(&Slot(slot)));
        commands::print(&row.to_string())?;
        tally.count(&row);
    }
    commands::print(&tally.summary())?;
    stop.cancel();
    // What the demo shows is on the screen; a slow drain is not worth waiting for.
    let _ = tokio::time::timeout(Duration::from_secs(2), service).await;
    Ok(tally)
}

/// The first outcome of each slot: what the beacon node met with when it asked.
fn collect(answered: &mut broadcast::Receiver<HeaderAnswered>, outcomes: &mut HashMap<Slot, Outcome>) {
    while let Ok(header) = answered.try_recv() {
        outcomes.entry(header.key.slot).or_insert(header.outcome);
    }
}

/// A duty and what came of it.
pub(crate) struct Played {
    pub(crate) proposal: Proposal,
    pub(crate) outcome: Option<Outcome>,
}

impl Row {
    /// Whether a header came from memory.
    fn is_hit(&self) -> bool {
        self.played.as_ref().is_some_and(|played| played.outcome == Some(Outcome::Hit))
    }
}
