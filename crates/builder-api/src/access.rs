//! Who asks. A beacon node presents its credential in the form that its client can write:
//!
//! 1. `Authorization: Basic`, from the userinfo of the URL (Prysm, Lighthouse, Nimbus, Lodestar, Grandine),
//! 2. `Authorization: Bearer`,
//! 3. a path token, `/t/<token>/eth/…` (Teku, Lighthouse, Lodestar), with slashes doubled or not.
//!
//! The first that is there counts. Nothing here allocates, for a header may wait for it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use headstart_registry::{Asker, Directory, PresentedSecret};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;

/// Who is served at one listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Whoever reaches it, for every cluster: for private networks. A credential that is presented must be good.
    #[default]
    Open,
    /// Beacon nodes with a credential, for the clusters that granted it.
    Credentials,
}

/// Somebody without a good credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAsker {
    /// None was presented, where one is needed.
    Absent,
    /// What was presented is malformed, unknown, wrong or revoked. Its id, if it has one, is no secret.
    Refused { id: Option<String> },
}

impl Access {
    pub(crate) fn asker(
        self,
        directory: &Directory,
        headers: &HeaderMap,
        token: Option<&str>,
    ) -> Result<Asker, NoAsker> {
        let mut room = [0; USERINFO_BYTES_MAX];
        match Presented::find(headers, token, &mut room) {
            Presented::Secret(secret) => directory
                .authenticate_beacon_node(&secret)
                .ok_or_else(|| NoAsker::Refused { id: Some(secret.id().to_owned()) }),
            Presented::Nothing if self == Self::Open => Ok(directory.asker_open()),
            Presented::Nothing => Err(NoAsker::Absent),
            Presented::Malformed => Err(NoAsker::Refused { id: None }),
        }
    }
}

/// Room for decoded userinfo. A credential's has 55 bytes; what needs more is none.
type Userinfo = [u8; USERINFO_BYTES_MAX];
const USERINFO_BYTES_MAX: usize = 64;

/// What a request presents, before any of it is believed.
enum Presented<'a> {
    Nothing,
    Secret(PresentedSecret<'a>),
    Malformed,
}

impl<'a> Presented<'a> {
    fn find(headers: &'a HeaderMap, token: Option<&'a str>, room: &'a mut Userinfo) -> Self {
        let secret = match (headers.get(AUTHORIZATION), token) {
            (Some(value), _) => value.to_str().ok().and_then(|value| authorization(value, room)),
            (None, Some(token)) => PresentedSecret::from_token(token),
            (None, None) => return Self::Nothing,
        };
        secret.map_or(Self::Malformed, Self::Secret)
    }
}

fn authorization<'a>(value: &'a str, room: &'a mut Userinfo) -> Option<PresentedSecret<'a>> {
    let (scheme, credential) = value.trim().split_once(' ')?;
    let credential = credential.trim_start();
    if scheme.eq_ignore_ascii_case("basic") {
        let size = BASE64_STANDARD.decode_slice(credential, room).ok()?;
        let (user, password) = str::from_utf8(&room[..size]).ok()?.split_once(':')?;
        return PresentedSecret::from_userinfo(user, password);
    }
    scheme.eq_ignore_ascii_case("bearer").then(|| PresentedSecret::from_token(credential))?
}

/// A request's path, and the token that stood before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) token: Option<&'a str>,
    /// Without the token, and beginning with one slash unless it is empty.
    pub(crate) path: &'a str,
}

impl<'a> Target<'a> {
    /// Takes `/t/<token>` off a path. A base URL with a trailing slash doubles the slash before `/eth`, which is no
    /// reason to fail.
    pub(crate) fn of(path: &'a str) -> Self {
        let path = with_one_slash(path);
        let token = path.strip_prefix("/t/").map(|rest| rest.trim_start_matches('/'));
        let Some(rest) = token.filter(|rest| !rest.is_empty()) else { return Self { token: None, path } };
        let (token, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { token: Some(token), path: with_one_slash(path) }
    }
}

fn with_one_slash(path: &str) -> &str {
    let slashes = path.len() - path.trim_start_matches('/').len();
    &path[slashes.saturating_sub(1)..]
}

#[cfg(test)]
mod tests {
    use headstart_registry::{Declared, DirectoryRows};
    use http::HeaderValue;

    use super::*;

    const TOKEN: &str = "bn_0123abCD_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

    fn id_of(authorization: Option<&str>, token: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        match Presented::find(&headers, token, &mut [0; USERINFO_BYTES_MAX]) {
            Presented::Secret(secret) => Some(secret.id().to_owned()),
            Presented::Nothing => Some("nothing".to_owned()),
            Presented::Malformed => None,
        }
    }

    fn basic(userinfo: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(userinfo))
    }

    #[test]
    fn each_form_of_a_credential_is_read() {
        let (user, password) = TOKEN.rsplit_once('_').unwrap();
        let basic = basic(&format!("{user}:{password}"));
        let bearer = format!("Bearer {TOKEN}");
        for authorization in
            [basic.as_str(), &basic.replace("Basic", "basic"), &bearer, &format!("bearer  {TOKEN} ")]
        {
            assert_eq!(id_of(Some(authorization), None).as_deref(), Some("0123abCD"), "{authorization}");
        }
        assert_eq!(id_of(None, Some(TOKEN)).as_deref(), Some("0123abCD"));
        assert_eq!(id_of(None, None).as_deref(), Some("nothing"));
    }

    #[test]
    fn what_is_presented_first_counts_and_garbage_is_not_nothing() {
        for garbage in [
            "",
            "Basic",
            "Basic !",
            "Bearer",
            "Bearer x",
            "Digest x",
            &basic("user"),
            &basic("a:b"),
            &basic(&"x".repeat(200)),
        ] {
            assert_eq!(id_of(Some(garbage), None), None, "{garbage}");
            assert_eq!(id_of(Some(garbage), Some(TOKEN)), None, "{garbage}");
        }
        assert_eq!(id_of(None, Some("abc")), None);
    }

    #[test]
    fn nobody_is_somebody_only_where_it_is_open() {
        let directory = Directory::build(&DirectoryRows::default(), &Declared::default());
        let asks = |access: Access, token| access.asker(&directory, &HeaderMap::new(), token);
        assert!(asks(Access::Open, None).unwrap().is_open());
        assert_eq!(asks(Access::Credentials, None).unwrap_err(), NoAsker::Absent);
        for access in [Access::Open, Access::Credentials] {
            let known = NoAsker::Refused { id: Some("0123abCD".to_owned()) };
            assert_eq!(asks(access, Some(TOKEN)).unwrap_err(), known);
            assert_eq!(asks(access, Some("abc")).unwrap_err(), NoAsker::Refused { id: None });
        }
    }

    #[test]
    fn a_token_is_taken_off_the_path_however_the_slashes_are_doubled() {
        let of = |path| (Target::of(path).token, Target::of(path).path);
        for path in ["/t/abc/eth/v1/x", "/t/abc//eth/v1/x", "//t/abc/eth/v1/x", "/t//abc///eth/v1/x"] {
            assert_eq!(of(path), (Some("abc"), "/eth/v1/x"), "{path}");
        }
        for (path, token, rest) in [
            ("/eth/v1/x", None, "/eth/v1/x"),
            ("//eth/v1//x", None, "/eth/v1//x"),
            ("/t/abc", Some("abc"), ""),
            ("/t/abc/", Some("abc"), "/"),
            ("/t/abc/t/def/eth", Some("abc"), "/t/def/eth"),
            ("/t", None, "/t"),
            ("/t/", None, "/t/"),
            ("/t//", None, "/t//"),
            ("/team/abc", None, "/team/abc"),
            ("", None, ""),
            ("*", None, "*"),
        ] {
            assert_eq!(of(path), (token, rest), "{path}");
        }
    }
}
