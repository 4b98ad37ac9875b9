//! The demo, as a newcomer runs it.

use std::process::Stdio;
use std::time::Duration;

use e2e::binary;
use tokio::process::Command;

/// Some slots of four seconds, and time to set everything up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

async fn play(options: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.args(["demo", "--slots", "3", "--speed", "3"]).args(options);
    let process =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().expect("it starts");
    let ended = tokio::time::timeout(PATIENCE, process.wait_with_output()).await.expect("it ends in time");
    let ended = ended.expect("its output is read");
    let (told, faults) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{told}{faults}");
    told.into_owned()
}

/// What stands before `word` in the summary.
fn count(told: &str, word: &str) -> u64 {
    let line = told
        .lines()
        .find(|line| line.contains(&format!(" {word}")))
        .unwrap_or_else(|| panic!("{word}: {told}"));
    let number =
        line.split(&format!(" {word}")).next().and_then(|before| before.split([' ', ':']).next_back());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{word}: {line}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_register_and_hint_over_grpc_and_get_hits() {
    for options in [[].as_slice(), &["--agents", "--no-beacon-node"]] {
        let told = play(options).await;
        assert_eq!((count(&told, "lost"), count(&told, "wrong")), (0, 0), "{told}");
        assert!(count(&told, "hits") >= 1, "{told}");
        assert_eq!(count(&told, "registrations sent"), 3 * 4 * 8, "each operator sends all: {told}");
        assert!(count(&told, "hints taken") > 0, "{told}");
    }
}
