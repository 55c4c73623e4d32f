//! A running server, as whoever started it has it: to ask who is there, and to stop it in order (RFC 6455 §7.3).

use super::connections::Connections;
use super::counters::Counters;
use super::driver::Driver;
use crate::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A running server.
///
/// ```
/// use clearsocket::Server;
/// use std::time::Duration;
/// let server = Server::bind("127.0.0.1:0")?.spawn(|mut ws, _request| {
///     while ws.read()?.is_some() {}
///     Ok(())
/// })?;
/// let (mut ws, _response) = clearsocket::connect(&format!("ws://{}/", server.local_addr()?))?;
/// let client = std::thread::spawn(move || {
///     while let Ok(Some(_)) = ws.read() {}
///     ws.close_event().code
/// });
/// assert!(server.shutdown(Duration::from_secs(5))); // everybody has gone
/// assert_eq!(client.join().unwrap(), 1001);
/// # Ok::<(), clearsocket::Error>(())
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) connections: Arc<Connections>,
}

impl ServerHandle {
    /// The address that it listens on.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.driver.local_addr())
    }

    /// The number of connections, those in their opening handshake among them.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// What this server has done and is doing: for a dashboard, at any time and as often as you like. Nobody who sends or
    /// receives is held up by it, and it takes about as many steps as there are connections.
    ///
    /// ```
    /// # use clearsocket::{Message, Sender, Server};
    /// let server = Server::bind("127.0.0.1:0")?
    ///     .spawn_handlers(|_request| |sender: &Sender, message: Message<'_>| sender.write(message))?;
    /// let (mut ws, _response) = clearsocket::connect(&format!("ws://{}/", server.local_addr()?))?;
    /// ws.send("hello")?;
    /// ws.read()?;
    /// let counters = server.counters();
    /// assert_eq!((counters.open, counters.messages_in, counters.bytes_out), (1, 1, 5));
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    pub fn counters(&self) -> Counters {
        self.connections.counters()
    }

    /// Stops: accepts nobody any more, says 1001 (going away) to everyone, waits up to `grace` for what was queued to
    /// leave and for everybody's Close, and cuts the rest. `true` if everybody had gone by then.
    pub fn shutdown(&self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        self.driver.stop_accepting();
        self.connections.close_all();
        let all_gone = self.connections.wait_until_empty(deadline);
        self.connections.cut_all();
        // The handlers have nothing to wait for now, unless it is something of their own.
        self.driver.threads().wait(Some(Instant::now() + LAST_MOMENT)) && all_gone
    }

    /// Waits until the server has been shut down by another clone of this handle.
    pub fn wait(&self) {
        self.driver.threads().wait(None);
    }
}

impl std::fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerHandle").field("connections", &self.connections()).finish()
    }
}

/// What handlers get to return in after their connections were cut.
const LAST_MOMENT: Duration = Duration::from_secs(1);
