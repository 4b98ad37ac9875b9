use std::fmt;

use headstart_types::FixedBytes;
use rand::Rng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "bn_";
const ID_LETTERS: usize = 8;
/// 43 letters of 62 hold 256 bits.
const SECRET_LETTERS: usize = 43;
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new credential of a beacon node, `bn_<id>_<secret>`. It is shown once and kept as a digest.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    id: String,
    secret: String,
}

impl NewSecret {
    /// Draws one; `random` must be a generator fit for secrets.
    pub fn draw(random: &mut (impl Rng + rand::CryptoRng)) -> Self {
        Self { id: letters(random, ID_LETTERS), secret: letters(random, SECRET_LETTERS) }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// What a path token and a Bearer carry.
    pub fn token(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.secret)
    }

    /// What Basic userinfo carries, ready for a URL: `bn_<id>:<secret>`.
    pub fn userinfo(&self) -> String {
        format!("{PREFIX}{}:{}", self.id, self.secret)
    }

    pub fn digest(&self) -> FixedBytes<32> {
        digest(&self.secret)
    }
}

impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A credential as somebody presents it: nothing of it has been believed yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PresentedSecret<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
}

impl<'a> PresentedSecret<'a> {
    /// Reads `bn_<id>_<secret>`.
    pub fn from_token(token: &'a str) -> Option<Self> {
        let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
        Self::new(id, secret)
    }

    /// Reads the two halves of Basic userinfo: `bn_<id>` and the secret.
    pub fn from_userinfo(user: &'a str, password: &'a str) -> Option<Self> {
        Self::new(user.strip_prefix(PREFIX)?, password)
    }

    fn new(id: &'a str, secret: &'a str) -> Option<Self> {
        let fits = |text: &str, letters: usize| {
            text.len() == letters && text.bytes().all(|letter| letter.is_ascii_alphanumeric())
        };
        (fits(id, ID_LETTERS) && fits(secret, SECRET_LETTERS)).then_some(Self { id, secret })
    }

    /// The id, which is no secret.
    pub fn id(&self) -> &'a str {
        self.id
    }
}

impl fmt::Debug for PresentedSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The secrets have 256 bits, so a plain digest cannot be reversed and costs the hot path 200 ns.
fn digest(secret: &str) -> FixedBytes<32> {
    FixedBytes(Sha256::digest(secret.as_bytes()).into())
}

pub(crate) fn digest_matches(secret: &str, expected: &FixedBytes<32>) -> bool {
    digest(secret).0.ct_eq(&expected.0).into()
}

fn letters(random: &mut impl Rng, count: usize) -> String {
    (0..count).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())])).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_credential_reads_the_same_from_a_token_and_from_userinfo() {
        let new = NewSecret::draw(&mut StdRng::seed_from_u64(1));
        let (token, userinfo) = (new.token(), new.userinfo());
        let (user, password) = userinfo.split_once(':').unwrap();
        let presented = PresentedSecret::from_token(&token).unwrap();
        assert_eq!(PresentedSecret::from_userinfo(user, password), Some(presented));
        assert_eq!(presented.id(), new.id());
        assert!(digest_matches(presented.secret, &new.digest()));
        assert!(!digest_matches("x", &new.digest()));
    }

    #[test]
    fn what_has_not_the_form_of_a_credential_is_none() {
        let token = NewSecret::draw(&mut StdRng::seed_from_u64(1)).token();
        for wrong in ["", "bn_", "bn_12345678", &token[3..], &token[..token.len() - 1], &format!("{token}0")]
        {
            assert_eq!(PresentedSecret::from_token(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn neither_form_shows_its_secret() {
        let new = NewSecret::draw(&mut StdRng::seed_from_u64(1));
        let token = new.token();
        let shown = format!("{new:?} {:?}", PresentedSecret::from_token(&token).unwrap());
        assert!(!shown.contains(&new.secret), "{shown}");
    }
}
