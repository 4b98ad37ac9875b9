use std::thread;

use headstart_types::{
    BlsPublicKey, Network, PublicKey, RegistrationRejected, SignedValidatorRegistration, UnixMillis,
    verify_batch,
};

/// Registrations whose signatures are checked together.
const BATCH: usize = 64;

type Refused = (BlsPublicKey, RegistrationRejected);

/// The registrations that are not to be believed, in order. Works on all cores; a signature takes about half a
/// millisecond.
pub(super) fn refused(
    network: &Network,
    now: UnixMillis,
    registrations: &[SignedValidatorRegistration],
) -> Vec<Refused> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let part = registrations.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let parts: Vec<_> = registrations
            .chunks(part)
            .map(|part| {
                scope.spawn(|| part.chunks(BATCH).flat_map(|batch| check(network, now, batch)).collect())
            })
            .collect();
        let checked = parts.into_iter().zip(registrations.chunks(part)).flat_map(|(checked, part)| {
            // A check that panicked has believed nothing.
            checked.join().unwrap_or_else(|_| refuse_all(part))
        });
        checked.collect()
    })
}

/// One randomised check for the batch; only when it fails is each registration looked at by itself.
fn check(network: &Network, now: UnixMillis, batch: &[SignedValidatorRegistration]) -> Vec<Refused> {
    let key = |registration: &SignedValidatorRegistration| {
        registration.check_timestamp(now).ok()?;
        registration.public_key().ok()
    };
    let keys: Option<Vec<PublicKey>> = batch.iter().map(key).collect();
    let holds = keys.is_some_and(|keys| {
        let items = batch.iter().zip(&keys);
        let items: Vec<_> = items
            .map(|(registration, key)| (registration.signing_root(network), key, &registration.signature))
            .collect();
        verify_batch(&items, &mut rand::rng(), || ())
    });
    if holds {
        return Vec::new();
    }
    let refused = |registration: &SignedValidatorRegistration| {
        Some((registration.message.pubkey, registration.verify(network, now).err()?))
    };
    batch.iter().filter_map(refused).collect()
}

fn refuse_all(part: &[SignedValidatorRegistration]) -> Vec<Refused> {
    part.iter().map(|registration| (registration.message.pubkey, RegistrationRejected::Signature)).collect()
}

#[cfg(test)]
mod tests {
    use headstart_devnet::Validator;
    use headstart_types::ForkName;

    use super::*;

    #[test]
    fn the_refused_ones_are_named_and_no_others() {
        let now = UnixMillis(1_700_000_000_000);
        let network = headstart_devnet::network(ForkName::Fulu, 12_000, now, 0);
        let mut registrations: Vec<_> =
            (0..70).map(|index| Validator::new(index).registration(&network, 1_700_000_000)).collect();
        assert_eq!(refused(&network, now, &registrations), []);
        registrations[3].signature = registrations[4].signature;
        registrations[66] = Validator::new(66).registration(&network, 1_700_000_100);
        let expected = [
            (registrations[3].message.pubkey, RegistrationRejected::Signature),
            (registrations[66].message.pubkey, RegistrationRejected::FromTheFuture),
        ];
        assert_eq!(refused(&network, now, &registrations), expected);
    }
}
