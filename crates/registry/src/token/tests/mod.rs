//! Tokens as honest operators and as forgers make them.

mod claims;
mod forged;
mod keys;
mod life;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headstart_types::UnixMillis;
use serde_json::{Value, json};

use super::{Caller, SigningKey, TokenRejected};
use crate::{ClusterRow, Declared, Directory, DirectoryRows, KeyRow, OperatorRow};

const AUDIENCE: &str = "headstart/mainnet";
const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const NOW_SECONDS: i64 = NOW.0 / 1000;
const MINUTE: i64 = 60_000;

/// Two clusters, `alpha` and `beta`, with an operator `one` each, and the service.
struct World {
    alpha: SigningKey,
    beta: SigningKey,
    service: SigningKey,
    rows: DirectoryRows,
}

impl World {
    fn new() -> Self {
        let [alpha, beta, service] = [(); 3].map(|()| SigningKey::generate().unwrap());
        let rows = DirectoryRows {
            clusters: vec![
                cluster("alpha", vec![row(&alpha, "k1")]),
                cluster("beta", vec![row(&beta, "k2")]),
            ],
            service_keys: vec![row(&service, "s1")],
            ..DirectoryRows::default()
        };
        Self { alpha, beta, service, rows }
    }

    fn directory(&self) -> Directory {
        Directory::build(&self.rows, &Declared::default())
    }

    fn authenticate(&self, token: &str) -> Result<Caller, TokenRejected> {
        self.directory().authenticate_operator(token, AUDIENCE, NOW)
    }

    /// What becomes of a token that alpha's operator signs over these parts.
    fn judge(&self, header: &Value, payload: &Value) -> Result<Caller, TokenRejected> {
        self.authenticate(&forge(&header.to_string(), &payload.to_string(), &self.alpha))
    }
}

fn cluster(name: &str, keys: Vec<KeyRow>) -> Arc<ClusterRow> {
    let operators = vec![OperatorRow { name: "one".to_owned(), keys }];
    Arc::new(ClusterRow { name: name.to_owned(), operators, ..ClusterRow::default() })
}

fn row(key: &SigningKey, kid: &str) -> KeyRow {
    key.verifying_key(Some(kid)).unwrap().into()
}

fn header() -> Value {
    json!({ "alg": "EdDSA", "kid": "k1", "typ": "JWT" })
}

fn payload() -> Value {
    json!({ "iss": "alpha", "sub": "one", "aud": AUDIENCE, "exp": NOW_SECONDS + 300, "scope": "hint view" })
}

fn service_payload() -> Value {
    json!({
        "iss": "headstart", "sub": "one", "cluster": "alpha", "jti": "t1", "aud": AUDIENCE,
        "exp": NOW_SECONDS + 23 * 3600, "scope": "hint",
    })
}

/// `object` with the member `name` replaced, or removed when the value is null.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    match value {
        Value::Null => {
            object.as_object_mut().unwrap().remove(name);
        }
        value => object[name] = value,
    }
    object
}

fn message(header: &str, payload: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// A token over any two texts, signed as `key` signs.
fn forge(header: &str, payload: &str, key: &SigningKey) -> String {
    let message = message(header, payload);
    let signature = key.sign_bytes(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}
