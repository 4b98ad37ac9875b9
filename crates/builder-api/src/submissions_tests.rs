use headstart_relay::{Config, Relay};
use headstart_types::{Clock, UnixMillis};

use super::*;

const CURRENT: Slot = Slot(100);
const RELAY_KEY: &str =
    "0xb64720ee6f0d1c24d7f3c20032db23da635bfa97769c65a22e01e0074fee22dc6cad4ac35ea508338c1794fc7b76f572";

fn id(slot: u64) -> SubmissionId {
    let (block_root, signature) = (Root::repeat_byte(1), BlsSignature::default());
    SubmissionId { slot: Slot(slot), block_root, signature, version: SubmitVersion::V2 }
}

fn relay(name: &str) -> Addressee {
    let url = format!("https://{RELAY_KEY}@{name}.example").parse().unwrap();
    let relay = Relay::new(Config::new(url), Clock::new(|| UnixMillis(0))).unwrap();
    Addressee { relay, offered: false, may_be_named: false }
}

fn run(submissions: &Submissions, slot: u64, relays: &[Addressee]) -> Running {
    match submissions.admit(id(slot), CURRENT, relays) {
        Admission::Run(running, _) => running,
        Admission::Join(_) => panic!("the submission of slot {slot} is the first of its kind"),
    }
}

fn joins(submissions: &Submissions, slot: u64, relays: &[Addressee]) -> bool {
    matches!(submissions.admit(id(slot), CURRENT, relays), Admission::Join(_))
}

#[test]
fn a_run_that_dies_is_run_anew_and_one_that_has_told_its_answer_is_not() {
    let submissions = Submissions::default();
    drop(run(&submissions, 100, &[]));
    let running = run(&submissions, 100, &[]);
    assert!(joins(&submissions, 100, &[]), "it is under way");
    running.tell.send_replace(Some(SubmitReply::Published));
    drop(running);
    assert!(joins(&submissions, 100, &[relay("other")]), "its answer is everyone's");
}

#[test]
fn relays_of_those_who_join_are_asked_once_each() {
    let submissions = Submissions::default();
    let [first, second] = ["first", "second"].map(relay);
    let mut running = run(&submissions, 100, std::slice::from_ref(&first));
    for _ in ["two", "operators"] {
        assert!(joins(&submissions, 100, &[first.clone(), second.clone()]));
    }
    assert_eq!(running.more.try_recv().unwrap().relay.id(), second.relay.id());
    assert!(running.more.try_recv().is_err());
}

#[test]
fn a_failure_is_an_answer_only_for_those_whose_relays_were_asked() {
    let submissions = Submissions::default();
    let [first, second] = ["first", "second"].map(relay);
    let running = run(&submissions, 100, std::slice::from_ref(&first));
    running.tell.send_replace(Some(SubmitReply::Failed(Arc::default())));
    let former = running.tell.clone();
    drop(running);
    assert!(joins(&submissions, 100, std::slice::from_ref(&first)));
    let _running = run(&submissions, 100, &[first.clone(), second]);
    submissions.forget(&id(100), &former);
    assert!(joins(&submissions, 100, &[first]), "what another run came to does not end this one");
}

#[test]
fn what_was_forwarded_is_known_for_as_long_as_blocks_of_its_slot_are_taken() {
    let submissions = Submissions::default();
    let (proposer, [first, second]) = (BlsPublicKey::default(), [1, 2].map(Root::repeat_byte));
    let slot = Slot(CURRENT.0 - SLOTS_ASTRAY_MAX);
    assert_eq!(submissions.claim(slot, proposer, first), GuardVerdict::Forward);
    for _ in 0..UNPROVEN_MAX {
        assert!(submissions.admit_unproven(slot));
    }
    let _running = run(&submissions, slot.0, &[]);
    let other = run(&submissions, 100, &[]);
    assert!(joins(&submissions, slot.0, &[]), "what is under way is not forgotten");
    drop(other);
    let second_block = GuardVerdict::SecondBlock { forwarded: first };
    assert_eq!(submissions.claim(slot, proposer, second), second_block);
    assert!(!submissions.admit_unproven(slot));
}
