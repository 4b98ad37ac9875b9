use headstart_types::UnixMillis;
use serde_json::{Map, Value, json};

use super::{
    OPERATOR_TOKEN_LIFETIME_MS, SERVICE_ISSUER, SERVICE_TOKEN_LIFETIME_MS, Scopes, TOKEN_LEEWAY_MS,
    TokenRejected,
};

/// What a token that we sign says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims<'a> {
    pub cluster: &'a str,
    pub operator: &'a str,
    pub audience: &'a str,
    pub scopes: Scopes,
    /// Rounded down to seconds.
    pub expires_at: UnixMillis,
    /// The id by which a token of the service is revoked; `None` in one that an operator signs.
    pub service_token: Option<&'a str>,
}

impl Claims<'_> {
    pub(crate) fn to_json(self) -> Value {
        let issuer = if self.service_token.is_some() { SERVICE_ISSUER } else { self.cluster };
        let mut claims = json!({
            "iss": issuer,
            "sub": self.operator,
            "aud": self.audience,
            "exp": self.expires_at.seconds(),
            "scope": self.scopes.to_string(),
        });
        if let Some(jti) = self.service_token {
            claims["cluster"] = self.cluster.into();
            claims["jti"] = jti.into();
        }
        claims
    }
}

/// The claims of a token as somebody sent them.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Told<'a> {
    pub(crate) fn text(self, name: &'static str) -> Result<&'a str, TokenRejected> {
        self.0.get(name).and_then(Value::as_str).ok_or(TokenRejected::Claim(name))
    }

    pub(crate) fn is_for(self, audience: &str) -> Result<(), TokenRejected> {
        let named = match self.0.get("aud") {
            Some(Value::String(one)) => one == audience,
            Some(Value::Array(many)) if many.iter().all(Value::is_string) => {
                many.iter().any(|one| one == audience)
            }
            _ => return Err(TokenRejected::Claim("aud")),
        };
        if named { Ok(()) } else { Err(TokenRejected::Audience) }
    }

    /// Without the claim a token allows nothing.
    pub(crate) fn scopes(self) -> Result<Scopes, TokenRejected> {
        if self.0.contains_key("scope") {
            self.text("scope").map(Scopes::parse)
        } else {
            Ok(Scopes::default())
        }
    }

    /// Until when the token is believed, leeway included.
    pub(crate) fn expires_at(self, by_service: bool, now: UnixMillis) -> Result<UnixMillis, TokenRejected> {
        let lifetime_ms_max = if by_service { SERVICE_TOKEN_LIFETIME_MS } else { OPERATOR_TOKEN_LIFETIME_MS };
        let expires_at = self.moment("exp")?.ok_or(TokenRejected::Claim("exp"))?;
        let not_before = self.moment("nbf")?;
        if expires_at + TOKEN_LEEWAY_MS <= now {
            Err(TokenRejected::Expired)
        } else if expires_at - now > lifetime_ms_max + TOKEN_LEEWAY_MS {
            Err(TokenRejected::LivesTooLong)
        } else if not_before.is_some_and(|not_before| not_before > now + TOKEN_LEEWAY_MS) {
            Err(TokenRejected::NotYet)
        } else {
            Ok(expires_at + TOKEN_LEEWAY_MS)
        }
    }

    /// Whole seconds and nothing else: a moment that cannot be read must not count as absent.
    fn moment(self, name: &'static str) -> Result<Option<UnixMillis>, TokenRejected> {
        let Some(told) = self.0.get(name) else { return Ok(None) };
        let ms = told.as_i64().filter(|seconds| *seconds >= 0).and_then(|seconds| seconds.checked_mul(1000));
        ms.map(|ms| Some(UnixMillis(ms))).ok_or(TokenRejected::Claim(name))
    }
}
