//! A sidecar for operators who change nothing: beside the cluster's own beacon node it watches duties and heads, and
//! pushes hints for the cluster's validators.
//!
//! Each source of news runs by itself and begins again after every failure; one loop owns the [`Plan`](plan::Plan) and
//! pushes what is due. Neither side need be there: what was not heard is pushed again.

mod chain;
mod duties;
mod news;
mod plan;
mod pushing;
mod validators;

use std::sync::Arc;

use headstart_beacon::BeaconNode;
use headstart_cluster_api::client::ClusterClient;
use headstart_types::{Clock, Network};
use tokio::sync::{mpsc, watch};

pub(crate) use news::{NEWS_MAX, News};
pub(crate) use pushing::{Pushed, Pushing};

/// What an agent works with.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) network: Arc<Network>,
    pub(crate) clock: Clock,
    pub(crate) beacon_node: BeaconNode,
    pub(crate) client: ClusterClient,
    /// When the cluster's beacon nodes ask for headers, in milliseconds into the slot.
    pub(crate) expected_ask_ms: Option<i64>,
    pub(crate) pushed: Arc<Pushed>,
}

impl Agent {
    /// Watches and pushes until the future is dropped.
    pub(crate) async fn run(self) {
        let (news, told) = mpsc::channel(NEWS_MAX);
        let (roots, head_roots) = watch::channel(Default::default());
        let Self { network, clock, beacon_node, client, expected_ask_ms, pushed } = self;
        let pushing = Pushing {
            network: Arc::clone(&network),
            clock,
            hints: client.push_hints(),
            expected_ask_ms,
            pushed,
        };
        tokio::join!(
            chain::follow(&beacon_node, &network, &news, roots),
            duties::follow(&beacon_node, &network, clock, &news, head_roots),
            validators::follow(&client, &news),
            pushing.run(told),
        );
    }
}
