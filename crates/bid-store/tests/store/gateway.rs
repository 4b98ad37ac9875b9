//! A way to a server, for faults that only the network has.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::redis_server::RedisServer;

/// Passes connections on, for as long as it lives.
pub(crate) struct Gateway {
    port: u16,
    leads_to: Arc<Mutex<PathBuf>>,
    faults: Faults,
    _accepting: AbortOnDropHandle<()>,
}

#[derive(Clone, Default)]
struct Faults {
    hold: watch::Sender<bool>,
    swallow: watch::Sender<()>,
    cut: watch::Sender<()>,
}

impl Gateway {
    pub(crate) async fn to(server: &RedisServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (leads_to, faults) = (Arc::new(Mutex::new(socket(server))), Faults::default());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&leads_to), faults.clone()));
        Self { port, leads_to, faults, _accepting: AbortOnDropHandle::new(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// New connections are to another server; those that there are stay where they are.
    pub(crate) fn lead_to(&self, server: &RedisServer) {
        *self.leads_to.lock().unwrap() = socket(server);
    }

    /// Nothing passes for now; what waits goes on later.
    pub(crate) fn hold(&self) {
        self.faults.hold.send_replace(true);
    }

    pub(crate) fn let_go(&self) {
        self.faults.hold.send_replace(false);
    }

    /// The connections that there are stay open, and nothing passes over them any more.
    pub(crate) fn swallow(&self) {
        self.faults.swallow.send_replace(());
    }

    /// Those that were swallowed end.
    pub(crate) fn cut(&self) {
        self.faults.cut.send_replace(());
    }
}

async fn accept(listener: TcpListener, leads_to: Arc<Mutex<PathBuf>>, faults: Faults) {
    loop {
        let (from, _) = listener.accept().await.unwrap();
        let to = leads_to.lock().unwrap().clone();
        tokio::spawn(pass_on(from, to, faults.clone()));
    }
}

async fn pass_on(mut from: TcpStream, to: PathBuf, faults: Faults) {
    let (mut held, mut swallowed) = (faults.hold.subscribe(), faults.swallow.subscribe());
    let Ok(mut to) = UnixStream::connect(to).await else { return };
    let mut passing = pin!(copy_bidirectional(&mut from, &mut to));
    loop {
        let is_held = *held.borrow_and_update();
        tokio::select! {
            _ = &mut passing, if !is_held => return,
            Ok(()) = held.changed() => {}
            Ok(()) = swallowed.changed() => {
                let _ = faults.cut.subscribe().changed().await;
                return;
            }
        }
    }
}

fn socket(server: &RedisServer) -> PathBuf {
    server.url().trim_start_matches("redis+unix://").into()
}
