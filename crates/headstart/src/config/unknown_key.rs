/// The fault of a file in TOML, with its place; for an unknown key also the nearest known one.
pub(super) fn explain(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let text = text.trim_end();
    match nearest(error.message()) {
        Some(known) => format!("{text}\n(did you mean `{known}`?)"),
        None => text.to_owned(),
    }
}

/// Serde lists the known keys of the section: "unknown field `x`, expected one of `a`, `b`".
fn nearest(message: &str) -> Option<&str> {
    let (unknown, known) = message.strip_prefix("unknown field `")?.split_once('`')?;
    let known = known.split('`').skip(1).step_by(2);
    let by_likeness =
        |a: &&str, b: &&str| strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown));
    known.max_by(by_likeness)
}
