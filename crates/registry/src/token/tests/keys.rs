use super::*;
use crate::token::{Algorithm, KeyRejected, pem};
use crate::{Claims, Scopes, VerifyingKey};

/// What `openssl genpkey` and `openssl pkey -pubout` print. These keys were made for these tests.
pub(super) const P256: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4HoZ4WNqLO5O8GY7
I0kWdmd78d5gmDx3wUbIvCLS59yhRANCAAQZuBht1gyKqaXA5is02GWoEumsYIKB
Xs1nqNgsTWMOtAxjXL+J9c5TU89OykvL1jECByMDJrNdOuBpk8oM+1Yp
-----END PRIVATE KEY-----
";
const P256_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGbgYbdYMiqmlwOYrNNhlqBLprGCC
gV7NZ6jYLE1jDrQMY1y/ifXOU1PPTspLy9YxAgcjAyazXTrgaZPKDPtWKQ==
-----END PUBLIC KEY-----
";
const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIA+qPLiMmlHvxFRD135r3+NhMApU6F453E8V8SJ07fqg
-----END PRIVATE KEY-----
";
const ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEANHU1PZnG5KN1DJlcW2fu56WpK0cG83hsN6+ODGVzMYg=
-----END PUBLIC KEY-----
";
const P384_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEElxUxXtZ+oC5ugkJ58VaawKKrgGwmCsa
b0N6xXp0tCO6LmIK2fW2nqVYcpAx4fRWnIcBmzNP4vUG/abtwne1CL3qwE6DQ9Tc
97kFCZ1TNLCoG8pEngQkYodsTMm3sgZW
-----END PUBLIC KEY-----
";
const RSA_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDHYFGCboD6qYFUJjqOvPH5u0xW
9s/+AYaDjPDKMFGhASFH00LGLSbs/ayxQaHBPk5IlZfd1xOUgmFxO4/zmAk/n9oQ
qIYIrSGli4Yoz9/t4JFrnMq2KOA3qJODcfuPC4rW9kzpsv5NMUMv+L4kvGylFZ2f
LlVyEtYU4rDrz9dT3QIDAQAB
-----END PUBLIC KEY-----
";

#[test]
fn the_keys_of_openssl_sign_and_verify() {
    let pairs = [(P256, P256_PUBLIC, Algorithm::Es256), (ED25519, ED25519_PUBLIC, Algorithm::EdDsa)];
    for (private, public, algorithm) in pairs {
        let public = VerifyingKey::parse(public, Some("k1")).unwrap();
        assert_eq!(public.algorithm(), algorithm);
        let private = SigningKey::from_pem(private).unwrap();
        assert_eq!(private.verifying_key(Some("k1")).as_ref(), Ok(&public));

        let mut world = World::new();
        world.rows.clusters[0] = cluster("alpha", vec![public.into()]);
        let claims = Claims {
            cluster: "alpha",
            operator: "one",
            audience: AUDIENCE,
            scopes: Scopes::all(),
            expires_at: NOW + MINUTE,
            service_token: None,
        };
        assert!(world.authenticate(&private.sign("k1", claims).unwrap()).is_ok());
    }
}

#[test]
fn a_private_key_reads_as_it_is_written() {
    for text in [P256, ED25519] {
        assert_eq!(SigningKey::from_pem(text).unwrap().to_pem(), text);
    }
    let drawn = SigningKey::generate().unwrap();
    let read = SigningKey::from_pem(&drawn.to_pem()).unwrap();
    assert_eq!(read.verifying_key(None), drawn.verifying_key(None));
}

#[test]
fn a_web_key_is_the_same_key() {
    let pem = VerifyingKey::parse(ED25519_PUBLIC, None).unwrap();
    let jwk =
        json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(pem.bytes()), "use": "sig" });
    assert_eq!(VerifyingKey::parse(&jwk.to_string(), None), Ok(pem));

    let pem = VerifyingKey::parse(P256_PUBLIC, Some("ours")).unwrap();
    let (x, y) = pem.bytes()[1..].split_at(32);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(x),
        "y": URL_SAFE_NO_PAD.encode(y), "kid": "theirs", "alg": "ES256" });
    assert_eq!(VerifyingKey::parse(&jwk.to_string(), Some("ours")), Ok(pem));
    assert_eq!(VerifyingKey::parse(&jwk.to_string(), None).unwrap().kid(), "theirs");
    let wrong_alg = with(jwk, "alg", "EdDSA".into());
    assert_eq!(VerifyingKey::parse(&wrong_alg.to_string(), None), Err(KeyRejected::Algorithm));
}

#[test]
fn a_key_without_an_id_is_named_after_itself() {
    let kid = |text| VerifyingKey::parse(text, None).unwrap().kid().to_owned();
    assert_eq!(kid(ED25519_PUBLIC).len(), 16);
    assert_ne!(kid(ED25519_PUBLIC), kid(P256_PUBLIC));
}

#[test]
fn what_is_no_public_key_of_the_two_kinds_is_told_why() {
    let judge = |text: &str| VerifyingKey::parse(text, None).unwrap_err();
    assert_eq!(judge("hello"), KeyRejected::Form);
    assert_eq!(judge(&ED25519_PUBLIC.replace("END PUBLIC", "END OTHER")), KeyRejected::Form);
    assert_eq!(judge(ED25519), KeyRejected::Private);
    assert_eq!(judge(P256), KeyRejected::Private);
    assert_eq!(judge(P384_PUBLIC), KeyRejected::Algorithm);
    assert_eq!(judge(RSA_PUBLIC), KeyRejected::Algorithm);
    assert_eq!(judge(r#"{"kty":"oct","k":"c2VjcmV0"}"#), KeyRejected::Private);
    assert_eq!(judge(r#"{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}"#), KeyRejected::Private);
    assert_eq!(judge(r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#), KeyRejected::Algorithm);
    assert_eq!(judge(r#"{"kty":"RSA","n":"AA","e":"AQAB"}"#), KeyRejected::Algorithm);
    let longer = pem::encode("PUBLIC KEY", &[&pem::decode(ED25519_PUBLIC).unwrap().1[..], &[0]].concat());
    assert_eq!(judge(&longer), KeyRejected::Algorithm);
    assert_eq!(VerifyingKey::parse(ED25519_PUBLIC, Some("../k")), Err(KeyRejected::Kid));
}

#[test]
fn what_is_no_private_key_is_told_why() {
    let judge = |text: &str| SigningKey::from_pem(text).unwrap_err();
    assert_eq!(judge(ED25519_PUBLIC), KeyRejected::NotPrivate);
    assert_eq!(
        judge("-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----"),
        KeyRejected::NotPrivate
    );
    assert_eq!(judge(&pem::encode("PRIVATE KEY", &[1, 2, 3])), KeyRejected::Algorithm);
}

#[test]
fn a_signing_key_does_not_show_itself() {
    assert_eq!(format!("{:?}", SigningKey::generate().unwrap()), "SigningKey(…)");
}
