/// How the servers stand through which processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of them answer, and do what they are asked to.
    Well,
    /// This one answers with errors: it is full, or cannot write.
    Refusing(&'static str),
    /// This one does not answer.
    Away(&'static str),
}
