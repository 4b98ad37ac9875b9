//! Follows a relay's header stream within one auction: of the frames that come, the newest is believed or not.

use std::pin::pin;
use std::time::Duration;

use headstart_auction::{Answer, BidSource, StreamRefusal};
use headstart_relay::{
    Failure, FrameResult, HeaderAnswer, HeaderStream, Operation, ReceivedBid, Relay, StreamEnd, StreamFrame,
};
use headstart_types::{Encoding, RelayId, UnixMillis};
use tokio::time::{self, Instant};
use tracing::debug;

use crate::asker::Asker;
use crate::clusters::Paid;

const OPEN_TIMEOUT: Duration = Duration::from_secs(1);

/// What is to be done next of a stream.
pub(crate) enum Stage {
    Open { relay: RelayId, ends: UnixMillis },
    Follow(Box<Follower>),
}

/// What came of it.
pub(crate) enum Progress {
    Refused(StreamRefusal),
    Opened(Box<Follower>),
    Heard(Answer, Box<Follower>),
    Lost,
}

/// An open stream, with the newest bid that nobody has looked at yet: there is no backlog.
pub(crate) struct Follower {
    relay: Relay,
    stream: HeaderStream,
    newest: Option<(UnixMillis, ReceivedBid)>,
    end: Option<StreamEnd>,
    looks_again_at: Instant,
}

impl Asker<'_> {
    /// Opens a stream, or follows it until its next bid was believed or not. What is believed is in the store then.
    pub(crate) async fn stream(&self, stage: Stage) -> (RelayId, Progress) {
        match stage {
            Stage::Open { relay, ends } => (relay, self.open(relay, ends).await),
            Stage::Follow(follower) => (follower.relay.id(), self.follow(follower).await),
        }
    }

    async fn open(&self, relay: RelayId, ends: UnixMillis) -> Progress {
        let fork = self.fetcher.network().fork_at(self.key.slot);
        let (Some(relay), Some(fork)) = (self.fetcher.relay(relay), fork) else {
            return Progress::Refused(StreamRefusal::NotAdmitted);
        };
        match self.fetcher.pay(&self.key, relay.id(), &self.running.asked_by()) {
            Paid::Yes => {}
            Paid::NotYet => return Progress::Refused(StreamRefusal::Failed),
            Paid::OverQuota => return Progress::Refused(StreamRefusal::NotAdmitted),
        }
        if self.fetcher.is_left_alone(relay.id(), Operation::Header) {
            return Progress::Refused(StreamRefusal::Failed);
        }
        let now = Instant::now();
        let ends = now + self.fetcher.now().until(ends);
        match relay.header_stream(&self.key, fork, now + OPEN_TIMEOUT, ends).await {
            Ok(stream) => {
                debug!(relay = relay.name(), slot = %self.key.slot, "the relay's stream is followed");
                let newest = None;
                Progress::Opened(Box::new(Follower { relay, stream, newest, end: None, looks_again_at: now }))
            }
            Err(failure) => {
                let message = format!("the relay's stream is not followed: failed to {failure}");
                self.complain(&relay, "stream_refused", &message);
                Progress::Refused(refusal(failure))
            }
        }
    }

    async fn follow(&self, mut follower: Box<Follower>) -> Progress {
        let Some((came_at, received)) = follower.newest_frame(self).await else {
            return self.ended(&follower);
        };
        let relay = follower.relay.clone();
        if self.holds(&relay, &received) {
            relay.count_frame(FrameResult::Unchanged);
            return Progress::Heard(self.take(&relay, came_at, received, BidSource::Stream).await, follower);
        }
        // What comes meanwhile is overtaken by what comes last.
        follower.looks_again_at = Instant::now() + self.verification_pause();
        let mut taking = pin!(self.take(&relay, came_at, received, BidSource::Stream));
        let answer = loop {
            tokio::select! {
                biased;
                answer = &mut taking => break answer,
                frame = follower.stream.next(), if follower.end.is_none() => follower.note(self, frame),
            }
        };
        let result = if answer == Answer::Bid { FrameResult::Bid } else { FrameResult::Rejected };
        relay.count_frame(result);
        Progress::Heard(answer, follower)
    }

    fn verification_pause(&self) -> Duration {
        let now_ms = self.fetcher.now() - self.fetcher.network().slot_start(self.key.slot);
        Duration::from_millis(self.running.moment().verification_pause_ms(now_ms))
    }

    fn holds(&self, relay: &Relay, received: &ReceivedBid) -> bool {
        self.entry.offers().of(relay.id()).is_some_and(|held| held.body(Encoding::Ssz) == &received.ssz)
    }

    fn ended(&self, follower: &Follower) -> Progress {
        let Some(end) = &follower.end else { return Progress::Lost };
        match end {
            StreamEnd::Over => Progress::Lost,
            StreamEnd::Closed | StreamEnd::Silent | StreamEnd::Broken(_) => {
                self.complain(
                    &follower.relay,
                    "stream_lost",
                    &format!("the relay is polled: failed to {end}"),
                );
                Progress::Lost
            }
            // Whoever sends this would send it again; polls are good enough for the rest of the auction.
            StreamEnd::Flooded | StreamEnd::TooLong | StreamEnd::Garbled => {
                self.complain(
                    &follower.relay,
                    end.as_str(),
                    &format!("the relay is polled: failed to {end}"),
                );
                Progress::Refused(StreamRefusal::NotAdmitted)
            }
        }
    }
}

impl Follower {
    /// The newest bid, once it may be looked at; `None` when the stream has ended without one.
    async fn newest_frame(&mut self, asker: &Asker<'_>) -> Option<(UnixMillis, ReceivedBid)> {
        while self.end.is_none() {
            tokio::select! {
                frame = self.stream.next() => self.note(asker, frame),
                () = time::sleep_until(self.looks_again_at), if self.newest.is_some() => break,
            }
            if self.newest.is_some() && self.looks_again_at <= Instant::now() {
                break;
            }
        }
        self.newest.take()
    }

    fn note(&mut self, asker: &Asker<'_>, frame: Result<StreamFrame, StreamEnd>) {
        match frame {
            Ok(StreamFrame::Bid(received)) => {
                if self.newest.replace((asker.fetcher.now(), *received)).is_some() {
                    self.relay.count_frame(FrameResult::Overtaken);
                }
            }
            Ok(StreamFrame::Malformed(reason)) => {
                let message = format!("a frame of the relay's stream cannot be read: {reason}");
                asker.complain(&self.relay, "malformed_frame", &message);
            }
            Err(end) => self.end = Some(end),
        }
    }
}

/// What a stream that could not be opened means for the next attempt.
fn refusal(failure: Failure) -> StreamRefusal {
    if matches!(&failure, Failure::Refused(refusal) if matches!(refusal.status, 401 | 403 | 404)) {
        return StreamRefusal::NotAdmitted;
    }
    match HeaderAnswer::from(failure) {
        HeaderAnswer::RateLimited { retry_after_ms } => StreamRefusal::RateLimited {
            retry_after_ms: retry_after_ms.and_then(|ms| i64::try_from(ms).ok()),
        },
        HeaderAnswer::TooEarly(_) | HeaderAnswer::Timeout | HeaderAnswer::Transport(_) => {
            StreamRefusal::Failed
        }
        HeaderAnswer::Refused(refusal) if refusal.status >= 500 => StreamRefusal::Failed,
        _ => StreamRefusal::NotAdmitted,
    }
}

#[cfg(test)]
mod tests {
    use headstart_relay::Refusal;

    use super::*;

    #[test]
    fn a_stream_that_is_refused_is_asked_for_again_only_where_that_may_help() {
        let refused = |status, message: &str| {
            refusal(Failure::Refused(Refusal { status, message: message.to_owned() }))
        };
        for status in [401, 403, 404, 405, 426] {
            assert_eq!(refused(status, "StreamNotAdmitted"), StreamRefusal::NotAdmitted, "{status}");
        }
        for status in [500, 503] {
            assert_eq!(refused(status, ""), StreamRefusal::Failed, "{status}");
        }
        let early = "request for wrong slot. request slot: 11, bid slot: 10";
        assert_eq!(refused(400, early), StreamRefusal::Failed, "its head is behind");
        let limited = Failure::RateLimited { retry_after_ms: Some(1_500) };
        assert_eq!(refusal(limited), StreamRefusal::RateLimited { retry_after_ms: Some(1_500) });
        assert_eq!(refusal(Failure::Timeout), StreamRefusal::Failed);
        assert_eq!(refusal(Failure::Malformed("200".to_owned())), StreamRefusal::NotAdmitted);
    }
}
