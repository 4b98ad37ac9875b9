//! `headstart ready` beside a real process.

use e2e::{Process, Service, eth, eventually, network, relay_bidding, validator};
use headstart_types::ForkName;

use super::folder::{Folder, text};

/// A process that serves, and a configuration by which it is asked.
async fn serving() -> (Process, Folder) {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.03")).await;
    let setup = Service::on(&network).relay("one", &relay).cluster("alpha", &["one"], &[validator(0)]);
    let process = Process::start(&setup.admin("drain_min_ms = 5000")).await;
    let folder = Folder::with_config(&format!("[admin]\nlisten = \"{}\"\n", process.admin().addr()));
    (process, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_says_whether_requests_may_be_sent() {
    let (mut process, folder) = serving().await;
    let ask = || {
        let output = folder.run(&["ready"]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    eventually("it is ready", async || ask().0 == Some(0)).await;
    let (_, told, complaint) = ask();
    assert!(told.starts_with("ready") || told.starts_with("degraded: "), "{told}");
    assert_eq!(complaint, "");

    let draining = async {
        eventually("it says that it drains", async || {
            let (code, told, complaint) = ask();
            code == Some(1) && told.is_empty() && complaint.starts_with("not_ready: ")
        })
        .await;
    };
    let (ended_well, ()) = tokio::join!(process.terminate(), draining);
    assert!(ended_well);

    let (code, _, complaint) = ask();
    assert_eq!(code, Some(1));
    let addr = process.admin().addr();
    assert!(
        complaint.starts_with(&format!("headstart: failed to ask http://{addr}/readyz: ")),
        "{complaint}"
    );
}
