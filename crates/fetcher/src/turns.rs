//! Lets bids that wait to be verified go one by one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_auction::{Came, Ticket, Unverified, VerifyQueue};
use tokio::sync::oneshot;

/// A queue with those who wait in it.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    queue: VerifyQueue,
    waiting: HashMap<Ticket, oneshot::Sender<Turn>>,
}

/// Whoever has it may verify its bid. When it is dropped, the next bid of the same relay may go.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    ticket: Ticket,
}

impl Turns {
    pub(crate) fn new(cores: usize) -> Self {
        Self(Arc::new(Mutex::new(State { queue: VerifyQueue::new(cores), waiting: HashMap::new() })))
    }

    /// Waits until it is this bid's turn; `None` when a newer one of the same relay takes its place.
    pub(crate) async fn next(&self, bid: Unverified) -> Option<Turn> {
        let given = {
            let mut state = self.state();
            match state.queue.come(bid) {
                Came::Goes(ticket) => return Some(self.turn(ticket)),
                Came::Overtaken => return None,
                Came::Waits { ticket, instead_of } => {
                    let (give, given) = oneshot::channel();
                    state.waiting.insert(ticket, give);
                    // Whoever is overtaken learns it by its sender being dropped.
                    instead_of.and_then(|overtaken| state.waiting.remove(&overtaken));
                    given
                }
            }
        };
        given.await.ok()
    }

    /// Lets the next go, if there is one.
    fn give(&self, next: impl FnOnce(&mut VerifyQueue) -> Option<Ticket>) {
        let next = {
            let mut state = self.state();
            next(&mut state.queue).and_then(|ticket| Some((state.waiting.remove(&ticket)?, ticket)))
        };
        if let Some((next, ticket)) = next {
            // One that waits no longer gives it back at once, and so on to the next.
            drop(next.send(self.turn(ticket)));
        }
    }

    fn turn(&self, ticket: Ticket) -> Turn {
        Turn { turns: self.clone(), ticket }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The bid needs no core any more.
    pub(crate) fn verified(&self) {
        self.turns.give(|queue| queue.verified(self.ticket));
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.turns.give(|queue| queue.done(self.ticket));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use headstart_auction::BidSource;
    use headstart_types::{AuctionKey, BlockHash, BlsPublicKey, RelayId, Slot, UnixMillis, Wei};

    use super::*;

    fn bid(relay: u64, asked_ms: i64) -> Unverified {
        let (parent_hash, proposer) = (BlockHash([1; 32].into()), BlsPublicKey::default());
        let lane = (AuctionKey { slot: Slot(7), parent_hash, proposer }, RelayId(relay));
        let (source, asked_at) = (BidSource::Answer, UnixMillis(asked_ms));
        Unverified { lane, source, asked_at, value: Wei::new(relay.into()), may_win: true }
    }

    fn poll<T>(waiting: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match waiting.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_next_goes_when_the_one_before_is_done() {
        let turns = Turns::new(1);
        let first = poll(pin!(turns.next(bid(1, 0)))).flatten().unwrap();
        let (mut second, mut third) = (pin!(turns.next(bid(2, 0))), pin!(turns.next(bid(3, 0))));
        assert!(poll(second.as_mut()).is_none() && poll(third.as_mut()).is_none());
        drop(first);
        assert!(poll(second.as_mut()).is_none(), "the more valuable one goes");
        let turn = poll(third.as_mut()).flatten().unwrap();
        drop(turn);
        assert!(poll(second.as_mut()).flatten().is_some());
    }

    #[test]
    fn whoever_is_overtaken_is_told() {
        let turns = Turns::new(1);
        let going = poll(pin!(turns.next(bid(1, 0)))).flatten();
        let mut waiting = pin!(turns.next(bid(1, 10)));
        assert!(poll(waiting.as_mut()).is_none());
        let mut newer = pin!(turns.next(bid(1, 20)));
        assert!(poll(newer.as_mut()).is_none());
        assert!(poll(waiting.as_mut()).is_some_and(|turn| turn.is_none()));
        drop(going);
        assert!(poll(newer.as_mut()).flatten().is_some());
    }

    #[test]
    fn whoever_waits_no_longer_keeps_nobody_waiting() {
        let turns = Turns::new(1);
        let first = poll(pin!(turns.next(bid(1, 0)))).flatten();
        let mut gone: Vec<_> = (10..60).map(|relay| Box::pin(turns.next(bid(relay, 0)))).collect();
        assert!(gone.iter_mut().all(|gone| poll(gone.as_mut()).is_none()));
        let mut last = pin!(turns.next(bid(2, 0)));
        assert!(poll(last.as_mut()).is_none());
        drop((gone, first));
        assert!(poll(last.as_mut()).flatten().is_some());
    }
}
