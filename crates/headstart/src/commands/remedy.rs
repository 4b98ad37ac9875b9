use headstart_registry::Error;

/// What to do about a fault of the registry, where its own words do not say.
pub(super) fn of(error: &anyhow::Error) -> Option<&'static str> {
    match error.downcast_ref::<Error>()? {
        Error::NotFound(what) => shown_by(what),
        Error::Unreachable(_) => Some("start the database, or correct registry.url in the configuration"),
        _ => None,
    }
}

/// The command that shows what there is instead.
fn shown_by(what: &str) -> Option<&'static str> {
    let kinds = [
        ("cluster ", "`headstart tenant list` shows them"),
        ("a grant ", "`headstart beacon-node list` shows them"),
        ("beacon node ", "`headstart beacon-node list` shows them"),
        ("relay ", "`headstart relay list` shows them"),
        ("a live key ", "`headstart operator key list CLUSTER` shows them"),
        ("a live service key ", "`headstart token issue --json` tells its id"),
        ("token ", "`headstart audit --cluster CLUSTER` shows those that were issued"),
        ("a claim ", "`headstart validators list` shows them"),
    ];
    kinds.into_iter().find(|(kind, _)| what.starts_with(kind)).map(|(_, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_answered_with_where_to_look() {
        let remedy = |error: Error| of(&anyhow::Error::from(error));
        let missing = Error::NotFound("cluster acme".to_owned());
        assert_eq!(remedy(missing), Some("`headstart tenant list` shows them"));
        assert!(remedy(Error::Unreachable("no answer".to_owned())).is_some());
        assert_eq!(remedy(Error::Other("add it".to_owned())), None);
    }
}
