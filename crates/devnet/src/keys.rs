use headstart_types::SecretKey;

use crate::seed::Seed;

/// `count` keys that are the same for the same seed, and worth nothing.
pub fn keys(seed: u64, count: usize) -> Vec<SecretKey> {
    (0..count).map(|number| key(seed, number as u64)).collect()
}

/// The key of that number: [`keys`] without the ones before it.
pub fn key(seed: u64, number: u64) -> SecretKey {
    let bytes = Seed::new(seed).with(number).with_bytes(b"secret key").bytes();
    SecretKey::from_seed(&bytes).expect("key generation takes any 32 bytes")
}
