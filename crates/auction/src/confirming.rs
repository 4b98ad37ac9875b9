use std::collections::{BTreeMap, BTreeSet};

use headstart_types::{BlsPublicKey, UnixMillis};

use crate::Published;

/// Reads of one relay are at least this far apart.
const GAP_MS: i64 = 1_000;
/// From an acceptance, and then from one fruitless read to the next: relays publish some time after they accept.
const PATIENCE_MS: [i64; 3] = [5_000, 60_000, 600_000];
/// Validators whose registration is still to be read back; beyond that one stays accepted without being confirmed.
const WAITING_MAX: usize = 8_192;

/// Reads back from one relay what it has accepted, slowly.
#[derive(Clone, Debug, Default)]
pub struct Confirming {
    /// When each is to be read, and how often it was.
    waiting: BTreeMap<(UnixMillis, BlsPublicKey), usize>,
    known: BTreeSet<BlsPublicKey>,
    next_at: UnixMillis,
}

/// Read this validator's registration from the relay now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    pub validator: BlsPublicKey,
    reads: usize,
}

impl Confirming {
    /// The relay has accepted these.
    pub fn accepted(&mut self, now: UnixMillis, validators: &[BlsPublicKey]) {
        for validator in validators {
            if self.known.len() < WAITING_MAX && self.known.insert(*validator) {
                self.waiting.insert((now + PATIENCE_MS[0], *validator), 0);
            }
        }
    }

    /// What to read now; otherwise when to ask again, or `None` when nothing waits.
    pub fn next(&mut self, now: UnixMillis) -> Result<Read, Option<UnixMillis>> {
        let Some(first) = self.waiting.first_entry() else { return Err(None) };
        let (due_at, validator) = *first.key();
        let ready_at = due_at.max(self.next_at);
        if ready_at > now {
            return Err(Some(ready_at));
        }
        let reads = first.remove();
        self.next_at = now + GAP_MS;
        Ok(Read { validator, reads })
    }

    /// Takes what was read; `None` stands for a read that failed. Gives the verdict, or `None` while one more read may
    /// change it.
    pub fn answered(
        &mut self,
        now: UnixMillis,
        read: Read,
        published: Option<Published>,
    ) -> Option<Published> {
        let verdict = published.filter(|published| matches!(published, Published::Same | Published::Newer));
        if verdict.is_none()
            && let Some(patience_ms) = PATIENCE_MS.get(read.reads + 1)
        {
            self.waiting.insert((now + *patience_ms, read.validator), read.reads + 1);
            return None;
        }
        self.known.remove(&read.validator);
        verdict.or(published)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn key(byte: u8) -> BlsPublicKey {
        BlsPublicKey([byte; 48].into())
    }

    #[test]
    fn what_was_accepted_is_read_back_after_a_while_one_a_second() {
        let mut confirming = Confirming::default();
        assert_eq!(confirming.next(NOW), Err(None));
        confirming.accepted(NOW, &[key(1), key(2), key(1)]);
        assert_eq!(confirming.next(NOW), Err(Some(NOW + 5_000)));
        let first = confirming.next(NOW + 5_000).unwrap();
        assert_eq!(first.validator, key(1));
        assert_eq!(confirming.next(NOW + 5_000), Err(Some(NOW + 6_000)));
        assert_eq!(confirming.answered(NOW + 5_100, first, Some(Published::Same)), Some(Published::Same));
        assert_eq!(confirming.next(NOW + 6_000).unwrap().validator, key(2));
    }

    #[test]
    fn a_relay_that_publishes_late_is_read_again_before_it_is_judged() {
        for (seen, verdict) in [
            (Some(Published::Older), Some(Published::Older)),
            (Some(Published::Nothing), Some(Published::Nothing)),
            (None, None),
        ] {
            let mut confirming = Confirming::default();
            confirming.accepted(NOW, &[key(1)]);
            let (mut now, mut verdicts) = (NOW, Vec::new());
            while let Err(Some(at)) = confirming.next(now) {
                now = at;
                let read = confirming.next(now).unwrap();
                verdicts.push(confirming.answered(now, read, seen));
            }
            assert_eq!(verdicts, [None, None, verdict]);
            assert_eq!(now - NOW, 665_000);
            assert!(confirming.known.is_empty(), "it is not read for ever");
        }
    }

    #[test]
    fn what_does_not_fit_stays_unconfirmed() {
        let mut confirming = Confirming::default();
        for number in 0..10_000_u64 {
            let mut validator = key(0);
            validator.0[..8].copy_from_slice(&number.to_be_bytes());
            confirming.accepted(NOW, &[validator]);
        }
        assert_eq!(confirming.waiting.len(), WAITING_MAX);
    }
}
