use std::fmt;

use jsonwebtoken::{EncodingKey, Header};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};

use super::{Algorithm, Claims, KeyRejected, VerifyingKey, pem, provider};

const LABEL: &str = "PRIVATE KEY";
/// What stands before the seed of an Ed25519 key in PKCS#8, version 1, which OpenSSL reads.
const ED25519_PKCS8: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const SEED_BYTES: usize = 32;

/// A private key that signs tokens: the service's own, or an operator's.
pub struct SigningKey {
    pair: Pair,
    pkcs8: Vec<u8>,
}

enum Pair {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
}

impl SigningKey {
    /// Draws a new Ed25519 key.
    pub fn generate() -> Result<Self, KeyRejected> {
        let mut seed = [0; SEED_BYTES];
        SystemRandom::new().fill(&mut seed).map_err(|_| KeyRejected::Random)?;
        Self::from_pkcs8([ED25519_PKCS8, &seed].concat())
    }

    /// Reads a PKCS#8 private key in PEM, Ed25519 or P-256, as `openssl genpkey` writes it.
    pub fn from_pem(text: &str) -> Result<Self, KeyRejected> {
        match pem::decode(text) {
            Some((LABEL, pkcs8)) => Self::from_pkcs8(pkcs8),
            _ => Err(KeyRejected::NotPrivate),
        }
    }

    fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self, KeyRejected> {
        let random = SystemRandom::new();
        let pair = if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8) {
            Pair::EdDsa(pair)
        } else {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random);
            Pair::Es256(pair.map_err(|_| KeyRejected::Algorithm)?)
        };
        Ok(Self { pair, pkcs8 })
    }

    /// The private key: for a file that only its owner reads.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.pkcs8)
    }

    /// The public half, under this id or its fingerprint.
    pub fn verifying_key(&self, kid: Option<&str>) -> Result<VerifyingKey, KeyRejected> {
        let (algorithm, bytes) = match &self.pair {
            Pair::EdDsa(pair) => (Algorithm::EdDsa, pair.public_key().as_ref()),
            Pair::Es256(pair) => (Algorithm::Es256, pair.public_key().as_ref()),
        };
        VerifyingKey::new(algorithm, bytes.to_vec(), kid)
    }

    /// A token that says this, and names the key by `kid`.
    pub fn sign(&self, kid: &str, claims: Claims<'_>) -> Result<String, KeyRejected> {
        let algorithm = match self.pair {
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Es256(_) => Algorithm::Es256,
        };
        provider::install();
        let mut header = Header::new(algorithm.in_library());
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(&header, &claims.to_json(), &self.encoding_key())
            .map_err(|_| KeyRejected::Random)
    }

    fn encoding_key(&self) -> EncodingKey {
        match self.pair {
            Pair::EdDsa(_) => EncodingKey::from_ed_der(&self.pkcs8),
            Pair::Es256(_) => EncodingKey::from_ec_der(&self.pkcs8),
        }
    }

    /// A signature over any message: tests forge tokens with it.
    #[cfg(test)]
    pub(crate) fn sign_bytes(&self, message: &[u8]) -> Vec<u8> {
        use base64::Engine as _;
        provider::install();
        let algorithm = match self.pair {
            Pair::EdDsa(_) => Algorithm::EdDsa,
            Pair::Es256(_) => Algorithm::Es256,
        };
        let signed =
            jsonwebtoken::crypto::sign(message, &self.encoding_key(), algorithm.in_library()).unwrap();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signed).unwrap()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}
