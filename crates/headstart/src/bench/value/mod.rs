//! What the served bid was worth: a devnet in real milliseconds, in which four strategies are asked for the same headers
//! at the same moments, each before relays of its own with the same books.
//!
//! What is best at an instant is computed from the market and not from what anybody saw. Three figures stand beside each
//! other: what an answer could have carried here by the instant of asking ([`field::Field::reachable`]), what could
//! have been here long enough to be verified ([`field::Field::delivered`]), and what stood in the relays' books at that
//! instant ([`field::Field::in_books`]).

mod aggregate;
mod baseline;
mod cast;
mod field;
mod goals;
mod group;
mod held;
mod lateness;
mod options;
mod plot;
mod report;
mod sample;
mod seeds;
mod service;
mod text;
mod world;

use std::sync::Arc;

use anyhow::Context;
use headstart_devnet::Recording;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

pub(crate) use goals::missed_goals;
pub(crate) use options::Options;
pub(crate) use plot::svg;
pub(crate) use report::Report;
pub(crate) use text::text;

use crate::commands;
use cast::RelaySet;
use lateness::Lateness;
use sample::Sample;
use world::{Plan, World};

/// Plays every seed with every relay set, some of them side by side, and tells the progress on standard error.
pub(crate) async fn play(options: Options) -> anyhow::Result<Report> {
    let recording = options.curve.as_deref().map(read_curve).transpose()?;
    let lateness = Arc::new(Lateness::default());
    let waiting: Vec<_> = options.games().into_iter().rev().collect();
    commands::tell(&format!("headstart bench value: {}\n", options.estimate()));
    let waiting = Arc::new(Mutex::new(waiting));
    let mut players = JoinSet::new();
    for player in 0..options.concurrent {
        let (options, waiting) = (options.clone(), Arc::clone(&waiting));
        let (recording, lateness) = (recording.clone(), Arc::clone(&lateness));
        players.spawn(async move {
            let mut samples = Vec::new();
            while let Some((set, seed)) = next(&waiting).await {
                let (options, recording) = (options.clone(), recording.clone());
                let plan = Plan { set, seed, player, options, recording, lateness: Arc::clone(&lateness) };
                samples.extend(one(plan).await?);
            }
            anyhow::Ok(samples)
        });
    }
    let mut samples = Vec::new();
    while let Some(player) = players.join_next().await {
        samples.extend(player.context("play a seed")??);
    }
    Ok(Report::new(&options, &samples, &lateness))
}

async fn next(waiting: &Mutex<Vec<(RelaySet, u64)>>) -> Option<(RelaySet, u64)> {
    waiting.lock().await.pop()
}

async fn one(plan: Plan) -> anyhow::Result<Vec<Sample>> {
    let (set, seed) = (plan.set, plan.seed);
    let world = World::start(plan).await.with_context(|| format!("set up seed {seed}"))?;
    let samples = Box::pin(world.play()).await;
    commands::tell(&format!("seed {seed}, relays {set}: {} answers measured\n", samples.len()));
    Ok(samples)
}

fn read_curve(file: &std::path::Path) -> anyhow::Result<Arc<Recording>> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("read {shown}, which --curve names: give a file that is there"))?;
    let recording =
        Recording::parse(&text).with_context(|| format!("use {shown}, which --curve names, as bids"))?;
    Ok(Arc::new(recording))
}
