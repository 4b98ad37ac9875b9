//! What this room's own tests share.

use std::time::{Duration, SystemTime};

use headstart_types::{Clock, ForkName, Network, UnixMillis};

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

#[expect(clippy::disallowed_methods, reason = "a test is its own outermost loop")]
fn wall_clock() -> UnixMillis {
    SystemTime::now().into()
}

pub(crate) fn clock() -> Clock {
    Clock::new(wall_clock)
}

/// A network whose genesis was a minute ago, so that slots 1 and on have their place in time.
pub(crate) fn begun(fork: ForkName, slot_duration_ms: u64) -> Network {
    crate::network(fork, slot_duration_ms, clock().now(), -60_000)
}
