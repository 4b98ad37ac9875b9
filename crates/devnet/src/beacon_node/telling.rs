use super::events::Told;
use super::{BeaconBehaviour, State};
use crate::chain::Event;

/// What a beacon node tells of what it hears, and in which order.
#[derive(Debug, Default)]
pub(super) struct Telling {
    pub(super) announces_nothing: bool,
    pub(super) heads_before_reorgs: bool,
    /// Waits for the head that it led to.
    reorg: Option<Event>,
}

impl State {
    pub(super) fn tell(&self, event: &Event) {
        for event in self.controls().telling.in_order(event) {
            let is_optimistic = self.behaviour() == BeaconBehaviour::Optimistic;
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
