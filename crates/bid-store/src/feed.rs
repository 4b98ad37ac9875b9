use tokio::sync::{broadcast, mpsc};
use tokio_util::task::AbortOnDropHandle;

use crate::{Notice, ProcessId};

/// What comes from the other processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Notice(ProcessId, Notice),
    /// Something was missed, or listening has only begun: what matters is to be read again.
    Gap,
}

/// Everything that other processes tell from the moment of listening on.
#[derive(Debug)]
pub struct Feed(pub(crate) Source);

#[derive(Debug)]
pub(crate) enum Source {
    Memory { notices: broadcast::Receiver<(ProcessId, Notice)>, me: ProcessId, has_begun: bool },
    Redis { notices: mpsc::Receiver<Heard>, _listening: AbortOnDropHandle<()> },
}

impl Feed {
    /// The next; `None` when there can be no more.
    pub async fn next(&mut self) -> Option<Heard> {
        match &mut self.0 {
            Source::Redis { notices, .. } => notices.recv().await,
            Source::Memory { has_begun: has_begun @ false, .. } => {
                *has_begun = true;
                Some(Heard::Gap)
            }
            Source::Memory { notices, me, .. } => loop {
                match notices.recv().await {
                    Ok((from, _)) if from == *me => {}
                    Ok((from, notice)) => return Some(Heard::Notice(from, notice)),
                    Err(broadcast::error::RecvError::Lagged(_)) => return Some(Heard::Gap),
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            },
        }
    }
}
