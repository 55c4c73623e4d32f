//! The reading half of a connection without the waiting (RFC 6455 §6.2), and how a connection ends.
//!
//! ```text
//!   next ─▶ Event ─▶ take_event: answered if the protocol says so, then the user's
//!     │
//!     └───▶ Input ─▶ wait for input, for as long as patience says ─┬─▶ receive
//!                                                                  └─▶ on_silence: a Ping (§5.5.2), later the end (1006)
//!
//!   start_leaving ─▶ leave, again and again: the peer's Close, the rest of our output, the end of TCP (§7.1.1)
//! ```
//!
//! How to wait is up to the driver: a [`Receiver`](crate::Receiver) blocks in `recv`, an event loop asks the system
//! which sockets are ready. On a transport that blocks, `receive` is the waiting; on one that does not, it finds out
//! that there is nothing yet. Both come back here for every decision.
//!
//! For the next editor: the peer's bytes are judged in [`Decoder`], and what is owed is sent by `Outgoing`.

use super::flush::flush_this_thread;
use super::loss::Loss;
use super::outgoing::Outgoing;
use super::pace::Pace;
use super::trace::Span;
use crate::Role;
use crate::error::{Error, ProtocolError, Timeout};
use crate::net::wire::transport::{Discarded, Recv, Transport, discard, is_timeout};
use crate::proto::{CloseCode, Decoder, Event, Heartbeat, Message, Part, Progress, Silence};
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(in crate::net) struct Inbound {
    decoder: Decoder,
    pub outgoing: Arc<Outgoing>,
    heartbeat: Heartbeat,
    pace: Pace,
    phase: Phase,
    span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reading,
    /// In the middle of a message that is handed out in parts.
    InParts,
    /// The peer's Close has been told; what is left is the end of the TCP connection.
    CloseTold,
    /// Nothing more will be read.
    Over,
    /// Everything was said. What still comes is thrown away, until the peer ends TCP too.
    Lingering,
    /// Nothing is left to be done.
    Finished,
}

/// What a reader can do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Next {
    /// [`Inbound::take_event`] has something.
    Event,
    /// More input is needed.
    Input,
    /// The peer has said Close, and that was told.
    Closed,
    /// Nothing will come any more.
    Nothing,
}

/// What a connection that is being left waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Wait {
    /// Something to read.
    Input,
    /// Our output to leave.
    Output,
}

impl Inbound {
    pub fn new(decoder: Decoder, outgoing: Arc<Outgoing>, span: Span) -> Inbound {
        Inbound {
            decoder,
            outgoing,
            heartbeat: Heartbeat::new(),
            pace: Pace::Idle,
            phase: Phase::Reading,
            span,
        }
    }

    /// Moves all there is to another place; what stays behind is never read.
    pub fn take(&mut self) -> Inbound {
        let decoder = Decoder::new(self.outgoing.role, &self.outgoing.config);
        Inbound {
            decoder: std::mem::replace(&mut self.decoder, decoder),
            outgoing: self.outgoing.clone(),
            heartbeat: self.heartbeat.clone(),
            pace: self.pace,
            phase: std::mem::replace(&mut self.phase, Phase::Finished),
            span: self.span.clone(),
        }
    }

    /// Decodes as far as the received bytes allow.
    #[inline(always)] // it is called for every message
    pub fn next(&mut self) -> Next {
        if self.phase == Phase::Reading {
            return match self.decoder.advance() {
                Progress::Ready => Next::Event,
                Progress::NeedInput => Next::Input,
            };
        }
        self.next_otherwise()
    }

    #[cold]
    fn next_otherwise(&mut self) -> Next {
        match self.phase {
            Phase::Reading => Next::Input, // not in here: `next` knows better
            Phase::InParts => self.skip_parts(),
            Phase::CloseTold => Next::Closed,
            Phase::Over | Phase::Lingering | Phase::Finished => Next::Nothing,
        }
    }

    /// Whether the rest of a message in parts is still to come.
    pub fn is_in_parts(&self) -> bool {
        self.phase == Phase::InParts
    }

    /// The next message is to come in parts, of `limit` bytes in all; what has come of it is at hand.
    pub fn begin_parts(&mut self, limit: usize) {
        if self.phase == Phase::Reading {
            self.decoder.begin_parts(limit);
            self.phase = Phase::InParts;
            if let Some(part) = self.decoder.part() {
                self.outgoing.received.part(part.payload.len(), false);
            }
        }
    }

    /// Like [`next`](Self::next); an event may be a [`part`](Self::part) of the message.
    pub fn next_part(&mut self) -> Next {
        if self.phase != Phase::InParts {
            return self.next();
        }
        if self.decoder.advance_part() == Progress::NeedInput {
            return Next::Input;
        }
        if let Some(part) = self.decoder.part() {
            let last = part.last;
            self.pace.pause();
            self.outgoing.received.part(part.payload.len(), last);
            if last {
                self.decoder.end_parts(&self.outgoing.config);
                self.phase = Phase::Reading;
            }
        }
        Next::Event
    }

    /// The part at hand.
    pub fn part(&self) -> Option<Part<'_>> {
        self.decoder.part()
    }

    /// Goes on behind a message of which nobody wants the rest.
    #[cold]
    fn skip_parts(&mut self) -> Next {
        loop {
            match self.next_part() {
                Next::Event if self.phase == Phase::Reading => return self.next(),
                Next::Event if self.decoder.part().is_some() => {}
                next => return next,
            }
        }
    }

    /// Whether the event at hand is a message.
    #[inline]
    pub fn has_message(&self) -> bool {
        self.decoder.has_message()
    }

    /// The event at hand if it is a message: the short way, for a message obliges us to nothing.
    #[inline(always)] // moving a message about costs as much as decoding it
    pub fn take_message(&mut self) -> Result<Option<Message<'_>>, Error> {
        let Inbound { decoder, outgoing, phase, span, .. } = self;
        let message = decoder.message().map_err(|error| fail(outgoing, phase, span, error))?;
        if let Some(message) = &message {
            outgoing.received.message(message.len());
        }
        Ok(message)
    }

    /// Whether [`take_message`](Self::take_message) will give one.
    pub fn check_message(&mut self) -> Result<bool, Error> {
        let message = self
            .decoder
            .message()
            .map_err(|error| fail(&self.outgoing, &mut self.phase, &self.span, error))?;
        Ok(message.is_some())
    }

    /// What the decoder has come to, after doing what it obliges us to.
    pub fn take_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        match self.decoder.event() {
            Ok(Some(event)) => {
                // RFC 6455 §5.5.1/i §5.5.2/c §6.2/b
                self.outgoing.on_event(&event);
                match &event {
                    Event::Message(message) => self.outgoing.received.message(message.len()),
                    Event::Close(_) => self.phase = Phase::CloseTold,
                    Event::Ping(_) | Event::Pong(_) => {}
                }
                Ok(Some(event))
            }
            Ok(None) => Ok(None),
            Err(error) => Err(fail(&self.outgoing, &mut self.phase, &self.span, error)),
        }
    }

    /// Receives once. `false` if nothing was there: on a transport that blocks, not for the whole of the patience.
    #[inline(always)] // after a system call the processor has forgotten where its callers are, and each return costs
    pub fn receive(&mut self) -> Result<bool, Error> {
        self.receive_by(<dyn Transport>::recv)
    }

    /// Whether a message or a frame has begun and is not complete. To be asked when [`next`](Self::next) wants input.
    pub fn is_in_progress(&self) -> bool {
        self.decoder.is_in_progress()
    }

    /// Receives once, if something is there already. `false` if not.
    pub fn receive_now(&mut self) -> Result<bool, Error> {
        self.receive_by(<dyn Transport>::try_recv)
    }

    #[inline(always)] // for `receive`
    fn receive_by(&mut self, recv: Recv) -> Result<bool, Error> {
        if self.phase == Phase::Lingering {
            return Ok(self.discard(recv));
        }
        if self.pace.is_too_slow(self.decoder.is_in_progress(), self.outgoing.config.message_timeout) {
            return Err(fail(&self.outgoing, &mut self.phase, &self.span, ProtocolError::MessageTooSlow));
        }
        loop {
            match recv(&*self.outgoing.transport, self.decoder.recv_space()) {
                // RFC 6455 §7.2.1/b: a peer that has ended its half may still read what it was answered.
                Ok(0) => {
                    flush_this_thread();
                    return Err(self.lost(Loss::Io(io::ErrorKind::ConnectionReset)));
                }
                Ok(n) => {
                    self.decoder.received(n);
                    self.heartbeat.sign_of_life();
                    self.pace.received(n);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Ok(false),
                Err(error) => return Err(self.lost(Loss::Io(error.kind()))),
            }
        }
    }

    /// How long to wait for input: for the heartbeat's patience, or what the closing handshake has left. `None` is for
    /// ever.
    #[inline]
    pub fn patience(&mut self) -> Result<Option<Duration>, Error> {
        let Some(deadline) = self.outgoing.close_deadline() else {
            return Ok(self.heartbeat.patience(&self.outgoing.config));
        };
        let left = deadline.saturating_duration_since(Instant::now());
        // RFC 6455 §5.5.1/n §7.1.1/d
        if left.is_zero() { Err(self.lost(Loss::Timeout(Timeout::Close))) } else { Ok(Some(left)) }
    }

    /// When the patience ends, if something came at `last_input` and nothing since.
    #[cfg(feature = "event-loop")]
    pub fn deadline(&self, last_input: Instant) -> Option<Instant> {
        let patience = || self.heartbeat.patience(&self.outgoing.config);
        self.outgoing.close_deadline().or_else(|| Some(last_input + patience()?))
    }

    /// Receives into `buffer` from now on, unless there is much in a buffer of its own.
    #[cfg(feature = "event-loop")]
    pub fn lend(&mut self, buffer: &mut Vec<u8>) {
        self.decoder.lend(buffer);
    }

    /// Gives the buffer back, and keeps what is incomplete.
    #[cfg(feature = "event-loop")]
    pub fn give_back(&mut self, buffer: &mut Vec<u8>) {
        self.decoder.give_back(buffer);
    }

    /// Whether the last receive took as much as it could.
    pub fn may_have_more(&self) -> bool {
        self.decoder.is_filled()
    }

    /// Nothing more will be read.
    #[cfg(feature = "event-loop")]
    pub fn is_over(&self) -> bool {
        !matches!(self.phase, Phase::Reading | Phase::InParts)
    }

    /// Nothing came for the whole of the patience.
    pub fn on_silence(&mut self) -> Result<(), Error> {
        if self.outgoing.close_deadline().is_some() {
            return Ok(()); // the next look at the patience decides
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
    pub fn lost(&mut self, loss: Loss) -> Error {
        self.phase = Phase::Over;
        self.outgoing.cut(loss);
        let error = self.outgoing.loss().unwrap_or(loss).into();
        self.span.failed(&error);
        error
    }

    /// Begins to end the connection in order, with our Close unless it was sent.
    pub fn start_leaving(&mut self, code: CloseCode, reason: &'static str) {
        if self.phase != Phase::Finished {
            self.outgoing.close_with(code, reason);
        }
    }

    /// Goes on ending the connection, as far as it goes without waiting. `None` when nothing is left to be done, which
    /// takes at most the close timeout.
    pub fn leave(&mut self) -> Option<Wait> {
        loop {
            match self.phase {
                Phase::Reading | Phase::InParts => match self.next() {
                    Next::Input => return Some(Wait::Input),
                    _ => drop(self.take_event()), // nobody is left to be told
                },
                Phase::CloseTold | Phase::Over if !self.outgoing.is_sent() => return Some(Wait::Output),
                Phase::CloseTold | Phase::Over => self.say_no_more(),
                Phase::Lingering => return Some(Wait::Input),
                Phase::Finished => return None,
            }
        }
    }

    /// Everything has left. The server closes TCP first, its sending half; a client waits for that (§7.1.1).
    fn say_no_more(&mut self) {
        if self.outgoing.loss().is_some() {
            return self.finish();
        }
        // RFC 6455 §5.5.1/l §5.5.1/m §7.1.1/a §7.1.1/f: the peer may be sending still, and a reset would destroy our last
        // words.
        if self.outgoing.role == Role::Server {
            let _ = self.outgoing.transport.shutdown(Shutdown::Write);
        }
        self.phase = Phase::Lingering;
    }

    /// Reads once and throws it away; `false` if nothing was there.
    fn discard(&mut self, recv: Recv) -> bool {
        let discarded = discard(&*self.outgoing.transport, recv);
        if discarded == Discarded::End {
            self.finish();
        }
        discarded != Discarded::Nothing
    }

    fn finish(&mut self) {
        self.outgoing.end();
        self.phase = Phase::Finished;
        self.span.closed(&self.outgoing);
    }
}

/// The peer has broken a rule, and is told so.
#[cold]
fn fail(outgoing: &Arc<Outgoing>, phase: &mut Phase, span: &Span, error: ProtocolError) -> Error {
    // RFC 6455 §7.1.7/a §7.1.7/c §7.1.7/g §7.2.1/a
    outgoing.on_failure(error);
    *phase = Phase::Over;
    let error = error.into();
    span.failed(&error);
    error
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbound").field("role", &self.outgoing.role).field("phase", &self.phase).finish()
    }
}
