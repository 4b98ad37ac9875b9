use std::fmt;
use std::str::FromStr;

/// Seeds from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seeds {
    first: u64,
    last: u64,
}

/// More would run for days.
const SEEDS_MAX: u64 = 10_000;

impl Seeds {
    pub(super) fn iter(self) -> impl Iterator<Item = u64> {
        self.first..=self.last
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "write one number, or the first and the last as in 1..20".to_owned();
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let number = |text: &str| text.parse::<u64>().map_err(|_| wanted());
        let seeds = Self { first: number(first)?, last: number(last)? };
        if seeds.first > seeds.last {
            return Err("write the smaller seed first".to_owned());
        }
        if seeds.last - seeds.first >= SEEDS_MAX {
            return Err(format!("write a range of at most {SEEDS_MAX} seeds"));
        }
        Ok(seeds)
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        write!(f, "{}..{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_of_its_ends() {
        let read = |text: &str| text.parse::<Seeds>().map(|seeds| seeds.iter().collect::<Vec<_>>());
        assert_eq!(read("7"), Ok(vec![7]));
        assert_eq!(read("1..4"), Ok(vec![1, 2, 3, 4]));
        assert_eq!(read("3..3"), Ok(vec![3]));
        assert_eq!("1..20".parse::<Seeds>().unwrap().to_string(), "1..20");
    }

    #[test]
    fn what_is_no_range_is_answered_with_the_remedy() {
        for bad in ["", "one", "1..", "..3", "1..x", "1...3", "-1", "1,2"] {
            assert!(bad.parse::<Seeds>().unwrap_err().contains("1..20"), "{bad:?}");
        }
        assert!("4..1".parse::<Seeds>().unwrap_err().contains("smaller seed first"));
        assert!("1..20000".parse::<Seeds>().unwrap_err().contains("at most"));
    }
}
