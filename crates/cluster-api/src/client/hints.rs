use std::time::Duration;

use headstart_auction::Hint;
use headstart_proto::v1::hint_ack::Verdict;
use headstart_proto::v1::push_duty_hints_response::Response as Answer;
use headstart_proto::v1::{HintAck, PushDutyHintsRequest};
use rand::Rng as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{self, Instant};
use tokio_stream::wrappers::ReceiverStream;
use tracing::{debug, info, warn};

use super::window::{Settled, Window};
use super::{ClientError, ClusterClient};
use crate::convert;

/// Hints that wait to be sent or answered; over it a push waits.
const HINTS_MAX: usize = 256;
const BACKOFF: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// Pushes hints in the order in which they are given, over as many streams as it takes. Clones push to the same streams.
/// When the last one is dropped, what was pushed is still settled, unless the stream breaks.
#[derive(Clone, Debug)]
pub struct HintPusher {
    queue: mpsc::Sender<Queued>,
    link: watch::Receiver<Link>,
}

/// What became of a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HintOutcome {
    Applied,
    /// In one word; another hint has its number.
    Rejected(String),
}

/// How the stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not yet, or not at the moment; with what came in between.
    Down(Option<String>),
    /// The service has told where to go on.
    Up { applied_seq: u64 },
}

/// A hint on its way. Nobody has to wait for it.
#[derive(Debug)]
pub struct PendingHint(oneshot::Receiver<HintOutcome>);

#[derive(Debug)]
struct Queued {
    hint: Hint,
    outcome: oneshot::Sender<HintOutcome>,
}

impl HintPusher {
    pub(crate) fn start(client: ClusterClient) -> Self {
        let (queue, queued) = mpsc::channel(HINTS_MAX);
        let (changes, link) = watch::channel(Link::Down(None));
        tokio::spawn(Pushing { client, queued, changes, window: Window::default(), open: true }.run());
        Self { queue, link }
    }

    /// Takes the hint; waits while too many are not settled yet.
    pub async fn push(&self, hint: Hint) -> PendingHint {
        let (outcome, pending) = oneshot::channel();
        // The task lives as long as this handle.
        let _ = self.queue.send(Queued { hint, outcome }).await;
        PendingHint(pending)
    }

    /// How the stream stands, and every change of it.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.link.clone()
    }
}

impl PendingHint {
    /// Waits until the service has settled the hint; `None` only when the runtime is shutting down.
    pub async fn outcome(self) -> Option<HintOutcome> {
        self.0.await.ok()
    }
}

struct Pushing {
    client: ClusterClient,
    queued: mpsc::Receiver<Queued>,
    changes: watch::Sender<Link>,
    window: Window<Queued>,
    /// Whether more may be pushed.
    open: bool,
}

impl Pushing {
    async fn run(mut self) {
        let mut failures = 0;
        while let Err(error) = self.stream().await {
            let was_up = matches!(*self.changes.borrow(), Link::Up { .. });
            failures = if was_up { 0 } else { failures + 1 };
            if failures == 1 {
                warn!("failed to {error}; trying again");
            } else {
                debug!(failures, "hints go on over another stream: failed to {error}");
            }
            self.changes.send_replace(Link::Down(Some(error.to_string())));
            if self.queued.is_closed() {
                return;
            }
            let backoff = BACKOFF.saturating_mul(1 << failures.min(16)).min(BACKOFF_MAX);
            // Many clients lose one server at the same moment, and must not all come back at the same moment.
            let spread = rand::rng().random_range(0.5..1.0);
            time::sleep(backoff.mul_f64(spread)).await;
        }
    }

    /// One stream: returns when there is nothing left to push and nobody to push it.
    async fn stream(&mut self) -> Result<(), ClientError> {
        let (requests, outgoing) = mpsc::channel(1);
        let request = self.client.request(ReceiverStream::new(outgoing))?;
        let mut responses = self.client.grpc().push_duty_hints(request).await?.into_inner();
        let (mut is_up, mut wait_until) = (false, Instant::now());
        while self.open || !self.window.is_empty() {
            tokio::select! {
                response = responses.message() => match response?.and_then(|response| response.response) {
                    Some(Answer::Ack(ack)) if is_up => {
                        let wait_ms = self.answer(ack)?;
                        wait_until = wait_until.max(Instant::now() + Duration::from_millis(wait_ms));
                    }
                    Some(Answer::Ack(ack)) => {
                        self.resume(&ack)?;
                        is_up = true;
                    }
                    Some(Answer::Backpressure(full)) => {
                        debug!(queued = full.queued, capacity = full.capacity, "the cluster's lane is full");
                    }
                    None => return Err(broken("the service ended the stream")),
                },
                room = requests.reserve(), if is_up && self.window.is_ready() && wait_until <= Instant::now() => {
                    let room = room.map_err(|_| broken("the stream does not take hints any more"))?;
                    if let Some((seq, queued)) = self.window.next() {
                        room.send(PushDutyHintsRequest { hint: Some(convert::hint_to_proto(seq, &queued.hint)) });
                    }
                }
                () = time::sleep_until(wait_until), if wait_until > Instant::now() => {}
                queued = self.queued.recv(), if self.open && self.window.len() < HINTS_MAX => match queued {
                    Some(queued) => self.window.push(queued),
                    None => self.open = false,
                },
            }
        }
        Ok(())
    }

    fn resume(&mut self, ack: &HintAck) -> Result<(), ClientError> {
        if ack.verdict() != Verdict::Resume {
            return Err(broken("the service did not tell where to go on"));
        }
        for applied in self.window.resume(ack) {
            let _ = applied.outcome.send(HintOutcome::Applied);
        }
        info!(applied_seq = ack.applied_seq, "hints are pushed");
        self.changes.send_replace(Link::Up { applied_seq: ack.applied_seq });
        Ok(())
    }

    /// Settles what the answer settles; milliseconds to wait before the next hint.
    fn answer(&mut self, ack: HintAck) -> Result<u64, ClientError> {
        let wait_ms = u64::from(ack.retry_after_ms);
        match self.window.answer(ack) {
            Settled::Nothing => {}
            // Whoever pushed it need not wait for the outcome.
            Settled::Applied(queued) => drop(queued.outcome.send(HintOutcome::Applied)),
            Settled::Rejected(queued, reason) => {
                debug!(slot = %queued.hint.slot, reason, "hint rejected");
                let _ = queued.outcome.send(HintOutcome::Rejected(reason));
            }
            Settled::Broken => return Err(broken("the service answered a hint that was not sent")),
        }
        Ok(wait_ms)
    }
}

fn broken(why: &str) -> ClientError {
    tonic::Status::unavailable(why).into()
}
