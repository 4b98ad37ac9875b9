//! Whoever runs a command, for the audit.

/// Letters of a name, at most.
const NAME_MAX: usize = 32;

/// The name of the account: the person's behind sudo, if there is one.
pub(crate) fn name() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(variable);
    named.unwrap_or_else(|| "unknown".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "the audit names the account that a command runs as")]
fn variable(name: &str) -> Option<String> {
    let value: String =
        std::env::var(name).ok()?.chars().filter(char::is_ascii_graphic).take(NAME_MAX).collect();
    (!value.is_empty()).then_some(value)
}
