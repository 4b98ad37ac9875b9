//! Deliveries in SQL.

use headstart_auction::DeliveryState;
use headstart_types::{BlsPublicKey, RelayId};

use super::Delivered;
use crate::Error;
use crate::sql::{Database, Insert, Result, Row, Value};

/// Deliveries in one query.
const PAGE: u32 = 10_000;

/// Writes them in one transaction, and answers its number among all processes'.
pub(super) async fn write(database: &Database, deliveries: &[(BlsPublicKey, Delivered)]) -> Result<i64> {
    let insert = Insert {
        head: "INSERT INTO deliveries (relay, pubkey, state, signed_at, mark, fault, noted_at, revision) VALUES",
        columns: 8,
        tail:
            "ON CONFLICT (relay, pubkey) DO UPDATE SET state = excluded.state, signed_at = excluded.signed_at,
               mark = excluded.mark, fault = excluded.fault, noted_at = excluded.noted_at,
               revision = excluded.revision",
    };
    // In one order, so that two processes never wait for each other in a circle.
    let mut rows: Vec<_> = deliveries.iter().collect();
    rows.sort_by_key(|(validator, told)| (told.relay, *validator));
    let mut transaction = database.begin().await?;
    let bump = "UPDATE revisions SET number = number + 1 WHERE name = 'deliveries' RETURNING number";
    let row = transaction.query_one(bump, &[]).await?;
    let revision = row.ok_or_else(|| Error::damaged("the revision"))?.int()?;
    let values: Vec<Value> = rows.into_iter().flat_map(|row| values(row, revision)).collect();
    insert.run(&mut transaction, &values).await?;
    transaction.commit().await?;
    Ok(revision)
}

pub(super) async fn revision(database: &Database) -> Result<i64> {
    let row = database.query_one("SELECT number FROM revisions WHERE name = 'deliveries'", &[]).await?;
    row.ok_or_else(|| Error::damaged("the revision"))?.int()
}

/// The next page of what was written in transactions after the one numbered `since` (with `None`, of everything), after
/// one validator's delivery to one relay, in the order of relays and public keys.
pub(super) async fn page(
    database: &Database,
    since: Option<i64>,
    after: Option<(RelayId, BlsPublicKey)>,
) -> Result<Vec<(BlsPublicKey, Delivered)>> {
    let all = "SELECT relay, pubkey, state, signed_at, mark, fault, noted_at FROM deliveries
               WHERE (relay, pubkey) > ($1, $2) ORDER BY relay, pubkey LIMIT $3";
    let new = "SELECT relay, pubkey, state, signed_at, mark, fault, noted_at FROM deliveries
               WHERE (relay, pubkey) > ($1, $2) AND revision > $4 ORDER BY relay, pubkey LIMIT $3";
    let relay = after.map_or(i64::MIN, |(relay, _)| relay.0.cast_signed());
    let pubkey = after.as_ref().map_or(&[][..], |(_, pubkey)| pubkey.0.as_slice());
    let mut values = vec![relay.into(), pubkey.into(), PAGE.into()];
    values.extend(since.map(Value::from));
    let sql = if since.is_some() { new } else { all };
    database.query(sql, &values).await?.iter_mut().map(read).collect()
}

fn read(row: &mut Row) -> Result<(BlsPublicKey, Delivered)> {
    let (relay, validator) = (RelayId(row.int()?.cast_unsigned()), row.pubkey()?);
    let number = row.int()?;
    let state = DeliveryState::ALL.into_iter().find(|state| state_number(*state) == number);
    let told = Delivered {
        relay,
        state: state.ok_or_else(|| Error::damaged("the state of a delivery"))?,
        timestamp: row.int()?.cast_unsigned(),
        mark: row.int()?.cast_unsigned(),
        fault: row.text_or_null()?.map(Into::into),
        noted_at: row.time()?,
    };
    Ok((validator, told))
}

fn values((validator, told): &(BlsPublicKey, Delivered), revision: i64) -> [Value; 8] {
    [
        told.relay.0.cast_signed().into(),
        validator.into(),
        state_number(told.state).into(),
        told.timestamp.cast_signed().into(),
        told.mark.cast_signed().into(),
        told.fault.as_deref().into(),
        told.noted_at.into(),
        revision.into(),
    ]
}

const fn state_number(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Pending => 0,
        DeliveryState::Accepted => 1,
        DeliveryState::Confirmed => 2,
        DeliveryState::Stale => 3,
    }
}
