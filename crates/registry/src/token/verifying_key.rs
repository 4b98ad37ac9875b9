use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::jws::is_kid;
use super::{Algorithm, KeyRejected, pem};
use crate::KeyRow;

/// What stands before the key in a DER `SubjectPublicKeyInfo`.
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3,
    1, 7, 3, 0x42, 0,
];
const UNCOMPRESSED_POINT: u8 = 4;

/// A public key that an administrator uploads, so that its holder's tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    kid: String,
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl VerifyingKey {
    /// Reads a public key in PEM (`BEGIN PUBLIC KEY`) or as a JSON web key. Without a `kid` it takes the web key's, or
    /// else its fingerprint.
    pub fn parse(text: &str, kid: Option<&str>) -> Result<Self, KeyRejected> {
        let (algorithm, bytes, own_kid) = match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(jwk) => from_jwk(&jwk)?,
            Err(_) => from_pem(text)?,
        };
        Self::new(algorithm, bytes, kid.or(own_kid.as_deref()))
    }

    pub(crate) fn new(algorithm: Algorithm, bytes: Vec<u8>, kid: Option<&str>) -> Result<Self, KeyRejected> {
        let is_point = algorithm != Algorithm::Es256 || bytes.first() == Some(&UNCOMPRESSED_POINT);
        if bytes.len() != algorithm.key_bytes() || !is_point {
            return Err(KeyRejected::Algorithm);
        }
        let kid = kid.map_or_else(|| fingerprint(&bytes), str::to_owned);
        if is_kid(&kid) { Ok(Self { kid, algorithm, bytes }) } else { Err(KeyRejected::Kid) }
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<VerifyingKey> for KeyRow {
    fn from(key: VerifyingKey) -> Self {
        Self { kid: key.kid, algorithm: key.algorithm.to_string(), public_key: key.bytes.into() }
    }
}

/// 96 bits of its digest are enough to tell the few keys of a cluster apart.
fn fingerprint(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..12])
}

type Parts = (Algorithm, Vec<u8>, Option<String>);

fn from_pem(text: &str) -> Result<Parts, KeyRejected> {
    let (label, content) = pem::decode(text).ok_or(KeyRejected::Form)?;
    if label.contains("PRIVATE KEY") {
        return Err(KeyRejected::Private);
    }
    let keys = [(Algorithm::EdDsa, ED25519_SPKI), (Algorithm::Es256, P256_SPKI)];
    let known = keys.into_iter().find_map(|(algorithm, prefix)| {
        let key = content.strip_prefix(prefix)?;
        Some((algorithm, key.to_vec(), None))
    });
    known.filter(|_| label == "PUBLIC KEY").ok_or(KeyRejected::Algorithm)
}

fn from_jwk(jwk: &Map<String, Value>) -> Result<Parts, KeyRejected> {
    let text = |name| jwk.get(name).and_then(Value::as_str);
    let bytes =
        |name| text(name).and_then(|value| URL_SAFE_NO_PAD.decode(value).ok()).ok_or(KeyRejected::Form);
    if jwk.contains_key("d") || jwk.contains_key("k") {
        return Err(KeyRejected::Private);
    }
    let (algorithm, key) = match (text("kty"), text("crv")) {
        (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDsa, bytes("x")?),
        (Some("EC"), Some("P-256")) => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let halves_fit = x.len() == 32 && y.len() == 32;
            let key = [&[UNCOMPRESSED_POINT], &x[..], &y[..]].concat();
            (Algorithm::Es256, if halves_fit { key } else { return Err(KeyRejected::Form) })
        }
        _ => return Err(KeyRejected::Algorithm),
    };
    if jwk.contains_key("alg") && text("alg") != Some(algorithm.as_str()) {
        return Err(KeyRejected::Algorithm);
    }
    let kid = match jwk.get("kid") {
        Some(kid) => Some(kid.as_str().ok_or(KeyRejected::Kid)?.to_owned()),
        None => None,
    };
    Ok((algorithm, key, kid))
}
