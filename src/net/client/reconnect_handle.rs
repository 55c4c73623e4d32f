//! What other threads have of a client that connects again: its present connection to send on, and a way to stop it.
//!
//! ```text
//!   Reconnect ─ publish, withdraw ─▶ Link ◀─ send, stop ─ ReconnectHandle, in any thread
//!       └────── wait: a delay, until somebody stops it
//! ```

use crate::error::Error;
use crate::net::connection::sender::Sender;
use crate::proto::{CloseCode, Message, ReadyState};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Sends on whatever connection a [`Reconnect`](crate::Reconnect) has, and stops it; for any thread. Made by
/// [`handle`](crate::Reconnect::handle).
///
/// ```no_run
/// # use clearsocket::{Client, Reconnect};
/// let mut ws = Reconnect::new(Client::new(), "ws://127.0.0.1:9001/");
/// let handle = ws.handle();
/// std::thread::spawn(move || {
///     if handle.send("hello").is_err() {
///         eprintln!("not sent: there is no connection now");
///     }
///     handle.stop();
/// });
/// while ws.read()?.is_some() {} // until it is stopped
/// # Ok::<(), clearsocket::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ReconnectHandle {
    link: Arc<Link>,
}

impl ReconnectHandle {
    pub(super) fn new(link: Arc<Link>) -> ReconnectHandle {
        ReconnectHandle { link }
    }

    /// Sends a message on the connection that there is. See [`Reconnect::send`](crate::Reconnect::send).
    pub fn send<'a>(&self, message: impl Into<Message<'a>>) -> Result<(), Error> {
        self.link.sender()?.send(message)
    }

    /// The sender of the connection that there is, if there is one.
    pub fn sender(&self) -> Option<Sender> {
        self.link.sender().ok()
    }

    /// Ends it: the connection is closed with 1000, a delay is cut short, and [`read`](crate::Reconnect::read) gives `None`. An
    /// attempt that is under way comes to its own end, at the latest after
    /// [`Config::handshake_timeout`](crate::Config::handshake_timeout).
    pub fn stop(&self) {
        if let Some(sender) = self.link.end() {
            let _ = sender.close(CloseCode::NORMAL, "");
        }
    }
}

/// What a [`Reconnect`](crate::Reconnect) and its handles share.
#[derive(Debug, Default)]
pub(super) struct Link {
    state: Mutex<LinkState>,
    stopped: Condvar,
}

#[derive(Debug, Default)]
struct LinkState {
    sender: Option<Sender>,
    stopped: bool,
}

impl Link {
    pub fn sender(&self) -> Result<Sender, Error> {
        let state = self.lock();
        let ready_state = if state.stopped { ReadyState::Closed } else { ReadyState::Connecting };
        state.sender.clone().ok_or(Error::NotOpen(ready_state))
    }

    /// Lets others send on a connection. `false` if it is not wanted any more.
    pub fn publish(&self, sender: Sender) -> bool {
        let mut state = self.lock();
        if !state.stopped {
            state.sender = Some(sender);
        }
        !state.stopped
    }

    pub fn withdraw(&self) {
        self.lock().sender = None;
    }

    /// There will be no connection any more. Gives the one that there is.
    pub fn end(&self) -> Option<Sender> {
        let mut state = self.lock();
        state.stopped = true;
        self.stopped.notify_all();
        state.sender.take()
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Waits, but not beyond the end.
    pub fn wait(&self, time: Duration) {
        let state = self.lock();
        drop(self.stopped.wait_timeout_while(state, time, |state| !state.stopped));
    }

    fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
