//! Registrations in SQL.

use std::collections::{BTreeMap, HashMap};

use headstart_types::{
    BlsPublicKey, BlsSignature, ExecutionAddress, SignedValidatorRegistration, UnixMillis,
    ValidatorRegistration,
};

use crate::Error;
use crate::sql::{Database, Insert, Listing, Result, Row, Transaction, Value};

/// Registrations in one query.
const PAGE: u32 = 10_000;

/// What became of registrations that were written in one transaction.
pub(crate) struct Written {
    /// The number of the transaction among all processes'.
    pub(crate) revision: i64,
    /// Where the database has another registration that is as new or newer.
    pub(crate) others: HashMap<BlsPublicKey, SignedValidatorRegistration>,
}

/// Writes each one if the database has none that is as new; durable once this returns.
pub(crate) async fn write(
    database: &Database,
    now: UnixMillis,
    registrations: &BTreeMap<BlsPublicKey, SignedValidatorRegistration>,
) -> Result<Written> {
    let mut transaction = database.begin().await?;
    let bump = "UPDATE revisions SET number = number + 1 WHERE name = 'registrations' RETURNING number";
    let row = transaction.query_one(bump, &[]).await?;
    let revision = row.ok_or_else(|| Error::damaged("the revision"))?.int()?;
    let insert = Insert {
        head: "INSERT INTO registrations
               (pubkey, fee_recipient, gas_limit, signed_at, signature, recorded_at, revision) VALUES",
        columns: 7,
        // The database compares, for another process may have written since we last looked.
        tail: "ON CONFLICT (pubkey) DO UPDATE SET fee_recipient = excluded.fee_recipient,
               gas_limit = excluded.gas_limit, signed_at = excluded.signed_at, signature = excluded.signature,
               recorded_at = excluded.recorded_at, revision = excluded.revision
               WHERE excluded.signed_at > registrations.signed_at",
    };
    let values: Vec<Value> =
        registrations.values().flat_map(|registration| values(registration, now, revision)).collect();
    let changed = insert.run(&mut transaction, &values).await?;
    let mut others = HashMap::new();
    if changed < registrations.len() as u64 {
        others = read_these(&mut transaction, registrations.keys()).await?;
        others.retain(|validator, recorded| registrations.get(validator) != Some(recorded));
    }
    transaction.commit().await?;
    Ok(Written { revision, others })
}

async fn read_these(
    transaction: &mut Transaction,
    validators: impl Iterator<Item = &BlsPublicKey>,
) -> Result<HashMap<BlsPublicKey, SignedValidatorRegistration>> {
    let head =
        "SELECT pubkey, fee_recipient, gas_limit, signed_at, signature FROM registrations WHERE pubkey IN";
    let values: Vec<Value> = validators.map(Into::into).collect();
    let rows = Listing { head, fixed: &[] }.read(transaction, &values).await?;
    let read = |mut row| read(&mut row).map(|registration| (registration.message.pubkey, registration));
    rows.into_iter().map(read).collect()
}

pub(super) async fn revision(database: &Database) -> Result<i64> {
    let row = database.query_one("SELECT number FROM revisions WHERE name = 'registrations'", &[]).await?;
    row.ok_or_else(|| Error::damaged("the revision"))?.int()
}

/// The next page of what was written in transactions after the one numbered `since`, in the order of the public keys.
pub(super) async fn page(
    database: &Database,
    since: i64,
    after: Option<&BlsPublicKey>,
) -> Result<Vec<SignedValidatorRegistration>> {
    let sql = "SELECT pubkey, fee_recipient, gas_limit, signed_at, signature FROM registrations
               WHERE revision > $1 AND pubkey > $2 ORDER BY pubkey LIMIT $3";
    let after = after.map_or(&[][..], |pubkey| pubkey.0.as_slice());
    let mut rows = database.query(sql, &[since.into(), after.into(), PAGE.into()]).await?;
    rows.iter_mut().map(read).collect()
}

fn read(row: &mut Row) -> Result<SignedValidatorRegistration> {
    let (pubkey, fee_recipient) = (row.pubkey()?, row.array::<20>()?);
    let message = ValidatorRegistration {
        pubkey,
        fee_recipient: ExecutionAddress(fee_recipient.into()),
        gas_limit: row.int()?.cast_unsigned(),
        timestamp: row.int()?.cast_unsigned(),
    };
    Ok(SignedValidatorRegistration { message, signature: BlsSignature(row.array()?) })
}

fn values(registration: &SignedValidatorRegistration, now: UnixMillis, revision: i64) -> [Value; 7] {
    let message = &registration.message;
    [
        (&message.pubkey).into(),
        message.fee_recipient.0.as_slice().into(),
        message.gas_limit.cast_signed().into(),
        message.timestamp.cast_signed().into(),
        registration.signature.0.as_slice().into(),
        now.into(),
        revision.into(),
    ]
}
