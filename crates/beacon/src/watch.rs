use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use eventsource_stream::{EventStream, EventStreamError};
use futures_util::stream::{self, Stream, StreamExt};
use reqwest::Response;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use crate::call::{refused, transport};
use crate::event::TOPICS;
use crate::{BeaconNode, Error, Event};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// A `payload_attributes` event with sixteen withdrawals has four thousand bytes.
const EVENT_BYTES_MAX: usize = 256 * 1024;

const WHAT: &str = "the event stream";

/// Why following the stream ended; told in the log only.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Beacon(#[from] Error),
    #[error("{WHAT} fell silent")]
    Silent,
    #[error("{WHAT} was closed")]
    Closed,
    #[error("{WHAT} has an event of more than {EVENT_BYTES_MAX} bytes")]
    TooLong,
    #[error("{WHAT} is no text/event-stream")]
    NoEventStream,
    #[error("{WHAT} is no UTF-8 text of events")]
    Garbled,
}

impl BeaconNode {
    /// Follows the node's events until the receiver is dropped, opening the stream again after each break (100 ms to 5 s
    /// apart) and after `idle_max` without a byte.
    ///
    /// When the channel is full, reading waits, and so in the end does the beacon node. To stop, drop the future or the
    /// receiver.
    pub async fn watch(&self, idle_max: Duration, events: Sender<Event>) {
        tokio::select! {
            () = events.closed() => {}
            never = self.follow_for_ever(idle_max, &events) => match never {},
        }
    }

    async fn follow_for_ever(&self, idle_max: Duration, events: &Sender<Event>) -> Infallible {
        let mut failures = 0;
        loop {
            match self.open(idle_max).await {
                Err(end) => self.report(failures, &end),
                Ok(response) => {
                    tracing::info!(beacon_node = %self, "beacon node's events are followed");
                    // Whether the receiver is gone is for `watch` to notice.
                    let _ = events.send(Event::Connected).await;
                    let (end, heard) = forward(self, response, idle_max, events).await;
                    // A stream that ends before its first event must not be opened again and again without a pause.
                    failures = if heard { 0 } else { failures };
                    let _ = events.send(Event::Disconnected).await;
                    self.report(failures, &end);
                }
            }
            sleep(backoff(failures)).await;
            failures = failures.saturating_add(1);
        }
    }

    async fn open(&self, idle_max: Duration) -> Result<Response, End> {
        let mut url = self.endpoint("/eth/v1/events");
        // Commas stay as they are: not every beacon node decodes them.
        let query = url.query().map_or(String::new(), |query| format!("{query}&"));
        url.set_query(Some(&format!("{query}topics={TOPICS}")));
        let request =
            self.client().get(url).header(ACCEPT, "text/event-stream").header(CACHE_CONTROL, "no-cache");
        let connect = async {
            let mut response = request.send().await.map_err(|error| transport(WHAT, error))?;
            if response.status().is_success() {
                Ok(response)
            } else {
                Err(refused(WHAT, &mut response).await)
            }
        };
        let response = timeout(idle_max, connect).await.map_err(|_| End::Silent)??;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if content_type.is_some_and(|value| value.starts_with("text/event-stream")) {
            Ok(response)
        } else {
            Err(End::NoEventStream)
        }
    }

    /// The first failure is a warning; a node that stays away is not told of every few seconds.
    fn report(&self, failures: u32, end: &End) {
        if failures == 0 {
            tracing::warn!(beacon_node = %self, reason = %end, "beacon node's events are lost: {end}; connecting again");
        } else {
            tracing::debug!(beacon_node = %self, reason = %end, failures, "beacon node's events are still away: {end}");
        }
    }
}

/// Sends on every event until the stream ends; also tells whether there was one.
async fn forward(
    node: &BeaconNode,
    response: Response,
    idle_max: Duration,
    events: &Sender<Event>,
) -> (End, bool) {
    let unparsed = AtomicUsize::new(0);
    let mut stream = pin!(EventStream::new(chunks(response, idle_max, &unparsed)));
    let mut heard = false;
    loop {
        let event = match stream.next().await {
            Some(Ok(event)) => event,
            Some(Err(EventStreamError::Transport(end))) => return (end, heard),
            Some(Err(_)) => return (End::Garbled, heard),
            None => return (End::Closed, heard),
        };
        heard = true;
        unparsed.store(0, Ordering::Relaxed);
        match Event::parse(&event.event, &event.data) {
            Ok(Some(event)) => {
                if events.send(event).await.is_err() {
                    return (End::Closed, heard);
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(beacon_node = %node, topic = event.event, %error, "beacon node's event is skipped: {error}");
            }
        }
    }
}

/// The stream's bytes; ends with an error after `idle_max` of silence or too many bytes since the last whole event.
fn chunks(
    response: Response,
    idle_max: Duration,
    unparsed: &AtomicUsize,
) -> impl Stream<Item = Result<Bytes, End>> + '_ {
    stream::unfold(response, move |mut response| async move {
        let chunk = match timeout(idle_max, response.chunk()).await {
            Err(_) => Err(End::Silent),
            Ok(Err(error)) => Err(End::Beacon(transport(WHAT, error))),
            Ok(Ok(None)) => return None,
            Ok(Ok(Some(chunk))) => {
                let bytes = unparsed.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
                if bytes > EVENT_BYTES_MAX { Err(End::TooLong) } else { Ok(chunk) }
            }
        };
        Some((chunk, response))
    })
}

/// The pause before attempt `failures` + 1.
fn backoff(failures: u32) -> Duration {
    BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(failures)).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_a_tenth_of_a_second_to_five_seconds() {
        let pauses: Vec<_> = (0..8).map(|failures| backoff(failures).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(backoff(u32::MAX), BACKOFF_MAX);
    }
}
