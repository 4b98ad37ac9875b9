//! What is on record of validators, and how far it has come with relays.

use headstart_registry::{Deliveries, Directory, Registrations, mark};
use headstart_types::{BlsPublicKey, RelayId, SignedValidatorRegistration, UnixMillis};
use serde::Serialize;

use super::desk::Desk;

/// Registrations and deliveries, read from the database.
pub(super) struct Standing {
    registrations: Registrations,
    deliveries: Deliveries,
    now: UnixMillis,
}

/// How far a validator's registration has come with one relay.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RelayStanding {
    pub(super) relay: String,
    /// `pending`, `accepted`, `confirmed` or `stale`.
    pub(super) state: &'static str,
    /// Why the last attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<String>,
}

impl Standing {
    pub(super) async fn read(desk: &Desk) -> Self {
        let registrations = Registrations::open(&desk.registry);
        let deliveries = Deliveries::open(&desk.registry);
        tokio::join!(registrations.loaded(), deliveries.loaded());
        Self { registrations, deliveries, now: desk.now }
    }

    pub(super) fn registration(&self, pubkey: &BlsPublicKey) -> Option<SignedValidatorRegistration> {
        self.registrations.of(pubkey)
    }

    /// With each of these relays, as far as there is a registration.
    pub(super) fn with_relays(
        &self,
        pubkey: &BlsPublicKey,
        relays: impl IntoIterator<Item = RelayId>,
        directory: &Directory,
    ) -> Vec<RelayStanding> {
        let Some(registration) = self.registration(pubkey) else { return Vec::new() };
        let told = self.deliveries.of_validator(pubkey);
        let relay = |id: RelayId| {
            let last = told.iter().find(|told| told.relay == id && told.mark == mark(&registration));
            RelayStanding {
                relay: directory.relay(id).map_or_else(|| id.to_string(), |relay| relay.name.clone()),
                state: self.deliveries.state(id, &registration, self.now).as_str(),
                fault: last.and_then(|told| told.fault.as_deref()).map(str::to_owned),
            }
        };
        relays.into_iter().map(relay).collect()
    }
}
