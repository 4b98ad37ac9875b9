//! Two thousand malformed requests over all routes: each is a 4xx that names the fault, and the service goes on.

mod bodies;
mod connections;
mod heads;

use std::collections::BTreeMap;
use std::fmt::Write;

use e2e::{Request, SLOT, Service, eth, network, registration, relay_bidding, signed_block, validator};
use futures_util::StreamExt;
use futures_util::stream;
use headstart_devnet::Relay;
use headstart_types::{
    ForkName, SecretKey, SignedBlindedBeaconBlock, SignedBuilderBid, SignedValidatorRegistration,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

const REQUESTS: usize = 2_000;
const SEED: u64 = 0x6865_6164;
/// So few at a time that none is turned away for being too many.
const AT_A_TIME: usize = 8;
/// Small, so that too large is not much.
const BODY_BYTES_MAX: usize = 64 << 10;

const VALIDATORS: &str = "/eth/v1/builder/validators";
const BLINDED_BLOCKS: [&str; 2] = ["/eth/v1/builder/blinded_blocks", "/eth/v2/builder/blinded_blocks"];

/// A request that nobody can answer.
struct Malformed {
    kind: &'static str,
    request: Request,
    /// The refusal says one of these words.
    words: Vec<&'static str>,
}

/// What is right, to be spoilt.
struct Originals {
    header_path: [String; 3],
    block: SignedBlindedBeaconBlock,
    registrations: Vec<SignedValidatorRegistration>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_malformed_request_is_a_4xx_that_names_the_fault() {
    let network = network(ForkName::Fulu);
    let relay = relay_bidding(&network, 1, eth("0.05")).await;
    let alice = validator(0);
    let service = service(&network, &relay, &alice).await;
    let originals = originals(&network, &service, &alice).await;
    let mut rng = StdRng::seed_from_u64(SEED);
    let requests: Vec<_> = (0..REQUESTS).map(|number| malformed(number, &originals, &mut rng)).collect();

    let client = service.client();
    let judged: Vec<_> = stream::iter(requests)
        .map(async |malformed| {
            let answer = client.connect().await.exchange(&malformed.request.to_bytes()).await;
            (malformed.kind, judge(&malformed, answer))
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;

    println!("{}", table(&judged));
    let faults: Vec<_> = judged.into_iter().filter_map(|(_, verdict)| verdict.err()).collect();
    assert!(
        faults.is_empty(),
        "{} answers are wrong, such as:\n{}",
        faults.len(),
        faults[..faults.len().min(20)].join("\n")
    );
    assert_eq!(client.call(&Request::get("/eth/v1/builder/status")).await.status, 200);
    assert_eq!(
        service.header(&e2e::auction(&alice)).await.status,
        200,
        "and the service is none the worse for it"
    );
}

async fn service(network: &headstart_types::Network, relay: &Relay, alice: &SecretKey) -> Service {
    Service::on(network)
        .builder_api(&format!("body_bytes_max = {BODY_BYTES_MAX}"))
        .builder_api("body_timeout_ms = 500")
        .relay("one", relay)
        .cluster("alpha", &["one"], std::slice::from_ref(alice))
        .start()
        .await
}

async fn originals(network: &headstart_types::Network, service: &Service, alice: &SecretKey) -> Originals {
    let key = e2e::auction(alice);
    let bid: SignedBuilderBid = service.header(&key).await.bid(ForkName::Fulu);
    Originals {
        header_path: [SLOT.to_string(), key.parent_hash.to_string(), key.proposer.to_string()],
        block: signed_block(network, &bid, alice),
        registrations: [10, 20, 30].map(|age_s| registration(network, alice, age_s)).to_vec(),
    }
}

/// Kinds take turns, so that every one of them is there in good number; half of the requests carry odd headers too.
fn malformed(number: usize, originals: &Originals, rng: &mut StdRng) -> Malformed {
    let malformed = match number % 10 {
        0 | 1 => heads::header_path(originals, rng),
        2 => heads::method(originals, rng),
        3 => heads::route(rng),
        4 => heads::accept(originals, rng),
        5 => heads::content_type(originals, rng),
        6 => bodies::registrations_json(originals, rng),
        7 => bodies::registrations_ssz(originals, rng),
        8 => bodies::block(originals, rng),
        _ => bodies::size(rng),
    };
    if rng.random_bool(0.5) {
        return malformed;
    }
    let (name, value) = odd_header(rng);
    Malformed { request: malformed.request.header(name, value), ..malformed }
}

/// Headers that no answer depends on, however odd they are.
fn odd_header(rng: &mut StdRng) -> (&'static str, Vec<u8>) {
    let odd = [
        ("X-Timeout-Ms", b"soon".to_vec()),
        ("X-Timeout-Ms", b"-99999999999999999999999".to_vec()),
        ("X-Timeout-Ms", b"99999999999999999999999".to_vec()),
        ("Date-Milliseconds", b"\xe2\x98\x83".to_vec()),
        ("Eth-Consensus-Version", b"\xff\xfe".to_vec()),
        ("Eth-Consensus-Version", b"gloas".to_vec()),
        ("User-Agent", vec![b'a'; 8_000]),
        ("Cookie", b"\"; DROP TABLE bids; --".to_vec()),
        ("Proxy-Authorization", b"Basic !!!".to_vec()),
        ("Expect", b"100-continue".to_vec()),
        ("Accept-Encoding", b"gzip;q=nan, br".to_vec()),
        ("X-Forwarded-For", vec![b'9'; 300]),
    ];
    odd.choose(rng).cloned().expect("there are some")
}

/// The status of a good refusal, or what is wrong with the answer.
fn judge(malformed: &Malformed, answer: std::io::Result<e2e::Reply>) -> Result<u16, String> {
    let kind = malformed.kind;
    let reply = answer.map_err(|error| format!("{kind}: no answer: {error}: {}", malformed.request))?;
    let told =
        |fault: &str| format!("{kind}: {fault}: {} {}: {}", reply.status, reply.text(), malformed.request);
    if !(400..500).contains(&reply.status) {
        return Err(told("no 4xx"));
    }
    let message = reply.message().ok_or_else(|| told("no error object"))?;
    if malformed.words.iter().any(|word| message.contains(word)) {
        Ok(reply.status)
    } else {
        Err(told(&format!("says none of {:?}", malformed.words)))
    }
}

fn table(judged: &[(&str, Result<u16, String>)]) -> String {
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (kind, verdict) in judged {
        let status = verdict.as_ref().map_or_else(|_| "WRONG".to_owned(), u16::to_string);
        *counts.entry((kind, status)).or_default() += 1;
    }
    let mut text = String::from("malformed requests by kind and status\n");
    for ((kind, status), count) in counts {
        writeln!(text, "  {kind:<22} {status:<6} {count:>5}").expect("a string takes all");
    }
    text
}
