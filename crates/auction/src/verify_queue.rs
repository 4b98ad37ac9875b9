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
    /// Whether it changes what somebody is served: see [`crate::may_win`].
    pub may_win: bool,
}

/// Tells bids apart.
pub type Ticket = u64;

/// What becomes of a bid that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is verified at once.
    Goes(Ticket),
    /// It waits, and the one that waited in its place goes away: the relay would replace it at once.
    Waits { ticket: Ticket, instead_of: Option<Ticket> },
    /// A newer one of the same relay is being verified, or waits.
    Overtaken,
}

/// Which bid is verified next, where bids come faster than cores verify them: of one relay one after the other and the
/// newest only, and among relays the one that claims to be worth most. Those that change nothing for now go while fewer
/// than half of the cores are taken, so that one which does finds a core, and is alone on it.
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
    ticket: Ticket,
    bid: Unverified,
    on_core: bool,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    ticket: Ticket,
    bid: Unverified,
}

impl VerifyQueue {
    /// A queue before so many cores.
    pub fn new(cores: usize) -> Self {
        Self { cores: cores.max(1), going: Vec::new(), waiting: BTreeMap::new(), tickets: 0 }
    }

    pub fn come(&mut self, bid: Unverified) -> Came {
        if self.is_overtaken(&bid) {
            return Came::Overtaken;
        }
        self.tickets += 1;
        let ticket = self.tickets;
        if self.may_go(&bid) {
            self.going.push(Going { ticket, bid, on_core: true });
            return Came::Goes(ticket);
        }
        let overtaken = self.waiting.insert((bid.lane, bid.source), Waiting { ticket, bid });
        Came::Waits { ticket, instead_of: overtaken.map(|waiting| waiting.ticket) }
    }

    /// This bid was verified, and needs no core any more; who goes next.
    pub fn verified(&mut self, ticket: Ticket) -> Option<Ticket> {
        self.going.iter_mut().filter(|going| going.ticket == ticket).for_each(|going| going.on_core = false);
        self.next()
    }

    /// This bid is stored, or was not believed; who goes next.
    pub fn done(&mut self, ticket: Ticket) -> Option<Ticket> {
        self.going.retain(|going| going.ticket != ticket);
        self.next()
    }

    fn next(&mut self) -> Option<Ticket> {
        let able = self.waiting.values().filter(|waiting| self.may_go(&waiting.bid));
        let best = able.max_by_key(|Waiting { ticket, bid }| (bid.may_win, bid.value, Reverse(*ticket)));
        let Waiting { ticket, bid } = *best?;
        self.waiting.remove(&(bid.lane, bid.source));
        self.going.push(Going { ticket, bid, on_core: true });
        Some(ticket)
    }

    /// Whether there is a core for it, and nothing of its relay that it must wait for. One that changes nothing is not
    /// waited for by one that does.
    fn may_go(&self, bid: &Unverified) -> bool {
        let taken = self.going.iter().filter(|going| going.on_core).count();
        let open = if bid.may_win { self.cores } else { (self.cores / 2).max(1) };
        let is_before = |going: &Going| going.bid.lane == bid.lane && (going.bid.may_win || !bid.may_win);
        taken < open && !self.going.iter().any(is_before)
    }

    fn is_overtaken(&self, bid: &Unverified) -> bool {
        let going = self.going.iter().map(|going| &going.bid);
        let waiting = self.waiting.get(&(bid.lane, bid.source)).map(|waiting| &waiting.bid);
        let is_newer = |other: &Unverified| {
            (other.lane, other.source) == (bid.lane, bid.source) && other.asked_at > bid.asked_at
        };
        going.chain(waiting).any(is_newer)
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
        Unverified { lane: lane(relay), source: BidSource::Answer, asked_at, value, may_win: true }
    }

    /// One that is worth less than what is held.
    fn lesser(relay: u64, asked_ms: i64, value: u64) -> Unverified {
        Unverified { may_win: false, ..bid(relay, asked_ms, value) }
    }

    fn waits(ticket: Ticket) -> Came {
        Came::Waits { ticket, instead_of: None }
    }

    #[test]
    fn the_most_valuable_goes_first_and_of_equals_the_one_that_came_first() {
        let mut queue = VerifyQueue::new(1);
        let came = [(1, 1), (2, 5), (3, 9), (4, 9)].map(|(relay, value)| queue.come(bid(relay, 0, value)));
        assert_eq!(came, [Came::Goes(1), waits(2), waits(3), waits(4)]);
        assert_eq!([1, 3, 4, 2].map(|ticket| queue.done(ticket)), [Some(3), Some(4), Some(2), None]);
        assert_eq!(queue.come(bid(5, 0, 0)), Came::Goes(5), "the core is free again");
    }

    #[test]
    fn as_many_as_there_are_cores_go_at_once_but_one_of_a_relay() {
        let mut queue = VerifyQueue::new(2);
        let came = [1, 1, 2, 3].map(|relay| queue.come(bid(relay, 0, 1)));
        assert_eq!(came, [Came::Goes(1), waits(2), Came::Goes(3), waits(4)]);
        assert_eq!(queue.done(3), Some(4), "the first relay's next waits for its own");
        assert_eq!(queue.done(1), Some(2));
    }

    #[test]
    fn of_a_relay_the_newest_alone_waits() {
        let mut queue = VerifyQueue::new(1);
        assert_eq!([10, 20].map(|at| queue.come(bid(1, at, 9))), [Came::Goes(1), waits(2)]);
        assert_eq!(queue.come(bid(1, 30, 3)), Came::Waits { ticket: 3, instead_of: Some(2) });
        assert_eq!(
            queue.come(bid(1, 25, 99)),
            Came::Overtaken,
            "its answer was slower than that of a later ask"
        );
        assert_eq!((queue.done(1), queue.come(bid(1, 29, 9))), (Some(3), Came::Overtaken));
        assert_eq!(queue.done(3), None);
    }

    #[test]
    fn a_core_is_free_when_a_bid_is_verified_and_its_relay_when_it_is_stored() {
        let mut queue = VerifyQueue::new(1);
        let came = [(1, 0), (1, 10), (2, 0)].map(|(relay, asked_ms)| queue.come(bid(relay, asked_ms, 9)));
        assert_eq!(came, [Came::Goes(1), waits(2), waits(3)]);
        assert_eq!(queue.verified(1), Some(3));
        assert_eq!(queue.done(1), None, "the other relay's is on the core");
        assert_eq!(queue.verified(3), Some(2));
    }

    #[test]
    fn a_relays_answers_and_what_its_stream_brings_do_not_overtake_each_other() {
        let mut queue = VerifyQueue::new(1);
        let frame = |asked_ms| Unverified { source: BidSource::Stream, ..bid(1, asked_ms, 5) };
        assert_eq!([queue.come(bid(1, 10, 5)), queue.come(frame(8))], [Came::Goes(1), waits(2)]);
        assert_eq!(queue.come(bid(1, 12, 9)), waits(3));
        assert_eq!([1, 3, 2].map(|ticket| queue.done(ticket)), [Some(3), Some(2), None]);
    }

    #[test]
    fn what_changes_nothing_leaves_a_core_free_and_goes_last() {
        let mut queue = VerifyQueue::new(2);
        assert_eq!([1, 2].map(|relay| queue.come(lesser(relay, 0, 5))), [Came::Goes(1), waits(2)]);
        assert_eq!(queue.come(bid(3, 0, 4)), Came::Goes(3));
        assert_eq!(queue.come(bid(4, 0, 3)), waits(4));
        assert_eq!(queue.done(1), Some(4), "though the other claims to be worth more");
        assert_eq!(queue.done(4), None, "the core beside one that does is left free");
        assert_eq!([queue.done(3), queue.done(2)], [Some(2), None]);
    }

    #[test]
    fn on_one_core_what_changes_nothing_goes_when_nothing_else_does() {
        let mut queue = VerifyQueue::new(1);
        assert_eq!([queue.come(lesser(1, 0, 5)), queue.come(bid(2, 0, 9))], [Came::Goes(1), waits(2)]);
        assert_eq!([queue.come(lesser(3, 0, 5)), queue.come(lesser(4, 0, 6))], [waits(3), waits(4)]);
        assert_eq!([1, 2, 4].map(|ticket| queue.done(ticket)), [Some(2), Some(4), Some(3)]);
    }

    #[test]
    fn a_relays_better_bid_does_not_wait_for_its_lesser_one_but_the_reverse() {
        let mut queue = VerifyQueue::new(2);
        assert_eq!([queue.come(lesser(1, 0, 5)), queue.come(bid(1, 10, 9))], [Came::Goes(1), Came::Goes(2)]);
        assert_eq!((queue.done(1), queue.come(lesser(1, 20, 6))), (None, waits(3)));
        assert_eq!(queue.done(2), Some(3));
    }
}
