//! Many rows in few statements.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use super::{Result, Row, Transaction, Value};

/// Rows in one statement. Few sizes make few texts, which both databases keep prepared. Larger ones would cost more and
/// not less: SQLite looks for the name of each parameter among all of them.
const SIZES: [usize; 3] = [50, 10, 1];

/// `head`, a list of rows of `columns` values each, `tail`.
pub(crate) struct Insert {
    /// For example `INSERT INTO t (a, b) VALUES`.
    pub(crate) head: &'static str,
    pub(crate) columns: usize,
    /// For example `ON CONFLICT (a) DO NOTHING`.
    pub(crate) tail: &'static str,
}

impl Insert {
    /// Runs it over all values, which are the rows one after another; answers how many rows changed.
    pub(crate) async fn run(&self, transaction: &mut Transaction, values: &[Value]) -> Result<u64> {
        let mut changed = 0;
        let mut rest = values;
        for size in SIZES {
            let text = Arc::new(self.text(size));
            while let Some((rows, further)) = rest.split_at_checked(size * self.columns) {
                changed += transaction.execute(AssertSqlSafe(Arc::clone(&text)), rows).await?;
                rest = further;
                if rest.is_empty() {
                    return Ok(changed);
                }
            }
        }
        Ok(changed)
    }

    fn text(&self, rows: usize) -> String {
        let row = |row: usize| numbers(row * self.columns + 1, self.columns);
        let rows: Vec<_> = (0..rows).map(row).collect();
        format!("{} {} {}", self.head, rows.join(", "), self.tail)
    }
}

/// A statement that ends in `IN`, and the list after it.
pub(crate) struct Listing<'a> {
    /// For example `SELECT a FROM t WHERE b = $1 AND a IN`.
    pub(crate) head: &'static str,
    /// The values before the list.
    pub(crate) fixed: &'a [Value],
}

impl Listing<'_> {
    /// Runs a statement that changes over the whole list; answers how many rows changed.
    pub(crate) async fn change(&self, transaction: &mut Transaction, list: &[Value]) -> Result<u64> {
        let mut changed = 0;
        for (text, values) in self.parts(list) {
            changed += transaction.execute(AssertSqlSafe(text), &values).await?;
        }
        Ok(changed)
    }

    /// Runs a statement that asks over the whole list; answers the rows that it finds.
    pub(crate) async fn read(&self, transaction: &mut Transaction, list: &[Value]) -> Result<Vec<Row>> {
        let mut found = Vec::new();
        for (text, values) in self.parts(list) {
            found.extend(transaction.query(AssertSqlSafe(text), &values).await?);
        }
        Ok(found)
    }

    /// The last part repeats its last value as often as it takes to be as long as the others: a list has no order.
    fn parts(&self, list: &[Value]) -> impl Iterator<Item = (Arc<String>, Vec<Value>)> {
        let text = Arc::new(format!("{} {}", self.head, numbers(self.fixed.len() + 1, SIZES[0])));
        list.chunks(SIZES[0]).map(move |part| {
            let mut values = [self.fixed, part].concat();
            if let Some(last) = part.last() {
                values.resize(self.fixed.len() + SIZES[0], last.clone());
            }
            (Arc::clone(&text), values)
        })
    }
}

/// `($first, …)`, as many as `count`.
fn numbers(first: usize, count: usize) -> String {
    let numbers: Vec<_> = (first..first + count).map(|number| format!("${number}")).collect();
    format!("({})", numbers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_row_has_its_own_number() {
        let insert =
            Insert { head: "INSERT INTO t (a, b) VALUES", columns: 2, tail: "ON CONFLICT DO NOTHING" };
        assert_eq!(insert.text(2), "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING");
    }

    #[test]
    fn a_short_list_is_filled_up_with_what_it_holds() {
        let listing = Listing { head: "DELETE FROM t WHERE a = $1 AND b IN", fixed: &[Value::Int(7)] };
        let list: Vec<_> = (0..=50).map(Value::Int).collect();
        let parts: Vec<_> = listing.parts(&list).collect();
        assert!(parts[0].0.starts_with("DELETE FROM t WHERE a = $1 AND b IN ($2, $3, "));
        assert_eq!(parts[1].0, parts[0].0);
        assert_eq!((parts[0].1[..3].to_vec(), parts[0].1.len()), ([7, 0, 1].map(Value::Int).to_vec(), 51));
        assert_eq!(parts[1].1, [vec![Value::Int(7)], vec![Value::Int(50); 50]].concat());
    }
}
