use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{Algorithm, TokenRejected, provider};
use crate::KeyRow;

/// Tokens of ours have some 350 bytes; a longer one is not looked at.
const TOKEN_BYTES_MAX: usize = 4_096;
const KID_BYTES_MAX: usize = 64;

/// A token taken apart. Nothing of it is believed until a stored key has verified it.
pub(crate) struct Jws<'a> {
    message: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    pub(crate) kid: String,
    pub(crate) claims: Map<String, Value>,
}

impl<'a> Jws<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, TokenRejected> {
        Self::take_apart(token).ok_or(TokenRejected::Malformed)
    }

    /// Whether the holder of this stored key signed the token, in the way that this key signs.
    pub(crate) fn is_signed_by(&self, key: &KeyRow) -> bool {
        let Some(algorithm) = Algorithm::parse(&key.algorithm) else { return false };
        provider::install();
        let key = match algorithm {
            Algorithm::EdDsa => DecodingKey::from_ed_der(&key.public_key),
            Algorithm::Es256 => DecodingKey::from_ec_der(&key.public_key),
        };
        let verified = crypto::verify(self.signature, self.message.as_bytes(), &key, algorithm.in_library());
        self.algorithm == algorithm && verified.unwrap_or(false)
    }

    fn take_apart(token: &'a str) -> Option<Self> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let header = object(header)?;
        // Extensions that must be understood are not: none is defined that we would need.
        if header.contains_key("crit") || !is_jwt(header.get("typ")) {
            return None;
        }
        let algorithm = Algorithm::parse(header.get("alg")?.as_str()?)?;
        decode(signature)?;
        let kid = header.get("kid")?.as_str().filter(|kid| is_kid(kid))?.to_owned();
        Some(Self { message, signature, algorithm, kid, claims: object(payload)? })
    }
}

/// Letters that mean nothing to a shell, a path or a database.
pub(crate) fn is_kid(kid: &str) -> bool {
    let fits = |letter: u8| letter.is_ascii_alphanumeric() || b"._-".contains(&letter);
    (1..=KID_BYTES_MAX).contains(&kid.len()) && kid.bytes().all(fits)
}

fn is_jwt(typ: Option<&Value>) -> bool {
    typ.is_none_or(|typ| typ.as_str().is_some_and(|typ| typ.eq_ignore_ascii_case("JWT")))
}

/// Without padding, and only the one spelling of each value.
fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice::<Object>(&decode(part)?).ok().map(|object| object.0)
}

/// A JSON object whose names are all different: with a claim that is there twice, two readers may disagree.
struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name is there twice"));
            }
        }
        Ok(Object(object))
    }
}
