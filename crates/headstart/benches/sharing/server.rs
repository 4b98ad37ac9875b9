use std::net::TcpListener;

use crate::redis_server::RedisServer;

/// A Redis server at a port, as processes of several machines reach it.
pub(crate) struct Server {
    pub(crate) redis: RedisServer,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let redis = RedisServer::start_with(&["--port", &port.to_string(), "--bind", "127.0.0.1"]);
        Self { redis, port }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}
