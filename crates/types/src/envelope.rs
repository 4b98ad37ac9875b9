//! The `{"version": …, "data": …}` envelope of the Builder API's JSON, and what can go wrong in decoding.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ssz::Decode;

use crate::ForkName;

/// Why bytes are not the message they should be. The text names the fault and nothing of the content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("decode {what} from SSZ: {fault}")]
    Ssz { what: &'static str, fault: String },
    #[error("decode {what} from JSON: {fault}")]
    Json { what: &'static str, fault: String },
    #[error("decode {what}: {size} bytes are more than the {limit} that it can have")]
    TooLarge { what: &'static str, size: usize, limit: usize },
    #[error("decode {what}: it is of fork {found:?}, and {expected} rules in its slot")]
    WrongFork { what: &'static str, found: String, expected: ForkName },
}

#[derive(Deserialize)]
struct VersionedOwned<T> {
    version: String,
    data: T,
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    version: &'static str,
    data: &'a T,
}

/// Decodes the data of an envelope whose version must be `fork`.
pub(crate) fn from_versioned_json<T: DeserializeOwned>(
    what: &'static str,
    fork: ForkName,
    json: &[u8],
) -> Result<T, DecodeError> {
    // The version is read first, so that a message of another fork is named as such and not as malformed.
    #[derive(Deserialize)]
    struct VersionOnly {
        version: String,
    }
    let found: VersionOnly = from_json(what, json)?;
    if found.version != fork.as_str() {
        let found = found.version.chars().take(16).collect();
        return Err(DecodeError::WrongFork { what, found, expected: fork });
    }
    from_json::<VersionedOwned<T>>(what, json).map(|envelope| {
        debug_assert_eq!(envelope.version, fork.as_str());
        envelope.data
    })
}

pub(crate) fn to_versioned_json<T: Serialize>(fork: ForkName, data: &T) -> Vec<u8> {
    to_json(&Versioned { version: fork.as_str(), data })
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, json: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(json).map_err(|error| DecodeError::Json { what, fault: error.to_string() })
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own types have string keys and no failing serialisers")
}

/// Decodes SSZ of at most `limit` bytes.
pub(crate) fn from_ssz<T: Decode>(what: &'static str, limit: usize, bytes: &[u8]) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLarge { what, size: bytes.len(), limit });
    }
    T::from_ssz_bytes(bytes).map_err(|error| DecodeError::Ssz { what, fault: describe(&error) })
}

/// The library's errors print as Rust structures; a sentence serves the reader better.
fn describe(error: &ssz::DecodeError) -> String {
    use ssz::DecodeError as E;
    match error {
        E::InvalidByteLength { len, expected } => format!("{len} bytes where {expected} are expected"),
        E::InvalidLengthPrefix { len, expected } => {
            format!("{len} bytes where an offset of {expected} is expected")
        }
        E::OffsetOutOfBounds(offset) => format!("offset {offset} lies beyond the end"),
        E::OffsetsAreDecreasing(offset) => format!("offset {offset} is lower than the one before"),
        E::OffsetSkipsVariableBytes(offset) => format!("offset {offset} skips bytes"),
        E::OffsetIntoFixedPortion(offset) => format!("offset {offset} points into the fixed part"),
        E::BytesInvalid(fault) => fault.chars().take(120).collect(),
        other => format!("{other:?}").chars().take(120).collect(),
    }
}
