use headstart_types::{B256, Slot};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// A point in a tree of reproducible randomness: every choice of the devnet hangs off one seed and the facts it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(scramble(seed))
    }

    /// The branch for one more fact.
    #[must_use]
    pub(crate) const fn with(self, fact: u64) -> Self {
        Self(scramble(self.0.rotate_left(23) ^ scramble(fact)))
    }

    #[must_use]
    pub(crate) const fn with_slot(self, slot: Slot) -> Self {
        self.with(slot.0)
    }

    /// The branch for bytes, such as a hash or a key, or the name of a purpose.
    #[must_use]
    pub(crate) fn with_bytes(self, bytes: &[u8]) -> Self {
        bytes.chunks(8).fold(self.with(bytes.len() as u64), |seed, chunk| {
            seed.with(chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)))
        })
    }

    /// A number in `range.start..range.end`; the start when the range is empty.
    pub(crate) fn within(self, range: std::ops::Range<u64>) -> u64 {
        let width = range.end.saturating_sub(range.start).max(1);
        range.start + self.0 % width
    }

    /// True in `per_mille` of a thousand cases.
    pub(crate) fn happens(self, per_mille: u64) -> bool {
        self.within(0..1000) < per_mille
    }

    pub(crate) fn rng(self) -> StdRng {
        StdRng::seed_from_u64(self.0)
    }

    pub(crate) fn bytes<const N: usize>(self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng().fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn hash(self) -> B256 {
        B256::from(self.bytes())
    }
}

/// The finaliser of `SplitMix64`: neighbouring inputs come out unrelated.
const fn scramble(input: u64) -> u64 {
    let mixed = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
