//! Which operations of which relays are left alone for a while, because they fail. Submissions never are.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headstart_auction::{Breaker, is_critical};
use headstart_bid_store::Notice;
use headstart_relay::{Failure, HeaderAnswer, Operation, Relay};
use headstart_types::{RelayId, UnixMillis};
use tokio::time::{self, Instant};
use tracing::{debug, info, warn};

use crate::Fetcher;

/// What has a breaker.
pub(crate) const GUARDED: [Operation; 3] = [Operation::Status, Operation::Register, Operation::Header];
/// How often relays that are left alone are thought of.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const STATUS_TIMEOUT: Duration = Duration::from_secs(2);
/// An ask with less time than this says nothing of the relay when it comes to nothing.
const FAIR_PATIENCE: Duration = Duration::from_millis(300);

/// Bounded by the relays that there ever were in this process.
#[derive(Debug, Default)]
pub(crate) struct Breakers(Mutex<BTreeMap<(RelayId, Operation), Breaker>>);

impl Breakers {
    fn with<T>(&self, relay: RelayId, operation: Operation, look: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        look(breakers.entry((relay, operation)).or_default())
    }
}

impl Fetcher {
    /// Whether to call the relay for this now.
    pub(crate) fn lets_through(&self, relay: RelayId, operation: Operation) -> bool {
        let (now, is_critical) = (self.now(), is_critical(self.now(), self.network()));
        self.shared.breakers.with(relay, operation, |breaker| breaker.lets_through(now, is_critical))
    }

    /// Notes what came of a call: an answer, whatever it said, or none.
    pub(crate) fn heard<T>(&self, relay: &Relay, operation: Operation, result: &Result<T, Failure>) {
        match result {
            Err(Failure::Timeout | Failure::Transport(_)) => self.relay_failed(relay, operation),
            Err(Failure::Refused(refusal)) if refusal.status >= 500 => self.relay_failed(relay, operation),
            Ok(_) | Err(_) => self.relay_answered(relay, operation),
        }
    }

    /// The same of a header call that was given so much time.
    pub(crate) fn heard_header(&self, relay: &Relay, patience: Duration, answer: &HeaderAnswer) {
        match answer {
            HeaderAnswer::Timeout if patience < FAIR_PATIENCE => {}
            HeaderAnswer::Timeout | HeaderAnswer::Transport(_) => self.relay_failed(relay, Operation::Header),
            HeaderAnswer::Refused(refusal) if refusal.status >= 500 => {
                self.relay_failed(relay, Operation::Header);
            }
            _ => self.relay_answered(relay, Operation::Header),
        }
    }

    fn relay_answered(&self, relay: &Relay, operation: Operation) {
        if self.shared.breakers.with(relay.id(), operation, Breaker::answered) {
            info!(relay = relay.name(), operation = operation.as_str(), "the relay answers again");
        }
    }

    fn relay_failed(&self, relay: &Relay, operation: Operation) {
        let now = self.now();
        if self.shared.breakers.with(relay.id(), operation, |breaker| breaker.failed(now)) {
            warn!(
                relay = relay.name(),
                operation = operation.as_str(),
                "the relay does not answer: it is left alone for a while, except for signed blocks"
            );
            if operation == Operation::Header {
                self.notify(Notice::RelayLeftAlone(relay.id()));
            }
        }
    }

    /// Another process leaves the relay alone: what its next header call here comes to decides.
    pub(crate) fn told_left_alone(&self, relay: RelayId) {
        // Only relays of the directory have a breaker: whoever can write to the store must not make others.
        if self.relay(relay).is_some() {
            let now = self.now();
            self.shared.breakers.with(relay, Operation::Header, |breaker| breaker.told_elsewhere(now));
        }
    }

    /// Whether this operation of this relay is left alone at the moment.
    pub fn is_left_alone(&self, relay: RelayId, operation: Operation) -> bool {
        self.shared.breakers.with(relay, operation, |breaker| breaker.is_open())
    }

    /// The relay was found to be away before anybody needed it.
    pub fn leave_alone(&self, relay: RelayId) {
        let now = self.now();
        for operation in GUARDED {
            self.shared.breakers.with(relay, operation, |breaker| breaker.open(now));
        }
    }

    /// Asks a relay for its status, unless that is of no use.
    pub(crate) async fn greet(&self, relay: &Relay) {
        if !self.lets_through(relay.id(), Operation::Status) {
            return;
        }
        let status = relay.status(Instant::now() + STATUS_TIMEOUT).await;
        if let Err(failure) = &status {
            debug!(relay = relay.name(), "relay has no good status: failed to {failure}");
        }
        self.heard(relay, Operation::Status, &status);
        if status.is_ok() {
            self.shared.breakers.with(relay.id(), Operation::Header, Breaker::vouched);
        }
    }

    fn wants_greeting(&self, relay: RelayId, now: UnixMillis) -> bool {
        self.shared.breakers.with(relay, Operation::Header, |breaker| breaker.wants_vouching(now))
    }
}

/// Headers are asked for only around the start of a slot, where nobody tries what may fail. A relay whose headers failed is
/// therefore asked for its status in between: when that is good, its next header may be asked for at any time.
pub(crate) async fn greet_on(fetcher: Fetcher) {
    let greeting = async {
        loop {
            time::sleep(LOOK_EVERY).await;
            let now = fetcher.now();
            if is_critical(now, fetcher.network()) {
                continue;
            }
            let away = fetcher.relays().into_iter().filter(|relay| fetcher.wants_greeting(relay.id(), now));
            let greetings = away.map(|relay| {
                let fetcher = &fetcher;
                async move { fetcher.greet(&relay).await }
            });
            futures_util::future::join_all(greetings).await;
        }
    };
    fetcher.shared.closing.run_until_cancelled(greeting).await;
}
