//! What relays mean by the words of their refusals: a pure reading of status and body, kept in one place.

use serde::Deserialize;

const MESSAGE_CHARS_MAX: usize = 200;

/// Why a relay refused to give a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    TooEarly,
    TooLate,
    UnknownProposer,
    Other,
}

const TOO_LATE: [&str; 3] = ["slot is too old", "too late", "past slot"];

/// A relay that does not know the parent has not seen the head yet: asking again later is right.
const TOO_EARLY: [&str; 6] = [
    "slot is too new",
    "too far into the future",
    "too far ahead",
    "current slot",
    "parent hash unknown",
    "missing parent hash",
];

const UNKNOWN_PROPOSER: [&str; 6] = [
    "proposer not registered",
    "proposernotregistered",
    "not currently registered",
    "unknown validator",
    "could not find proposer",
    "proposer duty not found",
];

/// Reads a refused header call. Only 400 and 403 carry such meanings; all other statuses are just refusals.
pub(crate) fn classify(status: u16, message: &str) -> Reason {
    if !matches!(status, 400 | 403) {
        return Reason::Other;
    }
    let said = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if let Some(reason) = wrong_slot(&said) {
        reason
    } else if says(&TOO_LATE) {
        Reason::TooLate
    } else if says(&TOO_EARLY) {
        Reason::TooEarly
    } else if says(&UNKNOWN_PROPOSER) {
        Reason::UnknownProposer
    } else if status == 403 && !said.starts_with('<') {
        // Ultrasound forbids every call outside the slot; a page of HTML is a firewall's and will not pass later either.
        Reason::TooEarly
    } else {
        Reason::Other
    }
}

/// A relay has given a payload of this slot away.
const DELIVERED: &str = "already delivered";

/// Whether a refused block would be refused for ever: a payload of its slot was delivered, or the slot is over.
pub(crate) fn ends_submission(message: &str) -> bool {
    let said = message.to_lowercase();
    said.contains(DELIVERED) || TOO_LATE.iter().any(|words| said.contains(words))
}

/// Helix: `request for wrong slot. request slot: 11, bid slot: 10`.
fn wrong_slot(said: &str) -> Option<Reason> {
    let requested = number_after(said, "request slot:")?;
    let auctioned = number_after(said, "bid slot:")?;
    Some(if requested > auctioned { Reason::TooEarly } else { Reason::TooLate })
}

fn number_after(said: &str, label: &str) -> Option<u64> {
    let rest = said.split_once(label)?.1.trim_start();
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[derive(Deserialize)]
struct ErrorObject {
    message: String,
}

/// The words of an error body: the `message` of a JSON error object, or the text itself; one line, cut, safe to log.
pub(crate) fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<ErrorObject>(body) {
        Ok(object) => object.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    one_line(&text, MESSAGE_CHARS_MAX)
}

/// Text from outside on its way into logs and pages: one line without control characters, cut to `chars_max`.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let spaced = text.trim().chars().map(|c| if c.is_ascii_whitespace() { ' ' } else { c });
    spaced.filter(|c| !c.is_control()).take(chars_max).collect()
}

/// `Retry-After` in seconds, as milliseconds; the date form is not used by relays and is ignored.
pub(crate) fn retry_after_ms(headers: &http::HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_as_their_relays_mean_them() {
        let cases = [
            (400, "slot is too old", Reason::TooLate),
            (400, "slot is too far into the future", Reason::TooEarly),
            (400, "slot is too new", Reason::TooEarly),
            (400, "request for wrong slot. request slot: 11, bid slot: 10", Reason::TooEarly),
            (400, "request for wrong slot. request slot: 10, bid slot: 11", Reason::TooLate),
            (400, "request for past slot", Reason::TooLate),
            (400, "getHeader sent too late. ms into slot: 3300, cutoff: 3200", Reason::TooLate),
            (400, "parent hash unknown for slot: 11", Reason::TooEarly),
            (400, "Unknown hash: missing parent hash", Reason::TooEarly),
            (400, "proposer not registered", Reason::UnknownProposer),
            (400, "ProposerNotRegistered", Reason::UnknownProposer),
            (400, "validator with public key 0x01 is not currently registered", Reason::UnknownProposer),
            (403, "validator call for current slot only", Reason::TooEarly),
            (403, "", Reason::TooEarly),
            (403, "<html><h1>Access denied</h1>", Reason::Other),
            (403, "request sent too late", Reason::TooLate),
            (400, "invalid pubkey", Reason::Other),
            (400, "", Reason::Other),
            (401, "invalid api key", Reason::Other),
            (500, "slot is too old", Reason::Other),
            (301, "slot is too old", Reason::Other),
        ];
        for (status, message, reason) in cases {
            assert_eq!(classify(status, message), reason, "{status} {message:?}");
        }
    }

    #[test]
    fn a_relay_that_has_delivered_or_is_past_the_slot_will_take_no_block_any_more() {
        for said in [
            "another payload for this slot was already delivered",
            "Payload Already Delivered",
            "sent too late into slot. cutoff: 4000, request time into slot: 4100",
            "slot is too old",
            "request for past slot. request slot: 10, head slot: 11",
        ] {
            assert!(ends_submission(said), "{said}");
        }
        for said in ["", "no execution payload for this request", "could not verify payload signature"] {
            assert!(!ends_submission(said), "{said}");
        }
    }

    #[test]
    fn messages_are_one_short_line_of_printable_text() {
        assert_eq!(message(br#"{"code":400,"message":"slot is too old"}"#), "slot is too old");
        assert_eq!(message(b"proposer\nnot registered\n"), "proposer not registered");
        assert_eq!(message(b"\x1b[31mred\x07"), "[31mred");
        assert_eq!(message(&[0xff, b'x']), "\u{fffd}x");
        assert_eq!(message("é".repeat(500).as_bytes()).chars().count(), 200);
    }
}
