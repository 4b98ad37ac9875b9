use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::Finding;
use crate::Config;

const CHECK: &str = "port";

/// Whether each address can be listened at, by trying.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let (builder, cluster, admin) = (&config.builder_api, &config.cluster_api, &config.admin);
    let addresses = [
        Some(("builder_api.listen", builder.listen)),
        builder.open_listen.map(|addr| ("builder_api.open_listen", addr)),
        cluster.enabled.then_some(("cluster_api.listen", cluster.listen)),
        admin.enabled.then_some(("admin.listen", admin.listen)),
    ];
    addresses.into_iter().flatten().map(|(key, addr)| one(key, addr)).collect()
}

fn one(key: &str, addr: SocketAddr) -> Finding {
    match TcpListener::bind(addr) {
        Ok(_) => Finding::ok(CHECK, format!("{key} {addr}: free")),
        // The service itself may run here.
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let remedy =
                "if it is not headstart that listens there, end the other program or choose another port";
            Finding::warn(CHECK, format!("{key} {addr}: taken"), remedy)
        }
        Err(error) => {
            let remedy =
                format!("write an address of this machine in {key}, with a port that this account may use");
            Finding::fail(CHECK, format!("{key} {addr}: {error}"), remedy)
        }
    }
}
