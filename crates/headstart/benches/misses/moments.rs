use std::fmt;

use headstart_types::{Slot, UnixMillis};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::SERVICES;
use crate::field::{CUTOFF_MS, Field};

/// When a header is asked for, as far as its slot goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    BeforeTheSlot,
    InTheSlot,
    /// So late that slow relays cannot answer any more.
    NearTheCutOff,
}

/// One header to be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: UnixMillis,
    pub(crate) slot: Slot,
    pub(crate) when: When,
}

/// So many of each kind are asked for in a slot: an auction that nobody vouches for is one of 16 of its slot.
const EACH: u32 = 5;
pub(crate) const EACH_SLOT: usize = EACH as usize * When::ALL.len();

impl When {
    pub(crate) const ALL: [Self; 3] = [Self::BeforeTheSlot, Self::InTheSlot, Self::NearTheCutOff];

    /// From when to when, in milliseconds into the slot that passes meanwhile: for the first kind that is the one before
    /// the header's own. The last is asked for a moment before the cut-off: past it there is no header.
    fn window_ms(self) -> (i64, i64) {
        match self {
            Self::BeforeTheSlot => (0, 2_900),
            Self::InTheSlot => (0, CUTOFF_MS - 950),
            Self::NearTheCutOff => (CUTOFF_MS - 950, CUTOFF_MS - 30),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::BeforeTheSlot => "before the slot",
            Self::InTheSlot => "in the slot",
            Self::NearTheCutOff => "near the cut-off",
        })
    }
}

/// What one service is asked for while `slot` passes, in the order of time. The services' turns fall between each other's,
/// each at a random moment of its own part of the window.
pub(crate) fn moments(field: &Field, seed: u64, slot: Slot, service: usize) -> Vec<Moment> {
    let (start, service) = (field.network.slot_start(slot), service as u64);
    let mut rng = StdRng::seed_from_u64(seed ^ slot.0.rotate_left(24) ^ service.rotate_left(48));
    let mut moments = Vec::new();
    for when in When::ALL {
        let (from_ms, to_ms) = when.window_ms();
        let part_ms = (to_ms - from_ms) / i64::from(EACH * SERVICES);
        for turn in 0..EACH {
            let part = i64::from(turn * SERVICES) + service.cast_signed();
            let at = start + from_ms + part * part_ms + rng.random_range(0..part_ms);
            let slot = if when == When::BeforeTheSlot { slot.next() } else { slot };
            moments.push(Moment { at, slot, when });
        }
    }
    moments.sort_by_key(|moment| moment.at);
    moments
}
