use std::path::PathBuf;

use clap::Args;

use super::cast::RelaySet;
use super::seeds::Seeds;

/// Slots are shorter than mainnet's, but what happens in them takes its real time.
pub(super) const SLOT_MS: u64 = 6_000;

/// What is played, and how it is told.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Seeds to play: one, or the first and the last as in 1..20. A seed decides bids, jitter and who bids where.
    #[arg(long, value_name = "SEEDS", default_value = "1..3")]
    pub(super) seed: Seeds,
    /// Slots that are measured with each seed and relay set; each takes six seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) slots: u64,
    /// Slots before them, in which nothing is measured: connections open, round trips are learnt.
    #[arg(long, value_name = "SLOTS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(super) warm_up: u64,
    /// When beacon nodes ask, in milliseconds into the slot, with commas between them.
    #[arg(long, value_name = "MS,…", value_delimiter = ',', allow_hyphen_values = true,
          default_values_t = [0, 170, 500, 1100], value_parser = offset)]
    pub(super) offsets: Vec<i64>,
    /// By how much the moment of asking varies at most, to either side; beacon nodes are no atomic clocks.
    #[arg(long, value_name = "MS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(0..=200))]
    pub(super) jitter_ms: u32,
    /// Relay sets to play with, with commas between them.
    #[arg(long, value_enum, value_name = "SETS", value_delimiter = ',', default_values_t = [RelaySet::Polling, RelaySet::Mixed])]
    pub(super) relays: Vec<RelaySet>,
    /// Replay the bids of this file in every slot: lines of `offset_ms,value_wei,builder,block_hash_prefix,num_tx`.
    #[arg(long, value_name = "FILE")]
    pub(super) curve: Option<PathBuf>,
    /// Do not tell headstart when its beacon nodes ask: it must find out.
    #[arg(long)]
    pub(super) learn: bool,
    /// Seeds that are played side by side. They disturb each other: what one prepares takes cores when another is asked.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = concurrent)]
    pub(super) concurrent: usize,
    /// End with exit status 1 also when headstart missed a goal: its share of the value, its calls, or that none of them
    /// is refused.
    #[arg(long)]
    pub(crate) check: bool,
    /// Print nothing but the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw value and calls of the four strategies into this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

impl Options {
    /// Every relay set with every seed, in the order in which they are played.
    pub(super) fn games(&self) -> Vec<(RelaySet, u64)> {
        let mut sets = self.relays.clone();
        sets.dedup();
        sets.iter().flat_map(|set| self.seed.iter().map(|seed| (*set, seed))).collect()
    }

    /// The offsets, each once and in ascending order.
    pub(super) fn moments(&self) -> Vec<i64> {
        let mut moments = self.offsets.clone();
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    /// What is about to be played, and how long it takes.
    pub(super) fn estimate(&self) -> String {
        let games = self.games().len();
        let turns = games.div_ceil(self.concurrent.max(1)) as u64;
        let seconds = turns * ((self.slots + self.warm_up + 1) * SLOT_MS / 1000 + 7);
        format!("{games} games of {} slots, about {seconds} s", self.slots + self.warm_up)
    }
}

fn offset(text: &str) -> Result<i64, String> {
    match text.trim().parse() {
        Ok(offset_ms) if (-1_000..=1_700).contains(&offset_ms) => Ok(offset_ms),
        _ => Err("write whole milliseconds from -1000 to 1700".to_owned()),
    }
}

fn concurrent(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=16).contains(&number) => Ok(number),
        _ => Err("write a number from 1 to 16".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Parser, ValueEnum};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(flags: &[&str]) -> Result<Options, String> {
        let line = Line::try_parse_from(std::iter::once(&"value").chain(flags));
        line.map(|line| line.options).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_has_a_default_and_games_are_played_set_by_set() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.moments(), [0, 170, 500, 1100]);
        let games = options.games();
        assert_eq!(
            games[..4],
            [(RelaySet::Polling, 1), (RelaySet::Polling, 2), (RelaySet::Polling, 3), (RelaySet::Mixed, 1)]
        );
    }

    #[test]
    fn offsets_are_sorted_and_each_is_played_once() {
        let options = parse(&["--offsets", "500,-200,500,0"]).unwrap();
        assert_eq!(options.moments(), [-200, 0, 500]);
    }

    #[test]
    fn a_bad_value_is_answered_with_its_flag_and_the_remedy() {
        for (flags, flag, remedy) in [
            (["--seed", "x"], "--seed", "1..20"),
            (["--offsets", "0,5000"], "--offsets", "from -1000 to 1700"),
            (["--relays", "fast"], "--relays", "polling"),
            (["--concurrent", "0"], "--concurrent", "from 1 to 16"),
            (["--jitter-ms", "900"], "--jitter-ms", "200"),
            (["--slots", "0"], "--slots", "1"),
        ] {
            let told = parse(&flags).unwrap_err();
            assert!(told.contains(flag) && told.contains(remedy), "{told}");
        }
    }

    #[test]
    fn relay_sets_are_called_what_the_report_calls_them() {
        for set in RelaySet::value_variants() {
            assert_eq!(parse(&["--relays", set.as_str()]).unwrap().relays, [*set]);
        }
    }
}
