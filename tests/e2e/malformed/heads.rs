use e2e::Request;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{BLINDED_BLOCKS, Malformed, Originals, VALIDATORS};

const PARAMETERS: [&str; 3] = ["slot", "parent_hash", "pubkey"];

/// A getHeader of which one parameter is wrong, or which has one too many or too few.
pub(super) fn header_path(originals: &Originals, rng: &mut StdRng) -> Malformed {
    let mut parameters = originals.header_path.clone();
    let place = rng.random_range(0..5);
    let words = match place {
        0..3 => {
            parameters[place] = wrong_parameter(place, &parameters[place], rng);
            vec![PARAMETERS[place], "the path must be"]
        }
        3 => {
            parameters[2].push_str("/more");
            vec!["the path must be"]
        }
        _ => {
            parameters[2].clear();
            vec!["the path must be", "pubkey"]
        }
    };
    let path = format!("/eth/v1/builder/header/{}", parameters.join("/"));
    Malformed { kind: "header path", request: Request::get(path), words }
}

fn wrong_parameter(place: usize, right: &str, rng: &mut StdRng) -> String {
    let odd =
        ["-1", "+1", "1.5", "1e9", "0x10", "NaN", "null", "%00", "%F0%9F%A6%84", "'", "%2e%2e", "~", "00x1"];
    match (place, rng.random_range(0..5)) {
        (0, 0) => "9".repeat(rng.random_range(20..4_000)),
        (0, 1) => format!("{right}{}", odd.choose(rng).expect("there are some")),
        (_, 0 | 1) => right[..right.len() - rng.random_range(1..right.len())].to_owned(),
        (_, 2) if place > 0 => format!("{right}{}", "0".repeat(rng.random_range(1..2_000))),
        (_, 3) if place > 0 => {
            let mut bytes = right.as_bytes().to_vec();
            let digit = rng.random_range(2..bytes.len());
            bytes[digit] = *b"gGzZ_.-~".choose(rng).expect("there are some");
            String::from_utf8(bytes).expect("ASCII")
        }
        _ => (*odd.choose(rng).expect("there are some")).to_owned(),
    }
}

/// A route that is there, with a method that it does not take.
pub(super) fn method(originals: &Originals, rng: &mut StdRng) -> Malformed {
    let header = format!("/eth/v1/builder/header/{}", originals.header_path.join("/"));
    let gets = ["/eth/v1/builder/status", &header];
    let posts = [VALIDATORS, BLINDED_BLOCKS[0], BLINDED_BLOCKS[1]];
    let (route, right) = if rng.random() {
        (*gets.choose(rng).expect("two"), "GET")
    } else {
        (*posts.choose(rng).expect("three"), "POST")
    };
    let wrong = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW", "get"];
    let wrong: Vec<_> = wrong.into_iter().filter(|method| *method != right).collect();
    let request = Request::new(wrong.choose(rng).expect("there are some"), route);
    Malformed { kind: "method", request, words: vec![right] }
}

/// A route that is not there.
pub(super) fn route(rng: &mut StdRng) -> Malformed {
    let routes = [
        "/",
        "/eth",
        "/eth/v1/builder",
        "/eth/v1/builder/",
        "/eth/v1/builder/headers/1/2/3",
        "/eth/v2/builder/header/1/2/3",
        "/eth/v2/builder/validators",
        "/eth/v2/builder/status",
        "/eth/v3/builder/blinded_blocks",
        "/eth/v1/builder/blinded_blocks/",
        "/eth/v1/builder/blinded_blocks/1",
        "/ETH/V1/BUILDER/STATUS",
        "/eth/v1/builder/status/..",
        "/..%2f..%2fetc/passwd",
        "/../../etc/passwd",
        "/metrics",
        "/favicon.ico",
        "/eth/v1/builder/stat%75s%00",
        "/%E2%98%83/%F0%9F%A6%84",
        "/relay/v1/data/bidtraces/proposer_payload_delivered?slot=1",
        "//",
        "/eth/v1/events?topics=head",
    ];
    let mut path = (*routes.choose(rng).expect("there are some")).to_owned();
    if rng.random_bool(0.2) {
        path.push_str(&"/x".repeat(rng.random_range(1..3_000)));
    }
    let method = *["GET", "POST", "DELETE"].choose(rng).expect("three");
    Malformed { kind: "route", request: Request::new(method, path), words: vec!["route"] }
}

/// A getHeader whose caller takes nothing that a Builder API can give.
pub(super) fn accept(originals: &Originals, rng: &mut StdRng) -> Malformed {
    let values: [&[u8]; 10] = [
        b"text/html",
        b"image/*, text/*;q=0.5",
        b"application/octet-stream;q=0",
        b"application/json;q=0, */*;q=0",
        b"application/octet-stream;q=2",
        b"application/json;q=banana",
        b"application/xml",
        b"\xff\xff",
        b"application/jsonapplication/json",
        b";;;,,,;q=1",
    ];
    let path = format!("/eth/v1/builder/header/{}", originals.header_path.join("/"));
    let accept = *values.choose(rng).expect("there are some");
    Malformed { kind: "accept", request: Request::get(path).header("Accept", accept), words: vec!["Accept"] }
}

/// A body that is right, called something else.
pub(super) fn content_type(originals: &Originals, rng: &mut StdRng) -> Malformed {
    let values: [&[u8]; 9] = [
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/xml",
        b"application",
        b"json",
        b"\xff\xfe",
        b"application/json2",
        b"",
    ];
    let (path, body) = if rng.random() {
        (VALIDATORS, serde_json::to_vec(&originals.registrations).expect("registrations have a JSON form"))
    } else {
        (*BLINDED_BLOCKS.choose(rng).expect("two"), originals.block.to_ssz())
    };
    let value = *values.choose(rng).expect("there are some");
    let request = Request::new("POST", path).body(body).header("Content-Type", value);
    Malformed { kind: "content type", request, words: vec!["Content-Type"] }
}
