//! What many callers bring, judged together: pure.

use std::collections::{BTreeMap, HashMap};

use headstart_types::{BlsPublicKey, RegistrationRejected, SignedValidatorRegistration};

use super::NotRecorded;
use crate::table::Table;

/// Registrations of many callers that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// What must be written: the newest of each validator, in the order of the public keys, so that two processes never
    /// wait for each other in a circle.
    pub(super) writes: BTreeMap<BlsPublicKey, SignedValidatorRegistration>,
    /// One for each registration, in the order in which they were added.
    verdicts: Vec<Verdict>,
}

#[derive(Debug)]
enum Verdict {
    Known(Result<(), RegistrationRejected>),
    /// It holds if the database takes it, or what replaced it within the batch.
    Open(Box<SignedValidatorRegistration>),
}

impl Batch {
    /// Judges one more, as if those before it were on record already.
    pub(super) fn add(
        &mut self,
        registration: SignedValidatorRegistration,
        recorded: &Table<SignedValidatorRegistration>,
    ) {
        let pubkey = &registration.message.pubkey;
        let verdict = match (self.writes.get(pubkey), recorded.get(pubkey)) {
            // SQL counts to 2^63, which no timestamp that was verified comes near.
            _ if i64::try_from(registration.message.timestamp).is_err() => {
                Verdict::Known(Err(RegistrationRejected::FromTheFuture))
            }
            (None, Some(recorded)) if *recorded == registration => Verdict::Known(Ok(())),
            (Some(before), _) | (None, Some(before)) => match registration.may_replace(&before.message) {
                Ok(()) => Verdict::Open(Box::new(registration)),
                Err(rejected) => Verdict::Known(Err(rejected)),
            },
            (None, None) => Verdict::Open(Box::new(registration)),
        };
        if matches!(verdict, Verdict::Open(_)) {
            self.writes.insert(*pubkey, registration);
        }
        self.verdicts.push(verdict);
    }

    /// The verdicts once everything is written, except for validators of whom the database has another registration.
    pub(super) fn written(
        self,
        others: &HashMap<BlsPublicKey, SignedValidatorRegistration>,
    ) -> impl Iterator<Item = Result<(), NotRecorded>> {
        self.verdicts.into_iter().map(|verdict| match verdict {
            Verdict::Known(verdict) => Ok(verdict?),
            Verdict::Open(registration) => match others.get(&registration.message.pubkey) {
                Some(other) => Ok(registration.may_replace(&other.message)?),
                None => Ok(()),
            },
        })
    }

    /// The verdicts when the database is away.
    pub(super) fn failed(self) -> impl Iterator<Item = Result<(), NotRecorded>> {
        self.verdicts.into_iter().map(|verdict| match verdict {
            Verdict::Known(verdict) => Ok(verdict?),
            Verdict::Open(_) => Err(NotRecorded::NotDurable),
        })
    }
}
