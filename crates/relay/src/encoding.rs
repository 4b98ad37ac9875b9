use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use headstart_types::{CONSENSUS_VERSION, Encoding, ForkName};
use http::header::CONTENT_TYPE;
use reqwest::{Client, Response};

use crate::Failure;
use crate::call;

const UNKNOWN: u8 = 0;
const SSZ: u8 = 1;
const JSON: u8 = 2;

const BAD_REQUEST: u16 = 400;
const NOT_ACCEPTABLE: u16 = 406;
const UNSUPPORTED_MEDIA_TYPE: u16 = 415;

/// Which encoding a relay takes for one operation, learnt from its answers. SSZ is tried until JSON proves right.
#[derive(Default)]
pub(crate) struct Learnt(AtomicU8);

impl Learnt {
    /// The encodings in the order in which to try them.
    pub(crate) fn order(&self) -> [Encoding; 2] {
        if self.0.load(Ordering::Relaxed) == JSON {
            [Encoding::Json, Encoding::Ssz]
        } else {
            [Encoding::Ssz, Encoding::Json]
        }
    }

    pub(crate) fn accepted(&self, encoding: Encoding) {
        let state = match encoding {
            Encoding::Ssz => SSZ,
            Encoding::Json => JSON,
        };
        self.0.store(state, Ordering::Relaxed);
    }

    /// The relay is known to speak SSZ from another operation; what was learnt from this one weighs more.
    pub(crate) fn proven_ssz(&self) {
        let _ = self.0.compare_exchange(UNKNOWN, SSZ, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether a refusal may be about the encoding and not the content. A bare 400 may be that only for SSZ, and only
    /// until the relay has taken either encoding once: some relays parse whatever comes as JSON.
    pub(crate) fn doubts(&self, sent: Encoding, status: u16) -> bool {
        let unproven = sent == Encoding::Ssz && self.0.load(Ordering::Relaxed) == UNKNOWN;
        matches!(status, NOT_ACCEPTABLE | UNSUPPORTED_MEDIA_TYPE) || (status == BAD_REQUEST && unproven)
    }
}

/// A POST that finds the encoding which the relay takes.
pub(crate) struct Post<'a> {
    pub(crate) client: &'a Client,
    pub(crate) url: &'a str,
    pub(crate) accept: &'static str,
    pub(crate) fork: Option<ForkName>,
    pub(crate) learnt: &'a Learnt,
}

impl Post<'_> {
    /// Sends the body in one encoding and, if the relay refuses that one, in the other. `body` gives `None` for an
    /// encoding that cannot be made.
    pub(crate) async fn send(&self, body: impl Fn(Encoding) -> Option<Bytes>) -> Result<Response, Failure> {
        let mut refusal = None;
        for encoding in self.learnt.order() {
            let Some(body) = body(encoding) else { continue };
            match self.attempt(encoding, body).await {
                Ok(response) => {
                    self.learnt.accepted(encoding);
                    return Ok(response);
                }
                // The first refusal stays: that the relay dislikes the other encoding too says less.
                Err(Failure::Refused(refused)) if self.learnt.doubts(encoding, refused.status) => {
                    refusal.get_or_insert(refused);
                }
                Err(failure) => return Err(failure),
            }
        }
        Err(refusal.map_or_else(|| Failure::malformed("the message has no encoding"), Failure::Refused))
    }

    async fn attempt(&self, encoding: Encoding, body: Bytes) -> Result<Response, Failure> {
        let mut request = self
            .client
            .post(self.url)
            .header(CONTENT_TYPE, encoding.content_type())
            .header(http::header::ACCEPT, self.accept);
        if let Some(fork) = self.fork {
            request = request.header(CONSENSUS_VERSION, fork.as_str());
        }
        call::send(request.body(body)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssz_comes_first_until_the_relay_takes_json() {
        let learnt = Learnt::default();
        assert_eq!(learnt.order(), [Encoding::Ssz, Encoding::Json]);
        learnt.accepted(Encoding::Json);
        assert_eq!(learnt.order(), [Encoding::Json, Encoding::Ssz]);
        learnt.accepted(Encoding::Ssz);
        assert_eq!(learnt.order(), [Encoding::Ssz, Encoding::Json]);
    }

    #[test]
    fn a_bare_400_is_doubted_only_before_anything_was_accepted() {
        let learnt = Learnt::default();
        assert!(learnt.doubts(Encoding::Ssz, 400));
        assert!(!learnt.doubts(Encoding::Json, 400));
        learnt.accepted(Encoding::Ssz);
        assert!(!learnt.doubts(Encoding::Ssz, 400));
        for status in [406, 415] {
            assert!(learnt.doubts(Encoding::Ssz, status) && learnt.doubts(Encoding::Json, status));
        }
    }
}
