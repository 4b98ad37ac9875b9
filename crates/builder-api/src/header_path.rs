use headstart_types::{AuctionKey, B256, BlockHash, BlsPublicKey, FixedBytes, Slot};

/// The path of getHeader, `/eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}`, read without allocating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderPath {
    /// A well-formed request.
    Key(AuctionKey),
    /// The path of getHeader, but this parameter is not what it must be.
    Malformed(&'static str),
    /// Another route.
    Other,
}

const PREFIX: &str = "/eth/v1/builder/header/";
const SLOT: &str = "slot must be an unsigned decimal number below 2^64";
const PARENT_HASH: &str = "parent_hash must be 0x and 64 hexadecimal digits";
const PUBKEY: &str = "pubkey must be 0x and 96 hexadecimal digits";
const PARAMETERS: &str = "the path must be /eth/v1/builder/header/{slot}/{parent_hash}/{pubkey}";

impl HeaderPath {
    pub fn parse(path: &str) -> Self {
        let Some(parameters) = path.strip_prefix(PREFIX) else { return Self::Other };
        let mut parts = parameters.split('/');
        let (Some(slot), Some(parent_hash), Some(proposer), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Self::Malformed(PARAMETERS);
        };
        // `u64::from_str` would take a plus sign.
        let digits = !slot.is_empty() && slot.bytes().all(|byte| byte.is_ascii_digit());
        let Some(slot) = digits.then(|| slot.parse().ok()).flatten() else { return Self::Malformed(SLOT) };
        let Some(parent_hash) = hex::<32>(parent_hash) else { return Self::Malformed(PARENT_HASH) };
        let Some(proposer) = hex::<48>(proposer) else { return Self::Malformed(PUBKEY) };
        Self::Key(AuctionKey {
            slot: Slot(slot),
            parent_hash: BlockHash(B256::from(parent_hash)),
            proposer: BlsPublicKey(FixedBytes(proposer)),
        })
    }
}

/// `0x` and two digits for each byte.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.strip_prefix("0x")?.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let (mut bytes, mut invalid) = ([0; N], 0);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (NIBBLES[usize::from(pair[0])], NIBBLES[usize::from(pair[1])]);
        invalid |= (high | low) & NO_DIGIT;
        *byte = high << 4 | low & 0x0f;
    }
    (invalid == 0).then_some(bytes)
}

/// The value of each hexadecimal digit; anything else has the high bit set. A table without branches, for there are 160
/// digits in each path.
const NIBBLES: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value as usize] as usize] = value;
        table[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    table
};
const NO_DIGIT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(slot: &str, parent_hash: &str, pubkey: &str) -> String {
        format!("{PREFIX}{slot}/{parent_hash}/{pubkey}")
    }

    fn of(byte: &str, count: usize) -> String {
        format!("0x{}", byte.repeat(count))
    }

    #[test]
    fn a_well_formed_path_is_a_key_in_either_case() {
        let lower = HeaderPath::parse(&path("7", &of("ab", 32), &of("cd", 48)));
        let upper = HeaderPath::parse(&path("7", &of("AB", 32), &of("CD", 48)));
        let HeaderPath::Key(key) = lower else { panic!("{lower:?}") };
        assert_eq!(lower, upper);
        assert_eq!(
            (key.slot, key.parent_hash.0, key.proposer.0),
            (Slot(7), [0xab; 32].into(), [0xcd; 48].into())
        );
    }

    #[test]
    fn a_malformed_parameter_is_named() {
        let (hash, key) = (of("ab", 32), of("cd", 48));
        for slot in ["", "-1", "+1", "1.0", "0x1", "18446744073709551616", "1e3", " 1"] {
            assert_eq!(HeaderPath::parse(&path(slot, &hash, &key)), HeaderPath::Malformed(SLOT), "{slot:?}");
        }
        for parent_hash in ["", "0x", &of("ab", 31), &of("ab", 33), &of("zz", 32), &"ab".repeat(32)] {
            assert_eq!(HeaderPath::parse(&path("1", parent_hash, &key)), HeaderPath::Malformed(PARENT_HASH));
        }
        for pubkey in ["", "0x", &of("cd", 47), &of("g0", 48), &of("é", 48)] {
            assert_eq!(HeaderPath::parse(&path("1", &hash, pubkey)), HeaderPath::Malformed(PUBKEY));
        }
        for wrong in ["1", "1/2", &format!("1/{hash}/{key}/more")] {
            assert_eq!(HeaderPath::parse(&format!("{PREFIX}{wrong}")), HeaderPath::Malformed(PARAMETERS));
        }
        assert_eq!(HeaderPath::parse("/eth/v1/builder/status"), HeaderPath::Other);
    }
}
