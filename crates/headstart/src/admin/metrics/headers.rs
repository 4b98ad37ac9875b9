use std::fmt;

use headstart_builder_api::Tally;
use headstart_types::Outcome;

use super::figures::{Figures, label};

/// What beacon nodes were answered.
pub(super) fn show(tally: &Tally, figures: &mut Figures<'_>) -> fmt::Result {
    let (of_headers, of_submissions) = Outcome::ALL.split_at(HEADER_OUTCOMES);
    figures.counters(
        "headers",
        "Header requests answered, by what became of them.",
        of_headers.iter().map(|outcome| (label("outcome", outcome.as_str()), tally.headers(*outcome))),
    )?;
    figures.counters(
        "submissions",
        "Signed blocks taken, by what became of them; the same block from several operators is one.",
        of_submissions
            .iter()
            .map(|outcome| (label("outcome", outcome.as_str()), tally.submissions(*outcome))),
    )?;
    figures.seconds(
        "header_duration",
        "From a header request to its answer, in the handler.",
        &tally.took(),
    )?;
    figures.counters(
        "headers_unrecorded",
        "Answered headers whose line was dropped, and which are counted nowhere else.",
        [([("journal", "full")], tally.unrecorded())],
    )
}

/// So many of the outcomes, which stand first, are headers'.
const HEADER_OUTCOMES: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_headers_stand_before_those_of_submissions() {
        assert_eq!(Outcome::ALL[HEADER_OUTCOMES - 1], Outcome::Shadow);
        assert_eq!(Outcome::ALL[HEADER_OUTCOMES], Outcome::Revealed);
    }
}
