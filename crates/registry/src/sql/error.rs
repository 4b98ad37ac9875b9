use std::time::Duration;

/// Why the registry could not do what it was asked. Each variant is one that a caller treats differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody answers, or not in time: the same again later may succeed.
    #[error("reach the database: {0}")]
    Unreachable(String),
    #[error(
        "use the database: its schema is number {have} and this program needs {need}; run `headstart migrate`"
    )]
    SchemaBehind { have: i64, need: i64 },
    #[error(
        "use the database: it serves programs of schema {floor} and newer, this one knows {need}; run a newer headstart"
    )]
    SchemaAhead { floor: i64, need: i64 },
    #[error(
        "use the database: it is of network {0}; give each network a database of its own in registry.url, or correct network.name"
    )]
    OtherNetwork(String),
    /// What should be added is there already, or stands in the way of what should be.
    #[error("{0}")]
    Conflict(String),
    /// What should be changed is not there.
    #[error("find {0}")]
    NotFound(String),
    /// The database never takes a value like this, whatever becomes of the database itself.
    #[error("{0}")]
    Refused(String),
    /// Repeating it does not help until somebody has mended something.
    #[error("{0}")]
    Other(String),
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn too_slow(patience: Duration) -> Self {
        Self::Unreachable(format!("no answer within {} ms", patience.as_millis()))
    }

    pub(crate) fn exists(what: impl std::fmt::Display) -> Self {
        Self::Conflict(format!("add {what}: it exists already"))
    }

    /// Whether the same can never be written. Whatever else is wrong is the database's, which somebody may mend: its
    /// rights, its schema, its disk, or that it is a copy which only reads.
    pub(crate) fn lies_in_the_record(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Conflict(_))
    }

    /// A value of the database that cannot be one of ours.
    pub(crate) fn damaged(what: &str) -> Self {
        Self::Other(format!("read the database: {what} is damaged"))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unreachable(error.to_string()),
            sqlx::Error::Database(fault) if fault.is_unique_violation() => {
                Self::Conflict(format!("write to the database: {fault}"))
            }
            sqlx::Error::Database(fault) if fault.code().is_some_and(|code| may_pass(&code)) => {
                Self::Unreachable(fault.to_string())
            }
            sqlx::Error::Database(fault) if fault.code().is_some_and(|code| is_refusal(&code)) => {
                Self::Refused(format!("write to the database: {fault}"))
            }
            _ => Self::Other(format!("use the database: {error}")),
        }
    }
}

/// Whether a fault of this code passes by itself.
fn may_pass(code: &str) -> bool {
    // Busy, locked, I/O error, full, cannot open.
    const SQLITE: [i32; 5] = [5, 6, 10, 13, 14];
    // Connection lost, serialisation and deadlock, out of resources, no lock in time, cancelled or shutting down.
    const POSTGRES: [&str; 5] = ["08", "40", "53", "55P03", "57"];
    is_one_of(code, &SQLITE, &POSTGRES)
}

/// Whether a fault of this code is that of a value, which no database of this form takes.
fn is_refusal(code: &str) -> bool {
    // Constraint, mismatch; a value that cannot be, and one that breaks a constraint.
    is_one_of(code, &[19, 20], &["22", "23"])
}

/// A code is PostgreSQL's five letters, which begin with their class, or SQLite's number, whose low byte is its kind.
fn is_one_of(code: &str, sqlite: &[i32], postgres: &[&str]) -> bool {
    match code.parse::<i32>() {
        Ok(number) if code.len() < 5 => sqlite.contains(&(number & 0xff)),
        _ => postgres.iter().any(|class| code.starts_with(class)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for passing in ["5", "517", "13", "57014", "57P01", "40P01", "53300", "55P03", "08006"] {
            assert!(may_pass(passing), "{passing}");
        }
        for lasting in ["1", "8", "1555", "42P01", "28P01", "23505", "22021"] {
            assert!(!may_pass(lasting), "{lasting}");
        }
    }

    #[test]
    fn only_a_value_that_no_database_takes_is_the_records_own_fault() {
        for refusal in ["22021", "22003", "23502", "23514", "19", "1299", "20"] {
            assert!(is_refusal(refusal), "{refusal}");
        }
        for mended in ["25006", "42501", "42P01", "28P01", "3D000", "58030", "XX000", "1", "8", "11", "26"] {
            assert!(!is_refusal(mended), "{mended}");
        }
    }
}
