//! Who calls, and what the token allows.

use headstart_registry::{Caller, Scope, token_audience};
use tonic::Status;
use tonic::metadata::MetadataMap;
use tracing::debug;

use crate::ClusterApi;
use crate::status::{out_of_scope, unauthenticated};

const AUTHORIZATION: &str = "authorization";
const SCHEME: &str = "bearer";

/// The calls of the service, each with the scope that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    RegisterValidators,
    PushDutyHints,
    ReportProposal,
    WatchAuctions,
    ListValidators,
    RemoveValidators,
    GetCluster,
}

impl Method {
    pub(crate) const fn scope(self) -> Scope {
        match self {
            Self::RegisterValidators | Self::RemoveValidators => Scope::Register,
            Self::PushDutyHints | Self::ReportProposal => Scope::Hint,
            Self::WatchAuctions | Self::ListValidators | Self::GetCluster => Scope::View,
        }
    }
}

impl ClusterApi {
    /// Believes the token of a call: there is no other way to a [`Caller`], and no handler does anything without one.
    pub(crate) fn authenticate(&self, metadata: &MetadataMap, method: Method) -> Result<Caller, Status> {
        let token = bearer(metadata)
            .ok_or_else(|| unauthenticated("find a token: send one header authorization: Bearer <JWT>"))?;
        let (directory, audience) = (self.config().directory.load(), token_audience(&self.config().network));
        let caller = directory.authenticate_operator(token, &audience, self.now());
        let caller = caller.map_err(|rejected| {
            debug!(?method, "call refused: failed to {rejected}");
            unauthenticated(rejected)
        })?;
        if caller.has(method.scope()) { Ok(caller) } else { Err(out_of_scope(method.scope())) }
    }
}

/// The token of the only such header: with two, others between us and the client may have read the other one.
fn bearer(metadata: &MetadataMap) -> Option<&str> {
    let mut values = metadata.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    const METHODS: [Method; 7] = [
        Method::RegisterValidators,
        Method::PushDutyHints,
        Method::ReportProposal,
        Method::WatchAuctions,
        Method::ListValidators,
        Method::RemoveValidators,
        Method::GetCluster,
    ];

    #[test]
    fn every_method_of_the_contract_has_the_scope_that_the_contract_names() {
        let contract = include_str!("../../../proto/headstart/v1/cluster.proto");
        let files = FileDescriptorSet::decode(headstart_proto::FILE_DESCRIPTOR_SET).unwrap().file;
        let services = files.into_iter().flat_map(|file| file.service);
        let named: Vec<_> =
            services.flat_map(|service| service.method).map(|method| method.name.unwrap()).collect();
        assert_eq!(named, METHODS.map(|method| format!("{method:?}")));
        for method in METHODS {
            let before = contract.split(&format!("rpc {method:?}(")).next().unwrap();
            let comment = before.rsplit("rpc ").next().unwrap();
            assert!(comment.contains(&format!("Scope: `{}`.", method.scope())), "{method:?}");
        }
    }

    #[test]
    fn a_token_is_read_from_one_bearer_header_only() {
        let read = |values: &[&'static str]| {
            let mut metadata = MetadataMap::new();
            for value in values {
                metadata.append(AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&metadata).map(str::to_owned)
        };
        assert_eq!(read(&["Bearer a.b.c"]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&["bearer a.b.c"]).as_deref(), Some("a.b.c"));
        for wrong in [&[][..], &["a.b.c"], &["Basic a.b.c"], &["Bearer a.b.c", "Bearer a.b.c"]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
