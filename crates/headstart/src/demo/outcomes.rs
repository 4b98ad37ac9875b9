use std::collections::HashMap;

use headstart_bid_store::{AuctionEvent, AuctionEventKind};
use headstart_types::{Outcome, Slot};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

/// What became of each getHeader, in the service's own words.
pub(super) struct Outcomes {
    events: Receiver<AuctionEvent>,
    of_slots: HashMap<Slot, Vec<Outcome>>,
}

impl Outcomes {
    pub(super) fn new(events: Receiver<AuctionEvent>) -> Self {
        Self { events, of_slots: HashMap::new() }
    }

    /// Takes in what has happened; between two slots nobody may fall behind.
    pub(super) fn collect(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(AuctionEvent { key, what: AuctionEventKind::HeaderAnswered { outcome, .. }, .. }) => {
                    self.of_slots.entry(key.slot).or_default().push(outcome);
                }
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }

    pub(super) fn take(&mut self, slot: Slot) -> Vec<Outcome> {
        self.of_slots.remove(&slot).unwrap_or_default()
    }
}
