use std::collections::BTreeMap;

use headstart_auction::DeliveryState;
use headstart_proto::v1::relay_registration::State;
use headstart_proto::v1::validator::ClaimLevel as Level;
use headstart_proto::v1::{ListValidatorsRequest, ListValidatorsResponse, RelayRegistration, Validator};
use headstart_registry::{Claim, ClaimLevel, Directory, mark};
use headstart_types::{BlsPublicKey, SignedValidatorRegistration};
use tonic::{Request, Response, Status};

use crate::auth::Method;
use crate::status::{internal, invalid};
use crate::{ClusterApi, Config, convert};

const PAGE_SIZE: u32 = 100;
const PAGE_SIZE_MAX: u32 = 1_000;

impl ClusterApi {
    /// One page of the validators that the cluster claims.
    pub(crate) async fn list(
        &self,
        request: Request<ListValidatorsRequest>,
    ) -> Result<Response<ListValidatorsResponse>, Status> {
        let caller = self.authenticate(request.metadata(), Method::ListValidators)?;
        let turn = self.rates().list(&caller.cluster().name, self.now())?;
        let request = request.into_inner();
        let size = if request.page_size == 0 { PAGE_SIZE } else { request.page_size.min(PAGE_SIZE_MAX) };
        let after = after(&request.page_token)?;
        // The directory is searched from end to end: few searches at a time, and away from those who serve headers. A
        // cluster stands in that queue once, however often it asks.
        let _turn = turn.acquire().await.map_err(|_| internal())?;
        let _place = self.lists().acquire().await.map_err(|_| internal())?;
        let (api, cluster) = (self.clone(), caller.cluster().name.clone());
        let page = tokio::task::spawn_blocking(move || {
            page(api.config(), &api.config().directory.load(), &cluster, after, size as usize)
        });
        page.await.map(Response::new).map_err(|_| internal())
    }
}

fn after(page_token: &str) -> Result<Option<BlsPublicKey>, Status> {
    if page_token.is_empty() {
        return Ok(None);
    }
    let fault = || invalid("page_token", "must be the next_page_token of the page before");
    page_token.parse().map(Some).map_err(|_| fault())
}

fn page(
    config: &Config,
    directory: &Directory,
    cluster: &str,
    after: Option<BlsPublicKey>,
    size: usize,
) -> ListValidatorsResponse {
    let mut page: BTreeMap<BlsPublicKey, &Claim> = BTreeMap::new();
    let mut more = false;
    let claimed = directory.validators_of(cluster);
    for (pubkey, claim) in claimed.filter(|(pubkey, _)| after.is_none_or(|after| after < **pubkey)) {
        page.insert(*pubkey, claim);
        if page.len() > size {
            page.pop_last();
            more = true;
        }
    }
    let next = page.last_key_value().filter(|_| more).map(|(pubkey, _)| pubkey.to_string());
    let validators = page.iter().map(|(pubkey, claim)| validator(config, directory, pubkey, claim)).collect();
    ListValidatorsResponse { validators, next_page_token: next.unwrap_or_default() }
}

fn validator(config: &Config, directory: &Directory, pubkey: &BlsPublicKey, claim: &Claim) -> Validator {
    let level = match claim.level {
        ClaimLevel::Registered => Level::Registered,
        ClaimLevel::Proven => Level::Proven,
    };
    let registration = config.registrations.of(pubkey);
    Validator {
        pubkey: pubkey.0.to_vec(),
        claim_level: level.into(),
        registration: registration.as_ref().map(convert::registration_to_proto),
        relays: relays(config, directory, claim, registration.as_ref()),
    }
}

/// What each relay of the validator's policy was told of the registration on record.
fn relays(
    config: &Config,
    directory: &Directory,
    claim: &Claim,
    registration: Option<&SignedValidatorRegistration>,
) -> Vec<RelayRegistration> {
    let Some(registration) = registration else { return Vec::new() };
    let now = config.clock.now();
    let told = config.deliveries.of_validator(&registration.message.pubkey);
    let names = directory.relay_names(&claim.policy);
    let relays = claim.policy.relays().iter().zip(names).map(|(id, relay)| {
        let state = match config.deliveries.state(*id, registration, now) {
            DeliveryState::Pending => State::Pending,
            DeliveryState::Accepted => State::Accepted,
            DeliveryState::Confirmed => State::Confirmed,
            DeliveryState::Stale => State::Stale,
        };
        let told = told.iter().find(|told| told.relay == *id && told.mark == mark(registration));
        let fault = told.and_then(|told| told.fault.as_deref()).unwrap_or_default().to_owned();
        RelayRegistration { relay, state: state.into(), fault }
    });
    relays.collect()
}
