//! `headstart bench value`: what it reports, and what it refuses.

use std::collections::BTreeMap;
use std::process::{Output, Stdio};
use std::time::Duration;

use e2e::binary;
use serde_json::Value;
use tokio::process::Command;

/// Some slots of six seconds, and time to set everything up on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// A machine that wakes whoever has to ask later than this, in microseconds, has measured itself.
const LATE_US: f64 = 20_000.0;
const STRATEGIES: [&str; 4] = ["headstart", "poll-50ms", "prefetch-once", "sidecar"];
/// The bids that one mainnet relay received for one slot.
const CURVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/curves/mainnet-slot-6214255.csv");

async fn measure(options: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(["bench", "value"]).args(options).kill_on_drop(true);
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let ended = tokio::time::timeout(PATIENCE, process.wait_with_output()).await.expect("it ends in time");
    ended.expect("its output is read")
}

fn told(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn number(cell: &Value, pointer: &str) -> f64 {
    let value = cell.pointer(pointer).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("{pointer} in {cell}"))
}

fn count(cell: &Value, key: &str) -> u64 {
    cell[key].as_u64().unwrap_or_else(|| panic!("{key} in {cell}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn four_strategies_are_compared_and_headstart_is_no_worse_than_a_prefetch() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let picture = folder.path().join("value.svg");
    let picture_flag = picture.display().to_string();
    let flags = ["--seed", "7", "--slots", "2", "--offsets", "170,500", "--relays", "mixed", "--json"];
    let ended = measure(&[flags.as_slice(), &["--warm-up", "4", "--svg", &picture_flag]].concat()).await;
    let (out, faults) = (told(&ended.stdout), told(&ended.stderr));
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{faults}"));
    assert_eq!((&report["form"], &report["played"]["seeds"]), (&3.into(), &"7".into()));
    assert!(report["definitions"]["reachable"].is_string() && number(&report, "/late_us/max") > 0.0, "{out}");

    let cells = report["results"].as_array().expect("results are a list");
    let mut shares = BTreeMap::new();
    for cell in cells {
        let (offset_ms, strategy) = (count(cell, "offset_ms"), cell["strategy"].as_str().unwrap_or_default());
        let share = number(cell, "/of_reachable/mean");
        assert!((0.0..=1.0).contains(&share) && number(cell, "/of_reachable/least") <= share, "{cell}");
        assert!(
            number(cell, "/of_delivered/mean") >= share,
            "what could be verified in time is no more than what could be here: {cell}"
        );
        let of_relay = cell["calls"]["of_relay"].as_object().expect("calls are told of each relay");
        assert!(of_relay.len() == 7 && of_relay.contains_key("oneshot-50"), "{cell}");
        assert_eq!((count(cell, "auctions"), count(cell, "wrong")), (2, 0), "{cell}");
        shares.insert((offset_ms, strategy.to_owned()), share);
    }
    assert_eq!(cells.len(), 2 * STRATEGIES.len(), "{out}");
    // Which one is better can only be told by a machine that has time for all of them.
    let in_time = number(&report, "/late_us/max") < LATE_US;
    for offset_ms in [170, 500].into_iter().filter(|_| in_time) {
        let of = |strategy: &str| shares[&(offset_ms, strategy.to_owned())];
        let all: Vec<_> = STRATEGIES.iter().map(|strategy| of(strategy)).collect();
        assert!(of("headstart") >= of("prefetch-once"), "{STRATEGIES:?} {all:?}: {faults}");
        assert!(of("sidecar") > of("prefetch-once"), "bids grow: {STRATEGIES:?} {all:?}");
    }
    let kept = cells.iter().filter(|cell| cell["strategy"] == "headstart");
    let broken: u64 = kept.map(|cell| count(cell, "missed") + count(cell, "wrong")).sum();
    assert_eq!(ended.status.success(), broken == 0, "{out}");
    let picture = std::fs::read_to_string(picture).expect("the picture is there");
    assert!(
        picture.starts_with("<svg ") && STRATEGIES.iter().all(|name| picture.contains(name)),
        "{picture}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_bids_are_replayed_and_a_missed_goal_is_the_exit_status() {
    let flags = ["--seed", "3", "--slots", "1", "--offsets", "0", "--relays", "polling", "--json", "--check"];
    let ended = measure(&[flags.as_slice(), &["--warm-up", "4", "--curve", CURVE]].concat()).await;
    let (out, faults) = (told(&ended.stdout), told(&ended.stderr));
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{faults}"));
    assert_eq!(report["played"]["curve"], CURVE);
    for cell in report["results"].as_array().expect("results are a list") {
        assert!(number(cell, "/of_books/mean") > 0.0, "each strategy got a recorded bid: {cell}");
    }
    let missed = faults.lines().any(|line| line.starts_with("goal missed: relays polling, 0 ms: "));
    assert_eq!(ended.status.success(), !missed, "{out}{faults}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_played_is_refused_with_flag_and_remedy() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bad = folder.path().join("bad.csv");
    let lines = "offset_ms,value_wei,builder,block_hash_prefix,num_tx\n-9,1,1,0xab,3\n-8,1.5,1,0xab,3\n";
    std::fs::write(&bad, lines).expect("the file can be written");
    let bad = bad.display().to_string();
    for (options, words) in [
        (["--curve", &bad], ["--curve", "line 3, column 2 (value_wei)"]),
        (["--curve", "/nowhere/bids.csv"], ["--curve", "give a file that is there"]),
        (["--seed", "20..1"], ["--seed", "smaller seed first"]),
        (["--offsets", "soon"], ["--offsets", "from -1000 to 1700"]),
    ] {
        let ended = measure(&options).await;
        let faults = told(&ended.stderr);
        assert!(!ended.status.success() && ended.stdout.is_empty(), "{options:?}: {faults}");
        assert!(words.iter().all(|word| faults.contains(word)), "{options:?}: {faults}");
    }
}
