use headstart_types::UnixMillis;

/// How long a lease lasts without being renewed, in milliseconds. Whoever stands by takes over that soon after its
/// holder has died, with what is left of the slot.
pub const LEASE_MS: i64 = 200;
/// How often its holder renews it: twice may fail.
pub const RENEW_EVERY_MS: i64 = 60;
/// While nobody can be asked for the lease, how often that is tried.
const TRY_EVERY_MS: i64 = 100;
/// Beyond the end of somebody else's lease, so that one look finds it gone.
const MARGIN_MS: i64 = 5;

/// What became of asking for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is ours for [`LEASE_MS`] from now on. The fence grows from holder to holder.
    Granted { fence: u64 },
    /// Another one holds it.
    Held { left_ms: i64 },
    /// Nobody could be asked.
    Away,
}

/// Whether this process asks relays for one auction, or stands by for the one that does.
///
/// Who cannot ask for the lease goes ahead by itself: relays asked twice are better than relays not asked.
#[derive(Clone, Copy, Debug)]
pub struct Tenure {
    state: State,
    look_at: UnixMillis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    StandingBy,
    Leading { fence: u64 },
    Alone,
}

/// What a [`LeaseAnswer`] changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    None,
    /// Relays are this process's to ask from now on.
    Leads,
    /// They are another's.
    StandsBy,
}

impl Tenure {
    /// Stands by, and is to ask for the lease at once.
    pub fn new(now: UnixMillis) -> Self {
        Self { state: State::StandingBy, look_at: now }
    }

    /// When the lease is to be asked for, or renewed.
    pub fn look_at(&self) -> UnixMillis {
        self.look_at
    }

    pub fn leads(&self) -> bool {
        self.state != State::StandingBy
    }

    /// Of the lease that is held; zero without one.
    pub fn fence(&self) -> u64 {
        match self.state {
            State::Leading { fence } => fence,
            State::StandingBy | State::Alone => 0,
        }
    }

    /// The lease was asked for.
    pub fn heard(&mut self, now: UnixMillis, answer: LeaseAnswer) -> Change {
        let led = self.leads();
        (self.state, self.look_at) = match answer {
            LeaseAnswer::Granted { fence } => (State::Leading { fence }, now + RENEW_EVERY_MS),
            LeaseAnswer::Held { left_ms } => {
                (State::StandingBy, now + left_ms.clamp(0, LEASE_MS) + MARGIN_MS)
            }
            LeaseAnswer::Away => (State::Alone, now + TRY_EVERY_MS),
        };
        match (led, self.leads()) {
            (false, true) => Change::Leads,
            (true, false) => Change::StandsBy,
            _ => Change::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    #[test]
    fn whoever_is_granted_the_lease_leads_and_renews_it_in_time() {
        let mut tenure = Tenure::new(NOW);
        assert!(!tenure.leads() && tenure.look_at() == NOW);
        assert_eq!(tenure.heard(NOW, LeaseAnswer::Granted { fence: 9 }), Change::Leads);
        assert_eq!((tenure.leads(), tenure.fence()), (true, 9));
        assert!(tenure.look_at() - NOW < LEASE_MS / 2, "one renewal may fail");
    }

    #[test]
    fn whoever_stands_by_looks_right_after_the_lease_could_have_ended() {
        let mut tenure = Tenure::new(NOW);
        assert_eq!(tenure.heard(NOW, LeaseAnswer::Held { left_ms: 140 }), Change::None);
        assert!(!tenure.leads());
        assert!((140..160).contains(&(tenure.look_at() - NOW)));
        tenure.heard(NOW, LeaseAnswer::Held { left_ms: i64::MAX });
        assert!(tenure.look_at() - NOW < 300, "a made-up time keeps nobody waiting");
    }

    #[test]
    fn whoever_cannot_ask_goes_ahead_and_gives_way_when_it_learns_of_another() {
        let mut tenure = Tenure::new(NOW);
        assert_eq!(tenure.heard(NOW, LeaseAnswer::Away), Change::Leads);
        assert_eq!(tenure.fence(), 0);
        assert_eq!(tenure.heard(NOW, LeaseAnswer::Held { left_ms: 100 }), Change::StandsBy);
    }

    #[test]
    fn a_holder_that_cannot_renew_goes_on() {
        let mut tenure = Tenure::new(NOW);
        tenure.heard(NOW, LeaseAnswer::Granted { fence: 9 });
        assert_eq!(tenure.heard(NOW, LeaseAnswer::Away), Change::None);
        assert!(tenure.leads());
    }
}
