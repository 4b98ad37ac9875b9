//! `GET /eth/v1/builder/status`: 200 from memory, whatever the relays do. A beacon node that is told otherwise stops
//! asking, and asking costs it nothing.

use http::StatusCode;

pub(crate) async fn status() -> StatusCode {
    StatusCode::OK
}
