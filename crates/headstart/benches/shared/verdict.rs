/// What stands behind a figure and its limit. Nothing ends with it: figures are also those of the machine.
pub(crate) fn verdict(is_kept: bool) -> &'static str {
    if is_kept { "ok" } else { "MISSED" }
}
