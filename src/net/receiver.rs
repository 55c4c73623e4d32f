//! The reading half of a connection (RFC 6455 §6.2), and how a connection ends.
//!
//! ```text
//!   read_event ─▶ Decoder: is there an event? ── yes ─▶ answer it if the protocol says so ─▶ the user
//!        ▲                      │ no
//!        │                      ▼
//!        │        flush what this thread has written; wait for input, with a deadline
//!        └───────── input ──────┤
//!                               ├─ silence: a Ping (§5.5.2), then the connection counts as lost
//!                               └─ the end: clean after both Closes (§7.1.4), otherwise lost (1006)
//! ```
//!
//! The receiver owns the connection: when it is dropped, the connection is closed.
//!
//! For the next editor: the peer's bytes are judged in [`Decoder`], what is owed is sent by `Outgoing`; here is only
//! the waiting. That is why an event loop can use the same parts.

use super::flush::flush_this_thread;
use super::outgoing::{Loss, Outgoing};
use super::transport::{discard_until, is_timeout};
use crate::Role;
use crate::error::{Error, Timeout};
use crate::proto::{
    CloseCode, CloseEvent, Decoder, Event, Heartbeat, Message, Progress, ReadyState, Silence,
};
use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The reading half of a connection, made by [`WebSocket::split`](crate::WebSocket::split).
///
/// Dropping it closes the connection: it says 1001 if no Close was sent, and waits for the peer's Close for at most
/// [`Config::close_timeout`](crate::Config::close_timeout). Within a [`Server`](crate::Server) the server does that when
/// the handler has returned, with the code that fits how it returned.
pub struct Receiver {
    decoder: Decoder,
    outgoing: Arc<Outgoing>,
    heartbeat: Heartbeat,
    /// The receive timeout that the socket has now.
    recv_timeout: Option<Duration>,
    phase: Phase,
    /// Where a server wants the connection back when the handler drops it.
    home: Option<Arc<Home>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reading,
    /// The peer's Close has been told to the user; what is left is the end of the TCP connection.
    CloseTold,
    /// Reads give `None`.
    Over,
    /// Nothing is left to be done.
    Finished,
}

impl Receiver {
    pub(super) fn new(decoder: Decoder, outgoing: Arc<Outgoing>) -> Receiver {
        let heartbeat = Heartbeat::new(&outgoing.config);
        Receiver { decoder, outgoing, heartbeat, recv_timeout: None, phase: Phase::Reading, home: None }
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
            if self.decoder.has_message() {
                break;
            }
            take_event(&mut self.decoder, &self.outgoing, &mut self.phase)?;
        }
        match take_event(&mut self.decoder, &self.outgoing, &mut self.phase)? {
            Some(Event::Message(message)) => Ok(Some(message)),
            _ => Ok(None),
        }
    }

    /// Like [`read`](Self::read), but gives pings, pongs and the peer's Close too. Each has been answered already.
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.wait_for_event()?;
        take_event(&mut self.decoder, &self.outgoing, &mut self.phase)
    }

    /// The state in the words of the WebSocket API.
    pub fn ready_state(&self) -> ReadyState {
        self.outgoing.ready_state()
    }

    /// How the connection ended, once reads give `None`; until then 1006, since there was no Close yet.
    pub fn close_event(&self) -> CloseEvent {
        self.outgoing.close_event()
    }

    /// From now on a drop leaves the connection in the home that is returned.
    pub(super) fn with_home(&mut self) -> Arc<Home> {
        self.home.get_or_insert_default().clone()
    }

    /// Ends the connection in order: our Close unless it was sent, the peer's, everything that is queued, TCP. Takes at
    /// most the close timeout.
    pub(super) fn finish(&mut self, code: CloseCode, reason: &'static str) {
        if self.phase == Phase::Finished {
            return;
        }
        flush_this_thread();
        self.outgoing.close_with(code, reason);
        while let Ok(Some(_)) = self.read_event() {}
        self.outgoing.wait_until_sent();
        if self.outgoing.loss().is_none() {
            // RFC 6455 §7.1.1/a §5.5.1/l: the peer may be sending still, and a reset would destroy our last words.
            if self.outgoing.role == Role::Server {
                let _ = self.outgoing.transport.shutdown(Shutdown::Write);
            }
            self.discard();
        }
        self.outgoing.end();
        self.phase = Phase::Finished;
    }

    /// Advances the decoder, receiving as needed, until it has a verdict. `false` at the end of the connection.
    #[inline]
    fn wait_for_event(&mut self) -> Result<bool, Error> {
        loop {
            match self.phase {
                Phase::Reading if self.decoder.advance() == Progress::Ready => return Ok(true),
                Phase::Reading => self.receive().inspect_err(|_| self.phase = Phase::Over)?,
                Phase::CloseTold => self.wait_for_tcp_end(),
                Phase::Over | Phase::Finished => return Ok(false),
            }
        }
    }

    /// Receives once, after flushing what this thread has written.
    fn receive(&mut self) -> Result<(), Error> {
        flush_this_thread();
        loop {
            self.set_recv_timeout()?;
            match self.outgoing.transport.recv(self.decoder.recv_space()) {
                // RFC 6455 §7.2.1/b
                Ok(0) => return Err(self.lost(Loss::Io(io::ErrorKind::ConnectionReset))),
                Ok(n) => {
                    self.decoder.received(n);
                    self.heartbeat.sign_of_life();
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => self.on_silence()?,
                Err(error) => return Err(self.lost(Loss::Io(error.kind()))),
            }
        }
    }

    /// The next read may wait for the heartbeat's patience, or for what the closing handshake has left.
    fn set_recv_timeout(&mut self) -> Result<(), Error> {
        let patience = match self.outgoing.close_deadline() {
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                // RFC 6455 §5.5.1/n §7.1.1/d
                if left.is_zero() {
                    return Err(self.lost(Loss::Timeout(Timeout::Close)));
                }
                Some(left)
            }
            None => self.heartbeat.patience(),
        };
        if patience != self.recv_timeout {
            self.outgoing.transport.set_recv_timeout(patience)?;
            self.recv_timeout = patience;
        }
        Ok(())
    }

    fn on_silence(&mut self) -> Result<(), Error> {
        if self.outgoing.close_deadline().is_some() {
            return Ok(()); // the next look at the deadline decides
        }
        self.decoder.release_memory();
        self.outgoing.release_memory();
        match self.heartbeat.silence() {
            Silence::Ping => {
                // RFC 6455 §5.5.2/d
                let _ = self.outgoing.control(|output| output.ping(b""));
                Ok(())
            }
            // RFC 6455 §7.1.7/h: this is what a lost connection looks like.
            Silence::Lost => Err(self.lost(Loss::Timeout(Timeout::Pong))),
        }
    }

    /// The connection is lost; if somebody else found that out first, for their reason.
    fn lost(&self, loss: Loss) -> Error {
        self.outgoing.cut(loss);
        self.outgoing.loss().unwrap_or(loss).into()
    }

    /// Both Closes are through. The server closes TCP first; a client waits for that (§7.1.1).
    fn wait_for_tcp_end(&mut self) {
        // RFC 6455 §5.5.1/m §7.1.1/a §7.1.1/f
        if self.outgoing.role == Role::Client {
            self.outgoing.wait_until_sent();
            self.discard();
            self.outgoing.end();
        }
        self.phase = Phase::Over;
    }

    fn discard(&self) {
        // RFC 6455 §5.5.1/n §7.1.1/d: not beyond the deadline.
        if let Some(deadline) = self.outgoing.close_deadline() {
            discard_until(&*self.outgoing.transport, deadline);
        }
    }
}

/// What the decoder has come to, after doing what it obliges us to. A function of its own since the event borrows the
/// decoder alone.
#[inline]
fn take_event<'a>(
    decoder: &'a mut Decoder,
    outgoing: &Arc<Outgoing>,
    phase: &mut Phase,
) -> Result<Option<Event<'a>>, Error> {
    match decoder.event() {
        Ok(Some(event)) => {
            // RFC 6455 §5.5.1/i §5.5.2/c §6.2/b
            outgoing.on_event(&event);
            if matches!(event, Event::Close(_)) {
                *phase = Phase::CloseTold;
            }
            Ok(Some(event))
        }
        Ok(None) => Ok(None),
        Err(error) => {
            // RFC 6455 §7.1.7/a §7.1.7/c §7.1.7/g §7.2.1/a
            outgoing.on_failure(error);
            *phase = Phase::Over;
            Err(error.into())
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // RFC 6455 §7.1.7/h §7.2.1/c §7.3/b §7.3/c: the application wants it so, and nobody else does.
        match self.home.take() {
            None if std::thread::panicking() => self.finish(CloseCode::INTERNAL_ERROR, ""),
            None => self.finish(CloseCode::GOING_AWAY, ""),
            Some(home) => {
                let decoder = Decoder::new(self.outgoing.role, &self.outgoing.config);
                home.put(Receiver {
                    decoder: std::mem::replace(&mut self.decoder, decoder),
                    outgoing: self.outgoing.clone(),
                    heartbeat: self.heartbeat.clone(),
                    recv_timeout: self.recv_timeout,
                    phase: self.phase,
                    home: None,
                });
            }
        }
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("role", &self.outgoing.role).field("phase", &self.phase).finish()
    }
}

/// Where a server finds the connection that its handler has dropped, to close it with the code that fits.
#[derive(Default)]
pub(super) struct Home(Mutex<Option<Receiver>>);

impl Home {
    fn put(&self, receiver: Receiver) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(receiver);
    }

    pub fn take(&self) -> Option<Receiver> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
