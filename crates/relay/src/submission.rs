use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use headstart_types::{Encoding, ForkName, SignedBlindedBeaconBlock};

/// Which submit endpoint: v1 answers with the payload, v2 publishes and answers 202.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubmitVersion {
    V1,
    V2,
}

impl SubmitVersion {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::V1 => "/eth/v1/builder/blinded_blocks",
            Self::V2 => "/eth/v2/builder/blinded_blocks",
        }
    }
}

/// A signed blinded block on its way to relays: the bytes as they came, and the other encoding once a relay asks for it.
///
/// Bytes that do not decode can still be submitted as they are: our own decoder must never cost a signed block.
pub struct Submission {
    version: SubmitVersion,
    fork: ForkName,
    ssz: OnceLock<Option<Bytes>>,
    json: OnceLock<Option<Bytes>>,
}

impl Submission {
    /// A block of `fork` as SSZ, to be submitted as `version`.
    pub fn from_ssz(version: SubmitVersion, fork: ForkName, ssz: Bytes) -> Self {
        Self { version, fork, ssz: OnceLock::from(Some(ssz)), json: OnceLock::new() }
    }

    /// A block of `fork` as the bare JSON object `{"message", "signature"}`, to be submitted as `version`.
    pub fn from_json(version: SubmitVersion, fork: ForkName, json: Bytes) -> Self {
        Self { version, fork, ssz: OnceLock::new(), json: OnceLock::from(Some(json)) }
    }

    pub fn version(&self) -> SubmitVersion {
        self.version
    }

    pub fn fork(&self) -> ForkName {
        self.fork
    }

    /// The block in `encoding`, converted at most once; `None` when it came in the other one and does not decode.
    pub fn encoded(&self, encoding: Encoding) -> Option<&Bytes> {
        match encoding {
            Encoding::Ssz => self.ssz.get_or_init(|| self.json_to_ssz()).as_ref(),
            Encoding::Json => self.json.get_or_init(|| self.ssz_to_json()).as_ref(),
        }
    }

    fn json_to_ssz(&self) -> Option<Bytes> {
        let json = self.json.get()?.as_ref()?;
        let block = SignedBlindedBeaconBlock::from_json(self.fork, json).ok()?;
        Some(block.to_ssz().into())
    }

    fn ssz_to_json(&self) -> Option<Bytes> {
        let ssz = self.ssz.get()?.as_ref()?;
        let block = SignedBlindedBeaconBlock::from_ssz(self.fork, ssz).ok()?;
        Some(block.to_json().into())
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission")
            .field("version", &self.version)
            .field("fork", &self.fork)
            .finish_non_exhaustive()
    }
}
