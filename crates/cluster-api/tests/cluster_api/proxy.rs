use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// What stands between a client and the service: it cuts connections, and leads new ones elsewhere.
pub(crate) struct Proxy {
    pub(crate) url: String,
    way: Arc<Mutex<Way>>,
}

struct Way {
    to: SocketAddr,
    cut: CancellationToken,
}

impl Proxy {
    pub(crate) async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let way = Arc::new(Mutex::new(Way { to: address(url), cut: CancellationToken::new() }));
        tokio::spawn(accept(listener, Arc::clone(&way)));
        Self { url: own, way }
    }

    /// Cuts every connection; those that come later lead to `url`.
    pub(crate) fn cut_and_lead_to(&self, url: &str) {
        let mut way = self.way.lock().unwrap();
        std::mem::take(&mut way.cut).cancel();
        way.to = address(url);
    }
}

async fn accept(listener: TcpListener, way: Arc<Mutex<Way>>) {
    while let Ok((mut client, _)) = listener.accept().await {
        let (to, cut) = {
            let way = way.lock().unwrap();
            (way.to, way.cut.clone())
        };
        tokio::spawn(cut.run_until_cancelled_owned(async move {
            if let Ok(mut service) = TcpStream::connect(to).await {
                let _ = copy_bidirectional(&mut client, &mut service).await;
            }
        }));
    }
}

fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").parse().unwrap()
}
