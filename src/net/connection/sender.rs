//! The sending half of a connection (RFC 6455 §6.1): for any thread, any number of them.
//!
//! Three words that mean the same here, on [`WebSocket`](crate::WebSocket) and on [`Hub`](crate::Hub): **write** queues,
//! **flush** sends what is queued, **send** does both. What a thread has written is flushed at the latest when it next
//! blocks in a read, so a loop of reads and writes needs no flush.

use super::flush::before_writing;
use super::loss::Loss;
use super::outgoing::{Leave, Outgoing, Policy};
use crate::compression::Deflate;
use crate::error::Error;
use crate::proto::{Burst, CloseCode, CloseEvent, Message, ReadyState, SharedFrame};
use crate::{Config, Overflow, Role};
use std::sync::Arc;

/// The sending half of a connection. Clones send on the same connection, from any thread.
///
/// A sender does not keep its connection alive: that is the [`Receiver`](crate::Receiver)'s part.
///
/// ```no_run
/// let (mut receiver, sender) = clearsocket::connect("ws://127.0.0.1:9001/")?.0.split();
/// std::thread::spawn(move || {
///     for line in std::io::stdin().lines().map_while(Result::ok) {
///         if sender.send(line).is_err() {
///             return; // the connection has ended; the reading thread knows why
///         }
///     }
///     let _ = sender.close(1000, "");
/// });
/// while let Some(message) = receiver.read()? {
///     println!("{:?}", message.as_text());
/// }
/// # Ok::<(), clearsocket::Error>(())
/// ```
#[derive(Clone)]
pub struct Sender {
    pub(in crate::net) outgoing: Arc<Outgoing>,
    policy: Policy,
    /// The options for compression, if it was agreed on.
    deflate: Option<Arc<Deflate>>,
}

impl Sender {
    pub(super) fn new(outgoing: Arc<Outgoing>, deflate: Option<Arc<Deflate>>) -> Sender {
        let Config { overflow, max_backlog, .. } = *outgoing.config;
        Sender { outgoing, policy: Policy { overflow, max_backlog }, deflate }
    }

    /// Queues a message and sends what is queued. The socket is never waited for; what it does not take now is sent
    /// by a thread of the connection's own.
    ///
    /// # Errors
    ///
    /// [`Error::NotOpen`] once a Close was sent or received, or the connection was lost. With a full queue, what this
    /// sender's [`Overflow`] says: it may wait for room, drop a message, or end in [`Error::BacklogFull`].
    /// [`Error::MessageInProgress`] if too much waits for the end of a message in fragments.
    pub fn send<'a>(&self, message: impl Into<Message<'a>>) -> Result<(), Error> {
        self.queue(&message.into(), Leave::Now)
    }

    /// Queues a message. It leaves with the next flush, at the latest when this thread blocks in a read, or ends.
    ///
    /// Errors: as [`send`](Self::send).
    #[inline]
    pub fn write<'a>(&self, message: impl Into<Message<'a>>) -> Result<(), Error> {
        self.queue(&message.into(), Leave::WithFlush)
    }

    #[inline]
    fn queue(&self, message: &Message<'_>, leave: Leave) -> Result<(), Error> {
        before_writing();
        self.outgoing.message(self.policy, message, leave)
    }

    /// Like [`send`](Self::send), for a message that was encoded before, to be sent to many.
    pub fn send_shared(&self, frame: &SharedFrame) -> Result<(), Error> {
        self.queue_shared(frame, Leave::Now)
    }

    /// Like [`write`](Self::write), for a message that was encoded before, to be sent to many.
    #[inline]
    pub fn write_shared(&self, frame: &SharedFrame) -> Result<(), Error> {
        self.queue_shared(frame, Leave::WithFlush)
    }

    #[inline]
    fn queue_shared(&self, frame: &SharedFrame, leave: Leave) -> Result<(), Error> {
        before_writing();
        self.outgoing.shared(self.policy, frame, leave)
    }

    /// Queues one fragment of a message (§5.4): the first decides whether it is text or binary, `fin` marks the last.
    /// Messages that are written before the last fragment, by whatever thread, follow it.
    ///
    /// Errors: as [`send`](Self::send), [`Error::InvalidArgument`] if text and binary are mixed, and
    /// [`Error::MessageInProgress`] while a [`MessageWriter`](crate::MessageWriter) is at work.
    pub fn write_fragment<'a>(&self, part: impl Into<Message<'a>>, fin: bool) -> Result<(), Error> {
        self.queue_fragment(&part.into(), fin, false)
    }

    /// Queues a fragment, of a [`MessageWriter`](crate::MessageWriter) or of whoever else.
    pub(super) fn queue_fragment(&self, part: &Message<'_>, fin: bool, of_writer: bool) -> Result<(), Error> {
        before_writing();
        // A fragment must not be dropped, so a policy that drops messages waits here.
        let overflow = match self.policy.overflow {
            Overflow::DropNewest | Overflow::DropOldest => Overflow::Wait,
            _ if of_writer => Overflow::Wait,
            other => other,
        };
        self.outgoing.fragment(Policy { overflow, ..self.policy }, part, fin, of_writer)
    }

    /// Sends several messages that were encoded before.
    pub(super) fn send_burst(&self, burst: &Burst) -> Result<(), Error> {
        self.outgoing.burst(self.policy, burst)
    }

    /// Sends what is queued on this connection. Never blocks.
    pub fn flush(&self) {
        before_writing();
        self.outgoing.flush();
    }

    /// Sends a ping with 0-125 bytes of payload (§5.5.2). The pong is an event of the receiver.
    ///
    /// Errors: [`Error::ControlPayloadTooLong`], [`Error::NotOpen`].
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        before_writing();
        self.outgoing.control(|output| output.ping(payload))
    }

    /// Sends a pong that nobody asked for, with 0-125 bytes of payload: a one-way heartbeat (§5.5.3).
    ///
    /// Errors: as [`ping`](Self::ping).
    pub fn pong(&self, payload: &[u8]) -> Result<(), Error> {
        before_writing();
        self.outgoing.control(|output| output.pong(payload))
    }

    /// Starts the closing handshake (§7.1.2) and does not wait for its end: reads go on until the peer's Close. If that
    /// does not come within [`Config::close_timeout`](crate::Config::close_timeout), the connection is cut. Does nothing
    /// on a connection that is closing or closed.
    ///
    /// The reason has 0-123 bytes of UTF-8. As in a browser, a client's code is 1000 or 3000-4999; a server's may be any
    /// that a server can send (§7.4.1).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidCloseCode`], [`Error::CloseReasonTooLong`]; nothing was sent then.
    pub fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        if self.start_close(code.into(), reason)? {
            self.outgoing.keeper.watch_close(&self.outgoing);
        }
        Ok(())
    }

    /// The first half of [`close`](Self::close): `true` if it was this call that sent the Close.
    pub(super) fn start_close(&self, code: CloseCode, reason: &str) -> Result<bool, Error> {
        before_writing();
        let was_open = self.ready_state() == ReadyState::Open;
        self.outgoing.control(|output| output.close(code, reason))?;
        Ok(was_open)
    }

    /// Ends the connection at once, without a Close and without sending what is queued; the `terminate()` of Node's
    /// `ws`. The peer sees 1006.
    pub fn abort(&self) {
        self.outgoing.cut(Loss::Aborted);
    }

    /// Bytes of message payload that were queued and not yet handed to the network: the WebSocket API's
    /// `bufferedAmount`. Headers and control frames do not count. Messages that were refused because the connection was
    /// closing do, and it is not reset when the connection ends. Of a compressed message that has left in part, the
    /// rest of the compressed bytes counts.
    pub fn buffered_amount(&self) -> usize {
        before_writing();
        self.outgoing.buffered_amount()
    }

    /// The state in the words of the WebSocket API.
    pub fn ready_state(&self) -> ReadyState {
        self.outgoing.ready_state()
    }

    /// How the connection ended, once it is closed; until then 1006.
    pub fn close_event(&self) -> CloseEvent {
        self.outgoing.close_event()
    }

    /// Which end of the connection this is.
    pub fn role(&self) -> Role {
        self.outgoing.role
    }

    /// A sender on the same connection that treats a full queue in its own way: `overflow` decides when `max_backlog`
    /// bytes are queued. The other senders keep theirs.
    pub fn with_overflow(&self, overflow: Overflow, max_backlog: usize) -> Sender {
        Sender { policy: Policy { overflow, max_backlog }, ..self.clone() }
    }

    /// The options for compression, if it was agreed on for this connection (RFC 7692).
    pub fn deflate(&self) -> Option<&Deflate> {
        self.deflate.as_deref()
    }
}

/// Senders are equal if they send on the same connection.
impl PartialEq for Sender {
    fn eq(&self, other: &Sender) -> bool {
        Arc::ptr_eq(&self.outgoing, &other.outgoing)
    }
}

impl Eq for Sender {}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender")
            .field("role", &self.role())
            .field("ready_state", &self.ready_state())
            .finish()
    }
}
