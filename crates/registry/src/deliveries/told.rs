use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use headstart_auction::DeliveryState;
use headstart_types::{BlsPublicKey, RelayId, SignedValidatorRegistration, UnixMillis};

use super::{Delivered, mark};
use crate::table::Table;

/// What is known in this process, small: relays and faults are numbers, times are seconds.
#[derive(Debug)]
pub(super) struct Told {
    validators: Table<OfValidator>,
    relays: Vec<RelayId>,
    faults: Faults,
    /// Row of the validator and number of the relay of what is not written yet: each at most once, so there are never
    /// more than there are entries. `None` when nobody writes.
    unwritten: Option<BTreeSet<(u32, u16)>>,
}

#[derive(Debug)]
struct OfValidator {
    validator: BlsPublicKey,
    told: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    mark: u64,
    /// Unix seconds, which fit until the year 2106.
    timestamp: u32,
    noted_at: u32,
    relay: u16,
    fault: u16,
    state: DeliveryState,
}

/// The different reasons why relays do not take registrations.
#[derive(Debug, Default)]
struct Faults {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u16>,
}

/// Different faults that are kept apart; what comes after is the last one.
const FAULTS_MAX: u16 = 4_096;
const NO_FAULT: u16 = u16::MAX;
const FURTHER_FAULT: &str = "it refuses for one of too many different reasons";
/// Letters of a fault; relays quote whole requests.
const FAULT_LETTERS_MAX: usize = 200;

impl Told {
    pub(super) fn new(written: bool) -> Self {
        Self {
            validators: Table::new(|row: &OfValidator| &row.validator),
            relays: Vec::new(),
            faults: Faults::default(),
            unwritten: written.then(BTreeSet::new),
        }
    }

    pub(super) fn note(
        &mut self,
        relay: RelayId,
        registrations: &[SignedValidatorRegistration],
        state: DeliveryState,
        fault: Option<&str>,
        now: UnixMillis,
    ) {
        let (Some(relay), fault) = (self.relay_number(relay), self.faults.number(fault)) else { return };
        for registration in registrations {
            let (mark, timestamp) = (mark(registration), seconds(registration.message.timestamp));
            let entry = Entry { mark, timestamp, noted_at: seconds(now.seconds()), relay, fault, state };
            let row = self.put(registration.message.pubkey, entry, true);
            if let (Some(unwritten), Ok(row)) = (&mut self.unwritten, u32::try_from(row)) {
                unwritten.insert((row, relay));
            }
        }
    }

    /// Takes over what the database has; what is noted here and not written yet is newer.
    pub(super) fn learn(&mut self, validator: BlsPublicKey, told: &Delivered) {
        let Some(relay) = self.relay_number(told.relay) else { return };
        let (fault, timestamp) = (self.faults.number(told.fault.as_deref()), seconds(told.timestamp));
        let noted_at = seconds(told.noted_at.seconds());
        self.put(
            validator,
            Entry { mark: told.mark, timestamp, noted_at, relay, fault, state: told.state },
            false,
        );
    }

    pub(super) fn get(&self, relay: RelayId, validator: &BlsPublicKey) -> Option<Delivered> {
        let row = self.validators.get(validator)?;
        let entry = row.told.iter().find(|entry| self.relays[usize::from(entry.relay)] == relay)?;
        Some(self.delivered(entry))
    }

    pub(super) fn of_validator(&self, validator: &BlsPublicKey) -> Vec<Delivered> {
        let row = self.validators.get(validator);
        row.into_iter().flat_map(|row| &row.told).map(|entry| self.delivered(entry)).collect()
    }

    /// Takes at most so many of what is not written yet.
    pub(super) fn take_unwritten(&mut self, count: usize) -> Vec<(BlsPublicKey, Delivered)> {
        let taken: Vec<_> = match &mut self.unwritten {
            Some(unwritten) => std::iter::from_fn(|| unwritten.pop_first()).take(count).collect(),
            None => Vec::new(),
        };
        let entry = |(row, relay): (u32, u16)| {
            let row = self.validators.row(row as usize);
            let entry = row.told.iter().find(|entry| entry.relay == relay)?;
            Some((row.validator, self.delivered(entry)))
        };
        taken.into_iter().filter_map(entry).collect()
    }

    /// Puts back what could not be written.
    pub(super) fn give_back(&mut self, unwritten: &[(BlsPublicKey, Delivered)]) {
        for (validator, told) in unwritten {
            let row = u32::try_from(self.validators.number_of(validator, || OfValidator::new(*validator)));
            let relay = self.relay_number(told.relay);
            if let (Some(unwritten), Ok(row), Some(relay)) = (&mut self.unwritten, row, relay) {
                unwritten.insert((row, relay));
            }
        }
    }

    /// Answers the validator's row.
    fn put(&mut self, validator: BlsPublicKey, entry: Entry, is_noted: bool) -> usize {
        let number = self.validators.number_of(&validator, || OfValidator::new(validator));
        let told = &mut self.validators.row_mut(number).told;
        let is_unwritten = || {
            let unwritten = self.unwritten.as_ref()?;
            Some(unwritten.contains(&(u32::try_from(number).ok()?, entry.relay)))
        };
        match told.iter_mut().find(|known| known.relay == entry.relay) {
            Some(_) if !is_noted && is_unwritten() == Some(true) => {}
            Some(known) => *known = entry,
            None => {
                // Few relays are ever added, so no room is kept for more.
                told.reserve_exact(1);
                told.push(entry);
            }
        }
        number
    }

    /// `None` past 65,535 relays, of which nothing is remembered.
    fn relay_number(&mut self, relay: RelayId) -> Option<u16> {
        let known = self.relays.iter().position(|known| *known == relay);
        let number = u16::try_from(known.unwrap_or(self.relays.len())).ok()?;
        if known.is_none() {
            self.relays.push(relay);
        }
        Some(number)
    }

    fn delivered(&self, entry: &Entry) -> Delivered {
        Delivered {
            relay: self.relays[usize::from(entry.relay)],
            state: entry.state,
            timestamp: entry.timestamp.into(),
            mark: entry.mark,
            fault: self.faults.texts.get(usize::from(entry.fault)).cloned(),
            noted_at: UnixMillis::from_seconds(entry.noted_at.into()),
        }
    }
}

impl OfValidator {
    fn new(validator: BlsPublicKey) -> Self {
        Self { validator, told: Vec::new() }
    }
}

impl Faults {
    fn number(&mut self, fault: Option<&str>) -> u16 {
        let Some(fault) = fault else { return NO_FAULT };
        // PostgreSQL takes no zero byte, and a relay may send anything.
        let text: String = fault.chars().filter(|letter| *letter != '\0').take(FAULT_LETTERS_MAX).collect();
        let next = u16::try_from(self.texts.len()).unwrap_or(NO_FAULT);
        let text = if next < FAULTS_MAX - 1 { text } else { FURTHER_FAULT.to_owned() };
        if let Some(number) = self.numbers.get(text.as_str()) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, next);
        next
    }
}

fn seconds(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
