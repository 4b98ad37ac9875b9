use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use headstart_types::UnixMillis;

use crate::serve::EARNEST_FROM_MS;

/// When a beacon node is expected to ask for a header, in milliseconds relative to the slot's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskMoment {
    /// Hardly ever earlier than this.
    pub early_ms: i64,
    pub likely_ms: i64,
    /// Hardly ever later than this.
    pub late_ms: i64,
}

/// Nothing is known yet but what was configured or hinted: it may be off by so much.
const UNLEARNT_SPREAD_MS: i64 = 60;
/// Asks that are remembered of each beacon node.
const REMEMBERED: usize = 15;
/// So many asks say more than configuration and hints do.
const ENOUGH: usize = 3;
/// Asks this many deviations off say nothing of the next one.
const OUTLIER_DEVIATIONS: i64 = 4;
const DEVIATION_MIN_MS: i64 = 2;
/// A wider span of expected moments than this is not worth more asks.
const SPREAD_MAX_MS: i64 = 240;
/// What is further from the expected moment belongs to something else.
const OFF_MAX_MS: u64 = 4_000;
/// Clusters and beacon nodes that are remembered; of more, the longest silent ones are forgotten.
const KNOWN_MAX: usize = 8_192;
/// A status probe this long before an auction tells which beacon node will ask for its header.
const PROBE_KEPT_MS: i64 = 8_000;

impl AskMoment {
    /// Exactly then.
    pub const fn at(ms: i64) -> Self {
        Self { early_ms: ms, likely_ms: ms, late_ms: ms }
    }

    /// Around then, as far as anyone has said.
    pub const fn about(ms: i64) -> Self {
        Self { early_ms: ms - UNLEARNT_SPREAD_MS, likely_ms: ms, late_ms: ms + UNLEARNT_SPREAD_MS }
    }
}

/// Before and after the span in which a beacon node is expected, newer bids are wanted just as much, for so long.
const DENSE_BEFORE_MS: i64 = 100;
const DENSE_AFTER_MS: i64 = 500;
/// Between the verifications of a stream's bids, while a beacon node may ask at any instant and otherwise.
const DENSE_PAUSE_MS: u64 = 1;
const CALM_PAUSE_MS: u64 = 40;

impl AskMoment {
    /// How long the next bid of a stream may wait to be verified, at `now_ms` into the slot. A verification takes a
    /// millisecond of a core, and a stream may bring a bid in every one.
    pub fn verification_pause_ms(&self, now_ms: i64) -> u64 {
        let wanted = self.early_ms - DENSE_BEFORE_MS..self.late_ms + DENSE_AFTER_MS;
        if wanted.contains(&now_ms) { DENSE_PAUSE_MS } else { CALM_PAUSE_MS }
    }
}

/// When each cluster's beacon nodes have asked for headers, compared with what was expected of them beforehand.
///
/// What is learnt is the difference: a cluster that hints another moment each time is then met just as well.
#[derive(Clone, Debug, Default)]
pub struct AskMoments {
    clusters: BTreeMap<Arc<str>, Cluster>,
    /// Counts what was heard, so that it is known who has been silent longest.
    heard: u64,
}

#[derive(Clone, Debug, Default)]
struct Cluster {
    all: Asks,
    nodes: BTreeMap<Arc<str>, Node>,
    heard: u64,
}

#[derive(Clone, Debug, Default)]
struct Node {
    asks: Asks,
    probed_at: Option<UnixMillis>,
}

/// How far the newest asks were from the expected moment, in milliseconds.
#[derive(Clone, Debug, Default)]
struct Asks(VecDeque<i64>);

impl AskMoments {
    /// The cluster's first getHeader of an auction came at `asked_ms`, when configuration or hint had said `said_ms`.
    pub fn heard(&mut self, cluster: &Arc<str>, node: Option<&Arc<str>>, said_ms: i64, asked_ms: i64) {
        let off_ms = asked_ms.saturating_sub(said_ms);
        if off_ms.unsigned_abs() > OFF_MAX_MS || asked_ms < EARNEST_FROM_MS {
            return;
        }
        self.heard += 1;
        self.make_room(cluster);
        let known = self.clusters.entry(Arc::clone(cluster)).or_default();
        known.heard = self.heard;
        known.all.note(off_ms);
        if let Some(node) = node
            && (known.nodes.len() < REMEMBERED || known.nodes.contains_key(node))
        {
            known.nodes.entry(Arc::clone(node)).or_default().asks.note(off_ms);
        }
    }

    /// A beacon node has asked for the status: Lodestar does so seconds before it asks for a header, and only then.
    pub fn probed(&mut self, node: &str, now: UnixMillis) {
        let nodes = self.clusters.values_mut().filter_map(|cluster| cluster.nodes.get_mut(node));
        nodes.for_each(|node| node.probed_at = Some(now));
    }

    /// When the cluster is expected to ask at the auction that is prepared at `now`, if configuration or hint say `said_ms`.
    ///
    /// When one alone of its beacon nodes has probed lately, it is that one which will ask.
    pub fn expected(&self, cluster: &str, said_ms: i64, now: UnixMillis) -> AskMoment {
        let Some(known) = self.clusters.get(cluster) else { return AskMoment::about(said_ms) };
        let is_fresh = |node: &&Node| {
            node.probed_at.is_some_and(|at| (0..PROBE_KEPT_MS).contains(&(now - at))) && node.asks.is_enough()
        };
        let mut probing = known.nodes.values().filter(is_fresh);
        let asks = match (probing.next(), probing.next()) {
            (Some(node), None) => &node.asks,
            _ => &known.all,
        };
        asks.moment(said_ms).unwrap_or(AskMoment::about(said_ms))
    }

    fn make_room(&mut self, cluster: &Arc<str>) {
        if self.clusters.len() >= KNOWN_MAX && !self.clusters.contains_key(cluster) {
            let silent = self.clusters.iter().min_by_key(|(_, known)| known.heard);
            if let Some(silent) = silent.map(|(name, _)| Arc::clone(name)) {
                self.clusters.remove(&silent);
            }
        }
    }
}

impl Asks {
    fn note(&mut self, off_ms: i64) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(off_ms);
    }

    fn is_enough(&self) -> bool {
        self.0.len() >= ENOUGH
    }

    /// The median of the newest asks and the span of those that are not far off it.
    fn moment(&self, said_ms: i64) -> Option<AskMoment> {
        let mut sorted: Vec<_> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let median = *sorted.get(sorted.len() / 2).filter(|_| self.is_enough())?;
        let mut off: Vec<_> = sorted.iter().map(|ms| (ms - median).abs()).collect();
        off.sort_unstable();
        let usual = off[off.len() / 2].max(DEVIATION_MIN_MS) * OUTLIER_DEVIATIONS;
        let near: Vec<_> = sorted.into_iter().filter(|ms| (ms - median).abs() <= usual).collect();
        let (earliest, latest) = (near.first().copied()?, near.last().copied()?);
        // The next ask may well be a little earlier or later than all before: by as much as asks are apart.
        let gaps = i64::try_from(near.len()).ok()?.saturating_sub(1).max(1);
        let apart = (latest - earliest + gaps - 1) / gaps;
        let early = earliest - apart;
        let late = (latest + apart).min(early + SPREAD_MAX_MS);
        Some(AskMoment { early_ms: said_ms + early, likely_ms: said_ms + median, late_ms: said_ms + late })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    fn learnt(asks: &[i64]) -> AskMoment {
        let (mut moments, alpha) = (AskMoments::default(), Arc::from("alpha"));
        for asked_ms in asks {
            moments.heard(&alpha, None, 0, *asked_ms);
        }
        moments.expected("alpha", 0, NOW)
    }

    #[test]
    fn without_asks_what_was_said_holds_with_some_doubt() {
        assert_eq!(AskMoments::default().expected("alpha", 170, NOW), AskMoment::about(170));
        assert_eq!(learnt(&[300, 310]), AskMoment::about(0), "two asks may be chance");
    }

    #[test]
    fn three_asks_say_more_than_configuration() {
        assert_eq!(learnt(&[173, 171, 178]), AskMoment { early_ms: 167, likely_ms: 173, late_ms: 182 });
    }

    #[test]
    fn bids_of_streams_are_verified_at_once_when_a_beacon_node_may_ask() {
        let moment = AskMoment { early_ms: 160, likely_ms: 170, late_ms: 190 };
        let pauses = [-2_000, 59, 60, 170, 689, 690].map(|now_ms| moment.verification_pause_ms(now_ms));
        assert_eq!(pauses, [40, 40, 1, 1, 1, 40]);
    }

    #[test]
    fn one_ask_that_came_at_another_time_changes_nothing() {
        let usual: Vec<_> = (0..14).map(|turn| 170 + turn % 4).collect();
        let with_outlier: Vec<_> = usual.iter().copied().chain([1_900]).collect();
        assert_eq!(learnt(&with_outlier), learnt(&usual));
    }

    #[test]
    fn a_cluster_that_changes_its_habit_is_met_again_after_a_few_asks() {
        let asks: Vec<_> = [170; 15].into_iter().chain([900; 8]).collect();
        assert_eq!(learnt(&asks), AskMoment::at(900));
    }

    #[test]
    fn a_cluster_that_hints_another_moment_each_time_is_met_as_well() {
        let (mut moments, alpha) = (AskMoments::default(), Arc::from("alpha"));
        for delay_ms in [0, 300, 900, 50] {
            moments.heard(&alpha, None, delay_ms, delay_ms + 20);
        }
        assert_eq!(moments.expected("alpha", 500, NOW), AskMoment::at(520));
    }

    #[test]
    fn the_beacon_node_that_probed_is_the_one_that_will_ask() {
        let (mut moments, alpha) = (AskMoments::default(), Arc::from("alpha"));
        let (near, far): (Arc<str>, Arc<str>) = (Arc::from("near"), Arc::from("far"));
        for _ in 0..5 {
            moments.heard(&alpha, Some(&near), 0, 10);
            moments.heard(&alpha, Some(&far), 0, 200);
        }
        moments.probed("far", NOW - 4_000);
        assert_eq!(moments.expected("alpha", 0, NOW), AskMoment::at(200));
        let either = AskMoment { early_ms: -12, likely_ms: 200, late_ms: 222 };
        assert_eq!(moments.expected("alpha", 0, NOW + 60_000), either, "that probe was for another slot");
        moments.probed("near", NOW - 3_000);
        assert_eq!(moments.expected("alpha", 0, NOW), either);
    }

    #[test]
    fn absurd_moments_are_left_out_and_what_is_remembered_is_bounded() {
        assert_eq!(learnt(&[i64::MIN, i64::MAX, 90_000, -900, -800, -700]), AskMoment::about(0));
        let mut moments = AskMoments::default();
        for number in 0..=KNOWN_MAX {
            moments.heard(&Arc::from(format!("cluster {number}")), None, 0, 5);
        }
        assert_eq!(moments.clusters.len(), KNOWN_MAX);
        assert!(!moments.clusters.contains_key("cluster 0"), "the longest silent one");
    }
}
