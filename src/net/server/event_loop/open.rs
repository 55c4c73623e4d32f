//! A connection of an event loop whose opening handshake is over: its turns.
//!
//! ```text
//!   the backlog, if there is one ─▶ receive once ─▶ each event to the handler ─▶ is anything overdue? ─▶ wait
//!                                                           │ the end, or an error
//!                                                           ▼
//!                                                on_error ─▶ leave, turn by turn ─▶ on_close ─▶ gone
//! ```

use crate::error::Error;
use crate::handshake::Request;
use crate::net::connection::drain::Drained;
use crate::net::connection::flush::{Turn, flush_connections, set_turn};
use crate::net::connection::handler::{Handler, tell};
use crate::net::connection::inbound::{Inbound, Next, Wait};
use crate::net::connection::sender::Sender;
use crate::net::server::connections::Place;
use crate::net::server::server_error::ServerError;
use crate::net::server::service::Service;
use crate::proto::CloseCode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(in crate::net) type NewHandler = dyn Fn(&Request) -> Box<dyn Handler> + Send + Sync;

pub(super) struct Open {
    inbound: Inbound,
    sender: Sender,
    /// Until it was told of the end.
    handler: Option<Box<dyn Handler>>,
    leaving: bool,
    last_input: Instant,
    /// Until when the network has time to take something of the backlog.
    write_deadline: Option<Instant>,
    _place: Place,
}

/// What a connection makes use of in its turn.
pub(super) struct Surroundings<'a> {
    pub service: &'a Arc<Service>,
    pub new_handler: &'a NewHandler,
    /// The buffer that all connections of a worker receive into.
    pub buffer: &'a mut Vec<u8>,
    pub now: Instant,
}

/// What the system has told about a socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Readiness {
    /// Input may be waiting.
    pub readable: bool,
    /// The peer has ended. It is told once, so this is for the rest of the time.
    pub ended: bool,
}

impl Readiness {
    /// Something was received; `filled` if it filled its space. The system tells again only of what comes
    /// later, and of the peer's end not at all.
    pub fn after_receive(&mut self, filled: bool) {
        self.readable = filled || self.ended;
    }
}

/// What comes after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Something must happen first.
    Wait,
    /// There may be more to do at once.
    Again,
    Gone,
}

impl Open {
    pub fn new(inbound: Inbound, sender: Sender, place: Place, now: Instant) -> Open {
        place.open(&sender);
        Open {
            inbound,
            sender,
            handler: None,
            leaving: false,
            last_input: now,
            write_deadline: None,
            _place: place,
        }
    }

    /// Before the first turn.
    pub fn greet(&mut self, request: &Request, peer: SocketAddr, around: &Surroundings<'_>) -> After {
        set_turn(Turn::Of(self.inbound.outgoing.id()));
        let handler = self.handler.insert((around.new_handler)(request));
        if let Err(error) = handler.on_open(&self.sender, request) {
            self.end(Err(error), peer, around.service);
            return After::Again;
        }
        After::Wait
    }

    pub fn turn(
        &mut self,
        readiness: &mut Readiness,
        peer: SocketAddr,
        around: &mut Surroundings<'_>,
    ) -> After {
        set_turn(Turn::Of(self.inbound.outgoing.id()));
        let after = self.take_turn(readiness, peer, around);
        flush_connections(); // while its memory is at hand
        after
    }

    fn take_turn(
        &mut self,
        readiness: &mut Readiness,
        peer: SocketAddr,
        around: &mut Surroundings<'_>,
    ) -> After {
        self.drain();
        if !self.leaving {
            match self.talk(readiness, around) {
                Ok(Some(after)) => return after,
                Ok(None) => self.end(Ok(()), peer, around.service),
                Err(error) => self.end(Err(error), peer, around.service),
            }
        }
        self.leave(readiness)
    }

    /// When to take a turn even if nothing happens.
    pub fn deadline(&self) -> Option<Instant> {
        let read_deadline = self.inbound.deadline(self.last_input);
        read_deadline.into_iter().chain(self.write_deadline).min()
    }

    /// The handler has panicked.
    pub fn on_panic(&mut self) {
        self.start_leaving(CloseCode::INTERNAL_ERROR);
        self.handler = None;
    }

    /// Gives back a buffer that is lent while the handler runs.
    pub fn give_back(&mut self, buffer: &mut Vec<u8>) {
        self.inbound.give_back(buffer);
    }

    /// Receives once and tells the handler what has come. `None` when nothing more will come.
    fn talk(
        &mut self,
        readiness: &mut Readiness,
        around: &mut Surroundings<'_>,
    ) -> Result<Option<After>, Error> {
        self.inbound.lend(around.buffer);
        let after = self.read(readiness, around.now);
        self.inbound.give_back(around.buffer);
        if after.as_ref().is_ok_and(Option::is_some) {
            self.keep_time(around.now)?;
        }
        after
    }

    fn read(&mut self, readiness: &mut Readiness, now: Instant) -> Result<Option<After>, Error> {
        // The beginning of a large message, and the rest of it, which was measured to be quicker (manual::speed).
        let mut receives_left = 2;
        // Who does not take our messages may wait with theirs.
        while !self.inbound.outgoing.is_full() {
            match self.inbound.next() {
                Next::Event => {
                    let Some(handler) = &mut self.handler else { return Ok(None) };
                    tell(&mut **handler, &self.sender, &mut self.inbound)?;
                    receives_left = 0;
                }
                Next::Input if !readiness.readable => return Ok(Some(After::Wait)),
                Next::Input if receives_left == 0 => return Ok(Some(After::Again)),
                Next::Input => {
                    receives_left -= 1;
                    if self.inbound.receive()? {
                        self.last_input = now;
                        readiness.after_receive(self.inbound.may_have_more());
                    } else {
                        readiness.readable = false;
                    }
                }
                Next::Closed | Next::Nothing => return Ok(None),
            }
        }
        Ok(Some(After::Wait))
    }

    /// Sends of the backlog what the network takes now.
    fn drain(&mut self) {
        let outgoing = &self.inbound.outgoing;
        self.write_deadline = match outgoing.is_draining() {
            true => match outgoing.drain_some(|bytes| outgoing.transport.try_send(bytes)) {
                Drained::All => None,
                Drained::Until(deadline) => Some(deadline),
            },
            false => None,
        };
    }

    /// If nothing has come for too long, finds out what that means.
    fn keep_time(&mut self, now: Instant) -> Result<(), Error> {
        if self.inbound.deadline(self.last_input).is_some_and(|deadline| deadline <= now) {
            self.inbound.patience()?;
            // Who is not listened to is not silent.
            if !self.inbound.outgoing.is_full() {
                self.inbound.on_silence()?;
            }
            self.last_input = now;
        }
        Ok(())
    }

    fn end(&mut self, result: Result<(), Error>, peer: SocketAddr, service: &Service) {
        // RFC 6455 §7.3/c
        let code = if result.is_ok() { CloseCode::NORMAL } else { CloseCode::INTERNAL_ERROR };
        if let Err(error) = result {
            if let Some(handler) = &mut self.handler {
                handler.on_error(&self.sender, &error);
            }
            service.report(ServerError::Connection { peer, error: &error });
        }
        self.start_leaving(code);
    }

    fn start_leaving(&mut self, code: CloseCode) {
        self.leaving = true;
        self.inbound.start_leaving(code, "");
    }

    fn leave(&mut self, readiness: &mut Readiness) -> After {
        let mut received = false;
        loop {
            let wait = self.inbound.leave();
            if self.inbound.is_over()
                && let Some(mut handler) = self.handler.take()
            {
                handler.on_close(&self.sender, &self.sender.close_event());
            }
            match wait {
                None => return After::Gone,
                Some(Wait::Input) if self.inbound.patience().is_err() => {} // no time is left
                Some(Wait::Input) if !readiness.readable => return After::Wait,
                Some(Wait::Input) if received => return After::Again,
                Some(Wait::Input) => {
                    received = self.inbound.receive().unwrap_or(true);
                    readiness.readable = received;
                }
                Some(Wait::Output) => {
                    // Another thread is sending the last of it, and has nobody to tell.
                    self.write_deadline.get_or_insert(Instant::now() + MOMENT);
                    return After::Wait;
                }
            }
        }
    }
}

/// When to look again for the end of another thread's system call.
const MOMENT: Duration = Duration::from_millis(1);
