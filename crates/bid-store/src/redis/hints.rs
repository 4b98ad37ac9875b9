//! Hints on their way to fetchers: a stream that one group of consumers reads, so that each hint has one fetcher; what a
//! fetcher held that has died is another's after a while.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};
use redis::{FromRedisValue, RedisError};

use super::{Redis, millis};
use crate::envelope::{ANYWHERE, Envelope, Order};
use crate::hints::{HintId, Life, TakenHint};
use crate::{Notice, SharedHint};

const GROUP: &str = "fetchers";
const FIELD: &str = "hint";
/// The identifier before all others.
const BEGINNING: &str = "0-0";
/// Taken in one go.
const AT_ONCE: usize = 256;
/// The stream is cut to about so many: those of all slots to come from thousands of clusters.
const KEPT: usize = 65_536;

impl Redis {
    /// Whether the hint is on the stream.
    pub(crate) async fn put_hint(&self, hint: &SharedHint) -> bool {
        let sealed = self.envelope.seal(ANYWHERE, Order::default(), &hint.to_bytes());
        let notice = self.seal(Order::default(), &Notice::Hinted);
        let put = async |mut to: MultiplexedConnection| {
            let mut both = redis::pipe();
            both.cmd("XADD")
                .arg(self.keys.hints())
                .arg("MAXLEN")
                .arg("~")
                .arg(KEPT)
                .arg("*")
                .arg(FIELD)
                .arg(&sealed);
            both.cmd("PUBLISH").arg(self.keys.channel()).arg(&notice);
            both.query_async::<redis::Value>(&mut to).await
        };
        self.link.call("put a hint on the stream", put).await.is_some()
    }

    /// Whoever finds the server without a life gives it one, which nothing evicts that spares what never expires.
    pub(crate) async fn life(&self) -> Option<Life> {
        let (name, anew) = (self.keys.life(), rand::random::<[u8; 16]>());
        let ask = async |mut of: MultiplexedConnection| {
            let mut both = redis::pipe();
            both.set_nx(&name, anew.as_slice()).ignore().get(&name);
            both.query_async::<(Vec<u8>,)>(&mut of).await
        };
        self.link.call("ask since when it holds what it holds", ask).await.map(|(life,)| Life(life))
    }

    /// Hints that no fetcher has taken yet.
    pub(crate) async fn take_hints(&self) -> Vec<TakenHint> {
        let mut read = redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(self.consumer()).arg("COUNT").arg(AT_ONCE);
        read.arg("STREAMS").arg(self.keys.hints()).arg(">");
        let reply: Option<Option<StreamReadReply>> = self.ask_group("take hints", &read).await;
        let keys = reply.flatten().unwrap_or_default().keys;
        keys.into_iter().flat_map(|key| key.ids).map(|entry| taken(&self.envelope, entry)).collect()
    }

    /// Hints whose fetcher has not said for so long that it keeps them. One call looks at some of all that are held, and
    /// the next one goes on where it ended.
    pub(crate) async fn reclaim_hints(&self, silent_for: Duration) -> Vec<TakenHint> {
        let mut claim = redis::cmd("XAUTOCLAIM");
        let from = self.silent_from().clone();
        claim.arg(self.keys.hints()).arg(GROUP).arg(self.consumer()).arg(millis(silent_for));
        claim.arg(from.as_deref().unwrap_or(BEGINNING)).arg("COUNT").arg(AT_ONCE);
        let reply: Option<StreamAutoClaimReply> = self.ask_group("reclaim hints", &claim).await;
        let Some(StreamAutoClaimReply { next_stream_id, claimed, .. }) = reply else { return Vec::new() };
        *self.silent_from() = Some(next_stream_id);
        // Whoever has just started, or meets with a dead fetcher, is most likely to find something.
        if from.is_none() || !claimed.is_empty() {
            self.forget_consumers(silent_for).await;
        }
        claimed.into_iter().map(|entry| taken(&self.envelope, entry)).collect()
    }

    /// Every start of a fetcher makes a consumer. One that holds nothing and is silent is dead, or is made anew by its next
    /// hint.
    async fn forget_consumers(&self, silent_for: Duration) {
        let mut invocation = self.scripts.forget_consumers.key(self.keys.hints());
        invocation.arg(GROUP).arg(millis(silent_for));
        let forget = async |mut at: MultiplexedConnection| invocation.invoke_async(&mut at).await;
        let _: Option<u64> = self.link.call("forget dead fetchers", forget).await;
    }

    fn silent_from(&self) -> MutexGuard<'_, Option<String>> {
        self.silent_from.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that this process keeps these hints.
    pub(crate) async fn keep_hints(&self, ids: &[HintId]) {
        let mut keep = redis::cmd("XCLAIM");
        keep.arg(self.keys.hints()).arg(GROUP).arg(self.consumer()).arg(0);
        keep.arg(texts(ids));
        keep.arg("JUSTID");
        let _: Option<redis::Value> = self.ask_group("keep hints", &keep).await;
    }

    /// The slots of these hints are over.
    pub(crate) async fn done_with_hints(&self, ids: &[HintId]) {
        let mut both = redis::pipe();
        let ack = both.cmd("XACK").arg(self.keys.hints()).arg(GROUP);
        ack.arg(texts(ids));
        let delete = both.cmd("XDEL").arg(self.keys.hints());
        delete.arg(texts(ids));
        let done = async |mut to: MultiplexedConnection| both.query_async::<redis::Value>(&mut to).await;
        let _: Option<redis::Value> = self.link.call("end hints", done).await;
    }

    /// A command of the group. When the group is gone, the server has lost everything: it is made anew, and everybody is
    /// told, which includes this process.
    async fn ask_group<T: FromRedisValue>(&self, what: &'static str, command: &redis::Cmd) -> Option<T> {
        let ask = async |mut of: MultiplexedConnection| command.query_async(&mut of).await;
        match self.link.try_call(what, ask).await {
            Ok(answer) => Some(answer),
            Err(Some(error)) if is_without_group(&error) => {
                self.create_group().await;
                None
            }
            Err(_) => None,
        }
    }

    async fn create_group(&self) {
        let mut create = redis::cmd("XGROUP");
        create.arg("CREATE").arg(self.keys.hints()).arg(GROUP).arg("0").arg("MKSTREAM");
        let created = async |mut on: MultiplexedConnection| create.query_async::<()>(&mut on).await;
        if self.link.call("create the fetchers' group", created).await.is_some() {
            self.emptied.send_replace(());
            self.tell(&Notice::Emptied).await;
        }
    }

    fn consumer(&self) -> String {
        self.process.to_string()
    }
}

fn is_without_group(error: &RedisError) -> bool {
    error.code() == Some("NOGROUP")
}

/// What cannot be read is taken all the same, so that it leaves the stream.
fn taken(envelope: &Envelope, entry: StreamId) -> TakenHint {
    let sealed: Option<Vec<u8>> = entry.get(FIELD);
    let hint = sealed.and_then(|sealed| SharedHint::from_bytes(envelope.open(ANYWHERE, &sealed)?.body));
    TakenHint { id: HintId(entry.id), hint }
}

fn texts(ids: &[HintId]) -> Vec<&str> {
    ids.iter().map(|id| id.0.as_str()).collect()
}
