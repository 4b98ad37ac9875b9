use std::sync::Arc;

use headstart_fetcher::{Registrant, RegistrationVerdict as Judged};
use headstart_proto::v1::registration_verdict::Verdict;
use headstart_proto::v1::{RegisterValidatorsRequest, RegisterValidatorsResponse, RegistrationVerdict};
use headstart_registry::Cluster;
use tonic::{Request, Response, Status, Streaming};

use crate::auth::Method;
use crate::status::{RETRY_AFTER_MS, exhausted, invalid, unavailable, unreadable};
use crate::stream::{ResponseStream, Responses, Session};
use crate::work::{Item, Registration, Work};
use crate::{ClusterApi, Config, convert};

const REGISTRATIONS_MAX: usize = 1_000;
/// Messages of one stream that are worked on or answered at a time.
const ROOM: usize = 2;

impl ClusterApi {
    /// Takes registrations into the cluster's lane; a message is answered once what it registers is durable.
    pub(crate) fn register(
        &self,
        request: Request<Streaming<RegisterValidatorsRequest>>,
    ) -> Result<Response<ResponseStream<RegisterValidatorsResponse>>, Status> {
        let session = self.session(request.metadata(), Method::RegisterValidators)?;
        Ok(session.run(ROOM, |session, responses| read(session, request.into_inner(), responses)))
    }
}

async fn read(
    mut session: Session,
    mut requests: Streaming<RegisterValidatorsRequest>,
    responses: Responses<RegisterValidatorsResponse>,
) -> Result<(), Status> {
    let lane = session.lane();
    while let Some(request) = requests.message().await.map_err(unreadable)? {
        if request.registrations.len() > REGISTRATIONS_MAX {
            return Err(invalid(
                "registrations",
                format!("must be {REGISTRATIONS_MAX} at most in one message"),
            ));
        }
        let registrations = request.registrations.into_iter().map(convert::registration).collect();
        let reply = responses.clone().reserve_owned().await;
        let reply = reply.map_err(|_| unavailable("answer: the client has gone", 0))?;
        let (cluster, operator) = (Arc::clone(session.cluster()?), Arc::clone(session.operator()));
        lane.push(Item { cluster, operator, work: Work::Register { registrations, reply } }).await;
    }
    Ok(())
}

impl Config {
    /// Registers what is whole, and gives each its verdict, in order.
    pub(crate) async fn register(
        &self,
        cluster: Arc<Cluster>,
        registrations: Vec<Registration>,
    ) -> Result<RegisterValidatorsResponse, Status> {
        let whole = registrations.iter().filter_map(|told| told.as_ref().ok().copied()).collect();
        let mut judged = self.fetcher.register(&Registrant::Cluster(cluster), whole).await.into_iter();
        let verdicts = registrations.into_iter().map(|told| match told {
            Ok(registration) => {
                let judged = judged.next().unwrap_or(Judged::NotDurable);
                verdict(registration.message.pubkey.0.to_vec(), judged)
            }
            Err((pubkey, fault)) => Ok(rejected(pubkey, fault)),
        });
        Ok(RegisterValidatorsResponse { verdicts: verdicts.collect::<Result<_, _>>()? })
    }
}

/// What cannot be answered with a verdict ends the stream. What the same message registered stays, and is unchanged when
/// the client comes back.
fn verdict(pubkey: Vec<u8>, judged: Judged) -> Result<RegistrationVerdict, Status> {
    let taken = |verdict: Verdict, pubkey| RegistrationVerdict {
        pubkey,
        verdict: verdict.into(),
        reason: String::new(),
    };
    match judged {
        Judged::Accepted => Ok(taken(Verdict::Accepted, pubkey)),
        Judged::Unchanged => Ok(taken(Verdict::Unchanged, pubkey)),
        Judged::Rejected(reason) => Ok(rejected(pubkey, reason.to_string())),
        Judged::NoRoom(reason) => Ok(rejected(pubkey, reason.to_string())),
        Judged::UnknownValidator => {
            let reason = "register the validator: the cluster does not claim it";
            Ok(rejected(pubkey, reason.to_owned()))
        }
        Judged::OverQuota { retry_after_ms } => {
            Err(exhausted("signature checks or changes of claims", retry_after_ms))
        }
        Judged::NotDurable => Err(unavailable("record the registrations", RETRY_AFTER_MS)),
    }
}

fn rejected(pubkey: Vec<u8>, reason: String) -> RegistrationVerdict {
    RegistrationVerdict { pubkey, verdict: Verdict::Rejected.into(), reason }
}
