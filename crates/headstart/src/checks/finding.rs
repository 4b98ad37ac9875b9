use serde::Serialize;

/// How a thing that was looked at stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Ok,
    /// It serves, but not as well as it should.
    Warn,
    Fail,
}

/// What was seen of one thing, and what to do about it. Its JSON is part of the promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) status: Verdict,
    pub(crate) seen: String,
    /// There is none for what is well.
    pub(crate) remedy: Option<String>,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, status: Verdict::Ok, seen: seen.into(), remedy: None }
    }

    pub(crate) fn warn(check: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, status: Verdict::Warn, seen: seen.into(), remedy: Some(remedy.into()) }
    }

    pub(crate) fn fail(check: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, status: Verdict::Fail, seen: seen.into(), remedy: Some(remedy.into()) }
    }
}

impl Verdict {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "Warn",
            Self::Fail => "Fail",
        }
    }
}
