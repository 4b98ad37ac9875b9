use std::time::SystemTime;

use headstart_types::{Clock, UnixMillis};

/// The wall clock of this machine.
pub const SYSTEM: Clock = Clock::new(now);

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
fn now() -> UnixMillis {
    SystemTime::now().into()
}
