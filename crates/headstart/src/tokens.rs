//! What tokens of this service have in common.

use headstart_registry::SERVICE_ISSUER;

/// The audience of tokens for the network of that name.
pub(crate) fn audience(network: &str) -> String {
    format!("{SERVICE_ISSUER}/{network}")
}

/// Reads `90s`, `10m` or `24h`; in milliseconds.
pub(crate) fn parse_ttl_ms(text: &str) -> Result<i64, String> {
    let units = [('s', 1_000), ('m', 60_000), ('h', 3_600_000)];
    let read = units.into_iter().find_map(|(unit, ms)| {
        let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(ms).filter(|ms| *ms > 0)
    });
    read.ok_or_else(|| "write a time such as 90s, 10m or 24h".to_owned())
}

#[cfg(test)]
mod tests {
    use headstart_types::{ForkName, UnixMillis};

    use super::*;

    #[test]
    fn the_audience_is_what_the_service_expects() {
        let network = headstart_devnet::network(ForkName::Fulu, 12_000, UnixMillis(1_700_000_000_000), 0);
        assert_eq!(audience(&network.name), headstart_registry::token_audience(&network));
    }

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(["90s", "10m", "24h"].map(parse_ttl_ms), [Ok(90_000), Ok(600_000), Ok(86_400_000)]);
        for wrong in ["", "10", "0m", "-5m", "1d", "m", "9999999999999999h"] {
            assert!(parse_ttl_ms(wrong).is_err(), "{wrong}");
        }
    }
}
