use std::collections::BTreeMap;

use headstart_types::{BlsPublicKey, UnixMillis};

/// Validators remembered as refused by one relay; beyond that the first is forgotten, and tried again some day.
const GIVEN_UP_MAX: usize = 65_536;

/// Registrations that one relay refuses by themselves. They rest until they change, and are tried again, alone, when as
/// much time has passed as after which any registration is sent anew: a validator that the relay does not know today
/// may be active by then, with the very same registration.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenUp {
    refused: BTreeMap<BlsPublicKey, (u64, UnixMillis)>,
}

/// How an offered registration stands to one that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Never,
    /// It rests.
    Rests,
    /// It was, and has rested long enough; or it is another one by now.
    Once,
}

impl GivenUp {
    pub(crate) fn insert(&mut self, validator: BlsPublicKey, mark: u64, until: UnixMillis) {
        self.refused.insert(validator, (mark, until));
        if self.refused.len() > GIVEN_UP_MAX {
            self.refused.pop_first();
        }
    }

    pub(crate) fn judge(&self, now: UnixMillis, validator: &BlsPublicKey, mark: u64) -> Refused {
        match self.refused.get(validator) {
            None => Refused::Never,
            Some((refused, until)) if *refused == mark && now < *until => Refused::Rests,
            Some(_) => Refused::Once,
        }
    }

    pub(crate) fn accepted(&mut self, validators: &[BlsPublicKey]) {
        for validator in validators {
            self.refused.remove(validator);
        }
    }
}
