use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{BeaconBehaviour, State, refusal};
use crate::chain::{Chain, Event};
use crate::server::Body;

const TOPICS: [&str; 3] = ["head", "payload_attributes", "chain_reorg"];

/// An event in the words of one node.
#[derive(Clone, Debug)]
pub(super) struct Told {
    topic: &'static str,
    chunk: Bytes,
}

impl State {
    /// `GET /eth/v1/events?topics=…`: what happens from now on, until the peer or the node ends it.
    pub(super) fn event_stream(&self, query: &str) -> Response<Body> {
        let Some(topics) = topics(query) else {
            return refusal(StatusCode::BAD_REQUEST, "topics are head, payload_attributes and chain_reorg");
        };
        let (silent, end) = {
            let controls = self.controls();
            (controls.behaviour == BeaconBehaviour::Silent, controls.streams.clone())
        };
        let topics = if silent { Vec::new() } else { topics };
        // A comment goes first, so that the client learns at once that it is subscribed.
        let hello = stream::once(std::future::ready(Bytes::from_static(b": subscribed\n\n")));
        let chunks = hello.chain(chunks(self.events.subscribe(), topics)).take_until(end.cancelled_owned());
        let body = StreamBody::new(chunks.map(|chunk| Ok::<_, io::Error>(Frame::data(chunk)))).boxed_unsync();
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

impl Told {
    pub(super) fn new(chain: &Chain, event: &Event, is_optimistic: bool) -> Self {
        let (topic, data) = (event.topic(), chain.event_json(event, is_optimistic));
        Self { topic, chunk: format!("event: {topic}\ndata: {data}\n\n").into() }
    }
}

fn chunks(events: Receiver<Told>, topics: Vec<&'static str>) -> impl Stream<Item = Bytes> + Send {
    stream::unfold((topics, events), |(topics, mut events)| async move {
        loop {
            match events.recv().await {
                Ok(Told { topic, chunk }) if topics.contains(&topic) => {
                    return Some((chunk, (topics, events)));
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

/// The topics asked for, written once with commas or repeated; `None` if there are none, or one that is unknown.
fn topics(query: &str) -> Option<Vec<&'static str>> {
    let values = query.split('&').filter_map(|pair| pair.strip_prefix("topics="));
    let names: Vec<String> = values
        .flat_map(|value| value.replace("%2C", ",").split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let known = |name: &String| TOPICS.into_iter().find(|topic| topic == name);
    let topics: Option<Vec<_>> = names.iter().map(known).collect();
    topics.filter(|topics| !topics.is_empty())
}
