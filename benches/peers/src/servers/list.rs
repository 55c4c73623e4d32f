//! The list of servers, by name and by what they do.

use super::{
    fastwebsockets, raw_broadcast, raw_epoll, raw_threads, sockudo_ws, tokio_websockets, tungstenite,
};
use crate::Result;
use std::net::TcpListener;

/// What a server is, and how it is started.
pub struct Server {
    /// Its name in the tables.
    pub name: &'static str,
    /// What it does: `echo`, `broadcast` or `handshakes`.
    pub mode: &'static str,
    /// It knows nothing of WebSocket.
    pub raw: bool,
    /// Serves for ever.
    pub serve: fn(TcpListener) -> Result,
}

/// All of them.
pub const SERVERS: [Server; 15] = [
    raw("raw-threads", "echo", raw_threads::echo),
    raw("raw-epoll", "echo", raw_epoll::echo),
    websocket("raw-threads", "handshakes", raw_threads::handshakes),
    websocket("raw-thread-pool", "handshakes", raw_threads::handshakes_pooled),
    raw("raw-write-batch", "broadcast", raw_broadcast::batch),
    raw("raw-write-each", "broadcast", raw_broadcast::each),
    websocket("tungstenite", "echo", tungstenite::echo),
    websocket("tungstenite", "broadcast", tungstenite::broadcast),
    websocket("tungstenite-channels", "broadcast", tungstenite::broadcast_by_channels),
    websocket("fastwebsockets", "echo", fastwebsockets::echo),
    websocket("fastwebsockets", "broadcast", fastwebsockets::broadcast),
    websocket("tokio-websockets", "echo", tokio_websockets::echo),
    websocket("tokio-websockets", "broadcast", tokio_websockets::broadcast),
    websocket("sockudo-ws", "echo", sockudo_ws::echo),
    websocket("sockudo-ws", "broadcast", sockudo_ws::broadcast),
];

/// The server of this name for this mode.
pub fn find(name: &str, mode: &str) -> Option<&'static Server> {
    SERVERS.iter().find(|server| server.name == name && server.mode == mode)
}

const fn raw(name: &'static str, mode: &'static str, serve: fn(TcpListener) -> Result) -> Server {
    Server { name, mode, raw: true, serve }
}

const fn websocket(name: &'static str, mode: &'static str, serve: fn(TcpListener) -> Result) -> Server {
    Server { name, mode, raw: false, serve }
}
