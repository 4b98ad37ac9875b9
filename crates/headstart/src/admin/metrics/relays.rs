use std::fmt;

use headstart_fetcher::Fetcher;
use headstart_relay::{CallResult, FrameResult, Operation, Relay, StreamEnd, StreamKind};

use super::figures::Figures;

/// What has a breaker: signed blocks are sent whatever was before.
const GUARDED: [Operation; 3] = [Operation::Status, Operation::Register, Operation::Header];

/// The calls that relays were made, and which of them are left alone.
pub(super) fn show(fetcher: &Fetcher, figures: &mut Figures<'_>) -> fmt::Result {
    let relays = fetcher.relays();
    let operations = || relays.iter().flat_map(|relay| Operation::ALL.map(|operation| (relay, operation)));
    let calls = operations().flat_map(|(relay, operation)| {
        CallResult::ALL.map(|result| {
            let labels =
                [("relay", relay.name()), ("operation", operation.as_str()), ("result", result.as_str())];
            (labels, relay.calls(operation, result))
        })
    });
    // A combination that never happened is left out: there are many.
    let calls = calls.filter(|(_, calls)| *calls > 0);
    figures.counters("relay_requests", "Calls to relays, by how they ended.", calls)?;
    let guarded = relays.iter().flat_map(|relay| GUARDED.map(|operation| (relay, operation)));
    let open = guarded.map(|(relay, operation)| {
        let labels = [("relay", relay.name()), ("operation", operation.as_str())];
        (labels, f64::from(u8::from(fetcher.is_left_alone(relay.id(), operation))))
    });
    figures.gauges(
        "relay_breaker_open",
        "1 while a relay is left alone because it does not answer.",
        open,
    )?;
    streams(&relays, figures)
}

/// What relays stream. A relay without streams is left out.
fn streams(relays: &[Relay], figures: &mut Figures<'_>) -> fmt::Result {
    let kinds = || relays.iter().flat_map(|relay| StreamKind::ALL.map(|kind| (relay, kind)));
    let wished = |relay: &Relay, kind| {
        let operation = match kind {
            StreamKind::Header => Operation::Stream,
            StreamKind::TopBid => Operation::TopBid,
        };
        CallResult::ALL.iter().any(|result| relay.calls(operation, *result) > 0)
    };
    let open = kinds().filter(|(relay, kind)| wished(relay, *kind)).map(|(relay, kind)| {
        let open = u32::try_from(relay.streams_open(kind)).unwrap_or(u32::MAX);
        ([("relay", relay.name()), ("stream", kind.as_str())], f64::from(open))
    });
    figures.gauges("relay_streams_open", "Streams of relays that are open.", open)?;
    let ends = kinds().flat_map(|(relay, kind)| {
        StreamEnd::ALL.map(|reason| {
            let labels = [("relay", relay.name()), ("stream", kind.as_str()), ("reason", reason)];
            (labels, relay.stream_ends(kind, reason))
        })
    });
    figures.counters(
        "relay_stream_ends",
        "Streams that ended before we were done with them; all but over are opened again.",
        ends.filter(|(_, ends)| *ends > 0),
    )?;
    let frames = relays.iter().flat_map(|relay| {
        FrameResult::ALL
            .map(|result| ([("relay", relay.name()), ("result", result.as_str())], relay.frames(result)))
    });
    figures.counters(
        "relay_stream_frames",
        "Frames of relays' streams, by what became of them.",
        frames.filter(|(_, frames)| *frames > 0),
    )
}
