//! One policy for the codes of statuses: each says what the client is to do.

use std::fmt::Display;
use std::time::Duration;

use headstart_registry::{Error, Scope};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tracing::error;

/// Mend the field that is named.
pub(crate) fn invalid(field: &str, description: impl Into<String>) -> Status {
    let description = description.into();
    let message = format!("failed to read the request: {field} {description}");
    let details = ErrorDetails::with_bad_request_violation(field, description);
    Status::with_error_details(Code::InvalidArgument, message, details)
}

/// Get a new token.
pub(crate) fn unauthenticated(reason: impl Display) -> Status {
    Status::unauthenticated(format!("failed to {reason}"))
}

/// This token never may.
pub(crate) fn out_of_scope(scope: Scope) -> Status {
    Status::permission_denied(format!("failed to allow the call: the token lacks the scope {scope}"))
}

/// There is no such thing, or it is another cluster's: nobody can tell which.
pub(crate) fn not_found(what: &str) -> Status {
    Status::not_found(format!("failed to find {what}"))
}

/// The cluster has used up what it is given: the same call again later.
pub(crate) fn exhausted(what: &str, retry_after_ms: u64) -> Status {
    let message = format!("failed to go on: the cluster has used up its {what}");
    with_retry(Code::ResourceExhausted, message, retry_after_ms)
}

/// Nothing is wrong with the call: the same one again later, or elsewhere.
pub(crate) fn unavailable(why: &str, retry_after_ms: u64) -> Status {
    with_retry(Code::Unavailable, format!("failed to {why}"), retry_after_ms)
}

/// A fault of ours, which the log tells.
pub(crate) fn internal() -> Status {
    Status::internal("failed to do this: it is a fault of the server, and its log says more")
}

/// What the registry could not do.
pub(crate) fn of_registry(fault: &Error) -> Status {
    match fault {
        Error::Unreachable(_) => unavailable("reach the database", RETRY_AFTER_MS),
        Error::NotFound(what) => not_found(what),
        _ => {
            error!("failed to {fault}");
            internal()
        }
    }
}

/// A message of a stream that is no message of the contract, or too long for one.
pub(crate) fn unreadable(status: Status) -> Status {
    match status.code() {
        Code::Internal | Code::OutOfRange => Status::invalid_argument(status.message()),
        _ => status,
    }
}

/// When nothing says better how long something lasts.
pub(crate) const RETRY_AFTER_MS: u64 = 1_000;
/// Nobody waits longer than this, whatever the rule says: quotas change.
const RETRY_AFTER_MS_MAX: u64 = 60_000;

fn with_retry(code: Code, message: String, retry_after_ms: u64) -> Status {
    let delay = Duration::from_millis(retry_after_ms.min(RETRY_AFTER_MS_MAX));
    Status::with_error_details(code, message, ErrorDetails::with_retry_info(Some(delay)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_to_do() {
        let status = invalid("hint.slot", "is missing");
        let violation = status.get_details_bad_request().unwrap().field_violations.remove(0);
        assert_eq!((status.code(), violation.field.as_str()), (Code::InvalidArgument, "hint.slot"));

        let delay = |status: Status| status.get_details_retry_info().unwrap().retry_delay.unwrap();
        assert_eq!(delay(exhausted("hints", 250)), Duration::from_millis(250));
        assert_eq!(delay(unavailable("record it", u64::MAX)), Duration::from_mins(1));
    }
}
