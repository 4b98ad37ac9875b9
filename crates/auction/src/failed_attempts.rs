use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

use headstart_types::UnixMillis;

/// Failures from one address that are borne with, within [`WINDOW_MS`].
const BORNE_MAX: usize = 10;
const WINDOW_MS: i64 = 60_000;
/// Addresses of one generation; two are kept.
const ADDRESSES_MAX: usize = 2_048;

/// Who presented credentials that were not accepted, by source address.
///
/// Only failures are told to it and only failures suffer from it: many honest beacon nodes may share the address of one
/// that is misconfigured. Bounded: when a generation of addresses is full the one before it is forgotten.
#[derive(Debug, Default)]
pub struct FailedAttempts {
    recent: HashMap<IpAddr, Failures>,
    before: HashMap<IpAddr, Failures>,
}

/// How a failure is to be treated. An episode of an address ends when it has been quiet for a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedAttempt {
    /// The first one of an episode: worth a line in the log.
    First,
    Further,
    /// One too many within a minute: the connection is to be closed.
    TooMany,
}

/// The moments of the newest failures, the oldest first.
#[derive(Debug, Default)]
struct Failures(VecDeque<UnixMillis>);

impl FailedAttempts {
    pub fn failed(&mut self, from: IpAddr, now: UnixMillis) -> FailedAttempt {
        let from = network_of(from);
        if !self.recent.contains_key(&from) {
            if self.recent.len() >= ADDRESSES_MAX {
                self.before = std::mem::take(&mut self.recent);
            }
            let known = self.before.remove(&from).unwrap_or_default();
            self.recent.insert(from, known);
        }
        self.recent.entry(from).or_default().add(now)
    }

    /// Addresses that are remembered.
    pub fn len(&self) -> usize {
        self.recent.len() + self.before.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Failures {
    fn add(&mut self, now: UnixMillis) -> FailedAttempt {
        // A clock that was set back begins anew.
        let within = |at: &UnixMillis| (0..WINDOW_MS).contains(&(now - *at));
        if !self.0.back().is_some_and(within) {
            self.0.clear();
        }
        let many = self.0.len() == BORNE_MAX;
        let too_many = many && self.0.front().is_some_and(within);
        if many {
            self.0.pop_front();
        }
        let first = self.0.is_empty();
        self.0.push_back(now);
        match (first, too_many) {
            (true, _) => FailedAttempt::First,
            (_, true) => FailedAttempt::TooMany,
            _ => FailedAttempt::Further,
        }
    }
}

/// A host has a whole /64 of version 6 to itself, and as many addresses as it likes.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::FailedAttempt::{First, Further, TooMany};
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn times(attempts: &mut FailedAttempts, from: IpAddr, moments_ms: &[i64]) -> Vec<FailedAttempt> {
        moments_ms.iter().map(|ms| attempts.failed(from, UnixMillis(*ms))).collect()
    }

    #[test]
    fn ten_failures_within_a_minute_are_borne_and_no_more() {
        let mut attempts = FailedAttempts::default();
        let verdicts = times(&mut attempts, HERE, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 59_999, 60_000, 119_000]);
        assert_eq!(verdicts[0], First);
        assert_eq!(verdicts[1..10], [Further; 9]);
        assert_eq!(verdicts[10..12], [TooMany; 2]);
        assert_eq!(verdicts[12], Further, "nine of the ten before it are older than a minute");
    }

    #[test]
    fn an_episode_ends_with_a_quiet_minute() {
        let mut attempts = FailedAttempts::default();
        let verdicts = times(&mut attempts, HERE, &[0, 59_999, 119_998, 179_998, 0]);
        assert_eq!(verdicts, [First, Further, Further, First, First], "and when the clock was set back");
    }

    #[test]
    fn other_addresses_have_no_part_in_it() {
        let mut attempts = FailedAttempts::default();
        times(&mut attempts, HERE, &[0; 12]);
        assert_eq!(attempts.failed(HERE, UnixMillis(0)), TooMany);
        let neighbour = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
        assert_eq!(attempts.failed(neighbour, UnixMillis(0)), First);
        let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
        assert_eq!(attempts.failed(mapped, UnixMillis(0)), TooMany, "the same address written otherwise");
        let of_v6 = |text: &str| text.parse().unwrap();
        assert_eq!(attempts.failed(of_v6("2001:db8::1"), UnixMillis(0)), First);
        assert_eq!(attempts.failed(of_v6("2001:db8::2"), UnixMillis(0)), Further, "one host");
        assert_eq!(attempts.failed(of_v6("2001:db8:0:1::1"), UnixMillis(0)), First);
    }

    #[test]
    fn memory_is_bounded_and_whoever_goes_on_failing_is_remembered() {
        let mut attempts = FailedAttempts::default();
        times(&mut attempts, HERE, &[0; 12]);
        for (count, number) in (0..20_000_u32).enumerate() {
            let stranger = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number));
            attempts.failed(stranger, UnixMillis(0));
            if count % 1_000 == 0 {
                assert_eq!(attempts.failed(HERE, UnixMillis(0)), TooMany);
            }
            assert!(attempts.len() <= 2 * ADDRESSES_MAX);
        }
    }
}
