use std::net::SocketAddr;

use headstart_types::SignedValidatorRegistration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Posts one body as a beacon node does, and insists on 200.
pub(crate) async fn post_registrations(addr: SocketAddr, registrations: &[SignedValidatorRegistration]) {
    let body = serde_json::to_vec(registrations).unwrap();
    let head = format!(
        "POST /eth/v1/builder/validators HTTP/1.1\r\nHost: headstart\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
}
