use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use headstart_types::{BlsPublicKey, RegistrationRejected, SignedValidatorRegistration};

/// The newest registration of every validator, in memory.
#[derive(Debug, Default)]
pub struct Registrations {
    newest: Mutex<HashMap<BlsPublicKey, SignedValidatorRegistration>>,
}

/// How a registration compares with the one on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Byte for byte the one on record: its signature has been verified before.
    Unchanged,
    /// It may replace what is on record once its signature is verified.
    New,
}

impl Registrations {
    /// Compares without recording: an unchanged registration needs no signature check, an older one is refused.
    pub fn compare(
        &self,
        registration: &SignedValidatorRegistration,
    ) -> Result<Recorded, RegistrationRejected> {
        match self.lock().get(&registration.message.pubkey) {
            Some(recorded) if recorded == registration => Ok(Recorded::Unchanged),
            Some(recorded) => registration.may_replace(&recorded.message).map(|()| Recorded::New),
            None => Ok(Recorded::New),
        }
    }

    /// Records a registration whose signature was verified; between comparison and now a newer one may have come.
    pub fn record(&self, registration: SignedValidatorRegistration) -> Result<(), RegistrationRejected> {
        let mut newest = self.lock();
        if let Some(recorded) = newest.get(&registration.message.pubkey) {
            registration.may_replace(&recorded.message)?;
        }
        newest.insert(registration.message.pubkey, registration);
        Ok(())
    }

    pub fn of(&self, validator: &BlsPublicKey) -> Option<SignedValidatorRegistration> {
        self.lock().get(validator).copied()
    }

    pub fn len(&self) -> usize {
        self.lock().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BlsPublicKey, SignedValidatorRegistration>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
