//! Who of several processes on one database does what one alone should do.

use std::time::Duration;

use tokio::time::Instant;

use crate::identity;
use crate::sql::{Database, Result};

/// A lease as one process sees it. It is kept by renewing it, and no clock is compared with another process's: whoever
/// sees the holder's number stand still for [`PATIENCE`] of its own time takes it over.
#[derive(Debug)]
pub(crate) struct Lease {
    name: &'static str,
    /// This process, and no other ever.
    us: String,
    renewed_at: Option<Instant>,
    /// Another's term, and since when we see it.
    other: Option<(Term, Instant)>,
}

/// Who holds it, and a number that moves on with every renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    holder: String,
    turn: i64,
}

/// How long a holder that does not renew is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a holder that cannot renew counts on it: shorter than the others' patience.
const LAPSE: Duration = Duration::from_secs(4);
/// What a holder that went in good order leaves.
const NOBODY: &str = "";

impl Lease {
    pub(crate) fn new(name: &'static str) -> Self {
        let us = identity::draw();
        Self { name, us, renewed_at: None, other: None }
    }

    /// Renews it or takes it, if it can be had; whether it is ours.
    pub(crate) async fn step(&mut self, database: &Database, now: Instant) -> Result<bool> {
        let ours = match self.renewed_at {
            Some(_) if self.renew(database).await? => true,
            _ => self.take(database, now).await?,
        };
        self.renewed_at = ours.then_some(now);
        Ok(ours)
    }

    /// Whether it is ours as far as can be told without the database.
    pub(crate) fn is_held(&self, now: Instant) -> bool {
        self.renewed_at.is_some_and(|renewed_at| now.duration_since(renewed_at) < LAPSE)
    }

    /// Leaves it to whoever comes first.
    pub(crate) async fn release(&mut self, database: &Database) -> Result<()> {
        self.renewed_at = None;
        let sql = "UPDATE leases SET holder = $1, turn = turn + 1 WHERE name = $2 AND holder = $3";
        database.execute(sql, &[NOBODY.into(), self.name.into(), self.us.as_str().into()]).await.map(drop)
    }

    async fn renew(&self, database: &Database) -> Result<bool> {
        let sql = "UPDATE leases SET turn = turn + 1 WHERE name = $1 AND holder = $2";
        Ok(database.execute(sql, &[self.name.into(), self.us.as_str().into()]).await? == 1)
    }

    async fn take(&mut self, database: &Database, now: Instant) -> Result<bool> {
        let Some(term) = self.read(database).await? else {
            let sql =
                "INSERT INTO leases (name, holder, turn) VALUES ($1, $2, 1) ON CONFLICT (name) DO NOTHING";
            return Ok(database.execute(sql, &[self.name.into(), self.us.as_str().into()]).await? == 1);
        };
        if !self.may_take(&term, now) {
            return Ok(false);
        }
        let sql =
            "UPDATE leases SET holder = $1, turn = turn + 1 WHERE name = $2 AND holder = $3 AND turn = $4";
        let (us, holder) = (self.us.as_str().into(), term.holder.as_str().into());
        Ok(database.execute(sql, &[us, self.name.into(), holder, term.turn.into()]).await? == 1)
    }

    async fn read(&self, database: &Database) -> Result<Option<Term>> {
        let sql = "SELECT holder, turn FROM leases WHERE name = $1";
        let row = database.query_one(sql, &[self.name.into()]).await?;
        row.map(|mut row| Ok(Term { holder: row.text()?, turn: row.int()? })).transpose()
    }

    /// Nobody holds it, or whoever does has not been heard of for long; or it is ours and we did not hear that it is.
    fn may_take(&mut self, term: &Term, now: Instant) -> bool {
        match &self.other {
            _ if term.holder == NOBODY || term.holder == self.us => true,
            Some((known, since)) if known == term => now.duration_since(*since) >= PATIENCE,
            _ => {
                self.other = Some((term.clone(), now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(holder: &str, turn: i64) -> Term {
        Term { holder: holder.to_owned(), turn }
    }

    #[test]
    fn a_holder_that_goes_on_renewing_is_left_alone() {
        let (mut lease, start) = (Lease::new("test"), Instant::now());
        for (turn, seconds) in (1..).zip(0..60) {
            assert!(!lease.may_take(&term("other", turn), start + Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn a_holder_that_stands_still_is_replaced_after_its_time_and_not_before() {
        let (mut lease, start) = (Lease::new("test"), Instant::now());
        assert!(!lease.may_take(&term("other", 7), start));
        assert!(!lease.may_take(&term("other", 7), start + PATIENCE - Duration::from_millis(1)));
        assert!(lease.may_take(&term("other", 7), start + PATIENCE));
        assert!(!lease.may_take(&term("another", 8), start + PATIENCE), "somebody else was faster");
    }

    #[test]
    fn what_nobody_holds_is_taken_at_once_and_so_is_our_own() {
        let mut lease = Lease::new("test");
        let us = lease.us.clone();
        assert!(lease.may_take(&term(NOBODY, 9), Instant::now()));
        assert!(lease.may_take(&term(&us, 9), Instant::now()));
    }
}
