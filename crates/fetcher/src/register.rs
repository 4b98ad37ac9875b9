//! Takes registrations: recognises what is known, verifies the rest, makes claims, records, and sends on.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use headstart_registry::{Asker, Cluster, Directory, NotRecorded, Recorded};
use headstart_types::{BlsPublicKey, RegistrationRejected, SignedValidatorRegistration};
use tokio::task;

use crate::Fetcher;
use crate::claim::{NewClaim, NoRoom, NotClaimed};

/// Who brings registrations.
#[derive(Clone, Debug)]
pub enum Registrant {
    /// An operator of the cluster, which claims what it does not claim yet.
    Cluster(Arc<Cluster>),
    /// A beacon node, for the clusters that granted it. What none of them claims is claimed for the only one that did;
    /// with several nobody can tell whose it is.
    BeaconNode(Asker),
}

/// What became of one registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationVerdict {
    /// It is verified and durable, and relays are told of it. Of a validator that the cluster did not claim before, a
    /// newer one may be on record, which stays there.
    Accepted,
    /// It is the one on record.
    Unchanged,
    Rejected(RegistrationRejected),
    UnknownValidator,
    /// The cluster has used up its signature checks or its changes of claims of the moment.
    OverQuota {
        retry_after_ms: u64,
    },
    /// It is believable, but the cluster has no room for another validator.
    NoRoom(NoRoom),
    /// It is believable, but the database is away: nobody may be told that it was accepted.
    NotDurable,
}

/// Registrations looked at in one go, so that nobody waits for a core meanwhile: some 30 µs.
const AT_ONCE: usize = 64;

/// One registration that needs more than a look.
struct Open {
    /// Its place in the body.
    place: usize,
    registration: SignedValidatorRegistration,
    /// Whose signature check it is.
    cluster: Arc<Cluster>,
    /// The cluster does not claim the validator yet.
    is_claim: bool,
    key: Option<headstart_types::PublicKey>,
}

/// A body on its way through.
struct Desk {
    verdicts: Vec<RegistrationVerdict>,
    open: Vec<Open>,
    /// Places whose registration is the very same as that of another place.
    copies: Vec<(usize, usize)>,
}

impl Fetcher {
    /// Registers validators: a verdict for each registration, in order. What is accepted is durable, its validator is
    /// served from now on, and relays are told in the background. Of several for one validator the newest wins.
    pub async fn register(
        &self,
        by: &Registrant,
        registrations: Vec<SignedValidatorRegistration>,
    ) -> Vec<RegistrationVerdict> {
        let mut desk = self.look_at(by, registrations).await;
        self.charge_checks(&mut desk);
        self.verify(&mut desk).await;
        self.claim_new(by, &mut desk).await;
        self.record(&mut desk).await;
        for part in desk.open.chunks(AT_ONCE) {
            let newest: Vec<_> = part.iter().filter_map(|open| self.newest(open)).collect();
            self.forward(&newest);
            task::yield_now().await;
        }
        for (place, first) in desk.copies {
            desk.verdicts[place] = desk.verdicts[first];
        }
        desk.verdicts
    }

    /// Answers what can be answered from memory; most registrations of most bodies are unchanged.
    async fn look_at(&self, by: &Registrant, registrations: Vec<SignedValidatorRegistration>) -> Desk {
        let directory = self.shared.config.directory.snapshot();
        let mut desk =
            Desk { verdicts: Vec::with_capacity(registrations.len()), open: Vec::new(), copies: Vec::new() };
        let mut first: HashMap<BlsPublicKey, usize> = HashMap::new();
        for (place, registration) in registrations.into_iter().enumerate() {
            if place % AT_ONCE == AT_ONCE - 1 {
                task::yield_now().await;
            }
            let (verdict, open) = self.judge(&directory, by, place, registration);
            desk.verdicts.push(verdict);
            let Some(open) = open else { continue };
            match first.entry(registration.message.pubkey) {
                Entry::Occupied(known) if desk.open[*known.get()].registration == registration => {
                    desk.copies.push((place, desk.open[*known.get()].place));
                }
                entry => {
                    entry.insert_entry(desk.open.len());
                    desk.open.push(open);
                }
            }
        }
        desk
    }

    /// The verdict as far as memory tells, and what is left to do for it to hold.
    ///
    /// What is on record of a validator that the cluster does not claim is another's: nothing follows from it, or anybody
    /// could ask who is registered here, and since when.
    fn judge(
        &self,
        directory: &Directory,
        by: &Registrant,
        place: usize,
        registration: SignedValidatorRegistration,
    ) -> (RegistrationVerdict, Option<Open>) {
        let Some((cluster, is_claim)) = by.cluster_for(directory, &registration.message.pubkey) else {
            return (RegistrationVerdict::UnknownValidator, None);
        };
        if !is_claim {
            match self.shared.config.registrations.compare(&registration) {
                Err(rejected) => return (RegistrationVerdict::Rejected(rejected), None),
                Ok(Recorded::Unchanged) => return (RegistrationVerdict::Unchanged, None),
                Ok(Recorded::New) => {}
            }
        }
        let open = Open { place, registration, cluster: Arc::clone(cluster), is_claim, key: None };
        (RegistrationVerdict::Accepted, Some(open))
    }

    /// Lets through as many signature checks as each cluster has left.
    fn charge_checks(&self, desk: &mut Desk) {
        let mut wanted: BTreeMap<Arc<str>, (Arc<Cluster>, u32)> = BTreeMap::new();
        for open in &desk.open {
            let entry = wanted.entry(Arc::clone(&open.cluster.name));
            entry.or_insert_with(|| (Arc::clone(&open.cluster), 0)).1 += 1;
        }
        let now = self.now();
        let mut granted: BTreeMap<Arc<str>, (u32, u64)> = wanted
            .into_iter()
            .map(|(name, (cluster, checks))| (name, self.shared.checks.take(now, &cluster, checks)))
            .collect();
        desk.keep(|open| {
            let Some((left, retry_after_ms)) = granted.get_mut(&open.cluster.name) else { return Ok(()) };
            let over = RegistrationVerdict::OverQuota { retry_after_ms: *retry_after_ms };
            *left = left.checked_sub(1).ok_or(over)?;
            Ok(())
        });
    }

    async fn verify(&self, desk: &mut Desk) {
        let directory = self.shared.config.directory.snapshot();
        let with_key =
            |open: &Open| (open.registration, directory.key_of(&open.registration.message.pubkey).cloned());
        let unverified: Vec<_> = desk.open.iter().map(with_key).collect();
        let keys = self.verifier().registration_keys(self.network(), self.now(), &unverified).await;
        let mut keys = keys.into_iter();
        desk.keep(|open| {
            let verdict = keys.next().unwrap_or(Err(RegistrationRejected::Signature));
            open.key = Some(verdict.map_err(RegistrationVerdict::Rejected)?);
            Ok(())
        });
    }

    /// Claims come before the record: a claim without a registration does no harm, one that was acknowledged and is not
    /// served would.
    async fn claim_new(&self, by: &Registrant, desk: &mut Desk) {
        let mut wanted: BTreeMap<Arc<str>, (Arc<Cluster>, Vec<NewClaim>)> = BTreeMap::new();
        for open in desk.open.iter_mut().filter(|open| open.is_claim) {
            let claim = NewClaim { pubkey: open.registration.message.pubkey, key: open.key.take() };
            let entry = wanted.entry(Arc::clone(&open.cluster.name));
            entry.or_insert_with(|| (Arc::clone(&open.cluster), Vec::new())).1.push(claim);
        }
        for (name, (cluster, claims)) in wanted {
            let (none, left_out) = match self.claim(by, &cluster, claims).await {
                Ok(left_out) => (None, left_out.into_iter().collect()),
                Err(NotClaimed::OverQuota { retry_after_ms }) => {
                    (Some(RegistrationVerdict::OverQuota { retry_after_ms }), HashSet::new())
                }
                Err(NotClaimed::NotDurable) => (Some(RegistrationVerdict::NotDurable), HashSet::new()),
            };
            let no_room = RegistrationVerdict::NoRoom(NoRoom { limit: cluster.quotas.validators });
            desk.keep(|open| match none {
                _ if !open.is_claim || open.cluster.name != name => Ok(()),
                Some(verdict) => Err(verdict),
                None if left_out.contains(&open.registration.message.pubkey) => Err(no_room),
                None => Ok(()),
            });
        }
    }

    async fn record(&self, desk: &mut Desk) {
        let new: Vec<_> = desk.open.iter().map(|open| open.registration).collect();
        if new.is_empty() {
            return;
        }
        let mut recorded = self.shared.config.registrations.record(self.now(), new).await.into_iter();
        desk.keep(|open| match recorded.next() {
            // Its signature made the claim, and the newer one on record was there before the cluster came.
            Some(Err(NotRecorded::Rejected(_))) if open.is_claim => Ok(()),
            Some(Err(NotRecorded::Rejected(rejected))) => Err(RegistrationVerdict::Rejected(rejected)),
            Some(Err(NotRecorded::NotDurable)) => Err(RegistrationVerdict::NotDurable),
            Some(Ok(())) | None => Ok(()),
        });
    }

    /// What is on record of its validator, which for a new claim may be newer.
    fn newest(&self, open: &Open) -> Option<SignedValidatorRegistration> {
        self.shared.config.registrations.of(&open.registration.message.pubkey)
    }
}

impl Desk {
    /// Goes through what is still open; what fails is closed with that verdict.
    fn keep(&mut self, mut check: impl FnMut(&mut Open) -> Result<(), RegistrationVerdict>) {
        let verdicts = &mut self.verdicts;
        self.open.retain_mut(|open| match check(open) {
            Ok(()) => true,
            Err(verdict) => {
                verdicts[open.place] = verdict;
                false
            }
        });
    }
}

impl Registrant {
    /// The cluster that this validator is registered for, and whether that does not claim it yet.
    fn cluster_for<'a>(
        &'a self,
        directory: &'a Directory,
        validator: &BlsPublicKey,
    ) -> Option<(&'a Arc<Cluster>, bool)> {
        match self {
            Self::Cluster(cluster) => Some((cluster, directory.claim_of(validator, &cluster.name).is_none())),
            Self::BeaconNode(asker) => match directory.claim_for(asker, validator) {
                Some(claim) => Some((&claim.cluster, false)),
                None => asker.only_cluster().map(|cluster| (cluster, true)),
            },
        }
    }
}
