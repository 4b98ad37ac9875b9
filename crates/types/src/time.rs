use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A moment of the wall clock: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.cast_signed().saturating_mul(1000))
    }

    /// Whole seconds since the epoch, rounded down; zero before it.
    pub const fn seconds(self) -> u64 {
        if self.0 < 0 { 0 } else { self.0.cast_unsigned() / 1000 }
    }

    /// How long until `later`; zero when it has passed.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later - self).unwrap_or(0))
    }
}

impl From<SystemTime> for UnixMillis {
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Add<i64> for UnixMillis {
    type Output = Self;
    fn add(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl Sub<i64> for UnixMillis {
    type Output = Self;
    fn sub(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}

impl Sub for UnixMillis {
    type Output = i64;
    /// Milliseconds from `earlier` to `self`; negative when `earlier` is the later one.
    fn sub(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// Where the outermost loops read the time. The binary hands in the wall clock; nothing else of ours asks the system.
#[derive(Clone, Copy, Debug)]
pub struct Clock(fn() -> UnixMillis);

impl Clock {
    pub const fn new(read: fn() -> UnixMillis) -> Self {
        Self(read)
    }

    pub fn now(self) -> UnixMillis {
        (self.0)()
    }
}
