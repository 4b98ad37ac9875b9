use sqlx::{SqlSafeStr, SqlStr};

use super::connection::Connection;
use super::{Result, Row, Value};

/// Statements that hold together or not at all. Dropped without a commit, it changes nothing.
pub(crate) struct Transaction {
    connection: Connection,
    open: bool,
}

impl Transaction {
    pub(super) async fn begin(connection: Connection, begin: SqlStr) -> Result<Self> {
        let mut transaction = Self { connection, open: true };
        transaction.connection.execute(begin, &[]).await?;
        Ok(transaction)
    }

    /// Answers how many rows changed.
    pub(crate) async fn execute(&mut self, sql: impl SqlSafeStr, values: &[Value]) -> Result<u64> {
        self.connection.execute(sql.into_sql_str(), values).await
    }

    pub(crate) async fn query(&mut self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Vec<Row>> {
        self.connection.query(sql.into_sql_str(), values).await
    }

    /// The first row, if there is one.
    pub(crate) async fn query_one(&mut self, sql: impl SqlSafeStr, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, values).await?.into_iter().next())
    }

    /// Durable once it returns.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.end("COMMIT").await
    }

    /// Ends it without a change, and spares the connection.
    pub(crate) async fn rollback(mut self) -> Result<()> {
        self.end("ROLLBACK").await
    }

    async fn end(&mut self, sql: &'static str) -> Result<()> {
        self.connection.execute(sql.into_sql_str(), &[]).await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // The database undoes what was under way when its connection closes.
        if self.open {
            self.connection.close_on_drop();
        }
    }
}
