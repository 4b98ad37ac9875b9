//! The form in which values leave the process: a version, an order by which the newer of two is told, a check, the
//! process that wrote it, and the body.
//!
//! ```text
//!            0         1              17               33             49
//! version 2  | version | order        | check          | process      | body …
//! version 1  | version | order        | check | process      | body …
//!            0         1              17      25             41
//! ```
//!
//! Order stays where it is in every version, so that servers and processes of two versions can compare what they hold.
//! What cannot be opened is a miss: it may come from a newer version, or from somebody who should not write there.
//!
//! Version 2 checks the network too. Names on the server carry eight bytes of the genesis validators root alone, and two
//! networks made of the same validators, one after the other, have the same one: their slots are other slots.

use headstart_types::Network;
use sha2::{Digest, Sha256};

use crate::ProcessId;

/// In which of the two forms that every process reads it writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// That of the release before, for as long as processes of that release run.
    Previous,
    #[default]
    Current,
}

const ORDER: usize = 1;
const CHECK: usize = 17;
const ID: usize = 16;

/// Of two values under one key the one with the higher order is the newer: first the fence of the lease under which it
/// was made, then the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    pub(crate) fence: u64,
    pub(crate) moment: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    pub(crate) order: Order,
    pub(crate) from: ProcessId,
    pub(crate) body: &'a [u8],
}

/// Seals what this process writes, and opens what any of its network has written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope {
    from: ProcessId,
    writes: Format,
    network: [u8; 32],
}

impl Format {
    const fn version(self) -> u8 {
        match self {
            Self::Previous => 1,
            Self::Current => 2,
        }
    }

    fn of(version: u8) -> Option<Self> {
        [Self::Current, Self::Previous].into_iter().find(|format| format.version() == version)
    }

    /// Where the check ends and the process begins.
    const fn process(self) -> usize {
        match self {
            Self::Previous => CHECK + 8,
            Self::Current => CHECK + 16,
        }
    }
}

impl Envelope {
    pub(crate) fn new(from: ProcessId, writes: Format, network: &Network) -> Self {
        let digest = Sha256::new()
            .chain_update(network.genesis_validators_root)
            .chain_update(network.genesis_time_ms.0.to_be_bytes())
            .chain_update(network.schedule.genesis_version())
            .finalize();
        Self { from, writes, network: digest.into() }
    }

    pub(crate) fn seal(&self, order: Order, body: &[u8]) -> Vec<u8> {
        let process = self.writes.process();
        let mut bytes = Vec::with_capacity(process + ID + body.len());
        bytes.push(self.writes.version());
        bytes.extend(order.fence.to_be_bytes());
        bytes.extend(order.moment.to_be_bytes());
        bytes.resize(process, 0);
        bytes.extend(self.from.0);
        bytes.extend(body);
        let check = self.check(self.writes, &bytes);
        bytes[CHECK..process].copy_from_slice(&check[..process - CHECK]);
        bytes
    }

    /// `None` for what this version does not know, for what is not whole, and for what belongs to another network.
    pub(crate) fn open<'a>(&self, bytes: &'a [u8]) -> Option<Opened<'a>> {
        let format = Format::of(*bytes.first()?)?;
        let process = format.process();
        let (from, body) = bytes.get(process..)?.split_first_chunk::<ID>()?;
        if !self.check(format, bytes).starts_with(&bytes[CHECK..process]) {
            return None;
        }
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let order = Order { fence: number(ORDER)?, moment: number(ORDER + 8)? };
        Some(Opened { order, from: ProcessId(*from), body })
    }

    /// Over everything but itself; of which as much is written as has room.
    fn check(&self, format: Format, bytes: &[u8]) -> [u8; 32] {
        let mut digest = Sha256::new();
        if format == Format::Current {
            digest.update(self.network);
        }
        digest.chain_update(&bytes[..CHECK]).chain_update(&bytes[format.process()..]).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: ProcessId = ProcessId([7; 16]);
    const SOME: Order = Order { fence: 3, moment: 1_700_000_000_000 };
    const FORMATS: [Format; 2] = [Format::Previous, Format::Current];

    fn writing(format: Format) -> Envelope {
        Envelope::new(FROM, format, &Network::mainnet())
    }

    #[test]
    fn what_was_sealed_in_either_form_is_opened_by_writers_of_both() {
        for (writer, reader) in FORMATS.map(|format| FORMATS.map(|other| (format, other))).concat() {
            let sealed = writing(writer).seal(SOME, b"a bid");
            let opened = writing(reader).open(&sealed);
            assert_eq!(opened, Some(Opened { order: SOME, from: FROM, body: b"a bid" }), "{writer:?}");
        }
    }

    #[test]
    fn no_bit_can_be_flipped_and_no_byte_be_missing() {
        for format in FORMATS {
            let envelope = writing(format);
            let sealed = envelope.seal(SOME, b"a bid");
            for bit in 0..sealed.len() * 8 {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(envelope.open(&flipped), None, "{format:?}: bit {bit}");
            }
            for length in 0..sealed.len() {
                assert_eq!(envelope.open(&sealed[..length]), None, "{format:?}: {length} bytes");
            }
        }
    }

    #[test]
    fn the_previous_form_is_byte_for_byte_what_the_release_before_wrote() {
        let before =
            "0100000000000000030000018bcfe5680065b71be404f656d50707070707070707070707070707070761206269";
        let sealed = writing(Format::Previous).seal(SOME, b"a bi");
        let hex = sealed.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(hex, before);
    }

    #[test]
    fn a_network_of_the_same_validators_that_began_at_another_time_is_another_one() {
        let mut later = Network::mainnet();
        later.genesis_time_ms = later.genesis_time_ms + 1;
        let later = Envelope::new(FROM, Format::Current, &later);
        assert_eq!(later.open(&writing(Format::Current).seal(SOME, b"a bid")), None);
        assert!(later.open(&writing(Format::Previous).seal(SOME, b"a bid")).is_some(), "it could not tell");
    }

    #[test]
    fn a_later_lease_is_newer_than_a_later_moment() {
        let later = Order { moment: SOME.moment + 1, ..SOME };
        assert!(later > SOME && Order { fence: SOME.fence + 1, moment: 0 } > later);
        for (one, other) in FORMATS.map(|format| FORMATS.map(|other| (format, other))).concat() {
            let in_bytes = |format, order| writing(format).seal(order, b"")[ORDER..CHECK].to_vec();
            assert!(in_bytes(one, later) > in_bytes(other, SOME), "servers compare bytes");
        }
    }
}
