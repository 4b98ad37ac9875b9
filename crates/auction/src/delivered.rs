use std::fmt;

use headstart_types::{UnixMillis, ValidatorRegistration};

/// Relays forget: what one accepted this long ago is sent again.
pub const REFRESH_MS: i64 = 24 * 3_600_000;

/// How far one validator's registration has come with one relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryState {
    /// The relay has not taken it yet.
    Pending,
    /// The relay has answered that it takes it.
    Accepted,
    /// The relay publishes it.
    Confirmed,
    /// It was taken long ago, or the relay publishes another one.
    Stale,
}

/// What a relay publishes of a validator, held against what it accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    Same,
    /// It has not caught up, or has forgotten: it must be told again.
    Older,
    /// Somebody told it something newer elsewhere, which ours cannot replace.
    Newer,
    /// Nothing: many relays publish late or not at all, so that says nothing.
    Nothing,
}

impl DeliveryState {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Confirmed, Self::Stale];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Confirmed => "confirmed",
            Self::Stale => "stale",
        }
    }

    /// The state as it stands now, when it was noted at `noted_at`: what was accepted long ago is stale.
    pub fn at(self, noted_at: UnixMillis, now: UnixMillis) -> Self {
        match self {
            Self::Accepted | Self::Confirmed if now - noted_at >= REFRESH_MS => Self::Stale,
            state => state,
        }
    }

    /// Whether the relay is to be told, of this very registration.
    pub const fn is_due(self) -> bool {
        matches!(self, Self::Pending | Self::Stale)
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Published {
    pub fn of(ours: &ValidatorRegistration, published: Option<&ValidatorRegistration>) -> Self {
        match published {
            None => Self::Nothing,
            Some(published) if published == ours => Self::Same,
            Some(published) if published.timestamp > ours.timestamp => Self::Newer,
            Some(_) => Self::Older,
        }
    }
}

#[cfg(test)]
mod tests {
    use headstart_types::{BlsPublicKey, ExecutionAddress};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn what_was_accepted_a_day_ago_is_due_again_and_nothing_sooner() {
        for state in [DeliveryState::Accepted, DeliveryState::Confirmed] {
            assert!(!state.at(NOW, NOW + REFRESH_MS - 1).is_due());
            assert_eq!(state.at(NOW, NOW + REFRESH_MS), DeliveryState::Stale);
            assert!(!state.at(NOW, NOW - 5_000).is_due(), "a clock that was set back makes nothing stale");
        }
        assert!(DeliveryState::Pending.at(NOW, NOW).is_due() && DeliveryState::Stale.at(NOW, NOW).is_due());
    }

    #[test]
    fn only_something_older_says_that_a_relay_must_be_told_again() {
        let ours = ValidatorRegistration {
            fee_recipient: ExecutionAddress::default(),
            gas_limit: 36_000_000,
            timestamp: 100,
            pubkey: BlsPublicKey::default(),
        };
        let older = ValidatorRegistration { timestamp: 99, ..ours };
        let newer = ValidatorRegistration { timestamp: 101, ..ours };
        let forged = ValidatorRegistration { gas_limit: 1, ..ours };
        assert_eq!(Published::of(&ours, Some(&ours)), Published::Same);
        assert_eq!(Published::of(&ours, Some(&older)), Published::Older);
        assert_eq!(Published::of(&ours, Some(&forged)), Published::Older);
        assert_eq!(Published::of(&ours, Some(&newer)), Published::Newer);
        assert_eq!(Published::of(&ours, None), Published::Nothing);
    }
}
