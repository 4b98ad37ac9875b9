use std::time::{Duration, Instant};

/// How long a test waits for what must happen, on however slow a machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Waits until `holds`, and panics with `what` when it does not within [`PATIENCE`].
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}
