//! The reading half of a connection (RFC 6455 §6.2), for a thread of its own.
//!
//! ```text
//!   read_event ─▶ Inbound: is there an event? ── yes ─▶ the user
//!        ▲                      │ no
//!        │                      ▼
//!        └────── flush what this thread has written; block in recv
//! ```
//!
//! The receiver owns the connection: when it is dropped, the connection is closed.
//!
//! For the next editor: here is only the waiting. What to do with what came, or did not come, is in `inbound`.

use super::flush::{flush_this_thread, gathers_for_many};
use super::inbound::{Inbound, Next, Wait};
use super::loss::Loss;
use crate::Role;
use crate::error::Error;
use crate::proto::{CloseCode, CloseEvent, Event, Message, ReadyState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The reading half of a connection, made by [`WebSocket::split`](crate::WebSocket::split).
///
/// Dropping it closes the connection: it says 1001 if no Close was sent, and waits for the peer's Close for at most
/// [`Config::close_timeout`](crate::Config::close_timeout). Within a [`Server`](crate::Server) the server does that when
/// the handler has returned, with the code that fits how it returned.
pub struct Receiver {
    inbound: Inbound,
    /// The receive timeout that the socket has now.
    recv_timeout: Option<Duration>,
    /// So many receives did not wait, since this thread holds a burst for many.
    looks: u32,
    /// When a wait with a deadline found the peer silent; see `deadline`.
    pub(super) silent_since: Option<Instant>,
    /// Where a server wants the connection back when the handler drops it.
    home: Option<Arc<Home>>,
}

impl Receiver {
    pub(super) fn new(inbound: Inbound) -> Receiver {
        Receiver { inbound, recv_timeout: None, looks: 0, silent_since: None, home: None }
    }

    /// Waits for the next message: `None` when the connection has ended cleanly (§7.1.4). Pings are answered on the
    /// way. The message is lent until the next read; [`Message::into_owned`] keeps it.
    ///
    /// Before it blocks, everything that this thread has written, to any connection, is flushed.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] if the peer broke a rule (it has been told), [`Error::ConnectionLost`] if the connection ended
    /// without a Close, [`Error::Timeout`] if the peer fell silent, [`Error::Io`]. After an error, reads give `None`.
    pub fn read(&mut self) -> Result<Option<Message<'_>>, Error> {
        while self.wait_for_event()? {
            if self.inbound.has_message() {
                return self.inbound.take_message();
            }
            self.inbound.take_event()?;
        }
        Ok(None)
    }

    /// Like [`read`](Self::read), but gives pings, pongs and the peer's Close too. Each has been answered already.
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        if self.wait_for_event()? { self.inbound.take_event() } else { Ok(None) }
    }

    /// Waits until [`Inbound::take_message`] will not fail. `false` when the connection has ended cleanly. For callers
    /// that have something else to do in that case: a message that is lent cannot be given out of the middle of a loop.
    pub(in crate::net) fn wait_for_message(&mut self) -> Result<bool, Error> {
        while self.wait_for_event()? {
            if self.inbound.has_message() {
                return self.inbound.check_message();
            }
            self.inbound.take_event()?;
        }
        Ok(false)
    }

    /// The state in the words of the WebSocket API.
    pub fn ready_state(&self) -> ReadyState {
        self.inbound.outgoing.ready_state()
    }

    /// How the connection ended, once reads give `None`; until then 1006, since there was no Close yet.
    pub fn close_event(&self) -> CloseEvent {
        self.inbound.outgoing.close_event()
    }

    /// What to do once there is an event.
    pub(in crate::net) fn inbound(&mut self) -> &mut Inbound {
        &mut self.inbound
    }

    /// From now on a drop leaves the connection in the home that is returned.
    pub(in crate::net) fn with_home(&mut self) -> Arc<Home> {
        self.home.get_or_insert_default().clone()
    }

    /// Ends the connection in order: our Close unless it was sent, the peer's, everything that is queued, TCP. Takes at
    /// most the close timeout.
    pub(in crate::net) fn finish(&mut self, code: CloseCode, reason: &'static str) {
        flush_this_thread();
        self.inbound.start_leaving(code, reason);
        self.wait_for_end();
    }

    /// Advances the decoder, receiving as needed, until it has a verdict. `false` at the end of the connection.
    #[inline]
    pub(super) fn wait_for_event(&mut self) -> Result<bool, Error> {
        loop {
            match self.inbound.next() {
                Next::Event => return Ok(true),
                Next::Input => self.receive()?,
                // RFC 6455 §5.5.1/m §7.1.1/a: the server's part is done by whoever drops this.
                Next::Closed if self.inbound.outgoing.role == Role::Client => self.wait_for_end(),
                Next::Closed | Next::Nothing => return Ok(false),
            }
        }
    }

    pub(super) fn wait_for_end(&mut self) {
        while let Some(wait) = self.inbound.leave() {
            match wait {
                Wait::Input => drop(self.receive()),
                Wait::Output => drop(self.inbound.outgoing.wait_until_sent(None)),
            }
        }
    }

    /// Looks for input without sleeping, for as long as the configuration says.
    fn spin(&mut self) -> Result<bool, Error> {
        let until = Instant::now() + self.inbound.outgoing.config.spin;
        while Instant::now() < until {
            if self.inbound.receive_now()? {
                return Ok(true);
            }
            std::hint::spin_loop();
        }
        Ok(false)
    }

    /// Receives once, after flushing what this thread has written.
    pub(super) fn receive(&mut self) -> Result<(), Error> {
        // A burst for many is worth a look: what is there by now, the rest of its last message or what had no room in a buffer
        // that grows, leaves with the others, and not in one more system call for each of the many. But somebody waits for it.
        let expected = self.inbound.is_in_progress() || self.inbound.may_have_more();
        if expected && gathers_for_many() && self.looks < MOST_LOOKS {
            self.looks += 1;
            if self.inbound.receive_now()? {
                return Ok(());
            }
        }
        self.looks = 0;
        flush_this_thread();
        self.silent_since = None;
        if !self.inbound.outgoing.config.spin.is_zero() && self.spin()? {
            return Ok(());
        }
        loop {
            let patience = self.inbound.patience()?;
            self.set_recv_timeout(patience)?;
            if self.inbound.receive()? {
                return Ok(());
            }
            self.inbound.on_silence()?;
        }
    }

    /// How long the next receive may block.
    pub(super) fn set_recv_timeout(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        if timeout != self.recv_timeout {
            let set = self.inbound.outgoing.transport.set_recv_timeout(timeout);
            set.map_err(|error| self.inbound.lost(Loss::Io(error.kind())))?;
            self.recv_timeout = timeout;
        }
        Ok(())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // RFC 6455 §7.1.7/h §7.2.1/c §7.3/b §7.3/c: the application wants it so, and nobody else does.
        match self.home.take() {
            None if std::thread::panicking() => self.finish(CloseCode::INTERNAL_ERROR, ""),
            None => self.finish(CloseCode::GOING_AWAY, ""),
            Some(home) => home.put(Receiver {
                inbound: self.inbound.take(),
                recv_timeout: self.recv_timeout,
                looks: 0,
                silent_since: self.silent_since,
                home: None,
            }),
        }
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("inbound", &self.inbound).finish()
    }
}

/// A buffer of 2 KiB that is always filled has its full size after so many receives.
const MOST_LOOKS: u32 = 5;

/// Where a server finds the connection that its handler has dropped, to close it with the code that fits.
#[derive(Default)]
pub(in crate::net) struct Home(Mutex<Option<Receiver>>);

impl Home {
    fn put(&self, receiver: Receiver) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(receiver);
    }

    pub fn take(&self) -> Option<Receiver> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
