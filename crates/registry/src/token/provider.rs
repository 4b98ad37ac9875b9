//! The cryptography beneath the JWT library: ring, for the two algorithms that are believed here and for no other.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, UnparsedPublicKey,
};

use super::Algorithm;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Must have run before the library signs or verifies; again is no harm.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Whoever embeds this room may have installed one that knows more algorithms; ours still decide.
        let _ = PROVIDER.install_default();
    });
}

struct Verifier {
    algorithm: Algorithm,
    public_key: Vec<u8>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library calls it so")]
fn verifier(algorithm: &jsonwebtoken::Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let algorithm = Algorithm::of_library(*algorithm).ok_or(ErrorKind::InvalidAlgorithm)?;
    Ok(Box::new(Verifier { algorithm, public_key: key.try_get_as_bytes()?.to_vec() }))
}

impl ::signature::Verifier<Vec<u8>> for Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), ::signature::Error> {
        let verified = match self.algorithm {
            Algorithm::EdDsa => {
                UnparsedPublicKey::new(&signature::ED25519, &self.public_key).verify(message, signature)
            }
            Algorithm::Es256 => UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, &self.public_key)
                .verify(message, signature),
        };
        verified.map_err(|_| ::signature::Error::new())
    }
}

impl JwtVerifier for Verifier {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        self.algorithm.in_library()
    }
}

enum Signer {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library calls it so")]
fn signer(algorithm: &jsonwebtoken::Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let pkcs8 = key.as_bytes();
    let signer = match Algorithm::of_library(*algorithm).ok_or(ErrorKind::InvalidAlgorithm)? {
        Algorithm::EdDsa => Signer::EdDsa(
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| ErrorKind::InvalidEddsaKey)?,
        ),
        Algorithm::Es256 => Signer::Es256(
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new())
                .map_err(|_| ErrorKind::InvalidEcdsaKey)?,
        ),
    };
    Ok(Box::new(signer))
}

impl ::signature::Signer<Vec<u8>> for Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, ::signature::Error> {
        match self {
            Self::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Self::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                Ok(signature.map_err(|_| ::signature::Error::new())?.as_ref().to_vec())
            }
        }
    }
}

impl JwtSigner for Signer {
    fn algorithm(&self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa(_) => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256(_) => jsonwebtoken::Algorithm::ES256,
        }
    }
}
