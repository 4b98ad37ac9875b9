use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn golden(fork: ForkName) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/golden");
    std::fs::read(folder.join(format!("{fork}/signed_builder_bid.ssz"))).unwrap()
}

fn frame(kind: u8, fork: u8, ssz: &[u8]) -> Bytes {
    [&[kind, fork], ssz].concat().into()
}

#[test]
fn a_frame_of_every_fork_is_read() {
    for (fork, byte) in ForkName::ALL.into_iter().zip(3..) {
        let ssz = golden(fork);
        let received = read(&frame(1, byte, &ssz), fork).unwrap().unwrap();
        assert_eq!(received.bid, SignedBuilderBid::from_ssz(fork, &ssz).unwrap());
        assert_eq!((received.ssz, received.encoding), (ssz.into(), Encoding::Ssz));
    }
}

#[test]
fn a_bid_of_another_fork_than_the_slots_is_malformed() {
    let (ssz, fork) = (golden(ForkName::Fulu), ForkName::Fulu);
    for byte in (0..=u8::MAX).filter(|byte| *byte != 6) {
        let reason = read(&frame(1, byte, &ssz), fork).unwrap_err();
        assert_eq!(reason, format!("a bid of fork {byte} while 6 is fulu"));
    }
}

#[test]
fn kinds_that_we_do_not_know_are_passed_over_whatever_they_carry() {
    for kind in (0..=u8::MAX).filter(|kind| *kind != 1) {
        assert_eq!(read(&frame(kind, 6, b"whatever"), ForkName::Fulu), Ok(None));
    }
    for short in [&b""[..], &[1], &[7]] {
        assert!(read(&Bytes::copy_from_slice(short), ForkName::Fulu).is_err(), "{short:?}");
    }
}

proptest! {
    /// Its last field is the header's extra data, of up to 32 bytes: within these it is another bid, which nobody has signed.
    #[test]
    fn a_bid_that_is_cut_or_followed_by_anything_is_another_one_or_malformed(
        cut in 1_usize..400,
        more in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let whole = golden(ForkName::Capella);
        let short = whole[..whole.len() - cut.min(whole.len())].to_vec();
        for (other, difference) in [(short, cut), ([&*whole, &more].concat(), more.len())] {
            match read(&frame(1, 3, &other), ForkName::Capella) {
                Ok(received) => prop_assert!(difference <= 32 && received.unwrap().bid.to_ssz() == other),
                Err(_) => prop_assert!(difference > 0),
            }
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut bid = vec![1, 6];
        bid.extend_from_slice(&bytes);
        for frame in [bytes, bid] {
            if let Ok(Some(received)) = read(&frame.clone().into(), ForkName::Fulu) {
                prop_assert_eq!(received.bid.to_ssz(), &frame[2..]);
            }
        }
    }
}
