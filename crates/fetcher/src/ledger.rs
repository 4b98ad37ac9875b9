use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use headstart_types::{BlsPublicKey, BlsSignature, RelayId, SignedValidatorRegistration};

/// What each relay has been told of each validator. Bounded by validators times relays of the directory.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    told: Mutex<HashMap<(RelayId, BlsPublicKey), Told>>,
}

#[derive(Debug)]
struct Told {
    /// A signature stands for the whole registration.
    signature: BlsSignature,
    accepted: bool,
}

impl Ledger {
    /// Of these registrations, those that the relay neither has nor is being sent. They count as being sent from now on.
    pub(crate) fn begin(
        &self,
        relay: RelayId,
        registrations: &[SignedValidatorRegistration],
    ) -> Vec<SignedValidatorRegistration> {
        let mut told = self.lock();
        let due = registrations.iter().filter(|registration| {
            match told.entry((relay, registration.message.pubkey)) {
                Entry::Occupied(known) if known.get().signature == registration.signature => false,
                entry => {
                    entry.insert_entry(Told { signature: registration.signature, accepted: false });
                    true
                }
            }
        });
        due.copied().collect()
    }

    /// The relay has taken these.
    pub(crate) fn accepted(&self, relay: RelayId, registrations: &[SignedValidatorRegistration]) {
        let mut told = self.lock();
        for registration in registrations {
            if let Some(known) = told.get_mut(&(relay, registration.message.pubkey))
                && known.signature == registration.signature
            {
                known.accepted = true;
            }
        }
    }

    /// The relay could not be told; the next time that they come they are sent again.
    pub(crate) fn failed(&self, relay: RelayId, registrations: &[SignedValidatorRegistration]) {
        let mut told = self.lock();
        for registration in registrations {
            if let Entry::Occupied(known) = told.entry((relay, registration.message.pubkey))
                && known.get().signature == registration.signature
                && !known.get().accepted
            {
                known.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(RelayId, BlsPublicKey), Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
