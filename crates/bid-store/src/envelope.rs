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
//! With a key that all processes share the check is an HMAC of it all, and of the place where the value is: what somebody
//! writes who does not have the key, or moves from one place to another, is a miss. Version 1 knows no key.
//!
//! Version 2 checks the network too. Names on the server carry eight bytes of the genesis validators root alone, and two
//! networks made of the same validators, one after the other, have the same one: their slots are other slots.

use headstart_types::Network;
use ring::hmac;
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

/// A secret that all processes of a store have. It does not show itself.
#[derive(Clone, Debug)]
pub struct SharedKey(hmac::Key);

impl SharedKey {
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }
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
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    from: ProcessId,
    writes: Format,
    network: [u8; 32],
    key: Option<SharedKey>,
}

/// The place of what says itself what it is of.
pub(crate) const ANYWHERE: &[u8] = &[];

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
    pub(crate) fn new(from: ProcessId, writes: Format, network: &Network, key: Option<SharedKey>) -> Self {
        let digest = Sha256::new()
            .chain_update(network.genesis_validators_root)
            .chain_update(network.genesis_time_ms.0.to_be_bytes())
            .chain_update(network.schedule.genesis_version())
            .finalize();
        Self { from, writes, network: digest.into(), key }
    }

    pub(crate) fn seal(&self, place: &[u8], order: Order, body: &[u8]) -> Vec<u8> {
        let process = self.writes.process();
        let mut bytes = Vec::with_capacity(process + ID + body.len());
        bytes.push(self.writes.version());
        bytes.extend(order.fence.to_be_bytes());
        bytes.extend(order.moment.to_be_bytes());
        bytes.resize(process, 0);
        bytes.extend(self.from.0);
        bytes.extend(body);
        let check = self.check(self.writes, place, &bytes);
        bytes[CHECK..process].copy_from_slice(&check[..process - CHECK]);
        bytes
    }

    /// `None` for what this version does not know, for what is not whole, and for what belongs to another network; with a
    /// key also for what was sealed without it, or for another place.
    pub(crate) fn open<'a>(&self, place: &[u8], bytes: &'a [u8]) -> Option<Opened<'a>> {
        let format = Format::of(*bytes.first()?)?;
        if self.key.is_some() && format == Format::Previous {
            return None;
        }
        let process = format.process();
        let (from, body) = bytes.get(process..)?.split_first_chunk::<ID>()?;
        if !is_same(&self.check(format, place, bytes), &bytes[CHECK..process]) {
            return None;
        }
        let number = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let order = Order { fence: number(ORDER)?, moment: number(ORDER + 8)? };
        Some(Opened { order, from: ProcessId(*from), body })
    }

    /// Over everything but itself; of which as much is written as has room.
    fn check(&self, format: Format, place: &[u8], bytes: &[u8]) -> [u8; 32] {
        if let Some(SharedKey(key)) = &self.key {
            return self.keyed_check(key, format, place, bytes);
        }
        let mut digest = Sha256::new();
        if format == Format::Current {
            digest.update(self.network);
        }
        digest.chain_update(&bytes[..CHECK]).chain_update(&bytes[format.process()..]).finalize().into()
    }

    fn keyed_check(&self, key: &hmac::Key, format: Format, place: &[u8], bytes: &[u8]) -> [u8; 32] {
        let mut check = hmac::Context::with_key(key);
        check.update(&self.network);
        // Its digest, so that nothing of the place can pass for something of the value.
        check.update(&Sha256::digest(place));
        check.update(&bytes[..CHECK]);
        check.update(&bytes[format.process()..]);
        let mut tag = [0; 32];
        tag.copy_from_slice(check.sign().as_ref());
        tag
    }
}

/// Looks at every byte, so that nobody learns from the time that it takes how many were right.
fn is_same(check: &[u8; 32], written: &[u8]) -> bool {
    check.iter().zip(written).fold(0, |differs, (is, was)| differs | (is ^ was)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: ProcessId = ProcessId([7; 16]);
    const SOME: Order = Order { fence: 3, moment: 1_700_000_000_000 };
    const FORMATS: [Format; 2] = [Format::Previous, Format::Current];

    fn writing(format: Format) -> Envelope {
        Envelope::new(FROM, format, &Network::mainnet(), None)
    }

    #[test]
    fn what_was_sealed_in_either_form_is_opened_by_writers_of_both() {
        for (writer, reader) in FORMATS.map(|format| FORMATS.map(|other| (format, other))).concat() {
            let sealed = writing(writer).seal(ANYWHERE, SOME, b"a bid");
            let opened = writing(reader).open(ANYWHERE, &sealed);
            assert_eq!(opened, Some(Opened { order: SOME, from: FROM, body: b"a bid" }), "{writer:?}");
        }
    }

    #[test]
    fn no_bit_can_be_flipped_and_no_byte_be_missing() {
        for format in FORMATS {
            let envelope = writing(format);
            let sealed = envelope.seal(ANYWHERE, SOME, b"a bid");
            for bit in 0..sealed.len() * 8 {
                let mut flipped = sealed.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(envelope.open(ANYWHERE, &flipped), None, "{format:?}: bit {bit}");
            }
            for length in 0..sealed.len() {
                assert_eq!(envelope.open(ANYWHERE, &sealed[..length]), None, "{format:?}: {length} bytes");
            }
        }
    }

    #[test]
    fn the_previous_form_is_byte_for_byte_what_the_release_before_wrote() {
        let before =
            "0100000000000000030000018bcfe5680065b71be404f656d50707070707070707070707070707070761206269";
        let sealed = writing(Format::Previous).seal(ANYWHERE, SOME, b"a bi");
        let hex = sealed.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(hex, before);
    }

    #[test]
    fn a_network_of_the_same_validators_that_began_at_another_time_is_another_one() {
        let mut later = Network::mainnet();
        later.genesis_time_ms = later.genesis_time_ms + 1;
        let later = Envelope::new(FROM, Format::Current, &later, None);
        assert_eq!(later.open(ANYWHERE, &writing(Format::Current).seal(ANYWHERE, SOME, b"a bid")), None);
        assert!(
            later.open(ANYWHERE, &writing(Format::Previous).seal(ANYWHERE, SOME, b"a bid")).is_some(),
            "it could not tell"
        );
    }

    #[test]
    fn only_who_has_the_key_is_believed_and_only_for_the_place_that_it_wrote_to() {
        let keyed = |secret| {
            let key = Some(SharedKey::new(secret));
            Envelope::new(FROM, Format::Current, &Network::mainnet(), key)
        };
        let (ours, theirs) = (keyed("the one"), keyed("another"));
        let sealed = ours.seal(b"here", SOME, b"a bid");
        assert_eq!(ours.open(b"here", &sealed).unwrap().body, b"a bid");
        assert_eq!(ours.open(b"there", &sealed), None);
        assert_eq!(theirs.open(b"here", &sealed), None);
        for stranger in FORMATS.map(writing) {
            assert_eq!(ours.open(b"here", &stranger.seal(b"here", SOME, b"a bid")), None);
            assert_eq!(stranger.open(b"here", &sealed), None);
        }
        assert!(!format!("{ours:?}").contains("the one"));
    }

    #[test]
    fn a_later_lease_is_newer_than_a_later_moment() {
        let later = Order { moment: SOME.moment + 1, ..SOME };
        assert!(later > SOME && Order { fence: SOME.fence + 1, moment: 0 } > later);
        for (one, other) in FORMATS.map(|format| FORMATS.map(|other| (format, other))).concat() {
            let in_bytes = |format, order| writing(format).seal(ANYWHERE, order, b"")[ORDER..CHECK].to_vec();
            assert!(in_bytes(one, later) > in_bytes(other, SOME), "servers compare bytes");
        }
    }
}
