use std::fmt;

use blst::{BLST_ERROR, Pairing, blst_fp12, blst_p1_affine, blst_p2_affine, min_pk};
use rand::RngCore;

use crate::{BlsPublicKey, BlsSignature, Root, beside};

const DST: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_";

/// Why bytes are no key or signature of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlsError {
    #[error("decode the public key: it is no point of the BLS12-381 group")]
    PublicKey,
    #[error("decode the secret key: it is zero or above the group order")]
    SecretKey,
}

/// A decompressed public key whose membership of the group has been checked: 96 bytes, ready to verify with.
///
/// Decompression costs 70 µs, so keys are decompressed once and kept.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(min_pk::PublicKey);

impl PublicKey {
    pub fn decompress(key: &BlsPublicKey) -> Result<Self, BlsError> {
        // `key_validate` refuses the point at infinity and points outside the prime-order subgroup.
        min_pk::PublicKey::key_validate(key.0.as_slice()).map(Self).map_err(|_| BlsError::PublicKey)
    }

    /// Reads a key that was validated when it was written, without checking its membership of the group again.
    pub fn from_uncompressed(key: &[u8; 96]) -> Result<Self, BlsError> {
        min_pk::PublicKey::deserialize(key).map(Self).map_err(|_| BlsError::PublicKey)
    }

    /// The two coordinates, for a store that gives the key back to [`PublicKey::from_uncompressed`].
    pub fn to_uncompressed(&self) -> [u8; 96] {
        self.0.serialize()
    }

    pub fn compress(&self) -> BlsPublicKey {
        BlsPublicKey(self.0.compress().into())
    }

    /// Whether `signature` was made over `signing_root` with this key; a malformed signature was not.
    pub fn verify(&self, signing_root: Root, signature: &BlsSignature) -> bool {
        let Ok(signature) = min_pk::Signature::from_bytes(signature.0.as_slice()) else { return false };
        signature.verify(true, signing_root.as_slice(), DST, &[], &self.0, false) == BLST_ERROR::BLST_SUCCESS
    }

    /// The same verdict in two thirds of the time, where another thread of the rayon pool that it is called in has nothing
    /// to do: what follows from the message is computed beside what follows from the signature, and `signing_root` is
    /// called while that thread wakes. Where none has, it takes as long as [`Self::verify`].
    pub fn verify_in_pool(&self, signing_root: impl FnOnce() -> Root, signature: BlsSignature) -> bool {
        let (of_message, of_signature) =
            beside(|| self.pair_message(signing_root()), move || pair_signature(&signature));
        of_message.zip(of_signature).is_some_and(|(message, signature)| message.finalverify(Some(&signature)))
    }

    /// The pairing of the key with the message's point.
    fn pair_message(&self, signing_root: Root) -> Option<Pairing<'static>> {
        let (mut pairing, key): (_, &blst_p1_affine) = (Pairing::new(true, DST), (&self.0).into());
        // The signature comes later; anything that is no point of its group stands for none.
        let added = pairing.aggregate(key, false, &(), false, signing_root.as_slice(), &[]);
        pairing.commit();
        (added == BLST_ERROR::BLST_SUCCESS).then_some(pairing)
    }
}

/// The pairing of the generator with a signature; `None` when it is no point of its group.
fn pair_signature(signature: &BlsSignature) -> Option<blst_fp12> {
    let signature = min_pk::Signature::sig_validate(signature.0.as_slice(), false).ok()?;
    let (mut paired, signature): (_, &blst_p2_affine) = (blst_fp12::default(), (&signature).into());
    Pairing::aggregated(&mut paired, signature);
    Some(paired)
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.compress(), f)
    }
}

/// Whether every signature of the batch is valid, in about half the time of verifying one by one.
///
/// `random` must be unpredictable to whoever made the signatures: the batch is a random linear combination. `false`
/// says that at least one is invalid, not which; so does an empty batch. `between` is called after each signature, which
/// takes some half a millisecond: there a thread can let others have the core.
pub fn verify_batch(
    items: &[(Root, &PublicKey, &BlsSignature)],
    random: &mut impl RngCore,
    between: impl Fn(),
) -> bool {
    let mut pairing = Pairing::new(true, DST);
    let adds = |(root, key, signature): &(Root, &PublicKey, &BlsSignature)| {
        let Ok(signature) = min_pk::Signature::from_bytes(signature.0.as_slice()) else { return false };
        let (key, signature): (&blst_p1_affine, &blst_p2_affine) = ((&key.0).into(), (&signature).into());
        let scalar = random_scalar(random);
        let added =
            pairing.mul_n_aggregate(key, false, signature, true, &scalar, RANDOM_BITS, root.as_slice(), &[]);
        between();
        added == BLST_ERROR::BLST_SUCCESS
    };
    if items.is_empty() || !items.iter().all(adds) {
        return false;
    }
    pairing.commit();
    pairing.finalverify(None)
}

const RANDOM_BITS: usize = 64;

fn random_scalar(random: &mut impl RngCore) -> [u8; RANDOM_BITS / 8] {
    // A zero scalar would leave its signature unchecked.
    random.next_u64().max(1).to_le_bytes()
}

/// A signing key. Services never hold one: simulated neighbours and tests do.
#[derive(Clone)]
pub struct SecretKey(min_pk::SecretKey);

impl SecretKey {
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, BlsError> {
        min_pk::SecretKey::from_bytes(bytes).map(Self).map_err(|_| BlsError::SecretKey)
    }

    /// Derives a key from 32 bytes of any content (the `key_gen` of the BLS draft).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, BlsError> {
        min_pk::SecretKey::key_gen(seed, &[]).map(Self).map_err(|_| BlsError::SecretKey)
    }

    pub fn public_key(&self) -> BlsPublicKey {
        BlsPublicKey(self.0.sk_to_pk().compress().into())
    }

    pub fn sign(&self, signing_root: Root) -> BlsSignature {
        BlsSignature(self.0.sign(signing_root.as_slice(), DST, &[]).compress().into())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    fn signed(count: u8) -> Vec<(Root, PublicKey, BlsSignature)> {
        let sign = |index| {
            let key = SecretKey::from_seed(&[index + 1; 32]).unwrap();
            let root = Root::repeat_byte(index);
            (root, PublicKey::decompress(&key.public_key()).unwrap(), key.sign(root))
        };
        (0..count).map(sign).collect()
    }

    fn verify_in_pool(key: &PublicKey, root: Root, signature: &BlsSignature) -> bool {
        key.verify_in_pool(|| root, *signature)
    }

    #[test]
    fn a_signature_verifies_over_its_own_root_and_key_only() {
        let items = signed(2);
        let (root, key, signature) = &items[0];
        let mut infinity = BlsSignature::default();
        infinity.0[0] = 0xc0;
        for verify in [PublicKey::verify, verify_in_pool] {
            assert!(verify(key, *root, signature));
            assert!(!verify(key, items[1].0, signature));
            assert!(!verify(&items[1].1, *root, signature));
            assert!(!verify(key, *root, &items[1].2));
            assert!(!verify(key, *root, &BlsSignature::default()), "no point of the curve");
            assert!(!verify(key, *root, &infinity));
        }
    }

    #[test]
    fn a_point_outside_the_group_is_no_signature() {
        // On the curve and outside its prime-order subgroup: the first x from 1 on which has a point there.
        let mut outside = BlsSignature::default();
        outside.0[0] = 0x80;
        let on_curve = (1..=u8::MAX).find(|x| {
            outside.0[95] = *x;
            min_pk::Signature::from_bytes(outside.0.as_slice()).is_ok()
        });
        assert!(on_curve.is_some());
        assert!(min_pk::Signature::sig_validate(outside.0.as_slice(), false).is_err());
        let (root, key, _) = signed(1).remove(0);
        assert!(![PublicKey::verify, verify_in_pool].iter().any(|verify| verify(&key, root, &outside)));
    }

    #[test]
    fn a_batch_holds_only_if_every_signature_does() {
        let mut items = signed(9);
        let check = |items: &[(Root, PublicKey, BlsSignature)]| {
            let batch: Vec<_> = items.iter().map(|(root, key, signature)| (*root, key, signature)).collect();
            verify_batch(&batch, &mut SmallRng::seed_from_u64(7), || ())
        };
        assert!(check(&items));
        items[4].0 = Root::repeat_byte(0xff);
        assert!(!check(&items));
    }

    #[test]
    fn a_key_reads_back_from_its_coordinates() {
        let (_, key, _) = signed(1).remove(0);
        assert_eq!(PublicKey::from_uncompressed(&key.to_uncompressed()).as_ref(), Ok(&key));
        assert_eq!(PublicKey::from_uncompressed(&[1; 96]), Err(BlsError::PublicKey));
    }

    #[test]
    fn infinity_and_points_outside_the_group_are_no_keys() {
        let mut infinity = BlsPublicKey::default();
        infinity.0[0] = 0xc0;
        assert_eq!(PublicKey::decompress(&infinity), Err(BlsError::PublicKey));
        assert_eq!(PublicKey::decompress(&BlsPublicKey::default()), Err(BlsError::PublicKey));
    }
}
