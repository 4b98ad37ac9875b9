//! The rooms of the upper floors, each with what it works with.

use std::sync::Arc;

use anyhow::Context;
use headstart_bid_store::BidStore;
use headstart_builder_api::{BuilderApi, Journal};
use headstart_cluster_api::DEFAULT_LANE_CAPACITY;
use headstart_fetcher::{Fetcher, Verifier};
use headstart_types::{Clock, Network};

use super::opening::Opened;
use crate::Config;
use crate::config::Role;

/// What every room of the upper floors is given.
pub(super) struct Wiring<'a> {
    pub(super) network: Arc<Network>,
    pub(super) clock: Clock,
    pub(super) opened: &'a Opened,
    pub(super) store: &'a BidStore,
}

impl Wiring<'_> {
    pub(super) fn fetcher(&self, config: &Config) -> anyhow::Result<Fetcher> {
        let settings = &config.fetcher;
        let cores = settings.verify_cores.or_else(available_cores).unwrap_or(1);
        let verifier = Verifier::new(cores).context("start the threads that verify bids")?;
        Ok(Fetcher::new(headstart_fetcher::Config {
            network: Arc::clone(&self.network),
            clock: self.clock,
            directory: self.opened.directory.clone(),
            registry: self.opened.registry.clone(),
            registrations: self.opened.registrations.clone(),
            deliveries: self.opened.deliveries.clone(),
            store: self.store.clone(),
            verifier,
            lead_ms: i64::from(settings.lead_ms),
            compared_percent: settings.compared_percent,
            prefetches: config.has_role(Role::Fetcher),
        }))
    }

    pub(super) fn builder_api(&self, fetcher: &Fetcher, journal: Journal) -> BuilderApi {
        BuilderApi::new(headstart_builder_api::Config {
            network: Arc::clone(&self.network),
            clock: self.clock,
            directory: self.opened.directory.clone(),
            store: self.store.clone(),
            fetcher: fetcher.clone(),
            journal,
        })
    }

    pub(super) fn cluster_api(&self, fetcher: &Fetcher, workers: usize) -> headstart_cluster_api::Config {
        headstart_cluster_api::Config {
            network: Arc::clone(&self.network),
            clock: self.clock,
            directory: self.opened.directory.clone(),
            registry: self.opened.registry.clone(),
            registrations: self.opened.registrations.clone(),
            deliveries: self.opened.deliveries.clone(),
            fetcher: fetcher.clone(),
            store: self.store.clone(),
            workers,
            lane_capacity: DEFAULT_LANE_CAPACITY,
        }
    }
}

fn available_cores() -> Option<usize> {
    std::thread::available_parallelism().ok().map(usize::from)
}
