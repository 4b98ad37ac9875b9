use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use headstart_types::BlsPublicKey;

/// Rows found by their public key, packed. There may be hundreds of thousands of them, and a hash map leaves up to half
/// of its room empty; here each costs its own size and some eight bytes. Rows are never removed.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Vec<T>,
    /// Numbers of rows, each at or after the place that its key's hash names; a power of two of them.
    slots: Vec<u32>,
    hasher: RandomState,
    key: fn(&T) -> &BlsPublicKey,
}

const EMPTY: u32 = u32::MAX;
const SLOTS_MIN: usize = 16;

impl<T> Table<T> {
    pub(crate) fn new(key: fn(&T) -> &BlsPublicKey) -> Self {
        Self { rows: Vec::new(), slots: vec![EMPTY; SLOTS_MIN], hasher: RandomState::default(), key }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&self, key: &BlsPublicKey) -> Option<&T> {
        self.find(key).ok().map(|number| &self.rows[number])
    }

    /// The number of the row with this key; a new row gets the next one.
    pub(crate) fn number_of(&mut self, key: &BlsPublicKey, new: impl FnOnce() -> T) -> usize {
        match self.find(key) {
            Ok(number) => number,
            Err(slot) => {
                let number = self.rows.len();
                self.rows.push(new());
                self.slots[slot] = as_slot(number);
                if (number + 1) * 4 > self.slots.len() * 3 {
                    self.grow();
                }
                number
            }
        }
    }

    pub(crate) fn row(&self, number: usize) -> &T {
        &self.rows[number]
    }

    pub(crate) fn row_mut(&mut self, number: usize) -> &mut T {
        &mut self.rows[number]
    }

    /// The row's number, or the slot where it would stand.
    fn find(&self, key: &BlsPublicKey) -> Result<usize, usize> {
        let mut slot = self.first_slot(key);
        loop {
            match self.slots[slot] {
                EMPTY => return Err(slot),
                number => {
                    let number = number as usize;
                    if (self.key)(&self.rows[number]) == key {
                        return Ok(number);
                    }
                }
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    fn first_slot(&self, key: &BlsPublicKey) -> usize {
        let mask = self.slots.len() as u64 - 1;
        usize::try_from(self.hasher.hash_one(key) & mask).unwrap_or(0)
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; self.slots.len() * 2];
        for number in 0..self.rows.len() {
            let mut slot = self.first_slot((self.key)(&self.rows[number]));
            while self.slots[slot] != EMPTY {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = as_slot(number);
        }
    }
}

fn as_slot(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(EMPTY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> BlsPublicKey {
        let mut key = BlsPublicKey::default();
        key.0[..4].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn every_row_is_found_by_its_key_however_many_there_are() {
        let mut table = Table::new(|row: &(BlsPublicKey, u32)| &row.0);
        for number in 0..10_000 {
            assert_eq!(table.number_of(&key(number), || (key(number), number)), number as usize);
        }
        assert_eq!(table.len(), 10_000);
        for number in 0..10_000 {
            assert_eq!(table.get(&key(number)).map(|row| row.1), Some(number));
        }
        assert_eq!(table.get(&key(10_000)), None);
    }

    #[test]
    fn a_row_that_is_there_is_not_made_again() {
        let mut table = Table::new(|row: &(BlsPublicKey, u32)| &row.0);
        let first = table.number_of(&key(1), || (key(1), 1));
        assert_eq!(table.number_of(&key(1), || unreachable!("it is there")), first);
        table.row_mut(first).1 = 7;
        assert_eq!(table.row(first).1, 7);
    }
}
