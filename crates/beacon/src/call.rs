use bytes::BytesMut;
use reqwest::header::ACCEPT;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::{BeaconNode, Error};

const ERROR_BODY_BYTES_MAX: usize = 4 * 1024;
const MESSAGE_CHARS_MAX: usize = 200;

/// One GET of the beacon API.
pub(crate) struct Get<'a> {
    /// What is asked for, as it reads in an error.
    pub(crate) what: &'static str,
    pub(crate) path: &'a str,
    pub(crate) bytes_max: usize,
}

/// The `{"data": …}` around most answers.
#[derive(Deserialize)]
pub(crate) struct Data<T> {
    pub(crate) data: T,
}

impl BeaconNode {
    /// Asks and decodes, with one deadline over connecting, head and body.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        get: &Get<'_>,
        deadline: Instant,
    ) -> Result<T, Error> {
        let Ok(body) = timeout_at(deadline, self.get_body(get)).await else {
            return Err(Error::Timeout { what: get.what });
        };
        serde_json::from_slice(&body?).map_err(|source| Error::Malformed { what: get.what, source })
    }

    async fn get_body(&self, get: &Get<'_>) -> Result<BytesMut, Error> {
        let request = self.client().get(self.endpoint(get.path)).header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|error| transport(get.what, error))?;
        if !response.status().is_success() {
            return Err(refused(get.what, &mut response).await);
        }
        read(get, &mut response).await
    }
}

async fn read(get: &Get<'_>, response: &mut Response) -> Result<BytesMut, Error> {
    let too_long = || Error::TooLong { what: get.what, bytes_max: get.bytes_max };
    let announced = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > get.bytes_max) {
        return Err(too_long());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| transport(get.what, error))? {
        if chunk.len() > get.bytes_max - body.len() {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A status other than 2xx, with what the node said about it.
pub(crate) async fn refused(what: &'static str, response: &mut Response) -> Error {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_BODY_BYTES_MAX - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() >= room {
            break;
        }
    }
    Error::Status { what, status: response.status().as_u16(), message: message(&body) }
}

#[derive(Deserialize)]
struct ErrorObject {
    message: String,
}

/// The `message` of a JSON error object, or the text itself; one line, cut, without control characters.
fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<ErrorObject>(body) {
        Ok(object) => object.message,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    text.trim().chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect()
}

/// The whole chain of causes without the URL, which may carry credentials.
pub(crate) fn transport(what: &'static str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        cause = error.source();
    }
    Error::Transport { what, reason }
}

/// `Ok(None)` where the node answered 404.
pub(crate) fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(Error::Status { status, .. }) if status == StatusCode::NOT_FOUND.as_u16() => Ok(None),
        answer => answer.map(Some),
    }
}
