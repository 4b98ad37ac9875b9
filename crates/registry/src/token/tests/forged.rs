use ring::hmac;

use super::*;
use crate::VerifyingKey;

#[test]
fn a_token_without_a_signature_is_none() {
    let world = World::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let unsigned = message(&with(header(), "alg", alg.into()).to_string(), &payload().to_string());
        for token in [format!("{unsigned}."), unsigned.clone(), format!("{unsigned}.AA")] {
            assert_eq!(world.authenticate(&token).unwrap_err(), TokenRejected::Malformed, "{token}");
        }
    }
    let message = message(&header().to_string(), &payload().to_string());
    assert_eq!(world.authenticate(&format!("{message}.")).unwrap_err(), TokenRejected::Unproven);
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let world = World::new();
    let public: VerifyingKey = world.alpha.verifying_key(Some("k1")).unwrap();
    let secrets = [public.bytes().to_vec(), URL_SAFE_NO_PAD.encode(public.bytes()).into_bytes()];
    for (alg, algorithm) in
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        for secret in &secrets {
            let message = message(&with(header(), "alg", alg.into()).to_string(), &payload().to_string());
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert_eq!(world.authenticate(&token).unwrap_err(), TokenRejected::Malformed, "{alg}");
        }
    }
}

#[test]
fn the_algorithm_is_the_keys_whatever_the_header_says() {
    let mut world = World::new();
    let p256 = SigningKey::from_pem(keys::P256).unwrap();
    world.rows.clusters[0] = cluster("alpha", vec![row(&world.alpha, "k1"), row(&p256, "p1")]);
    let swapped = |alg: &str, kid: &str, key: &SigningKey| {
        let header = with(with(header(), "alg", alg.into()), "kid", kid.into());
        world.authenticate(&forge(&header.to_string(), &payload().to_string(), key)).map(|_| ())
    };
    assert_eq!(swapped("EdDSA", "k1", &world.alpha), Ok(()));
    assert_eq!(swapped("ES256", "p1", &p256), Ok(()));
    assert_eq!(swapped("ES256", "k1", &world.alpha), Err(TokenRejected::Unproven));
    assert_eq!(swapped("EdDSA", "p1", &p256), Err(TokenRejected::Unproven));
    assert_eq!(swapped("ES256", "k1", &p256), Err(TokenRejected::Unproven));
    assert_eq!(swapped("EdDSA", "p1", &world.alpha), Err(TokenRejected::Unproven));
    for alg in ["RS256", "RS384", "RS512", "PS256", "PS512", "ES384", "ES512", "ES256K", "Ed448", "eddsa"] {
        assert_eq!(swapped(alg, "k1", &world.alpha), Err(TokenRejected::Malformed), "{alg}");
        assert_eq!(swapped(alg, "p1", &p256), Err(TokenRejected::Malformed), "{alg}");
    }
}

#[test]
fn a_stored_key_of_another_algorithm_verifies_nothing() {
    let mut world = World::new();
    let key = KeyRow { algorithm: "RS256".to_owned(), ..row(&world.alpha, "k1") };
    world.rows.clusters[0] = cluster("alpha", vec![key]);
    assert_eq!(world.judge(&header(), &payload()).unwrap_err(), TokenRejected::Unproven);
}

#[test]
fn a_key_id_only_looks_up() {
    let world = World::new();
    let judge = |kid: Value| world.judge(&with(header(), "kid", kid), &payload()).unwrap_err();
    let tricks =
        ["../../../dev/null", "k1' OR '1'='1", "k1;DROP TABLE keys", "k1\0", "k 1", "k1\n", "ключ", ""];
    for kid in tricks {
        assert_eq!(judge(kid.into()), TokenRejected::Malformed, "{kid:?}");
    }
    for kid in [Value::Null, json!(1), json!(["k1"]), json!({"k1": 1}), json!(true), "k".repeat(65).into()] {
        assert_eq!(judge(kid.clone()), TokenRejected::Malformed, "{kid}");
    }
    for unknown in ["k2", "K1", "s1", "k1.", &"k".repeat(64)] {
        assert_eq!(judge(unknown.into()), TokenRejected::Unproven, "{unknown}");
    }
}

#[test]
fn a_token_brings_no_key_of_its_own() {
    let world = World::new();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519",
        "x": URL_SAFE_NO_PAD.encode(world.beta.verifying_key(None).unwrap().bytes()) });
    let urls = [("jku", json!("https://keys.example/jwks")), ("x5u", json!("https://keys.example/x5"))];
    for (name, value) in urls.into_iter().chain([("jwk", jwk), ("x5c", json!(["MA=="]))]) {
        let header = with(header(), name, value).to_string();
        let forged = forge(&header, &payload().to_string(), &world.beta);
        assert_eq!(world.authenticate(&forged).unwrap_err(), TokenRejected::Unproven, "{name}");
        assert!(world.authenticate(&forge(&header, &payload().to_string(), &world.alpha)).is_ok(), "{name}");
    }
}

#[test]
fn extensions_that_must_be_understood_and_other_types_are_refused() {
    let world = World::new();
    for (name, value) in [
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("typ", json!("at+jwt")),
        ("typ", json!("JWE")),
        ("typ", json!(7)),
    ] {
        let judged = world.judge(&with(header(), name, value.clone()), &payload());
        assert_eq!(judged.unwrap_err(), TokenRejected::Malformed, "{name} {value}");
    }
    for typ in [Value::Null, json!("jwt")] {
        assert!(world.judge(&with(header(), "typ", typ), &payload()).is_ok());
    }
}

#[test]
fn there_is_one_spelling_of_each_token() {
    let world = World::new();
    let good = forge(&header().to_string(), &payload().to_string(), &world.alpha);
    assert!(world.authenticate(&good).is_ok());
    // The last letter of 64 bytes carries four bits that must be zero.
    let last = good.as_bytes()[good.len() - 1];
    let other_last = format!("{}{}", &good[..good.len() - 1], char::from(last + 1));
    let tricks = [
        other_last,
        format!("{good}="),
        format!("{good}=="),
        format!("{good} "),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{good}."),
        format!("{good}.AAAA"),
        format!(".{good}"),
        good.replacen('.', "=.", 1),
        good.replacen('.', "..", 1),
        good.replace('.', ""),
        String::new(),
        "..".to_owned(),
        "a".repeat(100_000),
    ];
    for token in tricks {
        assert_eq!(world.authenticate(&token).unwrap_err(), TokenRejected::Malformed, "{token}");
    }
}

#[test]
fn every_byte_of_a_token_counts() {
    let world = World::new();
    let good = forge(&header().to_string(), &payload().to_string(), &world.alpha);
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        assert!(world.authenticate(std::str::from_utf8(&bytes).unwrap()).is_err(), "byte {place}");
    }
}

#[test]
fn a_token_over_the_size_that_tokens_have_is_not_looked_at() {
    let world = World::new();
    let judge = |letters: usize| world.judge(&header(), &with(payload(), "x", "x".repeat(letters).into()));
    assert!(judge(2_000).is_ok());
    assert_eq!(judge(4_000).unwrap_err(), TokenRejected::Malformed);
}

#[test]
fn nobody_speaks_for_another_cluster() {
    let world = World::new();
    let of = |payload: Value, kid: &str, key: &SigningKey| {
        let header = with(header(), "kid", kid.into());
        world.authenticate(&forge(&header.to_string(), &payload.to_string(), key)).map(|_| ())
    };
    let beta = with(payload(), "iss", "beta".into());
    assert_eq!(of(beta.clone(), "k2", &world.beta), Ok(()));
    // Its own key under another's name, the other's key id with its own signature, and all the mixtures.
    assert_eq!(of(payload(), "k2", &world.beta), Err(TokenRejected::Unproven));
    assert_eq!(of(payload(), "k1", &world.beta), Err(TokenRejected::Unproven));
    assert_eq!(of(beta, "k1", &world.alpha), Err(TokenRejected::Unproven));
    // Nor as the service, nor may the service's key be used as if it were an operator's.
    assert_eq!(of(service_payload(), "k1", &world.alpha), Err(TokenRejected::Unproven));
    assert_eq!(of(service_payload(), "s1", &world.alpha), Err(TokenRejected::Unproven));
    assert_eq!(of(payload(), "s1", &world.service), Err(TokenRejected::Unproven));
    assert_eq!(of(service_payload(), "s1", &world.service), Ok(()));
}

#[test]
fn a_claim_of_another_cluster_in_an_operators_own_token_counts_for_nothing() {
    let world = World::new();
    let caller = world.judge(&header(), &with(payload(), "cluster", "beta".into())).unwrap();
    assert_eq!(&*caller.cluster().name, "alpha");
}

#[test]
fn unknown_issuers_keys_and_signatures_read_the_same() {
    let world = World::new();
    let nobody = world.judge(&header(), &with(payload(), "iss", "gamma".into())).unwrap_err();
    let no_key = world.judge(&with(header(), "kid", "k9".into()), &payload()).unwrap_err();
    let forged = forge(&header().to_string(), &payload().to_string(), &world.beta);
    let bad = world.authenticate(&forged).unwrap_err();
    let other_operator = world.judge(&header(), &with(payload(), "sub", "two".into())).unwrap_err();
    let words: Vec<_> = [nobody, no_key, bad, other_operator].iter().map(ToString::to_string).collect();
    assert!(words.iter().all(|said| *said == words[0]), "{words:?}");
}
