use std::collections::BTreeMap;
use std::str::FromStr;

use headstart_types::Wei;

use super::Offer;

const COLUMNS: [&str; 5] = ["offset_ms", "value_wei", "builder", "block_hash_prefix", "num_tx"];
/// Bids further away from the start of their slot than this are none of its bids.
const OFFSET_MS_MAX: i64 = 12_000;
/// The longest recording that is read.
const BIDS_MAX: usize = 100_000;

/// The bids of one slot as they were recorded: each builder's newest counts, and one of zero wei withdraws it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Of each builder, by moment; of those of one moment the later line counts.
    builders: Vec<Vec<(i64, Wei)>>,
}

/// Why a file is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    #[error("read line 1: the columns must be {}", COLUMNS.join(","))]
    Heading,
    #[error("read line {line}: it must have {} columns, and has {columns}", COLUMNS.len())]
    Columns { line: usize, columns: usize },
    #[error("read line {line}, column {column} ({name}): {wanted}, not {found:?}")]
    Field { line: usize, column: usize, name: &'static str, wanted: &'static str, found: String },
    #[error("find a bid: there is no line below the columns' names")]
    Empty,
    #[error("read line {line}: a recording has at most {BIDS_MAX} bids")]
    TooLong { line: usize },
}

impl Recording {
    /// Reads comma-separated lines below a line with the columns' names: `offset_ms` (milliseconds from the start of the
    /// slot), `value_wei`, `builder` (any number), `block_hash_prefix` and `num_tx`, of which the last two are only
    /// checked. Lines need not be in order.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut lines = (1..).zip(text.lines());
        let heading = lines.next().map(|(_, heading)| heading.trim().split(',').map(str::trim));
        if !heading.is_some_and(|heading| heading.eq(COLUMNS)) {
            return Err(RecordingError::Heading);
        }
        let mut builders = BTreeMap::<u64, Vec<(i64, Wei)>>::new();
        for (count, (line, text)) in lines.filter(|(_, text)| !text.trim().is_empty()).enumerate() {
            if count == BIDS_MAX {
                return Err(RecordingError::TooLong { line });
            }
            let (builder, offset_ms, value) = read_bid(line, text)?;
            builders.entry(builder).or_default().push((offset_ms, value));
        }
        if builders.is_empty() {
            return Err(RecordingError::Empty);
        }
        let mut builders: Vec<_> = builders.into_values().collect();
        for bids in &mut builders {
            bids.sort_by_key(|(offset_ms, _)| *offset_ms);
        }
        Ok(Self { builders })
    }

    /// How many builders bid; they count from zero.
    pub fn builders(&self) -> u64 {
        self.builders.len() as u64
    }

    /// The newest bid that `builder` has made by `offset_ms` of the slot.
    pub(super) fn offer(&self, builder: u64, offset_ms: i64) -> Option<Offer> {
        let bids = self.builders.get(usize::try_from(builder).ok()?)?;
        let step = bids.partition_point(|(made_at_ms, _)| *made_at_ms <= offset_ms).checked_sub(1)?;
        let value = bids[step].1;
        (!value.is_zero()).then_some(Offer { builder, step: step as u64, value })
    }

    /// When `builder` bids next after `offset_ms` of the slot.
    pub(super) fn next_change(&self, builder: u64, offset_ms: i64) -> Option<i64> {
        let bids = self.builders.get(usize::try_from(builder).ok()?)?;
        let next = bids.partition_point(|(made_at_ms, _)| *made_at_ms <= offset_ms);
        bids.get(next).map(|(made_at_ms, _)| *made_at_ms)
    }
}

/// Builder, moment and value of one line.
fn read_bid(line: usize, text: &str) -> Result<(u64, i64, Wei), RecordingError> {
    let fields: Vec<_> = text.split(',').map(str::trim).collect();
    let [offset_ms, value, builder, block_hash, transactions] = fields[..] else {
        return Err(RecordingError::Columns { line, columns: fields.len() });
    };
    let wrong = |column: usize, wanted, found: &str| RecordingError::Field {
        line,
        column,
        name: COLUMNS[column - 1],
        wanted,
        found: found.chars().take(40).collect(),
    };
    let offset_ms = offset_ms
        .parse()
        .ok()
        .filter(|offset_ms: &i64| (-OFFSET_MS_MAX..=OFFSET_MS_MAX).contains(offset_ms))
        .ok_or_else(|| wrong(1, "write whole milliseconds from -12000 to 12000", offset_ms))?;
    let value =
        Wei::from_str(value).map_err(|_| wrong(2, "write an amount of wei in decimal digits", value))?;
    let builder = builder.parse().map_err(|_| wrong(3, "write a number of the builder", builder))?;
    if !is_hash_prefix(block_hash) {
        return Err(wrong(4, "write 0x and 1 to 64 hexadecimal digits", block_hash));
    }
    transactions
        .parse::<u32>()
        .map_err(|_| wrong(5, "write how many transactions there are", transactions))?;
    Ok((builder, offset_ms, value))
}

fn is_hash_prefix(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    (1..=64).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "offset_ms,value_wei,builder,block_hash_prefix,num_tx";

    fn parse(lines: &[&str]) -> Result<Recording, RecordingError> {
        Recording::parse(&format!("{HEADING}\n{}\n", lines.join("\n")))
    }

    #[test]
    fn a_builders_newest_bid_counts_and_zero_withdraws_it() {
        let recording =
            parse(&["-500,30,7,0xab,1", "-900,50,7,0xac,2", "-200,0,7,0xad,3", "-700,9,2,0x1f,4"]).unwrap();
        assert_eq!(recording.builders(), 2);
        let value = |builder, ms| recording.offer(builder, ms).map(|offer| offer.value);
        assert_eq!(
            [-901, -900, -501, -500, -201, -200, 0].map(|ms| value(1, ms)),
            [
                None,
                Some(Wei::new(50)),
                Some(Wei::new(50)),
                Some(Wei::new(30)),
                Some(Wei::new(30)),
                None,
                None
            ]
        );
        assert_eq!(value(0, -700), Some(Wei::new(9)));
        assert_eq!(value(2, 0), None, "there is no such builder");
    }

    #[test]
    fn of_two_bids_of_one_moment_the_later_line_counts() {
        let recording = parse(&["-5,30,7,0xab,1", "-5,20,7,0xac,2"]).unwrap();
        assert_eq!(recording.offer(0, 0).map(|offer| offer.value), Some(Wei::new(20)));
    }

    #[test]
    fn a_fault_is_told_with_its_line_and_column() {
        let told = |lines: &[&str]| parse(lines).unwrap_err().to_string();
        let good = "-5,30,7,0xab,1";
        for (line, place) in [
            ("x,30,7,0xab,1", "line 3, column 1 (offset_ms)"),
            ("-12001,30,7,0xab,1", "line 3, column 1 (offset_ms)"),
            ("-5,3e4,7,0xab,1", "line 3, column 2 (value_wei)"),
            ("-5,-3,7,0xab,1", "line 3, column 2 (value_wei)"),
            ("-5,3,,0xab,1", "line 3, column 3 (builder)"),
            ("-5,3,7,ab,1", "line 3, column 4 (block_hash_prefix)"),
            ("-5,3,7,0xab,many", "line 3, column 5 (num_tx)"),
            ("-5,3,7,0xab", "line 3: it must have 5 columns, and has 4"),
        ] {
            assert!(told(&[good, line]).contains(place), "{line}: {}", told(&[good, line]));
        }
        assert_eq!(parse(&[]), Err(RecordingError::Empty));
        assert_eq!(Recording::parse("1,2,3,4,5\n"), Err(RecordingError::Heading));
        assert_eq!(Recording::parse(""), Err(RecordingError::Heading));
    }
}
