use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_registry::Cluster;

/// How many streams each cluster holds open. Bounded by the clusters that have one.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: Mutex<HashMap<Arc<str>, u32>>,
}

/// One open stream of a cluster; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    cluster: Arc<str>,
}

impl Places {
    /// `None` when the cluster has as many streams open as it may.
    pub(crate) fn take(self: &Arc<Self>, cluster: &Cluster) -> Option<Place> {
        let mut taken = self.lock();
        let count = taken.get(&cluster.name).copied().unwrap_or(0);
        if count >= cluster.quotas.streams {
            return None;
        }
        taken.insert(Arc::clone(&cluster.name), count + 1);
        Some(Place { places: Arc::clone(self), cluster: Arc::clone(&cluster.name) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, u32>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(count) = taken.get_mut(&self.cluster) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.cluster);
            }
        }
    }
}
