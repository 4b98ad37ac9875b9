//! One record in the spool: a line with its checksum, and what is done with it when the database is back.

use std::collections::BTreeMap;
use std::fmt::Write;

use headstart_types::{SignedValidatorRegistration, UnixMillis};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::admin::{Reported, write_report};
use crate::outcomes::{OutcomeRow, store as outcomes};
use crate::registrations::store as registrations;
use crate::sql::{Database, Result};
use crate::timelines::{self, TimelineRecord};

/// What waits for the database. Each can be written any number of times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    Outcome(OutcomeRow),
    Report(Reported),
    Timeline(TimelineRecord),
    Registration { at: UnixMillis, registration: SignedValidatorRegistration },
}

/// Letters of the checksum at the beginning of each line.
const CHECKSUM_LETTERS: usize = 16;
/// Registrations in one transaction.
const TRANSACTION_MAX: usize = 1_000;

impl Entry {
    /// The line, with its end.
    pub(super) fn line(&self) -> serde_json::Result<String> {
        let text = serde_json::to_string(self)?;
        Ok(format!("{} {text}\n", checksum(text.as_bytes())))
    }

    /// `None` for a line that was torn, or that is none of ours.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let (sum, text) = line.split_at_checked(CHECKSUM_LETTERS)?;
        let text = text.strip_prefix(b" ")?;
        (checksum(text).as_bytes() == sum).then(|| serde_json::from_slice(text).ok()).flatten()
    }
}

fn checksum(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    digest[..CHECKSUM_LETTERS / 2].iter().fold(String::new(), |mut sum, byte| {
        // A string takes everything.
        let _ = write!(sum, "{byte:02x}");
        sum
    })
}

/// Writes them into the database, whatever of them is there already.
pub(super) async fn apply(database: &Database, entries: &[Entry]) -> Result<()> {
    let rows: Vec<_> = entries.iter().filter_map(Entry::as_outcome).cloned().collect();
    outcomes::write(database, &rows).await?;
    let seen: Vec<_> = entries.iter().filter_map(Entry::as_timeline).cloned().collect();
    timelines::write(database, &seen).await?;
    for entry in entries {
        if let Entry::Report(reported) = entry {
            // One too many of a slot is not kept, as it would not have been then.
            write_report(database, reported).await?;
        }
    }
    let mut newest = BTreeMap::new();
    let mut latest = UnixMillis::default();
    for entry in entries {
        let Entry::Registration { at, registration } = entry else { continue };
        latest = latest.max(*at);
        let known = newest.entry(registration.message.pubkey).or_insert(*registration);
        if known.message.timestamp < registration.message.timestamp {
            *known = *registration;
        }
    }
    let all: Vec<_> = newest.into_iter().collect();
    for part in all.chunks(TRANSACTION_MAX) {
        registrations::write(database, latest, &part.iter().copied().collect()).await?;
    }
    Ok(())
}

impl Entry {
    fn as_timeline(&self) -> Option<&TimelineRecord> {
        match self {
            Self::Timeline(record) => Some(record),
            _ => None,
        }
    }

    fn as_outcome(&self) -> Option<&OutcomeRow> {
        match self {
            Self::Outcome(row) => Some(row),
            _ => None,
        }
    }
}
