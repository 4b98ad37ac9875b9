//! Content negotiation of the Builder API: JSON and SSZ, both ways.

/// The `Accept` value to send to relays. Helix answers in SSZ only to exactly this text.
pub const ACCEPT_SSZ_THEN_JSON: &str = "application/octet-stream;q=1.0,application/json;q=0.9";
/// Header that names the fork of an SSZ body.
pub const CONSENSUS_VERSION: &str = "eth-consensus-version";
/// Header with the sender's Unix time in milliseconds.
pub const DATE_MILLISECONDS: &str = "date-milliseconds";
/// Header with the milliseconds that the caller will wait for a header.
pub const TIMEOUT_MS: &str = "x-timeout-ms";

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    Json,
    Ssz,
}

impl Encoding {
    /// The media type, without any parameter: two clients compare it as a whole string.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ssz => "application/octet-stream",
        }
    }

    /// Reads a `Content-Type`; parameters such as a charset are tolerated. `None` for any other type.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let essence = value.split(';').next().unwrap_or_default().trim();
        [Self::Json, Self::Ssz]
            .into_iter()
            .find(|encoding| essence.eq_ignore_ascii_case(encoding.content_type()))
    }
}

/// What a caller accepts: the encodings it can take, the preferred one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    preferred: Encoding,
    other: bool,
}

impl Accept {
    pub const JSON: Self = Self { preferred: Encoding::Json, other: false };

    /// Reads an `Accept` header; without one (or with `*/*`) a Builder API speaks JSON.
    ///
    /// `None` means that neither encoding is acceptable: answer 406.
    pub fn parse(value: &str) -> Option<Self> {
        if value.trim().is_empty() {
            return Some(Self::JSON);
        }
        let (mut json, mut ssz, mut wildcard) = (None, None, None);
        for range in value.split(',') {
            let (media_type, quality) = media_range(range);
            if media_type.eq_ignore_ascii_case(Encoding::Ssz.content_type()) {
                ssz = Some(quality);
            } else if media_type.eq_ignore_ascii_case(Encoding::Json.content_type()) {
                json = Some(quality);
            } else if matches!(media_type, "*/*" | "application/*") {
                wildcard = Some(quality);
            }
        }
        let (json, ssz) = (json.or(wildcard).unwrap_or(0), ssz.or(wildcard).unwrap_or(0));
        match (json, ssz) {
            (0, 0) => None,
            (json, ssz) if ssz > json => Some(Self { preferred: Encoding::Ssz, other: json > 0 }),
            (_, ssz) => Some(Self { preferred: Encoding::Json, other: ssz > 0 }),
        }
    }

    pub const fn preferred(self) -> Encoding {
        self.preferred
    }

    pub fn takes(self, encoding: Encoding) -> bool {
        self.other || self.preferred == encoding
    }
}

/// A media range and its weight in thousandths (RFC 9110 §12.4.2); a malformed weight counts as zero.
fn media_range(range: &str) -> (&str, u32) {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    (media_type, weight.map_or(1000, thousandths))
}

/// Reads a weight without allocating: this is on the way of every getHeader.
fn thousandths(weight: &str) -> u32 {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = decimals.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !digits {
        return 0;
    }
    let places = [100, 10, 1].into_iter().zip(decimals.bytes());
    let fraction: u32 = places.map(|(place, digit)| place * u32::from(digit - b'0')).sum();
    (u32::from(whole == "1") * 1000 + fraction).min(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_gets_the_encoding_it_prefers() {
        let ssz = [
            "application/octet-stream",
            ACCEPT_SSZ_THEN_JSON,
            "application/octet-stream,application/json;q=0.5",
        ];
        for accept in ssz {
            assert_eq!(Accept::parse(accept).map(Accept::preferred), Some(Encoding::Ssz), "{accept}");
        }
        for accept in ["", "*/*", "application/json", "application/json;q=1,application/octet-stream;q=0.9"] {
            assert_eq!(Accept::parse(accept).map(Accept::preferred), Some(Encoding::Json), "{accept}");
        }
    }

    #[test]
    fn ssz_alone_is_never_answered_with_json() {
        let accept = Accept::parse("application/octet-stream").unwrap();
        assert!(accept.takes(Encoding::Ssz) && !accept.takes(Encoding::Json));
        assert!(Accept::parse(ACCEPT_SSZ_THEN_JSON).unwrap().takes(Encoding::Json));
    }

    #[test]
    fn what_we_cannot_write_is_not_acceptable() {
        for accept in ["text/html", "application/xml;q=0.9", "application/json;q=0", "application/json;q=x"] {
            assert_eq!(Accept::parse(accept), None, "{accept}");
        }
    }

    #[test]
    fn weights_are_read_to_the_thousandth() {
        for (weight, expected) in [
            ("1", 1000),
            ("1.0", 1000),
            ("1.5", 1000),
            ("0", 0),
            ("0.5", 500),
            ("0.05", 50),
            ("0.123", 123),
            ("0.9", 900),
        ] {
            assert_eq!(thousandths(weight), expected, "{weight}");
        }
        for malformed in ["", "2", "0.1234", "-1", "0.x", ".5", "1e0"] {
            assert_eq!(thousandths(malformed), 0, "{malformed}");
        }
    }

    #[test]
    fn content_types_may_carry_parameters() {
        assert_eq!(Encoding::from_content_type("application/json; charset=utf-8"), Some(Encoding::Json));
        assert_eq!(Encoding::from_content_type("Application/Octet-Stream"), Some(Encoding::Ssz));
        assert_eq!(Encoding::from_content_type("text/plain"), None);
    }
}
