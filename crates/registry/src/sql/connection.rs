use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow, PgTypeInfo};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Column, Postgres, Row as _, SqlStr, Sqlite, TypeInfo, ValueRef};

use super::{Result, Row, Value};
use crate::Error;

/// A connection taken from a pool, to either database. Every statement has its time.
pub(super) struct Connection {
    link: Link,
    patience: Duration,
}

pub(super) enum Link {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
    /// It did not answer in time: what it is at is unknown, so it is used no more.
    Abandoned,
}

impl Connection {
    pub(super) fn new(link: Link, patience: Duration) -> Self {
        Self { link, patience }
    }

    /// Answers how many rows changed.
    pub(super) async fn execute(&mut self, sql: SqlStr, values: &[Value]) -> Result<u64> {
        let patience = self.patience;
        match tokio::time::timeout(patience, self.link.execute(sql, values)).await {
            Ok(changed) => Ok(changed?),
            Err(_) => Err(self.abandon()),
        }
    }

    pub(super) async fn query(&mut self, sql: SqlStr, values: &[Value]) -> Result<Vec<Row>> {
        let patience = self.patience;
        match tokio::time::timeout(patience, self.link.query(sql, values)).await {
            Ok(rows) => Ok(rows?),
            Err(_) => Err(self.abandon()),
        }
    }

    /// Whether the pool may have it back.
    pub(super) fn close_on_drop(&mut self) {
        match &mut self.link {
            Link::Sqlite(connection) => connection.close_on_drop(),
            Link::Postgres(connection) => connection.close_on_drop(),
            Link::Abandoned => {}
        }
    }

    /// Takes it from the pool, which would otherwise wait for the answer before it lends it again.
    fn abandon(&mut self) -> Error {
        match std::mem::replace(&mut self.link, Link::Abandoned) {
            Link::Sqlite(connection) => drop(connection.detach()),
            Link::Postgres(connection) => drop(connection.detach()),
            Link::Abandoned => {}
        }
        Error::too_slow(self.patience)
    }
}

impl Link {
    async fn execute(&mut self, sql: SqlStr, values: &[Value]) -> sqlx::Result<u64> {
        match self {
            Self::Sqlite(connection) => {
                let done =
                    sqlx::query_with(sql, sqlite_arguments(values)?).execute(&mut **connection).await?;
                Ok(done.rows_affected())
            }
            Self::Postgres(connection) => {
                let done =
                    sqlx::query_with(sql, postgres_arguments(values)?).execute(&mut **connection).await?;
                Ok(done.rows_affected())
            }
            Self::Abandoned => Err(sqlx::Error::PoolClosed),
        }
    }

    async fn query(&mut self, sql: SqlStr, values: &[Value]) -> sqlx::Result<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => {
                let query = sqlx::query_with(sql, sqlite_arguments(values)?);
                query.fetch_all(&mut **connection).await?.iter().map(sqlite_row).collect()
            }
            Self::Postgres(connection) => {
                let query = sqlx::query_with(sql, postgres_arguments(values)?);
                query.fetch_all(&mut **connection).await?.iter().map(postgres_row).collect()
            }
            Self::Abandoned => Err(sqlx::Error::PoolClosed),
        }
    }
}

fn sqlite_arguments(values: &[Value]) -> sqlx::Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(number) => arguments.add(*number),
            Value::Text(text) => arguments.add(text.clone()),
            Value::Bytes(bytes) => arguments.add(bytes.clone()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: &[Value]) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        let added = match value {
            Value::Null => arguments.add(Untyped),
            Value::Int(number) => arguments.add(*number),
            Value::Text(text) => arguments.add(text.as_str()),
            Value::Bytes(bytes) => arguments.add(bytes.as_slice()),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// A null whose type the server finds out from where it stands.
struct Untyped;

impl sqlx::Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(sqlx::postgres::types::Oid(0))
    }
}

impl sqlx::Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(
        &self,
        _: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> std::result::Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        Ok(sqlx::encode::IsNull::Yes)
    }
}

fn sqlite_row(row: &SqliteRow) -> sqlx::Result<Row> {
    let value = |index| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let kind = raw.type_info().into_owned();
        match kind.name() {
            "INTEGER" => row.try_get(index).map(Value::Int),
            "TEXT" => row.try_get(index).map(Value::Text),
            _ => row.try_get(index).map(Value::Bytes),
        }
    };
    (0..row.len()).map(value).collect::<sqlx::Result<_>>().map(Row::new)
}

fn postgres_row(row: &PgRow) -> sqlx::Result<Row> {
    let value = |index: usize| match row.column(index).type_info().name() {
        "INT8" => row.try_get(index).map(|number: Option<i64>| number.into()),
        "TEXT" => row.try_get(index).map(|text: Option<String>| text.into()),
        _ => row.try_get(index).map(|bytes: Option<Vec<u8>>| bytes.map_or(Value::Null, Value::Bytes)),
    };
    (0..row.len()).map(value).collect::<sqlx::Result<_>>().map(Row::new)
}
