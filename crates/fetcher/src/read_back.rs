//! What a relay publishes of a validator that it was told of.

use std::time::Duration;

use headstart_auction::{DeliveryState, Published, Read};
use headstart_registry::mark;
use tokio::time::Instant;
use tracing::debug;

use crate::Fetcher;
use crate::outbox::Outbox;

const READ_TIMEOUT: Duration = Duration::from_secs(5);

impl Fetcher {
    /// Reads what the relay publishes of one validator; `None` when that cannot be told.
    pub(crate) async fn read_back(&self, outbox: &Outbox, read: Read) -> (Read, Option<Published>) {
        let ours = self.shared.config.registrations.of(&read.validator);
        let (Some(relay), Some(ours)) = (self.relay(outbox.relay), ours) else { return (read, None) };
        let published = relay.published_registration(&read.validator, Instant::now() + READ_TIMEOUT).await;
        let published = published.inspect_err(|fault| {
            debug!(relay = relay.name(), pubkey = %read.validator, "failed to {fault}");
        });
        let judged = published.ok().map(|published| {
            Published::of(&ours.message, published.as_ref().map(|published| &published.message))
        });
        (read, judged)
    }

    pub(crate) fn published(&self, outbox: &Outbox, read: Read, published: Option<Published>) {
        let (now, validator) = (self.now(), read.validator);
        let Some(verdict) = outbox.state().confirming.answered(now, read, published) else { return };
        let Some(ours) = self.shared.config.registrations.of(&validator) else { return };
        // A newer one may have come since, of which the relay is told in its turn.
        if self.delivery_state(outbox.relay, &ours).is_due() {
            return;
        }
        let state = match verdict {
            Published::Nothing => return,
            Published::Same => DeliveryState::Confirmed,
            Published::Older | Published::Newer => DeliveryState::Stale,
        };
        self.shared.config.deliveries.note(outbox.relay, &[ours], state, now);
        match verdict {
            Published::Newer => outbox.state().delivery.leave(now, &validator, mark(&ours)),
            Published::Older if outbox.state().delivery.disputed(now, &validator, mark(&ours)) => {
                self.forward([&ours]);
            }
            _ => {}
        }
    }
}
