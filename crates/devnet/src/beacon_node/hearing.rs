use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, sleep_until};

use super::State;
use crate::chain::{ChainBlock, Event};

/// What a beacon node hears of the chain: nodes of one chain hear the same at different moments, or not at all.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    delay: Duration,
    is_cut_off: bool,
    /// The newest block that it has heard of; `None` while that is always the chain's head.
    head: Option<ChainBlock>,
}

impl State {
    pub(super) fn head(&self) -> ChainBlock {
        self.controls().hearing.head.unwrap_or_else(|| self.chain.head())
    }

    pub(super) fn hear_after(&self, delay: Duration) {
        let head = self.head();
        let hearing = &mut self.controls().hearing;
        (hearing.delay, hearing.head) = (delay, Some(head));
    }

    pub(super) fn cut_off(&self) {
        self.cut_off_at(self.head());
    }

    pub(super) fn cut_off_at(&self, head: ChainBlock) {
        let hearing = &mut self.controls().hearing;
        (hearing.is_cut_off, hearing.head) = (true, Some(head));
    }

    /// Hears at once what it missed: the head, if it is another by now.
    pub(super) fn join_again(&self) {
        let (former, head) = (self.head(), self.chain.head());
        self.controls().hearing = Hearing::default();
        if former.root == head.root {
            return;
        }
        if self.chain.canonical_at(former.slot).is_none_or(|block| block.root != former.root) {
            self.tell(&Event::ChainReorg { depth: 1, old_head: former, new_head: head });
        }
        self.tell(&self.chain.head_event(head, former));
    }

    /// Takes what happens to the chain, each event in its own time, for as long as the chain lives.
    pub(super) async fn follow(self: Arc<Self>, mut happening: broadcast::Receiver<Event>) {
        let (heard, mut due) = mpsc::unbounded_channel();
        let hearing = async {
            loop {
                match happening.recv().await {
                    Ok(event) => {
                        if let Some(delay) = self.hearing_now() {
                            let _told_below = heard.send((Instant::now() + delay, event));
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        };
        let telling = async {
            while let Some((at, event)) = due.recv().await {
                sleep_until(at).await;
                self.take(&event);
            }
        };
        tokio::select! {
            () = hearing => {}
            () = telling => {}
        }
    }

    /// How much later it hears what happens now; `None` when it never does.
    fn hearing_now(&self) -> Option<Duration> {
        let controls = self.controls();
        (!controls.hearing.is_cut_off).then_some(controls.hearing.delay)
    }

    fn take(&self, event: &Event) {
        let mut controls = self.controls();
        if let (Event::Head { block, .. }, Some(head)) = (event, &mut controls.hearing.head) {
            *head = *block;
        }
        drop(controls);
        self.tell(event);
    }
}
