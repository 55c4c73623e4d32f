//! One connection without I/O: both halves and the rules between them (RFC 6455 §6, §7).
//!
//! For people who bring their own sockets, event loop or test pipe. The order of calls:
//!
//! ```text
//!   1. advance() until NeedInput, looking at event() each time it says Ready
//!   2. send everything in to_transmit(), and report it with transmitted(n)
//!   3. if is_finished(), close the transport (a server at once, a client when the server has)
//!   4. read into recv_space(), and report it with received(n), or received_eof(); back to 1
//! ```
//!
//! ```
//! use clearsocket::proto::{Connection, Event, Progress};
//! use clearsocket::{Config, Message};
//!
//! let mut server = Connection::server(&Config::default());
//! let mut client = Connection::client(&Config::default(), Box::new(|| [1, 2, 3, 4])); // random in real life
//! client.send(&"Hello".into())?;
//!
//! server.push(client.to_transmit()); // the network
//! assert_eq!(server.advance(), Progress::Ready);
//! assert_eq!(server.event()?, Some(Event::Message(Message::from("Hello"))));
//! # Ok::<(), clearsocket::Error>(())
//! ```
//!
//! For the next editor: no rule is made here. The decoder judges, [`Output`] knows what is owed.

use super::output::{Output, payload_behind};
use super::{CloseCode, CloseEvent, Decoder, Encoder, Event, MaskingKeys, Message, Progress, ReadyState};
use crate::compression::{Agreement, Deflate};
use crate::error::{Error, ProtocolError};
use crate::{Config, Role};

/// A WebSocket connection after its handshake: bytes in, events out; commands in, bytes out.
#[derive(Debug)]
pub struct Connection {
    decoder: Decoder,
    output: Output,
    /// How much of `output.pending` has been transmitted.
    transmitted: usize,
}

impl Connection {
    /// The server's end.
    pub fn server(config: &Config) -> Connection {
        Connection::new(Role::Server, Encoder::server(), config)
    }

    /// The client's end. `masking_keys` gives a new, unpredictable key at every call (§5.3).
    pub fn client(config: &Config, masking_keys: MaskingKeys) -> Connection {
        Connection::new(Role::Client, Encoder::client(masking_keys), config)
    }

    fn new(role: Role, encoder: Encoder, config: &Config) -> Connection {
        Connection {
            decoder: Decoder::new(role, config),
            output: Output::new(role, encoder, config),
            transmitted: 0,
        }
    }

    /// Compresses and decompresses as was agreed on in the handshake (RFC 7692). Without the feature `deflate` it does
    /// nothing.
    pub fn with_deflate(mut self, agreement: &Agreement, options: &Deflate) -> Connection {
        let role = self.output.role();
        self.decoder = self.decoder.with_deflate(agreement.received_by(role));
        self.output = self.output.with_deflate(agreement.sent_by(role), options);
        self
    }

    /// Space to receive into, never empty.
    pub fn recv_space(&mut self) -> &mut [u8] {
        self.decoder.recv_space()
    }

    /// The first `n` bytes of [`recv_space`](Self::recv_space) have been filled.
    pub fn received(&mut self, n: usize) {
        self.decoder.received(n);
    }

    /// Copies received bytes in, in place of `recv_space` and `received`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
    }

    /// The transport has ended: there will be no more input. The connection is closed, cleanly or not (§7.1.4).
    pub fn received_eof(&mut self) {
        self.output.closing.ended = true;
    }

    /// Drops the last event and moves on to the next, as far as the received bytes allow.
    #[inline]
    pub fn advance(&mut self) -> Progress {
        self.decoder.advance()
    }

    /// What [`advance`](Self::advance) came to; `None` if there is nothing. Call it once after each `Ready`.
    ///
    /// What the event obliges us to send (a pong, a Close) is in [`to_transmit`](Self::to_transmit) already. After an
    /// error, or after the peer's Close, no further event comes.
    #[inline]
    pub fn event(&mut self) -> Result<Option<Event<'_>>, ProtocolError> {
        let stuck = self.to_transmit().len() > PONGS_AT_ONCE;
        let event = self.decoder.event();
        // RFC 6455 §5.5.1/i §5.5.2/c: before the user hears of it.
        match &event {
            Ok(Some(event)) => self.output.on_event(event, stuck),
            Ok(None) => {}
            Err(error) => self.output.on_failure(*error),
        }
        event
    }

    /// Queues a message. Error: [`Error::NotOpen`] once a Close has been sent or received (§6.1).
    pub fn send(&mut self, message: &Message<'_>) -> Result<(), Error> {
        self.output.message(message)
    }

    /// Queues one fragment of a message (§5.4): the first decides text or binary, `fin` marks the last. A
    /// [`send`](Self::send) in between goes out after the last fragment.
    ///
    /// Errors: [`Error::NotOpen`]; [`Error::InvalidArgument`] if text and binary are mixed.
    pub fn send_fragment(&mut self, part: &Message<'_>, fin: bool) -> Result<(), Error> {
        self.output.fragment(part, fin)
    }

    /// Queues a ping with 0-125 bytes of payload (§5.5.2).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.output.ping(payload)
    }

    /// Queues an unasked pong with 0-125 bytes of payload, a one-way heartbeat (§5.5.3).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.output.pong(payload)
    }

    /// Starts the closing handshake (§7.1.2). A second call does nothing.
    ///
    /// Errors: [`Error::InvalidCloseCode`] for a client unless the code is 1000 or 3000-4999, for a server unless it may
    /// be sent by a server; [`Error::CloseReasonTooLong`] beyond 123 bytes.
    pub fn close(&mut self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.output.close(code.into(), reason)
    }

    /// The bytes to send next.
    pub fn to_transmit(&self) -> &[u8] {
        &self.output.pending[self.transmitted..]
    }

    /// The first `n` bytes of [`to_transmit`](Self::to_transmit) have been sent.
    pub fn transmitted(&mut self, n: usize) {
        let pending = self.output.pending.len();
        self.transmitted = self.transmitted.saturating_add(n).min(pending);
        if self.transmitted == pending || self.transmitted > FORGET.max(pending / 2) {
            self.transmitted -= self.output.forget(self.transmitted);
        }
        if self.to_transmit().len() <= PONGS_AT_ONCE {
            self.output.settle_pong();
        }
    }

    /// Bytes of message payload that were queued and not yet transmitted: the WebSocket API's `bufferedAmount`. No
    /// headers and no control frames count; messages refused after a Close do, for ever. Of a compressed message, until
    /// all of it is transmitted, its length before or after compression counts.
    pub fn buffered_amount(&self) -> usize {
        let queued = match self.transmitted {
            0 => self.output.pending_payload,
            sent => payload_behind(&self.output.pending, sent),
        };
        queued + self.output.unqueued_payload()
    }

    /// The state in the words of the WebSocket API.
    pub fn ready_state(&self) -> ReadyState {
        self.output.closing.ready_state()
    }

    /// Whether both Closes are through, or the connection was failed: what is left is to send
    /// [`to_transmit`](Self::to_transmit) and to close the transport, a server first (§7.1.1).
    pub fn is_finished(&self) -> bool {
        self.output.closing.is_finished()
    }

    /// How the connection ended, once it has: until then 1006.
    pub fn close_event(&self) -> CloseEvent {
        self.output.closing.close_event()
    }
}

/// While more than this many bytes wait to be transmitted, only the newest ping is remembered.
const PONGS_AT_ONCE: usize = 16 << 10;

/// As much may be kept of what has been transmitted, if the queue is never empty.
const FORGET: usize = 64 << 10;
