use std::panic::resume_unwind;

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
    Redis { notices: mpsc::Receiver<Heard>, listening: AbortOnDropHandle<()> },
}

impl Feed {
    /// The next; `None` when there can be no more. What panicked while it listened panics here.
    pub async fn next(&mut self) -> Option<Heard> {
        match &mut self.0 {
            Source::Redis { notices, listening } => match notices.recv().await {
                Some(heard) => Some(heard),
                // Nothing else ends it, and whoever keeps this loop alive is to begin it anew.
                None => match listening.await {
                    Err(panicked) if panicked.is_panic() => resume_unwind(panicked.into_panic()),
                    _ => None,
                },
            },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "on purpose")]
    async fn a_feed_whose_listener_panicked_does_not_just_end() {
        let (tell, notices) = mpsc::channel(1);
        let listening = tokio::spawn(async move {
            tell.send(Heard::Gap).await.unwrap();
            panic!("on purpose");
        });
        let mut feed = Feed(Source::Redis { notices, listening: AbortOnDropHandle::new(listening) });
        assert_eq!(feed.next().await, Some(Heard::Gap));
        feed.next().await;
    }
}
