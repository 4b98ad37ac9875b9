use super::events::Told;
use super::{BeaconBehaviour, BeaconNode, State};
use crate::chain::Event;

/// What a beacon node tells of what it hears, and in which order.
#[derive(Debug, Default)]
pub(super) struct Telling {
    pub(super) announces_nothing: bool,
    pub(super) heads_before_reorgs: bool,
    /// Waits for the head that it led to.
    reorg: Option<Event>,
}

impl BeaconNode {
    /// From now on it tells of a re-org after the head that it led to, as Lighthouse does, and not before.
    pub fn tell_heads_before_reorgs(&self) {
        self.state.controls().telling.heads_before_reorgs = true;
    }

    /// From now on it announces no payloads, as a node does to which no validator of the next slot is attached.
    pub fn announce_nothing(&self) {
        self.state.controls().telling.announces_nothing = true;
    }
}

impl State {
    pub(super) fn tell(&self, event: &Event) {
        let is_optimistic = self.behaviour() == BeaconBehaviour::Optimistic;
        // The lock is let go before anybody is told.
        let events = self.controls().telling.in_order(event);
        for event in events {
            let _nobody_listens = self.events.send(Told::new(&self.chain, &event, is_optimistic));
        }
    }
}

impl Telling {
    /// What is told now that `event` happens.
    fn in_order(&mut self, event: &Event) -> Vec<Event> {
        match event {
            Event::PayloadAttributes(_) if self.announces_nothing => Vec::new(),
            Event::ChainReorg { .. } if self.heads_before_reorgs => {
                self.reorg = Some(event.clone());
                Vec::new()
            }
            Event::Head { .. } => std::iter::once(event.clone()).chain(self.reorg.take()).collect(),
            Event::PayloadAttributes(_) | Event::ChainReorg { .. } => vec![event.clone()],
        }
    }
}
