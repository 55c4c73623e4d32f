//! Reading with a deadline, and without waiting at all: for people with a loop of their own.
//!
//! ```text
//!   read_deadline, try_read ─▶ an event? ── yes ─▶ Incoming::Some
//!        ▲                        │ no
//!        │                        ▼
//!        └────── receive, but not beyond the deadline ── nothing ─▶ is a Ping due, or the end? ─▶ Incoming::NotYet
//! ```
//!
//! What has come of a frame stays in the decoder, so a deadline that passes in the middle of one loses nothing: the next
//! read, of whatever kind, goes on from there.
//!
//! A read that waits for ever leaves it to the system to tell it of a silence. One that waits in pieces has to measure: a
//! silence begins with the first wait that finds nothing. Since what is there is taken before the silence is judged,
//! somebody who looks but once a minute does not take a peer for dead that answered long ago.
//!
//! For the next editor: this is the patient half of `receiver` once more, with a clock in it. It stands apart so that the
//! way of an ordinary read knows nothing of it.

use super::flush::flush_this_thread;
use super::inbound::{Next, Wait};
use super::receiver::Receiver;
use super::websocket::WebSocket;
use crate::Role;
use crate::error::Error;
use crate::proto::{Event, Message};
use std::time::{Duration, Instant};

/// What has come of a read with a deadline.
///
/// ```no_run
/// # use clearsocket::{Incoming, WebSocket};
/// # fn one_frame(ws: &mut WebSocket) -> Result<bool, clearsocket::Error> {
/// loop {
///     match ws.try_read()? {
///         Incoming::Some(message) => println!("{:?}", message.as_text()),
///         Incoming::NotYet => break, // on with the game
///         Incoming::End => return Ok(false),
///     }
/// }
/// # Ok(true)
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Incoming<T> {
    /// A message, or an event.
    Some(T),
    /// Nothing has come in time, or not all of it. Nothing is lost: the next read goes on from there.
    NotYet,
    /// The connection has ended cleanly (§7.1.4): what [`read`](Receiver::read) says with `None`.
    End,
}

/// What there is to do after waiting.
enum Waited {
    Event,
    NotYet,
    End,
}

impl Receiver {
    /// Like [`read`](Self::read), but waits until `deadline` at most. A deadline that has passed gives what is there.
    ///
    /// It flushes before it waits, answers pings on the way, and keeps the deadlines of the heartbeat and of the closing
    /// handshake, like every read.
    ///
    /// Errors: as [`read`](Self::read).
    pub fn read_deadline(&mut self, deadline: Instant) -> Result<Incoming<Message<'_>>, Error> {
        let mut late = MOST_LATE;
        loop {
            match self.wait_until(deadline, &mut late)? {
                Waited::NotYet => return Ok(Incoming::NotYet),
                Waited::End => return Ok(Incoming::End),
                Waited::Event if self.inbound().has_message() => {
                    let message = self.inbound().take_message()?;
                    return Ok(message.map_or(Incoming::NotYet, Incoming::Some));
                }
                Waited::Event => drop(self.inbound().take_event()?),
            }
        }
    }

    /// Like [`read_deadline`](Self::read_deadline), with the time to wait. Longer than the clock can tell is for ever.
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<Incoming<Message<'_>>, Error> {
        self.read_deadline(after(timeout))
    }

    /// The next message if it is there, without waiting: for a loop that has other things to do, such as a game's.
    ///
    /// Every call flushes, answers the pings that it meets and keeps the deadlines, so it is all that such a loop has to
    /// do for the connection. The heartbeat asks after [`Config::ping_interval`](crate::Config::ping_interval) of
    /// silence, at the next call.
    ///
    /// Errors: as [`read`](Self::read).
    pub fn try_read(&mut self) -> Result<Incoming<Message<'_>>, Error> {
        self.read_deadline(Instant::now())
    }

    /// Like [`read_event`](Self::read_event), but waits until `deadline` at most.
    pub fn read_event_deadline(&mut self, deadline: Instant) -> Result<Incoming<Event<'_>>, Error> {
        match self.wait_until(deadline, &mut { MOST_LATE })? {
            Waited::NotYet => Ok(Incoming::NotYet),
            Waited::End => Ok(Incoming::End),
            Waited::Event => Ok(self.inbound().take_event()?.map_or(Incoming::End, Incoming::Some)),
        }
    }

    /// The next event if it is there, without waiting.
    pub fn try_read_event(&mut self) -> Result<Incoming<Event<'_>>, Error> {
        self.read_event_deadline(Instant::now())
    }

    /// Advances the decoder, receiving as needed, until it has a verdict or the deadline has passed. `late` counts down what
    /// is received after the deadline, so that a peer that sends without end does not hold us up.
    fn wait_until(&mut self, deadline: Instant, late: &mut u32) -> Result<Waited, Error> {
        loop {
            match self.inbound().next() {
                Next::Event => return Ok(Waited::Event),
                Next::Input if *late > 0 && self.receive_until(deadline)? => {
                    *late -= u32::from(Instant::now() >= deadline);
                }
                Next::Input => return Ok(Waited::NotYet),
                // RFC 6455 §5.5.1/m §7.1.1/a: the server's part is done by whoever drops this.
                Next::Closed if self.inbound().outgoing.role == Role::Client => {
                    if !self.end_until(deadline) {
                        return Ok(Waited::NotYet);
                    }
                }
                Next::Closed | Next::Nothing => return Ok(Waited::End),
            }
        }
    }

    /// Receives once, after flushing what this thread has written. `false` if nothing has come before the deadline.
    fn receive_until(&mut self, deadline: Instant) -> Result<bool, Error> {
        flush_this_thread();
        loop {
            let now = Instant::now();
            let silent_since = *self.silent_since.get_or_insert(now);
            let patience = self.inbound().patience()?;
            let received = if now < deadline {
                // Of the patience, the rest; but the close deadline is a time of its own.
                let left = match patience {
                    Some(patience) if self.inbound().outgoing.close_deadline().is_none() => {
                        Some((silent_since + patience).saturating_duration_since(now))
                    }
                    patience => patience,
                };
                let wait = deadline - now;
                self.set_recv_timeout(Some(left.map_or(wait, |left| wait.min(left))))?;
                self.inbound().receive()?
            } else {
                self.inbound().receive_now()?
            };
            if received {
                self.silent_since = None;
                return Ok(true);
            }
            self.judge_silence(silent_since)?;
            if Instant::now() >= deadline {
                return Ok(false);
            }
        }
    }

    /// Nothing was there: is the peer to be asked whether it lives, or is it lost?
    fn judge_silence(&mut self, silent_since: Instant) -> Result<(), Error> {
        // RFC 6455 §5.5.2/d
        if let Some(patience) = self.inbound().patience()?
            && silent_since.elapsed() >= patience
        {
            self.silent_since = None;
            self.inbound().on_silence()?;
        }
        Ok(())
    }

    /// Goes on ending a connection whose peer has said Close. `false` if that is not over before the deadline.
    fn end_until(&mut self, deadline: Instant) -> bool {
        while let Some(wait) = self.inbound().leave() {
            let in_time = match wait {
                Wait::Input => !matches!(self.receive_until(deadline), Ok(false)),
                Wait::Output => self.inbound().outgoing.wait_until_sent(Some(deadline)),
            };
            if !in_time {
                return false;
            }
        }
        true
    }
}

impl WebSocket {
    /// Waits for the next message until `deadline` at most. See [`Receiver::read_deadline`].
    pub fn read_deadline(&mut self, deadline: Instant) -> Result<Incoming<Message<'_>>, Error> {
        self.receiver_mut().read_deadline(deadline)
    }

    /// Waits for the next message for so long at most. See [`Receiver::read_timeout`].
    pub fn read_timeout(&mut self, timeout: Duration) -> Result<Incoming<Message<'_>>, Error> {
        self.receiver_mut().read_timeout(timeout)
    }

    /// The next message if it is there. See [`Receiver::try_read`].
    pub fn try_read(&mut self) -> Result<Incoming<Message<'_>>, Error> {
        self.receiver_mut().try_read()
    }

    /// Waits for the next event until `deadline` at most. See [`Receiver::read_event_deadline`].
    pub fn read_event_deadline(&mut self, deadline: Instant) -> Result<Incoming<Event<'_>>, Error> {
        self.receiver_mut().read_event_deadline(deadline)
    }

    /// The next event if it is there. See [`Receiver::try_read_event`].
    pub fn try_read_event(&mut self) -> Result<Incoming<Event<'_>>, Error> {
        self.receiver_mut().try_read_event()
    }
}

/// So much later than now; a hundred years, if the clock does not go that far.
fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or(now + Duration::from_secs(100 * 365 * 24 * 60 * 60))
}

/// Receives after the deadline in one read: a MiB or more, if it has come.
const MOST_LATE: u32 = 16;
