use anyhow::bail;
use clap::{Args, ValueEnum};
use headstart_auction::{ClusterPolicy, Cutoff, Mode, TimingPreset};
use headstart_registry::{Directory, PolicyRow, QuotaRow};
use headstart_types::Wei;
use serde::Serialize;

use super::desk::Desk;
use crate::config::{CUTOFF_MS_MAX, STICKY_MS_MAX};

/// What a cluster or a validator says of its policy.
#[derive(Clone, Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Names of the relays that are trusted, with commas between them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    relays: Option<Vec<String>>,
    /// The least bid that is served, in ether.
    #[arg(long, value_name = "ETH", value_parser = eth)]
    min_bid_eth: Option<Wei>,
    /// Milliseconds into the slot from which no header is served.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..=i64::from(CUTOFF_MS_MAX)))]
    cutoff_ms: Option<u32>,
    /// Milliseconds into the slot at which beacon nodes usually ask (SSV: about 170).
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    expected_ask_ms: Option<i32>,
    /// Whether the header that one operator got is the one that the others get.
    #[arg(long, value_name = "true|false")]
    sticky: Option<bool>,
    /// Milliseconds for which a cluster with a sticky header is served its first one again.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u32).range(1..=i64::from(STICKY_MS_MAX)))]
    sticky_ms: Option<u32>,
    /// The preset that says the moments which are not said here.
    #[arg(long, value_name = "solo|ssv|obol")]
    timing: Option<TimingPreset>,
    /// Whether headers are served or only prepared.
    #[arg(long, value_name = "serve|shadow")]
    mode: Option<Mode>,
}

/// A value to take back, so that the next layer decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyKey {
    Relays,
    MinBidEth,
    CutoffMs,
    ExpectedAskMs,
    Sticky,
    StickyMs,
    Timing,
    Mode,
}

impl PolicyArgs {
    pub(crate) fn says_nothing(&self) -> bool {
        self.over(&PolicyRow::default()) == PolicyRow::default()
    }

    /// What was said before, with what these arguments say instead.
    pub(crate) fn over(&self, before: &PolicyRow) -> PolicyRow {
        PolicyRow {
            relays: self.relays.clone().or_else(|| before.relays.clone()),
            min_bid: self.min_bid_eth.or(before.min_bid),
            cutoff_ms: self.cutoff_ms.map(i64::from).or(before.cutoff_ms),
            expected_ask_ms: self.expected_ask_ms.map(i64::from).or(before.expected_ask_ms),
            sticky: self.sticky.or(before.sticky),
            sticky_ms: self.sticky_ms.map(i64::from).or(before.sticky_ms),
            timing: self.timing.or(before.timing),
            mode: self.mode.or(before.mode),
        }
    }

    /// A relay that nobody knows would be left out in silence.
    pub(crate) fn check_relays(&self, directory: &Directory) -> anyhow::Result<()> {
        let known: Vec<_> = directory.relays().iter().map(|relay| relay.name.as_str()).collect();
        for name in self.relays.iter().flatten() {
            if !known.contains(&&**name) {
                let known = super::table::list(&known);
                bail!("find relay {name}; known are: {known}; `headstart relay add` adds one");
            }
        }
        Ok(())
    }
}

impl PolicyKey {
    pub(crate) fn unset(self, row: &mut PolicyRow) {
        match self {
            Self::Relays => row.relays = None,
            Self::MinBidEth => row.min_bid = None,
            Self::CutoffMs => row.cutoff_ms = None,
            Self::ExpectedAskMs => row.expected_ask_ms = None,
            Self::Sticky => row.sticky = None,
            Self::StickyMs => row.sticky_ms = None,
            Self::Timing => row.timing = None,
            Self::Mode => row.mode = None,
        }
    }
}

/// What one cluster may take of the service that all share.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct QuotaArgs {
    /// Duty hints a second, over all operators.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    hints_per_s: Option<u32>,
    /// Registration signatures checked a second.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    signature_checks_per_s: Option<u32>,
    /// Calls to relays for the auctions of one slot.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    upstream_asks_per_slot: Option<u32>,
    /// gRPC streams open at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    streams: Option<u32>,
    /// Validators that it may claim.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    validators: Option<u32>,
}

impl QuotaArgs {
    pub(crate) fn says_nothing(&self) -> bool {
        self.over(&QuotaRow::default()) == QuotaRow::default()
    }

    pub(crate) fn over(&self, before: &QuotaRow) -> QuotaRow {
        QuotaRow {
            hints_per_s: self.hints_per_s.or(before.hints_per_s),
            signature_checks_per_s: self.signature_checks_per_s.or(before.signature_checks_per_s),
            upstream_asks_per_slot: self.upstream_asks_per_slot.or(before.upstream_asks_per_slot),
            streams: self.streams.or(before.streams),
            validators: self.validators.or(before.validators),
        }
    }
}

/// A resolved policy, as commands print it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PolicyView {
    pub(crate) relays: Vec<String>,
    pub(crate) min_bid_wei: Wei,
    /// In the slot of the moment; nothing where only a beacon node tells what it is a share of.
    pub(crate) cutoff_ms: Option<i64>,
    #[serde(skip)]
    pub(crate) cutoff: Cutoff,
    pub(crate) expected_ask_ms: i64,
    pub(crate) sticky: bool,
    pub(crate) sticky_ms: i64,
    pub(crate) timing: Option<TimingPreset>,
    pub(crate) mode: Mode,
}

impl PolicyView {
    pub(crate) fn new(policy: &ClusterPolicy, directory: &Directory, desk: &Desk) -> Self {
        Self {
            relays: directory.relay_names(policy),
            min_bid_wei: policy.min_bid,
            cutoff_ms: desk.cutoff_ms(policy.cutoff),
            cutoff: policy.cutoff,
            expected_ask_ms: policy.expected_ask_ms,
            sticky: policy.sticky,
            sticky_ms: policy.sticky_ms,
            timing: policy.timing,
            mode: policy.mode,
        }
    }

    /// The cut-off for people: of a share also what it is a share of, for that is not the same in every fork.
    pub(crate) fn cutoff_text(&self) -> String {
        match (self.cutoff, self.cutoff_ms) {
            (share @ Cutoff::EighthsOfAttestationDue(_), Some(ms)) => format!("{ms} ms ({share})"),
            (cutoff, _) => cutoff.to_string(),
        }
    }
}

fn eth(text: &str) -> Result<Wei, String> {
    Wei::parse_eth(text).map_err(|_| "write an amount of ether such as 0.05".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        policy: PolicyArgs,
    }

    fn policy(line: &[&str]) -> PolicyArgs {
        Line::try_parse_from([&["x"], line].concat()).unwrap().policy
    }

    #[test]
    fn what_is_said_replaces_what_was_and_the_rest_stays() {
        let before = policy(&["--relays", "one,two", "--min-bid-eth", "0.05"]).over(&PolicyRow::default());
        let mut after =
            policy(&["--relays=three", "--sticky=false", "--mode=shadow", "--expected-ask-ms=-80"])
                .over(&before);
        assert_eq!(after.relays, Some(vec!["three".to_owned()]));
        assert_eq!((after.min_bid, after.expected_ask_ms), (before.min_bid, Some(-80)));
        assert_eq!((after.sticky, after.mode), (Some(false), Some(Mode::Shadow)));
        PolicyKey::Relays.unset(&mut after);
        assert_eq!(after.relays, None);

        let mut timed = policy(&["--timing=ssv", "--sticky-ms=1500"]).over(&after);
        assert_eq!((timed.timing, timed.sticky_ms), (Some(TimingPreset::Ssv), Some(1_500)));
        PolicyKey::Timing.unset(&mut timed);
        PolicyKey::StickyMs.unset(&mut timed);
        assert_eq!(timed, after);
    }

    #[test]
    fn a_value_that_cannot_be_is_refused() {
        for wrong in [
            ["--cutoff-ms", "3901"],
            ["--cutoff-ms", "0"],
            ["--min-bid-eth", "1e18"],
            ["--mode", "off"],
            ["--sticky-ms", "0"],
            ["--sticky-ms", "12001"],
            ["--timing", "vouch"],
        ] {
            assert!(Line::try_parse_from([&["x"], &wrong[..]].concat()).is_err(), "{wrong:?}");
        }
        assert!(policy(&[]).says_nothing());
    }
}
