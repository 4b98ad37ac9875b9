//! `GET /eth/v1/builder/status`: 200 from memory, whatever the relays do. A beacon node that is told otherwise stops
//! asking, and asking costs it nothing.

use axum::Extension;
use axum::extract::State;
use http::StatusCode;

use crate::BuilderApi;
use crate::callers::Caller;

/// Some beacon nodes ask a moment before they ask for a header, which tells the fetcher who will.
pub(crate) async fn status(api: State<BuilderApi>, caller: Extension<Caller>) -> StatusCode {
    if let Caller::Known(asker) = &*caller
        && let Some(node) = asker.beacon_node()
    {
        api.config().fetcher.probed(node);
    }
    StatusCode::OK
}
