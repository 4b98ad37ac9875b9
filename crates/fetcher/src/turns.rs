//! Who goes first where only a few can go at once.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headstart_types::Wei;
use tokio::sync::oneshot;

/// A few turns at a time. Of those who wait the one with the most valuable bid gets the next, and of equals the first.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: BTreeMap<(Wei, Reverse<u64>), oneshot::Sender<Turn>>,
    came: u64,
}

/// Whoever has it may go; the next goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Turns);

impl Turns {
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: at_once, waiting: BTreeMap::new(), came: 0 })))
    }

    /// Waits until it is this bid's turn.
    pub(crate) async fn next(&self, value: Wei) -> Turn {
        let given = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Turn(self.clone());
            }
            let (give, given) = oneshot::channel();
            state.came += 1;
            let place = (value, Reverse(state.came));
            state.waiting.insert(place, give);
            given
        };
        // Whoever waits is in the list until it is given its turn.
        given.await.unwrap_or_else(|_| Turn(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.state();
            let next = state.waiting.pop_last();
            state.free += usize::from(next.is_none());
            next
        };
        if let Some((_, next)) = next {
            // One that waits no longer gives it back here, and so on to the next.
            drop(next.send(Self(self.0.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll(waiting: Pin<&mut impl Future<Output = Turn>>) -> Option<Turn> {
        match waiting.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Some(turn),
            Poll::Pending => None,
        }
    }

    #[test]
    fn the_most_valuable_goes_first_and_of_equals_the_one_who_came_first() {
        let turns = Turns::new(1);
        let first = poll(pin!(turns.next(Wei::new(1)))).unwrap();
        let mut waiting: Vec<_> = [5, 9, 9].map(|value| Box::pin(turns.next(Wei::new(value)))).into();
        assert!(waiting.iter_mut().all(|waiting| poll(waiting.as_mut()).is_none()));
        let mut turn = first;
        for place in [1, 2, 0] {
            drop(turn);
            turn = poll(waiting[place].as_mut()).unwrap();
        }
        drop(turn);
        assert!(poll(pin!(turns.next(Wei::ZERO))).is_some());
    }

    #[test]
    fn whoever_waits_no_longer_keeps_nobody_waiting() {
        let turns = Turns::new(1);
        let first = poll(pin!(turns.next(Wei::new(1)))).unwrap();
        let mut gone: Vec<_> = (10..60).map(|value| Box::pin(turns.next(Wei::new(value)))).collect();
        assert!(gone.iter_mut().all(|gone| poll(gone.as_mut()).is_none()));
        let mut last = pin!(turns.next(Wei::new(2)));
        assert!(poll(last.as_mut()).is_none());
        gone.truncate(1);
        drop(gone);
        drop(first);
        assert!(poll(last.as_mut()).is_some());
    }

    #[test]
    fn so_many_go_at_once() {
        let turns = Turns::new(2);
        let both = [poll(pin!(turns.next(Wei::ZERO))), poll(pin!(turns.next(Wei::ZERO)))];
        assert!(both.iter().all(Option::is_some));
        assert!(poll(pin!(turns.next(Wei::MAX))).is_none());
    }
}
