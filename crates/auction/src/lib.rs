//! The rules of an auction, as pure state machines.
//!
//! Everything that headstart decides is decided here: which auctions to run, when to ask which relay, which bid is
//! believed, which is best for a cluster, until when it is served, what may be forwarded and which payload is the right
//! one. Each rule takes `now` and its inputs and returns a decision; the rooms above only perform it. That is what lets
//! a test play a million slots in a second.
//!
//! This room never does I/O, never awaits, never reads a clock, and uses no randomness that is not handed in.

mod arming;
mod ask;
mod ask_moment;
mod ask_quota;
mod auction;
mod backoff;
mod batch;
mod best;
mod bid;
mod breaker;
mod call_budget;
mod call_policy;
mod clock_offset;
mod confirming;
mod delivered;
mod delivery;
mod drain;
mod duties;
mod failed_attempts;
mod given_up;
mod guard;
mod heads;
mod hint;
mod hints;
mod interest;
mod lane;
mod learnt_policy;
mod offers;
mod policy;
mod provenance;
mod regret;
mod reveal;
mod round_trip;
mod sequence;
mod serve;
mod sticky;
mod streaming;
mod tenure;
mod timing_preset;
mod token_bucket;
mod verify_queue;

pub use arming::{
    Armed, Arming, KNOWN_PARENTS_MAX, Outlook, Standing, UNKNOWN_AUCTIONS_MAX, UNKNOWN_PARENTS_MAX,
};
pub use ask::{Answer, AskTurn, Tempo};
pub use ask_moment::{AskMoment, AskMoments};
pub use ask_quota::{AskQuota, Charge};
pub use auction::{Ask, Auction, Decision};
pub use batch::{Batch, DeliveryAnswer, Due, Next, Pace};
pub use best::{Choice, best, may_win};
pub use bid::{Bid, BidRejected, Expectations, ParentFacts};
pub use breaker::{Breaker, is_critical};
pub use call_budget::CallBudgets;
pub use call_policy::CallPolicy;
pub use clock_offset::{DateSample, OffsetBounds};
pub use confirming::{Confirming, Read};
pub use delivered::{DeliveryState, Published, REFRESH_MS};
pub use delivery::Delivery;
pub use drain::{Drain, DrainStep, UNSUBMITTED_MS, UnderWay};
pub use duties::{DependentRoots, Duties, Duty};
pub use failed_attempts::{FailedAttempt, FailedAttempts};
pub use guard::{Guard, GuardVerdict};
pub use heads::{Head, Heads, NodeIndex, NodeReport, NodeState, PARENTS_AT_ONCE, Soundness, Told, ToldHead};
pub use hint::{Hint, HintRejected, Hinted};
pub use hints::{
    HINTED_PROPOSERS_MAX, HINTED_SLOTS, HintedAuction, Hints, UNVERIFIED_PARENTS_MAX, VERIFIED_PARENTS_MAX,
};
pub use interest::Interest;
pub use learnt_policy::{Asked, LearntPolicies};
pub use offers::{Offered, Offers};
pub use policy::{
    ClusterPolicy, DEFAULT_CUTOFF_MS, DEFAULT_STICKY_MS, Mode, PolicyLayer, PolicySource, PolicySources,
    Quotas, UnknownMode,
};
pub use provenance::{Origin, Provenance};
pub use regret::{Regret, RegretMeter, is_compared};
pub use reveal::{PayloadRejected, check_payload};
pub use round_trip::{RoundTrip, RoundTrips};
pub use sequence::{Order, Sequence};
pub use serve::{grace_ends, header_deadline, may_serve};
pub use sticky::{AskedAt, FirstServed, Serving};
pub use streaming::{StreamRefusal, StreamsDue};
pub use tenure::{Change, LEASE_MS, LeaseAnswer, RENEW_EVERY_MS, Tenure};
pub use timing_preset::{Cutoff, TimingPreset, UnknownTimingPreset};
pub use token_bucket::TokenBucket;
pub use verify_queue::{BidSource, Came, Lane, Ticket, Unverified, VerifyQueue};
