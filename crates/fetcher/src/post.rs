use std::future::{self, Future};
use std::pin::Pin;

use headstart_auction::{Change, LeaseAnswer, Tenure};
use headstart_bid_store::{BidStore, LeaseName};
use headstart_types::{AuctionKey, Clock};
use tokio::time;

/// One auction's lease, as this process has it: asks for it and renews it when the rules say so.
pub(crate) struct Post {
    tenure: Tenure,
    name: LeaseName,
    store: BidStore,
    clock: Clock,
    /// A renewal under way. It is kept here, so that whoever stops waiting for it does not begin it anew.
    asking: Option<Pin<Box<dyn Future<Output = LeaseAnswer> + Send>>>,
}

impl Post {
    /// Asks for the lease at once.
    pub(crate) async fn apply(store: &BidStore, key: AuctionKey, clock: Clock) -> Self {
        let (tenure, name) = (Tenure::new(clock.now()), LeaseName::Auction(key));
        let mut post = Self { tenure, name, store: store.clone(), clock, asking: None };
        if store.has_others() {
            post.turn().await;
        } else {
            post.tenure.heard(clock.now(), LeaseAnswer::Granted { fence: 0 });
        }
        post
    }

    pub(crate) fn leads(&self) -> bool {
        self.tenure.leads()
    }

    pub(crate) fn fence(&self) -> u64 {
        self.tenure.fence()
    }

    /// Waits until the lease is to be asked for, and asks. May be given up and taken up again.
    pub(crate) async fn turn(&mut self) -> Change {
        if !self.store.has_others() {
            return future::pending().await;
        }
        if self.asking.is_none() {
            time::sleep(self.clock.now().until(self.tenure.look_at())).await;
        }
        let (store, name) = (&self.store, self.name);
        let asking = self.asking.get_or_insert_with(|| {
            let store = store.clone();
            Box::pin(async move { store.lease(name).await })
        });
        let answer = asking.await;
        self.asking = None;
        self.tenure.heard(self.clock.now(), answer)
    }

    /// Lets others lead at once.
    pub(crate) async fn leave(self) {
        if self.leads() {
            self.store.release(&self.name).await;
        }
    }
}
