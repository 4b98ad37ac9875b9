use std::collections::BTreeSet;

use headstart_auction::{Order, Sequence};
use proptest::prelude::*;

use super::*;

/// The other end as the contract describes it: it applies the number that is awaited, unless it dislikes the hint.
#[derive(Default)]
struct Service {
    sequence: Sequence,
    numbering: u64,
    disliked: BTreeSet<u32>,
    /// Takes one hint of each kind again later.
    over_quota: BTreeSet<u32>,
    applied: Vec<u32>,
}

impl Service {
    fn resume(&self) -> HintAck {
        let (applied_seq, numbering) = (self.sequence.applied(), self.numbering);
        HintAck { applied_seq, numbering, verdict: Verdict::Resume.into(), ..HintAck::default() }
    }

    fn take(&mut self, seq: u64, hint: u32) -> HintAck {
        let verdict = match self.sequence.judge(seq) {
            _ if self.over_quota.remove(&hint) => Verdict::OverQuota,
            Order::Duplicate => Verdict::Duplicate,
            Order::OutOfOrder => Verdict::OutOfOrder,
            Order::Next if self.disliked.contains(&hint) => Verdict::Rejected,
            Order::Next => {
                self.sequence.apply();
                self.applied.push(hint);
                Verdict::Applied
            }
        };
        HintAck { applied_seq: self.sequence.applied(), seq, verdict: verdict.into(), ..HintAck::default() }
    }
}

fn window(service: &Service, hints: impl IntoIterator<Item = u32>) -> Window<u32> {
    let mut window = Window::default();
    hints.into_iter().for_each(|hint| window.push(hint));
    assert!(window.resume(&service.resume()).is_empty());
    window
}

fn send_all(window: &mut Window<u32>) -> Vec<(u64, u32)> {
    std::iter::from_fn(|| window.next().map(|(seq, hint)| (seq, *hint))).collect()
}

#[test]
fn hints_behind_a_rejected_one_are_numbered_anew() {
    let mut service = Service { disliked: [11].into(), ..Service::default() };
    let mut window = window(&service, [10, 11, 12]);
    let sent = send_all(&mut window);
    assert_eq!(sent, [(1, 10), (2, 11), (3, 12)]);
    let mut answer = |window: &mut Window<u32>, (seq, hint)| window.answer(service.take(seq, hint));
    assert_eq!(answer(&mut window, sent[0]), Settled::Applied(10));
    assert_eq!(answer(&mut window, sent[1]), Settled::Rejected(11, String::new()));
    assert!(!window.is_ready(), "the answer to the third is under way");
    assert_eq!(answer(&mut window, sent[2]), Settled::Nothing);
    assert_eq!(send_all(&mut window), [(2, 12)]);
}

#[test]
fn what_was_applied_before_the_stream_broke_is_not_sent_again() {
    let mut service = Service::default();
    let mut window = window(&service, [10, 11, 12]);
    send_all(&mut window);
    service.take(1, 10);
    service.take(2, 11);
    assert_eq!(window.resume(&service.resume()), [10, 11]);
    assert_eq!(send_all(&mut window), [(3, 12)]);
}

#[test]
fn another_process_knows_nothing_of_what_was_sent() {
    let mut service = Service::default();
    let mut window = window(&service, [10, 11]);
    send_all(&mut window);
    service.take(1, 10);
    let other = Service { numbering: 7, sequence: Sequence::from_applied(5), ..Service::default() };
    assert!(window.resume(&other.resume()).is_empty());
    assert_eq!(send_all(&mut window), [(6, 10), (7, 11)]);
}

#[test]
fn an_answer_to_nothing_breaks_the_stream() {
    let mut service = Service::default();
    let mut window = window(&service, [10]);
    assert_eq!(window.answer(service.take(1, 10)), Settled::Broken);
    let sent = send_all(&mut window);
    assert_eq!(window.answer(HintAck { seq: sent[0].0 + 1, ..HintAck::default() }), Settled::Broken);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Push,
    Send,
    /// The service reads one hint.
    Read,
    /// The client reads one answer.
    Answer,
    /// The stream breaks; what is under way either way is lost.
    Break,
}

proptest! {
    #[test]
    fn every_hint_takes_effect_exactly_once_and_in_order(
        steps in prop::collection::vec(
            prop_oneof![4 => Just(Step::Push), 8 => Just(Step::Send), 8 => Just(Step::Read), 8 => Just(Step::Answer), 1 => Just(Step::Break)],
            1..300,
        ),
        disliked in prop::collection::btree_set(0_u32..60, 0..20),
        over_quota in prop::collection::btree_set(0_u32..60, 0..20),
    ) {
        let mut service = Service { disliked: disliked.clone(), over_quota, ..Service::default() };
        let (mut window, mut pushed) = (window(&service, []), 0);
        let (mut requests, mut answers) = (VecDeque::new(), VecDeque::new());
        let (mut applied, mut rejected) = (Vec::new(), Vec::new());
        // Enough of the last steps to settle everything.
        let ending = [Step::Send, Step::Read, Step::Answer].into_iter().cycle().take(3_000);
        for step in steps.into_iter().chain(ending) {
            match step {
                Step::Push => {
                    window.push(pushed);
                    pushed += 1;
                }
                Step::Send => requests.extend(window.next().map(|(seq, hint)| (seq, *hint))),
                Step::Read => answers.extend(requests.pop_front().map(|(seq, hint)| service.take(seq, hint))),
                Step::Answer => match answers.pop_front().map(|ack| window.answer(ack)) {
                    Some(Settled::Applied(hint)) => applied.push(hint),
                    Some(Settled::Rejected(hint, _)) => rejected.push(hint),
                    Some(Settled::Broken) => prop_assert!(false, "the stream broke"),
                    Some(Settled::Nothing) | None => {}
                },
                Step::Break => {
                    requests.clear();
                    answers.clear();
                    applied.extend(window.resume(&service.resume()));
                }
            }
        }
        prop_assert!(window.is_empty());
        prop_assert_eq!(&applied, &service.applied);
        let all: BTreeSet<_> = applied.iter().chain(&rejected).copied().collect();
        prop_assert_eq!(all.len(), applied.len() + rejected.len(), "no hint is settled twice");
        prop_assert_eq!(all, (0..pushed).collect::<BTreeSet<_>>());
        prop_assert!(applied.is_sorted() && rejected.iter().all(|hint| disliked.contains(hint)));
    }
}
