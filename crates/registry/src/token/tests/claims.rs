use super::*;
use crate::Scope;

#[test]
fn an_operator_is_who_its_token_says() {
    let caller = World::new().judge(&header(), &payload()).unwrap();
    assert_eq!((&*caller.cluster().name, &**caller.operator()), ("alpha", "one"));
    assert!(caller.has(Scope::Hint) && caller.has(Scope::View) && !caller.has(Scope::Register));
    assert_eq!(caller.expires_at(), NOW + 300_000 + 30_000);
}

#[test]
fn claims_that_must_be_there_must_be_there() {
    let world = World::new();
    for name in ["iss", "sub", "aud", "exp"] {
        for wrong in [Value::Null, json!({}), json!([1]), json!(true), json!([["alpha"]])] {
            let judged = world.judge(&header(), &with(payload(), name, wrong.clone()));
            assert_eq!(judged.unwrap_err(), TokenRejected::Claim(name), "{name} {wrong}");
        }
    }
    for name in ["cluster", "jti"] {
        let token = |wrong| {
            let header = with(header(), "kid", "s1".into()).to_string();
            forge(&header, &with(service_payload(), name, wrong).to_string(), &world.service)
        };
        for wrong in [Value::Null, json!(1)] {
            assert_eq!(world.authenticate(&token(wrong)).unwrap_err(), TokenRejected::Claim(name));
        }
    }
}

#[test]
fn a_moment_that_cannot_be_read_is_not_taken_for_absent() {
    let world = World::new();
    let soon = NOW_SECONDS + 300;
    let far = u64::MAX;
    for name in ["exp", "nbf"] {
        let texts = [
            "\"never\"".to_owned(),
            format!("\"{soon}\""),
            format!("{soon}.5"),
            format!("{soon}.0"),
            "1.7e9".to_owned(),
            format!("-{soon}"),
            "-1".to_owned(),
            far.to_string(),
            format!("{far}0"),
            i64::MAX.to_string(),
            "null".to_owned(),
            "true".to_owned(),
            format!("[{soon}]"),
            "{}".to_owned(),
        ];
        for text in texts {
            let mut claims = with(payload(), name, Value::Null).to_string();
            claims.insert_str(1, &format!("\"{name}\":{text},"));
            let judged = world.authenticate(&forge(&header().to_string(), &claims, &world.alpha));
            assert_eq!(judged.unwrap_err(), TokenRejected::Claim(name), "{name}: {text}");
        }
        for text in ["NaN", "Infinity", "0x6553f100", "1e999", "01700000300"] {
            let mut claims = with(payload(), name, Value::Null).to_string();
            claims.insert_str(1, &format!("\"{name}\":{text},"));
            let judged = world.authenticate(&forge(&header().to_string(), &claims, &world.alpha));
            assert_eq!(judged.unwrap_err(), TokenRejected::Malformed, "{name}: {text}");
        }
    }
}

#[test]
fn a_token_is_believed_from_its_beginning_to_its_end_and_half_a_minute_around() {
    let world = World::new();
    let judge = |name: &str, seconds: i64| {
        world.judge(&header(), &with(payload(), name, (NOW_SECONDS + seconds).into())).map(|_| ())
    };
    assert_eq!(judge("exp", -29), Ok(()));
    assert_eq!(judge("exp", -30), Err(TokenRejected::Expired));
    assert_eq!(judge("exp", 630), Ok(()));
    assert_eq!(judge("exp", 631), Err(TokenRejected::LivesTooLong));
    assert_eq!(judge("nbf", -1_000), Ok(()));
    assert_eq!(judge("nbf", 30), Ok(()));
    assert_eq!(judge("nbf", 31), Err(TokenRejected::NotYet));
    assert_eq!(
        world.judge(&header(), &with(payload(), "exp", 0.into())).unwrap_err(),
        TokenRejected::Expired
    );
}

#[test]
fn the_service_signs_for_a_day() {
    let world = World::new();
    let judge = |seconds: i64| {
        let payload = with(service_payload(), "exp", (NOW_SECONDS + seconds).into());
        let header = with(header(), "kid", "s1".into());
        world.authenticate(&forge(&header.to_string(), &payload.to_string(), &world.service)).map(|_| ())
    };
    assert_eq!(judge(24 * 3600), Ok(()));
    assert_eq!(judge(24 * 3600 + 31), Err(TokenRejected::LivesTooLong));
}

#[test]
fn a_token_is_for_its_audience() {
    let world = World::new();
    let judge = |aud: Value| world.judge(&header(), &with(payload(), "aud", aud)).map(|_| ());
    assert_eq!(judge(json!(AUDIENCE)), Ok(()));
    assert_eq!(judge(json!(["https://other.example", AUDIENCE])), Ok(()));
    for wrong in ["headstart/hoodi", "headstart", "headstart/mainnet/", "HEADSTART/MAINNET", ""] {
        assert_eq!(judge(json!(wrong)), Err(TokenRejected::Audience), "{wrong}");
    }
    assert_eq!(judge(json!([])), Err(TokenRejected::Audience));
    assert_eq!(judge(json!([AUDIENCE, 7])), Err(TokenRejected::Claim("aud")));
}

#[test]
fn scopes_are_what_the_claim_says_and_none_without_it() {
    let world = World::new();
    let scopes = |scope: Value| {
        let caller = world.judge(&header(), &with(payload(), "scope", scope)).unwrap();
        Scope::ALL.into_iter().filter(|scope| caller.has(*scope)).collect::<Vec<_>>()
    };
    assert_eq!(scopes(Value::Null), []);
    assert_eq!(scopes(json!("")), []);
    assert_eq!(scopes(json!("admin *")), []);
    assert_eq!(scopes(json!("register other:thing")), [Scope::Register]);
    let list = world.judge(&header(), &with(payload(), "scope", json!(["view"])));
    assert_eq!(list.unwrap_err(), TokenRejected::Claim("scope"));
}

#[test]
fn nothing_is_said_twice() {
    let world = World::new();
    for name in ["iss", "sub", "aud", "exp", "scope", "cluster", "whatever"] {
        for spelling in [name.to_owned(), format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..])] {
            let mut claims = with(payload(), "whatever", 1.into());
            claims["cluster"] = "alpha".into();
            let mut claims = claims.to_string();
            claims.insert_str(1, &format!("\"{spelling}\":\"alpha\","));
            let judged = world.authenticate(&forge(&header().to_string(), &claims, &world.alpha));
            assert_eq!(judged.unwrap_err(), TokenRejected::Malformed, "{spelling}");
        }
    }
    let twice = r#"{"alg":"EdDSA","alg":"EdDSA","kid":"k1"}"#;
    let judged = world.authenticate(&forge(twice, &payload().to_string(), &world.alpha));
    assert_eq!(judged.unwrap_err(), TokenRejected::Malformed);
}

#[test]
fn both_parts_are_one_json_object_each() {
    let world = World::new();
    let (header, payload) = (header().to_string(), payload().to_string());
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000));
    for wrong in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{",
        "{\"iss\"}",
        &format!("{payload}{{}}"),
        &format!("{payload}x"),
        &deep,
    ] {
        for token in [forge(&header, wrong, &world.alpha), forge(wrong, &payload, &world.alpha)] {
            assert_eq!(world.authenticate(&token).unwrap_err(), TokenRejected::Malformed, "{wrong}");
        }
    }
}
