use std::time::Duration;

use headstart_proto::v1::registration_verdict::Verdict;
use headstart_proto::v1::{RegisterValidatorsRequest, RegistrationVerdict};
use headstart_types::SignedValidatorRegistration;
use tokio::sync::mpsc;
use tokio::time::{self, Instant};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{ClientError, ClusterClient};
use crate::convert;

/// Registrations in one message.
const CHUNK: usize = 500;
/// When the service does not say when to come again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// What became of a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registered {
    Accepted,
    Unchanged,
    Rejected(String),
}

impl ClusterClient {
    /// Registers validators; one verdict for each, in order. What may succeed later is tried again until `deadline`.
    pub async fn register(
        &self,
        registrations: &[SignedValidatorRegistration],
        deadline: Instant,
    ) -> Result<Vec<Registered>, ClientError> {
        let mut verdicts = Vec::with_capacity(registrations.len());
        while verdicts.len() < registrations.len() {
            let left = &registrations[verdicts.len()..];
            let Err(error) = self.register_over_one_stream(left, &mut verdicts).await else { continue };
            let wait = error.status().and_then(retry_after).ok_or_else(|| error.clone())?;
            if Instant::now() + wait >= deadline {
                return Err(error);
            }
            time::sleep(wait).await;
        }
        Ok(verdicts)
    }

    async fn register_over_one_stream(
        &self,
        registrations: &[SignedValidatorRegistration],
        verdicts: &mut Vec<Registered>,
    ) -> Result<(), ClientError> {
        let (requests, outgoing) = mpsc::channel(1);
        let request = self.request(ReceiverStream::new(outgoing))?;
        let mut responses = self.grpc().register_validators(request).await?.into_inner();
        for chunk in registrations.chunks(CHUNK) {
            let registrations = chunk.iter().map(convert::registration_to_proto).collect();
            // A stream that takes no more has ended, and says below why.
            let _ = requests.send(RegisterValidatorsRequest { registrations }).await;
            let response = responses.message().await?;
            let response = response.filter(|response| response.verdicts.len() == chunk.len());
            let response = response.ok_or_else(|| Status::unavailable("a message was not answered"))?;
            verdicts.extend(response.verdicts.into_iter().map(registered));
        }
        Ok(())
    }
}

fn registered(verdict: RegistrationVerdict) -> Registered {
    match verdict.verdict() {
        Verdict::Accepted => Registered::Accepted,
        Verdict::Unchanged => Registered::Unchanged,
        Verdict::Rejected | Verdict::Unspecified => Registered::Rejected(verdict.reason),
    }
}

/// How long to wait before the same call may succeed; `None` when it never will.
fn retry_after(status: &Status) -> Option<Duration> {
    let retryable = matches!(status.code(), Code::Unavailable | Code::ResourceExhausted);
    let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
    retryable.then(|| told.unwrap_or(RETRY_AFTER))
}
