use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;

/// Bodies of registrations under way, from before they are read until they are answered: what they take of memory is
/// bounded, and one beacon node leaves room for the others.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    of_nodes: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
}

/// As long as this lives the place is taken.
pub(crate) type Place = Vec<OwnedSemaphorePermit>;

const BODIES_MAX: usize = 8;
const BODIES_OF_NODE_MAX: usize = 2;
/// Beacon nodes register once an epoch and all at the same time: the next one's turn comes soon.
const PATIENCE: Duration = Duration::from_secs(2);

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(BODIES_MAX)), of_nodes: Mutex::default() }
    }
}

impl Places {
    /// A place for a body of this beacon node; `None` when it does not get one in time. An open listener knows no nodes,
    /// so all who come there are bounded together.
    pub(crate) async fn wait(&self, beacon_node: Option<&Arc<str>>) -> Option<Place> {
        let of_node = beacon_node.map(|name| self.of_node(name));
        let waiting = async {
            let mut place = Vec::with_capacity(2);
            for semaphore in of_node.into_iter().chain([Arc::clone(&self.all)]) {
                place.push(semaphore.acquire_owned().await.ok()?);
            }
            Some(place)
        };
        time::timeout(PATIENCE, waiting).await.ok().flatten()
    }

    /// Only nodes that have a place or wait for one are remembered.
    fn of_node(&self, name: &Arc<str>) -> Arc<Semaphore> {
        let mut of_nodes = self.of_nodes.lock().unwrap_or_else(PoisonError::into_inner);
        of_nodes.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        let new = || Arc::new(Semaphore::new(BODIES_OF_NODE_MAX));
        Arc::clone(of_nodes.entry(Arc::clone(name)).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_beacon_node_cannot_take_every_place() {
        let places = Places::default();
        let (busy, other): (Arc<str>, Arc<str>) = ("busy".into(), "other".into());
        let mut taken = Vec::new();
        for _ in 0..BODIES_OF_NODE_MAX {
            taken.push(places.wait(Some(&busy)).await);
        }
        assert!(taken.iter().all(Option::is_some));
        let mut waiting = Box::pin(places.wait(Some(&busy)));
        assert!((&mut waiting).now_or_never().is_none(), "its next body waits");
        assert!(places.wait(Some(&other)).now_or_never().flatten().is_some(), "another node's does not");
        taken.pop();
        assert!(waiting.await.is_some(), "and has its turn");
        taken.clear();
        places.wait(Some(&other)).await;
        assert_eq!(places.of_nodes.lock().map(|nodes| nodes.len()).ok(), Some(1), "idle ones are forgotten");
    }

    #[tokio::test]
    async fn bodies_of_all_nodes_together_are_bounded() {
        let places = Places::default();
        let mut taken = Vec::new();
        for number in 0..BODIES_MAX {
            let name = format!("node {number}").into();
            taken.push(places.wait(Some(&name)).await);
        }
        assert!(places.wait(None).now_or_never().is_none());
        taken.pop();
        assert!(places.wait(None).now_or_never().flatten().is_some());
    }
}
