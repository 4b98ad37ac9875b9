//! The names of clusters, operators, beacon nodes and relays: they stand in SQL, tokens, URLs and log lines.

use headstart_registry::{SERVICE_ISSUER, is_name};

/// What is wrong with a name, and what to write instead.
pub(crate) fn check(name: &str) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!("{name:?} is no name; write 1 to 63 of a-z, 0-9 and -, not beginning with -"));
    }
    if name == SERVICE_ISSUER {
        return Err(format!("{name:?} is the service itself; choose another name"));
    }
    Ok(())
}

/// The same for an argument of a command.
pub(crate) fn parse(name: &str) -> Result<String, String> {
    check(name).map(|()| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_small_letters_digits_and_dashes() {
        for name in ["a", "acme-1", "0", &"x".repeat(63)] {
            assert_eq!(check(name), Ok(()));
        }
        for name in ["", "-a", "Acme", "acme_1", "a b", "a/b", "ä", "headstart", &"x".repeat(64)] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
