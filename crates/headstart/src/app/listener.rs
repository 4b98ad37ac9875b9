use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

/// Connections waiting to be accepted: slot starts come in bursts.
const BACKLOG: u32 = 4_096;

/// Binds the address of the configuration's `key`; also the address that was bound.
pub(super) fn bind(key: &str, addr: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let bind = |socket: TcpSocket| {
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        let listener = socket.listen(BACKLOG)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    socket
        .and_then(bind)
        .with_context(|| format!("bind {key} {addr}: is it free, and an address of this machine?"))
}
