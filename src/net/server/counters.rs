//! What a server counts, for whoever watches over it.
//!
//! ```text
//!   each connection: messages in   written by its reader alone, without a lock      ┐
//!                    messages out  plain numbers under the lock that sending takes  ├─ counters(): their sum, and
//!   its end ─▶ added to the past, in the same step that takes it off the list       ┘  the past
//! ```
//!
//! To count a message costs two additions in memory that its own connection has at hand. No two connections share a
//! line of the cache, and nothing is read-modified-written at once: only one thread ever writes.
//!
//! For the next editor: what has ended is kept as `Counters` too, behind the lock of the list of connections. So a snapshot takes the
//! past and the list in one step, and nothing is lost or counted twice between them.

use super::server_error::ServerError;
use crate::net::connection::outgoing::Outgoing;
use crate::net::connection::traffic::Traffic;
use http::StatusCode;
use std::collections::BTreeMap;

/// What a server has done since it was started, and what it is doing now: a snapshot, taken by
/// [`ServerHandle::counters`](crate::ServerHandle::counters).
///
/// A number that says "now" goes up and down, all others only grow. Bytes are bytes of message payload, as the handler
/// sees them: without headers and control frames, and before they are compressed (RFC 7692).
///
/// When nobody is in the middle of something, `accepted` is the sum of `opened`, `http`, `abandoned` and everything in
/// `refused`; and `opened` is the sum of `open` and everything in `closed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// TCP connections that were accepted.
    pub accepted: u64,
    /// Connections that are in their opening handshake now, those who are being refused or fetch a page among them.
    pub handshaking: usize,
    /// Opening handshakes that succeeded.
    pub opened: u64,
    /// Opening handshakes that were refused, by status: 403 for a foreign origin, 503 for a full server.
    pub refused: BTreeMap<u16, u64>,
    /// Opening handshakes that ended without an answer, for the peer had gone or could not be reached.
    pub abandoned: u64,
    /// Plain HTTP requests that [`Server::on_http`](crate::Server::on_http) has answered.
    pub http: u64,
    /// WebSockets that are open now, those in their closing handshake among them.
    pub open: usize,
    /// WebSockets that have ended, by the close code that their handler was told: 1000, 1001, ..., and 1006 if the
    /// connection was lost or the peer broke the protocol.
    pub closed: BTreeMap<u16, u64>,
    /// Those of them that ended badly: without a Close from both ends.
    pub unclean: u64,
    /// Handlers and hooks that panicked.
    pub panics: u64,
    /// How often the system refused to accept a connection or to start a thread; out of descriptors, most likely.
    pub accept_errors: u64,
    /// Messages received and handed to a handler.
    pub messages_in: u64,
    /// The bytes in them.
    pub bytes_in: u64,
    /// Messages queued to be sent. A broadcast counts once for each receiver, a fragmented message with its last
    /// fragment.
    pub messages_out: u64,
    /// The bytes in them.
    pub bytes_out: u64,
    /// Messages dropped because a queue was full, as [`Overflow::DropNewest`](crate::Overflow::DropNewest) and
    /// [`DropOldest`](crate::Overflow::DropOldest) have it. The latter were counted as queued before.
    pub dropped: u64,
    /// Connections that have a backlog now: the network does not take what is sent to them.
    pub slow: usize,
    /// Bytes that are queued now and not yet handed to the network: the sum of all
    /// [`buffered_amount`](crate::Sender::buffered_amount)s, without what was refused.
    pub buffered_amount: usize,
}

impl Counters {
    fn add(&mut self, traffic: &Traffic) {
        self.messages_in += traffic.messages_in;
        self.bytes_in += traffic.bytes_in;
        self.messages_out += traffic.messages_out;
        self.bytes_out += traffic.bytes_out;
        self.dropped += traffic.dropped;
    }

    /// Adds a connection that is open.
    pub(super) fn add_open(&mut self, outgoing: &Outgoing) {
        let (traffic, queue) = outgoing.snapshot();
        self.add(&traffic);
        self.open += 1;
        self.slow += usize::from(queue.is_slow);
        self.buffered_amount += queue.buffered_amount;
    }

    /// Adds a connection that has ended.
    pub(super) fn add_closed(&mut self, outgoing: &Outgoing) {
        self.add(&outgoing.snapshot().0);
        let event = outgoing.close_event();
        *self.closed.entry(event.code.get()).or_default() += 1;
        self.unclean += u64::from(!event.was_clean);
    }

    /// Adds what went wrong, unless it is the end of a connection or of an opening handshake, which are counted as such.
    pub(super) fn add_error(&mut self, error: &ServerError<'_>) {
        match error {
            ServerError::Handshake { .. } | ServerError::Connection { .. } => {}
            ServerError::Panic { .. } => self.panics += 1,
            ServerError::Accept { .. } => self.accept_errors += 1,
        }
    }

    /// Adds somebody for whom there was no room.
    pub(super) fn add_turned_away(&mut self, status: Option<StatusCode>) {
        self.accepted += 1;
        status.into_iter().for_each(|status| self.add_refused(status));
    }

    /// Adds an opening handshake that was refused.
    pub(super) fn add_refused(&mut self, status: StatusCode) {
        *self.refused.entry(status.as_u16()).or_default() += 1;
    }
}
