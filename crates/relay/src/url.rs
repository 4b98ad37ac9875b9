use std::fmt;
use std::str::FromStr;

use headstart_types::{BlsPublicKey, PublicKey, RelayId};
use sha2::{Digest, Sha256};
use url::Url;

use crate::Error;

/// Where a relay is reached and which key signs its bids: `https://0x<48-byte key>@host[:port][/path][?query]`.
///
/// `Display` and `Debug` leave out the query, which at some relays is a credential.
#[derive(Clone)]
pub struct RelayUrl {
    /// Scheme, host, port and path, without user, query and trailing slash.
    base: String,
    host: String,
    query: Option<String>,
    key: BlsPublicKey,
    verifying_key: PublicKey,
}

impl RelayUrl {
    /// The key that must sign this relay's bids.
    pub fn public_key(&self) -> BlsPublicKey {
        self.key
    }

    /// The same key as a checked curve point.
    pub fn verifying_key(&self) -> &PublicKey {
        &self.verifying_key
    }

    /// Host name or address, without port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The first eight bytes of SHA-256 over key ‖ scheme, host, port, path ‖ `?` query.
    pub fn id(&self) -> RelayId {
        let mut hash = Sha256::new();
        hash.update(self.key.0);
        hash.update(self.endpoint(""));
        RelayId(hash.finalize()[..8].iter().fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }

    /// The full URL of one operation, with the configured query.
    pub(crate) fn endpoint(&self, path: &str) -> String {
        match &self.query {
            Some(query) => format!("{}{path}?{query}", self.base),
            None => format!("{}{path}", self.base),
        }
    }

    /// The same with one more parameter, such as `pubkey=0x…`, before the configured query.
    pub(crate) fn endpoint_asking(&self, path: &str, parameter: &str) -> String {
        match &self.query {
            Some(query) => format!("{}{path}?{parameter}&{query}", self.base),
            None => format!("{}{path}?{parameter}", self.base),
        }
    }
}

impl FromStr for RelayUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut url = Url::parse(text.trim()).map_err(Error::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::Scheme(url.scheme().to_owned()));
        }
        if url.password().is_some() {
            return Err(Error::Password);
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let (key, verifying_key) = parse_key(url.username(), &host)?;
        let query = url.query().filter(|query| !query.is_empty()).map(str::to_owned);
        // Removing the user of an http(s) URL with a host cannot fail, and a left-over user would only be sent to the
        // relay that it names.
        let _ = url.set_username("");
        url.set_query(None);
        url.set_fragment(None);
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { base, host, query, key, verifying_key })
    }
}

fn parse_key(user: &str, host: &str) -> Result<(BlsPublicKey, PublicKey), Error> {
    if user.is_empty() {
        return Err(Error::MissingKey { host: host.to_owned() });
    }
    let key: BlsPublicKey = user.parse().map_err(|_| Error::KeyFormat { digits: user.chars().count() })?;
    let point =
        PublicKey::decompress(&key).map_err(|source| Error::KeyPoint { key: key.to_string(), source })?;
    Ok((key, point))
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.base.split_once("://").unwrap_or(("https", &self.base));
        write!(f, "{scheme}://{}@{rest}", self.key)
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "0xac6e77dfe25ecd6110b8e780608cce0dab71fdd5ebea22a16c0205200f2f8e2e3ad3b71d3499c54ad14d6c21b41a37ae";

    fn relay(rest: &str) -> RelayUrl {
        format!("https://{KEY}@{rest}").parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<RelayUrl>().expect_err(text).to_string()
    }

    #[test]
    fn a_relay_url_gives_key_host_and_endpoints() {
        let url = relay("boost-relay.flashbots.net");
        assert_eq!(url.public_key().to_string(), KEY);
        assert_eq!(url.host(), "boost-relay.flashbots.net");
        assert_eq!(
            url.endpoint("/eth/v1/builder/status"),
            "https://boost-relay.flashbots.net/eth/v1/builder/status"
        );
        let behind_a_path = relay("relay.example:8443/boost/?id=secret#top");
        assert_eq!(behind_a_path.endpoint("/x"), "https://relay.example:8443/boost/x?id=secret");
    }

    #[test]
    fn the_query_is_never_shown() {
        let url = relay("relay.example/boost?id=secret");
        assert_eq!(url.to_string(), format!("https://{KEY}@relay.example/boost"));
        assert_eq!(format!("{url:?}"), url.to_string());
    }

    #[test]
    fn the_identity_is_key_and_place_and_never_changes() {
        let id = relay("relay.example").id();
        assert_eq!(id, relay("relay.example/").id());
        assert_eq!(id, relay("RELAY.example:443").id());
        let others = ["other.example", "relay.example:444", "relay.example/a", "relay.example?a=1"];
        for other in others {
            assert_ne!(id, relay(other).id(), "{other}");
        }
        assert_ne!(id, format!("http://{KEY}@relay.example").parse::<RelayUrl>().unwrap().id());
        assert_eq!(id.to_string(), "ca6663a71ec3f689", "stored fingerprints must survive an upgrade");
    }

    #[test]
    fn each_mistake_is_named_with_its_remedy() {
        assert!(refusal("relay.example").contains("write it as https://0x<public key>@host"));
        assert!(refusal(&format!("ws://{KEY}@relay.example")).contains("\"ws\": write https"));
        assert!(refusal("https://relay.example").contains("as in https://0x<public key>@relay.example"));
        assert!(refusal("https://0xabcd@relay.example").contains("it has 6 characters; write 0x and 96"));
        assert!(refusal(&format!("https://{}@relay.example", &KEY[2..])).contains("96 characters; write 0x"));
        assert!(refusal(&format!("https://{KEY}:pw@relay.example")).contains("remove ':'"));
        let no_point = KEY.replace("ac6e", "ac6f");
        assert!(refusal(&format!("https://{no_point}@relay.example")).contains("no point of the BLS group"));
    }
}
