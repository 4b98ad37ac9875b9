use std::collections::{BTreeMap, VecDeque};

use headstart_types::{BlsPublicKey, UnixMillis};

use crate::backoff::Backoff;

/// Registrations in one call to a relay.
pub(crate) const BATCH_MAX: usize = 500;
/// A cluster with so few batches waiting sends them at once; more are spread over the epoch.
const BATCHES_AT_ONCE: usize = 2;
/// Between two calls for one cluster, so that what trickles in is gathered.
const GAP_MS: i64 = 500;
/// After so many refusals in a row a relay dislikes more than a few validators: then the search for them slows down.
const REFUSALS_IN_A_ROW: u32 = 24;
const REFUSED_GAP_MS: i64 = 5_000;

/// What waits first: validators about to propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Urgent,
    Calm,
}

/// Where a validator waits in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In line, with its number.
    Line(Rank, u64),
    /// In a piece that is sent as it is.
    Piece,
}

/// Validators that go into one call together.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) validators: Vec<BlsPublicKey>,
    pub(crate) rank: Rank,
}

/// One cluster's validators that one relay is still to be told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane {
    /// In order of arrival, the urgent ones first.
    queue: BTreeMap<(Rank, u64), BlsPublicKey>,
    /// Halves of refused batches, and batches to be tried again.
    pieces: VecDeque<Piece>,
    arrivals: u64,
    /// The work of now is to be done by then.
    smear_until: UnixMillis,
    /// What is calm waits until then.
    next_at: UnixMillis,
    backoff: Backoff,
    refusals: u32,
    /// When it had its turn last: a count.
    pub(crate) turn: u64,
}

impl Lane {
    /// Validators waiting in line, without those of pieces.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.pieces.is_empty()
    }

    /// Whether it can be forgotten. That is so only an epoch later: a lane that begins anew comes first, and none should
    /// do so with every registration that trickles in.
    pub(crate) fn is_idle(&self, now: UnixMillis) -> bool {
        self.is_empty() && self.smear_until <= now && self.backoff.until() <= now
    }

    fn batches(&self) -> usize {
        self.queue.len().div_ceil(BATCH_MAX) + self.pieces.len()
    }

    pub(crate) fn push(&mut self, validator: BlsPublicKey, rank: Rank) -> Place {
        self.arrivals += 1;
        self.queue.insert((rank, self.arrivals), validator);
        Place::Line(rank, self.arrivals)
    }

    /// Moves a validator before all that is calm.
    pub(crate) fn hurry(&mut self, place: Place) -> Place {
        let Place::Line(Rank::Calm, number) = place else { return place };
        match self.queue.remove(&(Rank::Calm, number)) {
            Some(validator) => self.push(validator, Rank::Urgent),
            None => place,
        }
    }

    pub(crate) fn push_piece(&mut self, piece: Piece) {
        self.pieces.push_front(piece);
    }

    /// The validators of a piece that comes after all others.
    pub(crate) fn push_last(&mut self, piece: Piece) {
        self.pieces.push_back(piece);
    }

    /// So many validators have come: a whole epoch is taken for what is more than a few batches.
    pub(crate) fn plan(&mut self, now: UnixMillis, came: usize, smear_ms: i64) {
        let many = came.div_ceil(BATCH_MAX) > BATCHES_AT_ONCE;
        if many || self.smear_until <= now {
            self.smear_until = now + smear_ms;
        }
    }

    pub(crate) fn rank(&self) -> Option<Rank> {
        let queued = self.queue.keys().next().map(|(rank, _)| *rank);
        queued.into_iter().chain(self.pieces.front().map(|piece| piece.rank)).min()
    }

    /// When its next call may be made; the relay's own limits aside.
    pub(crate) fn ready_at(&self) -> UnixMillis {
        let waits = self.rank() == Some(Rank::Calm) && (!self.is_piece_next() || self.is_disliked());
        self.backoff.until().max(if waits { self.next_at } else { UnixMillis(i64::MIN) })
    }

    fn is_piece_next(&self) -> bool {
        let queued = self.queue.keys().next().map(|(rank, _)| *rank);
        self.pieces.front().is_some_and(|piece| queued.is_none_or(|rank| piece.rank <= rank))
    }

    fn is_disliked(&self) -> bool {
        self.refusals >= REFUSALS_IN_A_ROW
    }

    /// Takes what goes into the next call.
    pub(crate) fn next(&mut self, now: UnixMillis) -> Option<Piece> {
        if self.is_piece_next() {
            if self.is_disliked() {
                self.next_at = now + REFUSED_GAP_MS;
            }
            return self.pieces.pop_front();
        }
        let rank = self.rank()?;
        let mut validators = Vec::new();
        while validators.len() < BATCH_MAX
            && let Some(first) = self.queue.first_entry().filter(|first| first.key().0 == rank)
        {
            validators.push(first.remove());
        }
        if rank == Rank::Calm {
            self.next_at = now + self.gap_ms(now);
        }
        Some(Piece { validators, rank })
    }

    fn gap_ms(&self, now: UnixMillis) -> i64 {
        let batches = self.batches();
        if batches <= BATCHES_AT_ONCE {
            return GAP_MS;
        }
        let batches = i64::try_from(batches).unwrap_or(i64::MAX);
        ((self.smear_until - now) / batches).max(GAP_MS)
    }

    pub(crate) fn accepted(&mut self) {
        self.backoff.succeeded();
        self.refusals = 0;
    }

    pub(crate) fn refused(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
    }

    pub(crate) fn failed(&mut self, now: UnixMillis) {
        self.backoff.failed(now, None);
    }
}
