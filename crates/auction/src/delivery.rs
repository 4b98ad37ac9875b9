use std::collections::BTreeMap;
use std::sync::Arc;

use headstart_types::{BlsPublicKey, UnixMillis};

use crate::backoff::Backoff;
use crate::given_up::{GivenUp, Refused};
use crate::lane::{Lane, Piece, Place, Rank};
use crate::{Batch, DeliveryAnswer, Due, Next, Pace, TokenBucket};

/// Calls in flight at one relay.
const CALLS_AT_ONCE: usize = 2;
/// Validators of one cluster that wait for one relay. What does not fit is left out, and offered again later by whoever
/// keeps the record of what each relay has.
pub(crate) const WAITING_MAX: usize = 65_536;

/// One relay's registrations on their way to it: what is sent when, and in whose company.
///
/// Each cluster has a lane of its own. Lanes take turns, so that many registrations of one never delay the few of
/// another, and no call carries registrations of two. The machine knows validators and not what they signed: whoever
/// sends a batch takes each one's newest registration, so one that is replaced while it waits is sent once.
#[derive(Clone, Debug)]
pub struct Delivery {
    pace: Pace,
    calls: TokenBucket,
    /// The relay wants rest, or cannot be reached.
    pause: Backoff,
    /// Whose call failed last, when none has passed since.
    failing: Option<Arc<str>>,
    lanes: BTreeMap<Arc<str>, Lane>,
    waiting: BTreeMap<BlsPublicKey, Waiting>,
    in_flight: BTreeMap<BlsPublicKey, InFlight>,
    calls_in_flight: usize,
    given_up: GivenUp,
    /// Told once more, because the relay published another one than it had accepted.
    disputed: GivenUp,
    turns: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    cluster: Arc<str>,
    mark: u64,
    place: Place,
}

#[derive(Clone, Debug)]
struct InFlight {
    mark: u64,
    /// What was offered since.
    newer: Option<(Arc<str>, Due)>,
}

impl Delivery {
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            calls: TokenBucket::new(pace.calls_per_s, pace.burst),
            pause: Backoff::default(),
            failing: None,
            lanes: BTreeMap::new(),
            waiting: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            calls_in_flight: 0,
            given_up: GivenUp::default(),
            disputed: GivenUp::default(),
            turns: 0,
        }
    }

    /// Takes registrations of one cluster that the relay should have; those that were left out because the lane is full.
    /// What waits already, is under way, or was refused as it is, is not taken twice.
    pub fn offer(
        &mut self,
        now: UnixMillis,
        cluster: &Arc<str>,
        due: impl IntoIterator<Item = Due>,
    ) -> Vec<Due> {
        let waiting = self.waiting.len();
        let left_out = due.into_iter().filter(|due| !self.take(now, cluster, *due)).collect();
        let came = self.waiting.len() - waiting;
        if let Some(lane) = self.lanes.get_mut(cluster).filter(|_| came > 0) {
            lane.plan(now, came, self.pace.smear_ms);
        }
        left_out
    }

    fn take(&mut self, now: UnixMillis, cluster: &Arc<str>, due: Due) -> bool {
        if let Some(sent) = self.in_flight.get_mut(&due.validator) {
            sent.newer = (sent.mark != due.mark).then(|| (Arc::clone(cluster), due));
            return true;
        }
        if let Some(known) = self.waiting.get_mut(&due.validator) {
            known.mark = due.mark;
            if due.urgent {
                self.hurry(&due.validator);
            }
            return true;
        }
        let refused = self.given_up.judge(now, &due.validator, due.mark);
        if refused == Refused::Rests {
            return true;
        }
        let lane = self.lanes.entry(Arc::clone(cluster)).or_default();
        if lane.waiting() >= WAITING_MAX {
            return false;
        }
        let rank = if due.urgent { Rank::Urgent } else { Rank::Calm };
        let place = match refused {
            // It must not spoil the batch of others once more.
            Refused::Once => {
                lane.push_last(Piece { validators: vec![due.validator], rank });
                Place::Piece
            }
            Refused::Never | Refused::Rests => lane.push(due.validator, rank),
        };
        self.waiting.insert(due.validator, Waiting { cluster: Arc::clone(cluster), mark: due.mark, place });
        true
    }

    /// The validator proposes soon: if it waits, it waits no longer than it must.
    pub fn hurry(&mut self, validator: &BlsPublicKey) {
        if let Some(known) = self.waiting.get_mut(validator)
            && let Some(lane) = self.lanes.get_mut(&known.cluster)
        {
            known.place = lane.hurry(known.place);
        }
    }

    /// The relay has accepted this registration and publishes an older one. Whether it is worth telling it once more: when
    /// that changes nothing, it is left alone for as long as one that was refused.
    pub fn disputed(&mut self, now: UnixMillis, validator: &BlsPublicKey, mark: u64) -> bool {
        if self.disputed.judge(now, validator, mark) == Refused::Rests {
            self.leave(now, validator, mark);
            return false;
        }
        self.disputed.insert(*validator, mark, now + self.pace.retry_refused_ms);
        true
    }

    /// Nothing is gained by telling the relay of this registration: somebody told it a newer one.
    pub fn leave(&mut self, now: UnixMillis, validator: &BlsPublicKey, mark: u64) {
        self.given_up.insert(*validator, mark, now + self.pace.retry_refused_ms);
    }

    /// Validators that the relay is still to be told of, those under way included.
    pub fn len(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whoever made the calls that are under way is gone, and with it their answers.
    pub fn forget_calls(&mut self) {
        self.calls_in_flight = 0;
        self.in_flight.clear();
    }

    /// What to send now, or until when to wait. A batch that is sent must be answered.
    pub fn next(&mut self, now: UnixMillis) -> Next {
        self.lanes.retain(|_, lane| !lane.is_idle(now));
        if self.calls_in_flight >= CALLS_AT_ONCE {
            return Next::Wait(None);
        }
        let Some(ready_at) = self.lanes.values().filter(|lane| !lane.is_empty()).map(Lane::ready_at).min()
        else {
            return Next::Wait(None);
        };
        let ready_at = ready_at.max(self.pause.until());
        if ready_at > now {
            return Next::Wait(Some(ready_at));
        }
        if let Err(wait_ms) = self.calls.take(now, 1) {
            return Next::Wait(Some(now + i64::try_from(wait_ms).unwrap_or(i64::MAX)));
        }
        self.take_turn(now).map_or(Next::Wait(None), Next::Send)
    }

    /// Urgent ones go first; else it is the turn of the lane that has waited for it longest.
    fn take_turn(&mut self, now: UnixMillis) -> Option<Batch> {
        let ready = self.lanes.iter_mut().filter(|(_, lane)| !lane.is_empty() && lane.ready_at() <= now);
        let (cluster, lane) = ready.min_by_key(|(_, lane)| (lane.rank(), lane.turn))?;
        self.turns += 1;
        lane.turn = self.turns;
        let Piece { validators, rank } = lane.next(now)?;
        self.calls_in_flight += 1;
        for validator in &validators {
            if let Some(waiting) = self.waiting.remove(validator) {
                self.in_flight.insert(*validator, InFlight { mark: waiting.mark, newer: None });
            }
        }
        Some(Batch { cluster: Arc::clone(cluster), validators, rank })
    }

    /// Takes a call's answer. Gives the validator that the relay refuses by itself and that is left alone from now on.
    pub fn answered(
        &mut self,
        now: UnixMillis,
        batch: Batch,
        answer: DeliveryAnswer,
    ) -> Option<BlsPublicKey> {
        self.calls_in_flight = self.calls_in_flight.saturating_sub(1);
        let Batch { cluster, validators, rank } = batch;
        let lane = self.lanes.entry(Arc::clone(&cluster)).or_default();
        match answer {
            DeliveryAnswer::Accepted => {
                lane.accepted();
                self.pause.succeeded();
                self.failing = None;
                self.given_up.accepted(&validators);
                self.settle(now, &validators);
                None
            }
            DeliveryAnswer::Refused => {
                lane.refused();
                self.refuse(now, &cluster, validators, rank)
            }
            DeliveryAnswer::Limited { retry_after_ms } => {
                self.pause.failed(now, retry_after_ms);
                self.again(&cluster, Piece { validators, rank });
                None
            }
            DeliveryAnswer::Failed => {
                lane.failed(now);
                // What fails for one cluster alone may be its own fault; when others fail too, it is the relay's.
                if self.failing.replace(Arc::clone(&cluster)).is_some_and(|failing| failing != cluster) {
                    self.pause.failed(now, None);
                }
                self.again(&cluster, Piece { validators, rank });
                None
            }
        }
    }

    /// One registration that the relay dislikes spoils the whole call: halve until it stands alone.
    fn refuse(
        &mut self,
        now: UnixMillis,
        cluster: &Arc<str>,
        mut validators: Vec<BlsPublicKey>,
        rank: Rank,
    ) -> Option<BlsPublicKey> {
        if let [offender] = validators[..] {
            if let Some(sent) = self.in_flight.get(&offender) {
                self.given_up.insert(offender, sent.mark, now + self.pace.retry_refused_ms);
            }
            self.settle(now, &validators);
            return Some(offender);
        }
        let right = validators.split_off(validators.len() / 2);
        self.again(cluster, Piece { validators: right, rank });
        self.again(cluster, Piece { validators, rank });
        None
    }

    /// These are answered for good; what was offered meanwhile is taken now.
    fn settle(&mut self, now: UnixMillis, validators: &[BlsPublicKey]) {
        for validator in validators {
            let sent = self.in_flight.remove(validator);
            if let Some((cluster, due)) = sent.and_then(|sent| sent.newer) {
                self.offer(now, &cluster, [due]);
            }
        }
    }

    /// These go out again, as the same piece.
    fn again(&mut self, cluster: &Arc<str>, piece: Piece) {
        for validator in &piece.validators {
            if let Some(sent) = self.in_flight.remove(validator) {
                let mark = sent.newer.map_or(sent.mark, |(_, due)| due.mark);
                self.waiting
                    .insert(*validator, Waiting { cluster: Arc::clone(cluster), mark, place: Place::Piece });
            }
        }
        self.lanes.entry(Arc::clone(cluster)).or_default().push_piece(piece);
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
