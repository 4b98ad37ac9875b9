use e2e::Request;
use headstart_types::{Encoding, registrations_to_ssz};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{BLINDED_BLOCKS, BODY_BYTES_MAX, Malformed, Originals, VALIDATORS};

const JSON: &str = "application/json";
const SSZ: &str = "application/octet-stream";

/// JSON that is none, or says something else than registrations.
const ODD_JSON: [&str; 22] = [
    "",
    " ",
    "null",
    "{}",
    "true",
    "17",
    "1e999999",
    "\"0x\"",
    "[null]",
    "[{}]",
    "[[]]",
    "[1,2,3]",
    "[{\"message\":{}}]",
    "{\"message\":null,\"signature\":null}",
    "{\"message\":{\"slot\":1},\"signature\":\"0x\"}",
    "{\"message\":{\"slot\":\"-1\"},\"signature\":\"0x\"}",
    "{\"message\":{\"slot\":\"99999999999999999999999999\"},\"signature\":\"0x\"}",
    "{\"message\":{\"slot\":\"18446744073709551615\"},\"signature\":\"0x00\"}",
    "{\"message\":{\"slot\":\"100\"},\"signature\":\"0x00\"}",
    "\u{feff}[]",
    "[\"\u{1f984}\u{2603}\"]",
    "<html></html>",
];

/// What a refused registration is told.
const REGISTRATIONS: [&str; 5] = ["registrations", "signature", "unknown validator", "timestamp", "pubkey"];
/// What a refused block is told.
const BLOCK: [&str; 5] = ["signed blinded beacon block", "slot", "relay", "signature", "fork"];

pub(super) fn registrations_json(originals: &Originals, rng: &mut StdRng) -> Malformed {
    let right = serde_json::to_vec(&originals.registrations).expect("registrations have a JSON form");
    let request = Request::post(VALIDATORS, JSON, spoilt_json(&right, rng));
    Malformed { kind: "registrations, JSON", request, words: REGISTRATIONS.to_vec() }
}

pub(super) fn registrations_ssz(originals: &Originals, rng: &mut StdRng) -> Malformed {
    let one = registrations_to_ssz(&originals.registrations[..1]);
    let all = registrations_to_ssz(&originals.registrations);
    let body = match rng.random_range(0..4) {
        0 => truncated(&all, rng, 180),
        1 => flipped(&one, rng),
        2 => random(rng, 180),
        _ => serde_json::to_vec(&originals.registrations).map(not_of_items).expect("a JSON form"),
    };
    let request = Request::post(VALIDATORS, SSZ, body);
    Malformed { kind: "registrations, SSZ", request, words: REGISTRATIONS.to_vec() }
}

/// JSON that is said to be SSZ, of a length that no list has.
fn not_of_items(mut body: Vec<u8>) -> Vec<u8> {
    if body.len().is_multiple_of(180) {
        body.push(b' ');
    }
    body
}

pub(super) fn block(originals: &Originals, rng: &mut StdRng) -> Malformed {
    let path = *BLINDED_BLOCKS.choose(rng).expect("two");
    let (kind, content_type, body) = match rng.random_range(0..6) {
        0 | 1 => ("block, JSON", JSON, spoilt_json(&originals.block.to_json(), rng)),
        2 => ("block, SSZ", SSZ, truncated(&originals.block.to_ssz(), rng, usize::MAX)),
        3 | 4 => ("block, SSZ", SSZ, flipped(&originals.block.to_ssz(), rng)),
        _ => ("block, SSZ", SSZ, random(rng, usize::MAX)),
    };
    Malformed { kind, request: Request::post(path, content_type, body), words: BLOCK.to_vec() }
}

/// Too much, too little, or not in pieces as announced.
pub(super) fn size(rng: &mut StdRng) -> Malformed {
    let path = *[VALIDATORS, BLINDED_BLOCKS[0], BLINDED_BLOCKS[1]].choose(rng).expect("three");
    let encoding = *[Encoding::Ssz, Encoding::Json].choose(rng).expect("two");
    let request = Request::new("POST", path).header("Content-Type", encoding.content_type());
    let excess = rng.random_range(1..4 * BODY_BYTES_MAX);
    let (kind, request) = match rng.random_range(0..10) {
        0..6 => ("too large a body", request.body(vec![b'0'; BODY_BYTES_MAX + excess])),
        6 => (
            "chunks that are none",
            request.header("Transfer-Encoding", "chunked").without_length("zz\r\nabc\r\n0\r\n\r\n"),
        ),
        7 => (
            "a body without end",
            request.header("Transfer-Encoding", "chunked").without_length("3\r\nabc\r\n"),
        ),
        8 => ("a body cut short", request.header("Content-Length", "1000").without_length("[")),
        _ => ("too large a promise", request.header("Content-Length", "9999999999999").without_length("[")),
    };
    Malformed { kind, request, words: vec!["body"] }
}

/// A document cut short, with a byte that no JSON has, or another document.
fn spoilt_json(right: &[u8], rng: &mut StdRng) -> Vec<u8> {
    match rng.random_range(0..6) {
        0 => right[..rng.random_range(0..right.len())].to_vec(),
        1 | 2 => {
            let mut body = right.to_vec();
            let place = rng.random_range(0..body.len());
            body[place] = *[0x00, 0x01, 0x1f, 0xff, 0xc0].choose(rng).expect("five");
            body
        }
        3 => [right, right].concat(),
        4 => {
            let depth = rng.random_range(200..5_000);
            ["[".repeat(depth), "{\"message\":".repeat(depth)].choose(rng).cloned().expect("two").into_bytes()
        }
        _ => ODD_JSON.choose(rng).expect("there are some").as_bytes().to_vec(),
    }
}

/// Cut short, and not to a whole number of items.
fn truncated(right: &[u8], rng: &mut StdRng, item: usize) -> Vec<u8> {
    let length = rng.random_range(1..right.len());
    let length = if length.is_multiple_of(item) { length - 1 } else { length };
    right[..length].to_vec()
}

/// One bit is another one: whoever signed the rest did not sign this.
fn flipped(right: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut body = right.to_vec();
    let place = rng.random_range(0..body.len());
    body[place] ^= 1 << rng.random_range(0..8);
    body
}

/// Noise, whose length may by chance be that of a list.
fn random(rng: &mut StdRng, item: usize) -> Vec<u8> {
    let mut length = rng.random_range(1..3_000);
    if rng.random() && item < length {
        length -= length % item;
    }
    (0..length).map(|_| rng.random()).collect()
}
