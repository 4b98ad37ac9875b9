use headstart_registry::Error;

/// What to do about a fault of the registry, where its own words do not say.
pub(super) fn of(error: &anyhow::Error) -> Option<&'static str> {
    match error.downcast_ref::<Error>()? {
        Error::NotFound(what) => shown_by(what),
        Error::Conflict(what) => in_the_way(what),
        Error::Unreachable(_) => Some("start the database, or correct registry.url in the configuration"),
        _ => None,
    }
}

/// What to do about something that is there already. Other conflicts say so themselves.
fn in_the_way(what: &str) -> Option<&'static str> {
    let kinds = [
        ("add cluster ", "`headstart tenant set` changes it, or choose another name"),
        (
            "add beacon node ",
            "`headstart beacon-node rotate` gives it a further secret, or choose another name",
        ),
        ("add relay ", "`headstart relay list` shows it: remove it first, or choose another name"),
        ("add key ", "`headstart operator key list CLUSTER` shows it: choose another key id"),
        ("write to the database", "another command was faster: look what there is now, and try again"),
    ];
    of_kind(&kinds, what)
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
    of_kind(&kinds, what)
}

fn of_kind(kinds: &[(&str, &'static str)], what: &str) -> Option<&'static str> {
    kinds.iter().find(|(kind, _)| what.starts_with(kind)).map(|(_, remedy)| *remedy)
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
        let exists = remedy(Error::Conflict("add cluster acme: it exists already".to_owned()));
        assert!(exists.is_some_and(|remedy| remedy.contains("headstart tenant set")), "{exists:?}");
        assert!(remedy(Error::Conflict("write to the database: it is there".to_owned())).is_some());
        assert_eq!(remedy(Error::Other("add it".to_owned())), None);
    }
}
