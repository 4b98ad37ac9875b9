//! What each cluster wants of one auction, so that none is poorer for what another does.

use std::sync::Arc;

use crate::serve::EARNEST_FROM_MS;
use crate::{AskMoment, Tempo};

/// What one cluster wants; milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// When it is expected to ask.
    pub moment: AskMoment,
    /// For so long after a header it is served the same again; 0 when it wants the best each time.
    pub sticky_ms: i64,
}

/// The clusters for which an auction is run, in the order in which they were told of.
///
/// Bounded: of clusters beyond that the auction knows nothing, and they are served what is held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interests(Vec<Wish>);

/// More clusters than ever have the same validator in earnest.
const CLUSTERS_MAX: usize = 16;
/// Asks are this far apart while nobody is expected to ask us.
const CALM_GAP_MS: i64 = 2_000;
/// The same when all were served: somebody of a cluster that wants the best each time may come again.
const SERVED_GAP_MS: i64 = 1_000;
/// The longest that a caller waits for a bid.
const WAITS_MS: i64 = 900;

#[derive(Clone, Debug)]
struct Wish {
    cluster: Arc<str>,
    interest: Interest,
    /// When it last came and found nothing to be served.
    waits_since_ms: Option<i64>,
    served_ms: Option<i64>,
}

impl Wish {
    fn is_waiting(&self, now_ms: i64) -> bool {
        self.served_ms.is_none() && self.waits_since_ms.is_some_and(|since| now_ms < since + WAITS_MS)
    }

    /// From here on it may come less and less likely; `None` while it is not to be expected yet.
    fn slackens_from_ms(&self, now_ms: i64) -> Option<i64> {
        let AskMoment { early_ms, late_ms, .. } = self.interest.moment;
        let expected = (now_ms >= early_ms).then_some(late_ms);
        expected.max(self.waits_since_ms.filter(|_| self.is_waiting(now_ms)))
    }
}

impl Interests {
    /// More is known of what a cluster wants.
    pub(crate) fn expect(&mut self, cluster: &Arc<str>, interest: Interest) {
        if let Some(wish) = self.wish(cluster, interest) {
            wish.interest = interest;
        }
    }

    /// Somebody of the cluster waits for a bid. That changes nothing of when others, or it again, are expected.
    pub(crate) fn waits(&mut self, cluster: &Arc<str>, now_ms: i64) {
        let unexpected = Interest { moment: AskMoment::at(now_ms), sticky_ms: 0 };
        if let Some(wish) = self.wish(cluster, unexpected) {
            wish.waits_since_ms = Some(now_ms);
        }
    }

    /// When each cluster was last served another header than before; one that is left out was not, or not any more. What
    /// was served long before anybody proposes is not what will be signed.
    pub(crate) fn served(&mut self, served: impl Fn(&str) -> Option<i64>) {
        for wish in &mut self.0 {
            let earnest_from_ms = EARNEST_FROM_MS.min(wish.interest.moment.early_ms);
            wish.served_ms = served(&wish.cluster).filter(|ms| *ms >= earnest_from_ms);
        }
    }

    fn wish(&mut self, cluster: &Arc<str>, interest: Interest) -> Option<&mut Wish> {
        let is_known = self.0.iter().any(|wish| wish.cluster == *cluster);
        if !is_known && self.0.len() < CLUSTERS_MAX {
            let cluster = Arc::clone(cluster);
            self.0.push(Wish { cluster, interest, waits_since_ms: None, served_ms: None });
        }
        self.0.iter_mut().find(|wish| wish.cluster == *cluster)
    }

    fn unserved(&self) -> impl Iterator<Item = &Wish> {
        self.0.iter().filter(|wish| wish.served_ms.is_none())
    }

    pub(crate) fn anybody_waits(&self, now_ms: i64) -> bool {
        self.0.iter().any(|wish| wish.is_waiting(now_ms))
    }

    /// Far apart until somebody may ask who was not served yet, as often as policies allow from then on, and ever less
    /// often if nobody comes.
    pub(crate) fn tempo(&self, now_ms: i64) -> Tempo {
        if self.unserved().next().is_none() && !self.0.is_empty() {
            return Tempo::every(SERVED_GAP_MS);
        }
        let slackens_from_ms = self.unserved().filter_map(|wish| wish.slackens_from_ms(now_ms)).max();
        slackens_from_ms
            .map_or(Tempo::every(CALM_GAP_MS), |slackens_from_ms| Tempo { gap_ms: 0, slackens_from_ms })
    }

    /// What answers are aimed at: whoever waits, else the next to be expected, else the last that was.
    pub(crate) fn moment(&self, now_ms: i64) -> AskMoment {
        let waiting = self.0.iter().filter(|wish| wish.is_waiting(now_ms));
        if let Some(since_ms) = waiting.filter_map(|wish| wish.waits_since_ms).max() {
            return AskMoment::at(since_ms);
        }
        let of = |wish: &Wish| wish.interest.moment;
        let to_come = self.unserved().map(of).filter(|moment| moment.late_ms >= now_ms);
        let next = to_come.min_by_key(|moment| moment.early_ms);
        let last_unserved = || self.unserved().map(of).max_by_key(|moment| moment.late_ms);
        let last = || self.0.iter().map(of).max_by_key(|moment| moment.late_ms);
        next.or_else(last_unserved).or_else(last).unwrap_or(AskMoment::about(0))
    }

    /// The next moment after `now_ms` at which tempo or aim change by themselves.
    pub(crate) fn changes_at_ms(&self, now_ms: i64) -> Option<i64> {
        let moments = self.unserved().flat_map(|wish| {
            let AskMoment { early_ms, late_ms, .. } = wish.interest.moment;
            [Some(early_ms), Some(late_ms + 1), wish.waits_since_ms.map(|since| since + WAITS_MS)]
        });
        moments.flatten().filter(|at_ms| *at_ms > now_ms).min()
    }

    /// Until then a newer bid could be served to nobody.
    pub(crate) fn quiet_until_ms(&self) -> i64 {
        let quiet = |wish: &Wish| {
            let served_ms = wish.served_ms.filter(|_| wish.interest.sticky_ms > 0);
            served_ms.map_or(i64::MIN, |served_ms| served_ms + wish.interest.sticky_ms)
        };
        self.0.iter().map(quiet).min().unwrap_or(i64::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(ms: i64, sticky_ms: i64) -> Interest {
        Interest { moment: AskMoment::at(ms), sticky_ms }
    }

    fn interests(clusters: &[(&str, i64, i64)]) -> Interests {
        let mut interests = Interests::default();
        for (cluster, ms, sticky_ms) in clusters {
            interests.expect(&Arc::from(*cluster), interest(*ms, *sticky_ms));
        }
        interests
    }

    fn serve(interests: &mut Interests, cluster: &str, at_ms: i64) {
        interests.served(|name| (name == cluster).then_some(at_ms));
    }

    #[test]
    fn a_cluster_that_was_served_early_leaves_another_its_moment() {
        let mut interests = interests(&[("owner", 0, 1_000), ("eve", -900, 2_000)]);
        assert_eq!(interests.moment(-1_000), AskMoment::at(-900));
        serve(&mut interests, "eve", -900);
        assert_eq!(interests.moment(-899), AskMoment::at(0));
        assert_eq!(interests.tempo(-500), Tempo::every(CALM_GAP_MS));
        assert_eq!(interests.tempo(0), Tempo { gap_ms: 0, slackens_from_ms: 0 });
        assert_eq!(interests.quiet_until_ms(), i64::MIN, "the owner wants newer bids");
        interests.served(|_| Some(10));
        assert_eq!(interests.quiet_until_ms(), 1_010, "and then the first of them that may ask again");
    }

    #[test]
    fn whoever_waits_is_met_at_once_and_changes_nothing_of_what_is_expected() {
        let mut interests = interests(&[("alpha", 170, 0)]);
        for cluster in ["alpha", "eve"] {
            interests.waits(&Arc::from(cluster), -8_000);
            assert!(interests.anybody_waits(-7_500));
            assert_eq!(interests.moment(-7_500), AskMoment::at(-8_000));
        }
        assert!(!interests.anybody_waits(-7_000));
        assert_eq!(interests.moment(-1_000), AskMoment::at(170));
        assert_eq!(interests.changes_at_ms(-8_000), Some(-7_999), "where the stranger's span ends");
        assert_eq!(interests.changes_at_ms(-7_999), Some(-7_100));
        serve(&mut interests, "alpha", 180);
        interests.waits(&Arc::from("alpha"), 200);
        assert!(!interests.anybody_waits(200), "it has its header");
        interests.served(|_| None);
        assert!(interests.anybody_waits(200), "which turned out not to stand");
    }

    #[test]
    fn those_who_come_late_are_aimed_at_when_the_earlier_ones_are_over() {
        let mut interests = interests(&[("early", 0, 0), ("late", 500, 0)]);
        assert_eq!([0, 1, 501].map(|now_ms| interests.moment(now_ms).likely_ms), [0, 500, 500]);
        assert_eq!(interests.changes_at_ms(0), Some(1));
        assert_eq!(
            interests.tempo(100),
            Tempo { gap_ms: 0, slackens_from_ms: 0 },
            "the first may still come"
        );
        interests.served(|_| Some(600));
        assert_eq!(interests.tempo(700), Tempo::every(SERVED_GAP_MS));
        assert_eq!((interests.changes_at_ms(700), interests.moment(700)), (None, AskMoment::at(500)));
    }

    #[test]
    fn nobody_is_waited_for_without_bound() {
        let mut interests = Interests::default();
        assert_eq!((interests.moment(0), interests.quiet_until_ms()), (AskMoment::about(0), i64::MIN));
        for number in 0..=CLUSTERS_MAX {
            interests.waits(&Arc::from(format!("cluster {number}")), 5);
        }
        assert_eq!(interests.0.len(), CLUSTERS_MAX);
        interests.expect(&Arc::from("cluster 3"), interest(70, 9));
        assert_eq!(interests.0[3].interest, interest(70, 9));
        assert_eq!(interests.0[CLUSTERS_MAX - 1].interest, interest(5, 0));
    }
}
