/// How the servers stand through which processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of them answer.
    Well,
    /// This one does not answer.
    Away(&'static str),
}
