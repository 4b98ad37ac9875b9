use std::fmt;
use std::str::FromStr;

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use ssz_derive::{Decode, Encode};
use tree_hash::{Hash256, PackedEncoding, TreeHash, TreeHashType};

/// A slot number of one network.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[ssz(struct_behaviour = "transparent")]
#[serde(transparent)]
pub struct Slot(#[serde(with = "serde_utils::quoted_u64")] pub u64);

/// An epoch number: `slots_per_epoch` slots each.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[ssz(struct_behaviour = "transparent")]
#[serde(transparent)]
pub struct Epoch(#[serde(with = "serde_utils::quoted_u64")] pub u64);

/// A validator's index in the beacon state.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[ssz(struct_behaviour = "transparent")]
#[serde(transparent)]
pub struct ValidatorIndex(#[serde(with = "serde_utils::quoted_u64")] pub u64);

/// An amount of wei; JSON is a decimal string without sign, separator or exponent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[ssz(struct_behaviour = "transparent")]
pub struct Wei(pub U256);

const WEI_PER_ETH_DECIMALS: usize = 18;

impl Slot {
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl Wei {
    pub const ZERO: Self = Self(U256::ZERO);
    pub const MAX: Self = Self(U256::MAX);

    pub const fn new(wei: u128) -> Self {
        let [low, high] = halves(wei);
        Self(U256::from_limbs([low, high, 0, 0]))
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Reads an amount of ether such as `0.05`: digits, at most one point, at most 18 decimals.
    pub fn parse_eth(text: &str) -> Result<Self, ParseWeiError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        if decimals.len() > WEI_PER_ETH_DECIMALS || (whole.is_empty() && decimals.is_empty()) {
            return Err(ParseWeiError);
        }
        format!("{}{decimals:0<WEI_PER_ETH_DECIMALS$}", if whole.is_empty() { "0" } else { whole }).parse()
    }

    /// The amount in ether for people: up to six decimals, cut and not rounded.
    pub fn eth(self) -> String {
        let digits = format!("{:0>19}", self.0.to_string());
        let (whole, decimals) = digits.split_at(digits.len() - WEI_PER_ETH_DECIMALS);
        let shown = decimals[..6].trim_end_matches('0');
        if shown.is_empty() { whole.to_owned() } else { format!("{whole}.{shown}") }
    }

    /// `self / other` as a ratio, for reports only; zero when `other` is zero.
    pub fn ratio_of(self, other: Self) -> f64 {
        if other.is_zero() { 0.0 } else { f64::from(self.0) / f64::from(other.0) }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "each half is masked or shifted into 64 bits")]
const fn halves(wei: u128) -> [u64; 2] {
    [(wei & u64::MAX as u128) as u64, (wei >> 64) as u64]
}

/// The text is no amount: digits only are allowed, within 256 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parse the amount: write digits only, at most 256 bits")]
pub struct ParseWeiError;

impl FromStr for Wei {
    type Err = ParseWeiError;
    fn from_str(text: &str) -> Result<Self, ParseWeiError> {
        // The library's own parser would also take separators and an empty string.
        if text.is_empty() || text.len() > 78 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseWeiError);
        }
        U256::from_str_radix(text, 10).map(Self).map_err(|_| ParseWeiError)
    }
}

impl fmt::Display for Wei {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Wei {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Wei {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ValidatorIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Slot {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Newtypes hash as the number they hold; the derive of the library only knows containers.
macro_rules! tree_hash_as_inner {
    ($($name:ident($inner:ty)),+) => {$(
        impl TreeHash for $name {
            fn tree_hash_type() -> TreeHashType {
                <$inner>::tree_hash_type()
            }
            fn tree_hash_packed_encoding(&self) -> PackedEncoding {
                self.0.tree_hash_packed_encoding()
            }
            fn tree_hash_packing_factor() -> usize {
                <$inner>::tree_hash_packing_factor()
            }
            fn tree_hash_root(&self) -> Hash256 {
                self.0.tree_hash_root()
            }
        }
    )+};
}
pub(crate) use tree_hash_as_inner;

tree_hash_as_inner!(Slot(u64), Epoch(u64), ValidatorIndex(u64), Wei(U256));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wei_takes_decimal_digits_only() {
        assert_eq!("45123456789012345".parse::<Wei>(), Ok(Wei::new(45_123_456_789_012_345)));
        for bad in ["", "-1", "+1", "0x10", "1e18", "1_000", "1.5", " 1", &"9".repeat(79)] {
            assert_eq!(bad.parse::<Wei>(), Err(ParseWeiError), "{bad:?} is no amount");
        }
        assert!(serde_json::from_str::<Wei>("5").is_err(), "a JSON number is refused");
    }

    #[test]
    fn ether_is_read_and_written_without_floats() {
        assert_eq!(Wei::parse_eth("0.05"), Ok(Wei::new(50_000_000_000_000_000)));
        assert_eq!(Wei::parse_eth("2"), Ok(Wei::new(2_000_000_000_000_000_000)));
        assert_eq!(Wei::parse_eth(".000000000000000001"), Ok(Wei::new(1)));
        for bad in ["", ".", "1.0000000000000000001", "1.2.3", "-1", "1e3"] {
            assert_eq!(Wei::parse_eth(bad), Err(ParseWeiError), "{bad:?} is no amount of ether");
        }
        assert_eq!(Wei::new(7_600_000_000_000_000).eth(), "0.0076");
        assert_eq!(Wei::new(3_000_000_000_000_000_000).eth(), "3");
    }
}
