use std::sync::Arc;

use headstart_types::UnixMillis;

use super::claims::Told;
use super::jws::Jws;
use super::{SERVICE_ISSUER, Scope, Scopes, TokenRejected};
use crate::{Cluster, Directory, KeyRow};

/// An operator of a cluster, as a verified token names it: nothing else makes one.
///
/// ```compile_fail
/// fn forge(honest: headstart_registry::Caller) -> headstart_registry::Caller {
///     headstart_registry::Caller { operator: "another".into(), ..honest }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Caller {
    cluster: Arc<Cluster>,
    operator: Arc<str>,
    scopes: Scopes,
    expires_at: UnixMillis,
    proof: Proof,
}

/// What the token was believed for, so that it can be asked again whether it still holds.
#[derive(Clone, Debug)]
struct Proof {
    key: KeyRow,
    /// The id of a token that the service signed; `None` when an operator's own key did.
    service_token: Option<String>,
}

impl Directory {
    /// Believes a token, or says why not. The moment that its believing ends is [`Caller::expires_at`].
    pub fn authenticate_operator(
        &self,
        token: &str,
        audience: &str,
        now: UnixMillis,
    ) -> Result<Caller, TokenRejected> {
        let jws = Jws::parse(token)?;
        let told = Told(&jws.claims);
        let (issuer, operator) = (told.text("iss")?, told.text("sub")?);
        let by_service = issuer == SERVICE_ISSUER;
        let (cluster, service_token) = if by_service {
            (told.text("cluster")?, Some(told.text("jti")?.to_owned()))
        } else {
            (issuer, None)
        };
        let key = self.live_key(by_service, cluster, operator, &jws.kid).ok_or(TokenRejected::Unproven)?;
        if !jws.is_signed_by(key) {
            return Err(TokenRejected::Unproven);
        }
        told.is_for(audience)?;
        let caller = Caller {
            cluster: Arc::clone(self.cluster(cluster).ok_or(TokenRejected::Unproven)?),
            operator: operator.into(),
            scopes: told.scopes()?,
            expires_at: told.expires_at(by_service, now)?,
            proof: Proof { key: key.clone(), service_token },
        };
        caller.check(self, now)?;
        Ok(caller)
    }

    /// The stored key of that id that may speak for the operator now.
    fn live_key(&self, by_service: bool, cluster: &str, operator: &str, kid: &str) -> Option<&KeyRow> {
        if by_service {
            return self.service_key(kid);
        }
        let (owner, key) = self.operator_key(cluster, kid)?;
        (owner == operator).then_some(key)
    }
}

impl Caller {
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    pub fn operator(&self) -> &Arc<str> {
        &self.operator
    }

    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.has(scope)
    }

    /// From this moment on the token is not believed any more.
    pub fn expires_at(&self) -> UnixMillis {
        self.expires_at
    }

    /// Asks a newer directory whether all that the token was believed for still holds, and takes the cluster as it is
    /// now.
    pub fn recheck(&mut self, directory: &Directory, now: UnixMillis) -> Result<(), TokenRejected> {
        self.check(directory, now)?;
        let cluster = directory.cluster(&self.cluster.name).ok_or(TokenRejected::Unproven)?;
        if !Arc::ptr_eq(cluster, &self.cluster) {
            self.cluster = Arc::clone(cluster);
        }
        Ok(())
    }

    fn check(&self, directory: &Directory, now: UnixMillis) -> Result<(), TokenRejected> {
        if self.expires_at <= now {
            return Err(TokenRejected::Expired);
        }
        let (cluster, jti) = (&*self.cluster.name, self.proof.service_token.as_deref());
        let key = directory.live_key(jti.is_some(), cluster, &self.operator, &self.proof.key.kid);
        let is_member = directory
            .cluster(cluster)
            .is_some_and(|cluster| cluster.operators.iter().any(|operator| *operator.name == *self.operator));
        if key != Some(&self.proof.key) || !is_member {
            return Err(TokenRejected::Unproven);
        }
        if jti.is_some_and(|jti| directory.is_token_revoked(jti)) {
            return Err(TokenRejected::Revoked);
        }
        Ok(())
    }
}
