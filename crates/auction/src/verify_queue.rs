use std::cmp::Reverse;
use std::collections::BTreeMap;

use headstart_types::{AuctionKey, RelayId, UnixMillis, Wei};

/// How a bid came here. What a relay's stream brings and what it answers do not overtake each other: both are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BidSource {
    Answer,
    Stream,
    OtherProcess,
}

/// A relay's part in one auction.
pub type Lane = (AuctionKey, RelayId);

/// A bid that wants to be verified, and what it claims to be worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unverified {
    pub lane: Lane,
    pub source: BidSource,
    pub asked_at: UnixMillis,
    pub value: Wei,
}

/// Tells those who wait apart.
pub type Ticket = u64;

/// What becomes of a bid that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is verified at once.
    Goes,
    /// It waits, and the one that waited in its place goes away: the relay would replace it at once.
    Waits { ticket: Ticket, instead_of: Option<Ticket> },
    /// A newer one of the same relay is being verified, or waits.
    Overtaken,
}

/// Which bid is verified next, where bids come faster than cores verify them: of one relay one after the other and the
/// newest only, and among relays the one that claims to be worth most.
///
/// Bounded by auctions and relays: of each relay, auction and source one waits.
#[derive(Clone, Debug)]
pub struct VerifyQueue {
    cores: usize,
    going: Vec<Going>,
    waiting: BTreeMap<(Lane, BidSource), Waiting>,
    tickets: Ticket,
}

/// A bid that is being verified, or was and is being stored: its relay's next may be the same one.
#[derive(Clone, Copy, Debug)]
struct Going {
    lane: Lane,
    source: BidSource,
    asked_at: UnixMillis,
    on_core: bool,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    ticket: Ticket,
    asked_at: UnixMillis,
    value: Wei,
}

impl VerifyQueue {
    /// A queue before so many cores.
    pub fn new(cores: usize) -> Self {
        Self { cores: cores.max(1), going: Vec::new(), waiting: BTreeMap::new(), tickets: 0 }
    }

    pub fn come(&mut self, bid: Unverified) -> Came {
        let Unverified { lane, source, asked_at, value } = bid;
        if self.is_overtaken(&bid) {
            return Came::Overtaken;
        }
        if self.has_core() && self.is_free(&lane) {
            self.going.push(Going { lane, source, asked_at, on_core: true });
            return Came::Goes;
        }
        self.tickets += 1;
        let ticket = self.tickets;
        let overtaken = self.waiting.insert((lane, source), Waiting { ticket, asked_at, value });
        Came::Waits { ticket, instead_of: overtaken.map(|waiting| waiting.ticket) }
    }

    /// The lane's bid was verified, and needs no core any more; who goes next.
    pub fn verified(&mut self, lane: &Lane) -> Option<(Ticket, Lane)> {
        self.going.iter_mut().filter(|going| going.lane == *lane).for_each(|going| going.on_core = false);
        self.next()
    }

    /// The lane's bid is stored, or was not believed; who goes next.
    pub fn done(&mut self, lane: &Lane) -> Option<(Ticket, Lane)> {
        self.going.retain(|going| going.lane != *lane);
        self.next()
    }

    fn next(&mut self) -> Option<(Ticket, Lane)> {
        if !self.has_core() {
            return None;
        }
        let free = self.waiting.iter().filter(|((lane, _), _)| self.is_free(lane));
        let best = free.max_by_key(|(_, waiting)| (waiting.value, Reverse(waiting.ticket)));
        let (lane, source) = best.map(|(place, _)| *place)?;
        let Waiting { ticket, asked_at, .. } = self.waiting.remove(&(lane, source))?;
        self.going.push(Going { lane, source, asked_at, on_core: true });
        Some((ticket, lane))
    }

    fn has_core(&self) -> bool {
        self.going.iter().filter(|going| going.on_core).count() < self.cores
    }

    fn is_free(&self, lane: &Lane) -> bool {
        self.going.iter().all(|going| going.lane != *lane)
    }

    fn is_overtaken(&self, bid: &Unverified) -> bool {
        let Unverified { lane, source, asked_at, .. } = *bid;
        let going = self.going.iter().filter(|going| going.lane == lane && going.source == source);
        let waiting = self.waiting.get(&(lane, source)).map(|waiting| waiting.asked_at);
        going.map(|going| going.asked_at).chain(waiting).any(|at| at > asked_at)
    }
}

#[cfg(test)]
mod tests {
    use headstart_types::{BlockHash, BlsPublicKey, Slot};

    use super::*;

    fn lane(relay: u64) -> Lane {
        let parent_hash = BlockHash([1; 32].into());
        (AuctionKey { slot: Slot(7), parent_hash, proposer: BlsPublicKey::default() }, RelayId(relay))
    }

    fn bid(relay: u64, asked_ms: i64, value: u64) -> Unverified {
        let (asked_at, value) = (UnixMillis(asked_ms), Wei::new(u128::from(value)));
        Unverified { lane: lane(relay), source: BidSource::Answer, asked_at, value }
    }

    fn done(queue: &mut VerifyQueue, relay: u64) -> Option<Ticket> {
        queue.done(&lane(relay)).map(|(ticket, _)| ticket)
    }

    fn waits(ticket: Ticket) -> Came {
        Came::Waits { ticket, instead_of: None }
    }

    #[test]
    fn the_most_valuable_goes_first_and_of_equals_the_one_that_came_first() {
        let mut queue = VerifyQueue::new(1);
        let came = [(1, 1), (2, 5), (3, 9), (4, 9)].map(|(relay, value)| queue.come(bid(relay, 0, value)));
        assert_eq!(came, [Came::Goes, waits(1), waits(2), waits(3)]);
        assert_eq!([1, 3, 4, 2].map(|relay| done(&mut queue, relay)), [Some(2), Some(3), Some(1), None]);
        assert_eq!(queue.come(bid(5, 0, 0)), Came::Goes, "the core is free again");
    }

    #[test]
    fn as_many_as_there_are_cores_go_at_once_but_one_of_a_relay() {
        let mut queue = VerifyQueue::new(2);
        assert_eq!(
            [1, 1, 2, 3].map(|relay| queue.come(bid(relay, 0, 1))),
            [Came::Goes, waits(1), Came::Goes, waits(2)]
        );
        assert_eq!(done(&mut queue, 2), Some(2), "the first relay's next waits for its own");
        assert_eq!(done(&mut queue, 1), Some(1));
    }

    #[test]
    fn of_a_relay_the_newest_alone_waits() {
        let mut queue = VerifyQueue::new(1);
        assert_eq!([10, 20].map(|at| queue.come(bid(1, at, 9))), [Came::Goes, waits(1)]);
        assert_eq!(queue.come(bid(1, 30, 3)), Came::Waits { ticket: 2, instead_of: Some(1) });
        assert_eq!(
            queue.come(bid(1, 25, 99)),
            Came::Overtaken,
            "its answer was slower than that of a later ask"
        );
        assert_eq!((done(&mut queue, 1), queue.come(bid(1, 29, 9))), (Some(2), Came::Overtaken));
        assert_eq!(done(&mut queue, 1), None);
    }

    #[test]
    fn a_core_is_free_when_a_bid_is_verified_and_its_relay_when_it_is_stored() {
        let mut queue = VerifyQueue::new(1);
        let came = [(1, 0), (1, 10), (2, 0)].map(|(relay, asked_ms)| queue.come(bid(relay, asked_ms, 9)));
        assert_eq!(came, [Came::Goes, waits(1), waits(2)]);
        assert_eq!(queue.verified(&lane(1)), Some((2, lane(2))));
        assert_eq!(done(&mut queue, 1), None, "the other relay's is on the core");
        assert_eq!(queue.verified(&lane(2)), Some((1, lane(1))));
    }

    #[test]
    fn a_relays_answers_and_what_its_stream_brings_do_not_overtake_each_other() {
        let mut queue = VerifyQueue::new(1);
        let frame = |asked_ms| Unverified { source: BidSource::Stream, ..bid(1, asked_ms, 5) };
        assert_eq!([queue.come(bid(1, 10, 5)), queue.come(frame(8))], [Came::Goes, waits(1)]);
        assert_eq!(queue.come(bid(1, 12, 9)), waits(2));
        assert_eq!([1, 1, 1].map(|relay| done(&mut queue, relay)), [Some(2), Some(1), None]);
    }
}
