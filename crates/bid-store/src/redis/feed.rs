//! What the other processes tell, as it comes.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Client, Msg, RedisError};
use tokio::sync::{mpsc, watch};
use tokio::time;
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use super::Redis;
use crate::envelope::{ANYWHERE, Envelope};
use crate::feed::{Feed, Heard, Source};
use crate::{Notice, ProcessId};

/// Notices that may wait; further ones are left out, and whoever listens is told that there is a gap.
const WAITING_MAX: usize = 4_096;
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// A connection that is silent for so long is asked whether it is still one, and how long it may take to answer.
const SILENT_FOR: Duration = Duration::from_secs(2);
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
const CONNECT_WITHIN: Duration = Duration::from_millis(500);

impl Redis {
    /// Listens from now on, and again after every interruption.
    pub(crate) fn feed(&self) -> Feed {
        let (tell, notices) = mpsc::channel(WAITING_MAX);
        let (client, channel) = (self.link.client().clone(), self.keys.channel());
        let (up, provenance_up) = (self.link.watch(), self.provenance.watch());
        let (me, envelope, emptied) = (self.process, self.envelope.clone(), self.emptied.subscribe());
        let listener = Listener { client, channel, me, envelope, tell, up, provenance_up, emptied };
        Feed(Source::Redis { notices, listening: AbortOnDropHandle::new(tokio::spawn(listener.listen())) })
    }
}

struct Listener {
    client: Client,
    channel: String,
    me: ProcessId,
    envelope: Envelope,
    tell: mpsc::Sender<Heard>,
    /// Whether the server answers: one that did not may have lost everything.
    up: watch::Receiver<u64>,
    /// The same of the server that has provenance.
    provenance_up: watch::Receiver<u64>,
    /// This process has found the server empty; what it tells the others of it does not come back to itself.
    emptied: watch::Receiver<()>,
}

impl Listener {
    async fn listen(mut self) {
        while !self.tell.is_closed() {
            if let Err(error) = self.hear_out().await {
                debug!("notices of other processes are interrupted: {error}");
                time::sleep(AGAIN_AFTER).await;
            }
        }
    }

    /// Passes on what comes until the connection ends, or is to be made anew.
    async fn hear_out(&mut self) -> Result<(), RedisError> {
        let (mut sink, mut messages) = within(CONNECT_WITHIN, self.subscribe()).await?;
        // What was told before nobody here has heard.
        let mut has_gap = true;
        for seen in [&mut self.up, &mut self.provenance_up] {
            seen.mark_unchanged();
        }
        loop {
            has_gap = has_gap && !self.tell_of_gap();
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => has_gap |= !self.pass_on(&message),
                    None => return Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
                },
                // What has cost the other connection may have cost this one, which need not have noticed.
                Ok(()) = self.up.changed() => if *self.up.borrow_and_update() > 0 {
                    return Ok(());
                },
                Ok(()) = self.provenance_up.changed() => {
                    has_gap |= *self.provenance_up.borrow_and_update() > 0;
                }
                Ok(()) = self.emptied.changed() => has_gap = true,
                () = time::sleep(SILENT_FOR) => {
                    within(ANSWERS_WITHIN, sink.ping::<redis::Value>()).await?;
                }
            }
        }
    }

    async fn subscribe(&self) -> Result<(PubSubSink, PubSubStream), RedisError> {
        let mut subscription = self.client.get_async_pubsub().await?;
        subscription.subscribe(&self.channel).await?;
        Ok(subscription.split())
    }

    /// Whether it is told. Whoever is told reads and writes at once, which needs one of the other connections; when the
    /// second one is made there is another gap.
    fn tell_of_gap(&self) -> bool {
        let is_up = *self.up.borrow() > 0 || *self.provenance_up.borrow() > 0;
        is_up && self.tell.try_send(Heard::Gap).is_ok()
    }

    /// Whether nothing was left out.
    fn pass_on(&self, message: &Msg) -> bool {
        let Some(opened) =
            self.envelope.open(ANYWHERE, message.get_payload_bytes()).filter(|opened| opened.from != self.me)
        else {
            return true;
        };
        let Some(notice) = Notice::from_bytes(opened.body) else { return true };
        self.tell.try_send(Heard::Notice(opened.from, notice)).is_ok()
    }
}

async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, RedisError> {
    time::timeout(time, work).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}
