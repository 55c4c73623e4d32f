//! A connection in one piece: what `new WebSocket(url)` gives to a page, for one thread.

use super::drain::HelperThreads;
use super::inbound::Inbound;
use super::outgoing::{Keeper, Outgoing};
use super::receiver::Receiver;
use super::sender::Sender;
use super::trace::Span;
use crate::compression::{Agreement, Deflate};
use crate::error::Error;
use crate::net::entropy;
use crate::net::wire::transport::Transport;
use crate::proto::{CloseCode, CloseEvent, Decoder, Encoder, Event, Message, Output, ReadyState};
use crate::{Config, Role};
use std::sync::Arc;

/// An open WebSocket connection.
///
/// Made by [`connect`](crate::connect), [`accept`](crate::accept), or a [`Server`](crate::Server) for its handler.
/// [`split`](Self::split) gives the reading half and a sending half for other threads. The methods are those of
/// [`Receiver`] and [`Sender`], and mean the same.
///
/// ```no_run
/// let (mut ws, _response) = clearsocket::connect("ws://127.0.0.1:9001/")?;
/// ws.send("hello")?;
/// while let Some(message) = ws.read()? {
///     println!("{:?}", message.as_text());
/// }
/// println!("closed: {}", ws.close_event().code);
/// # Ok::<(), clearsocket::Error>(())
/// ```
#[derive(Debug)]
pub struct WebSocket {
    receiver: Receiver,
    sender: Sender,
    terms: Terms,
}

/// What the handshake has settled.
#[derive(Debug)]
pub(in crate::net) struct Terms {
    pub subprotocol: Option<String>,
    /// What was agreed on about compression, and our options for it.
    pub deflate: Option<(Agreement, Deflate)>,
    /// The extensions in use, as the response names them.
    pub extensions: String,
    /// What is told of the connection goes here.
    pub span: Span,
}

impl WebSocket {
    /// A connection on `transport`, whose opening handshake is over. `received` are bytes that came behind it.
    pub(in crate::net) fn new(
        role: Role,
        transport: Arc<dyn Transport>,
        config: Arc<Config>,
        received: &[u8],
        terms: Terms,
    ) -> WebSocket {
        let keeper = Box::new(HelperThreads);
        let (inbound, sender) = open(role, transport, config, received, &terms, keeper);
        WebSocket { receiver: Receiver::new(inbound), sender, terms }
    }

    /// Waits for the next message; `None` when the connection has ended cleanly. See [`Receiver::read`].
    pub fn read(&mut self) -> Result<Option<Message<'_>>, Error> {
        self.receiver.read()
    }

    /// Waits for the next event: a message, a ping, a pong or the peer's Close. See [`Receiver::read_event`].
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        self.receiver.read_event()
    }

    /// Queues a message and sends what is queued. See [`Sender::send`].
    pub fn send<'a>(&self, message: impl Into<Message<'a>>) -> Result<(), Error> {
        self.sender.send(message)
    }

    /// Queues a message until the next flush or the next read. See [`Sender::write`].
    pub fn write<'a>(&self, message: impl Into<Message<'a>>) -> Result<(), Error> {
        self.sender.write(message)
    }

    /// Queues one fragment of a message. See [`Sender::write_fragment`].
    pub fn write_fragment<'a>(&self, part: impl Into<Message<'a>>, fin: bool) -> Result<(), Error> {
        self.sender.write_fragment(part, fin)
    }

    /// Sends what is queued. See [`Sender::flush`].
    pub fn flush(&self) {
        self.sender.flush();
    }

    /// Sends a ping with 0-125 bytes of payload. See [`Sender::ping`].
    pub fn ping(&self, payload: &[u8]) -> Result<(), Error> {
        self.sender.ping(payload)
    }

    /// Sends an unasked pong with 0-125 bytes of payload. See [`Sender::pong`].
    pub fn pong(&self, payload: &[u8]) -> Result<(), Error> {
        self.sender.pong(payload)
    }

    /// Starts the closing handshake; read on until `None` to see its end. See [`Sender::close`].
    pub fn close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<(), Error> {
        self.sender.start_close(code.into(), reason)?; // the reader is here, and keeps the deadline itself
        Ok(())
    }

    /// Ends the connection at once, without a Close. See [`Sender::abort`].
    pub fn abort(&self) {
        self.sender.abort();
    }

    /// Bytes of message payload that wait to be handed to the network. See [`Sender::buffered_amount`].
    pub fn buffered_amount(&self) -> usize {
        self.sender.buffered_amount()
    }

    /// The state in the words of the WebSocket API.
    pub fn ready_state(&self) -> ReadyState {
        self.sender.ready_state()
    }

    /// How the connection ended, once reads give `None`; until then 1006.
    pub fn close_event(&self) -> CloseEvent {
        self.sender.close_event()
    }

    /// The subprotocol that both ends agreed on; the `protocol` of the WebSocket API (§1.9).
    pub fn subprotocol(&self) -> Option<&str> {
        self.terms.subprotocol.as_deref()
    }

    /// The extensions in use, as the server's response names them, or an empty string; the `extensions` of the WebSocket
    /// API (§9.1).
    pub fn extensions(&self) -> &str {
        &self.terms.extensions
    }

    /// A sender for this connection, for another thread or another place.
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The two halves. The [`Sender`] can be cloned and used from any thread, also while another is blocked in
    /// [`Receiver::read`]; the connection ends with the [`Receiver`].
    pub fn split(self) -> (Receiver, Sender) {
        (self.receiver, self.sender)
    }

    pub(in crate::net) fn outgoing(&self) -> &Arc<Outgoing> {
        &self.sender.outgoing
    }

    pub(in crate::net) fn receiver_mut(&mut self) -> &mut Receiver {
        &mut self.receiver
    }
}

/// The two halves of a connection whose opening handshake is over.
pub(in crate::net) fn open(
    role: Role,
    transport: Arc<dyn Transport>,
    config: Arc<Config>,
    received: &[u8],
    terms: &Terms,
    keeper: Box<dyn Keeper>,
) -> (Inbound, Sender) {
    let mut decoder = Decoder::new(role, &config);
    let mut encoder = match role {
        Role::Server => Encoder::server(),
        Role::Client => Encoder::client(entropy::masking_keys()),
    };
    if let Some((agreement, options)) = &terms.deflate {
        decoder = decoder.with_deflate(agreement.received_by(role));
        encoder = encoder.with_deflate(agreement.sent_by(role), options);
    }
    // RFC 6455 §4.1/ar §4.2.2/t
    decoder.push(received);
    let output = Output::new(role, encoder, &config);
    let outgoing = Outgoing::new(transport, config, role, output, keeper);
    let deflate = terms.deflate.as_ref().map(|(_, options)| Arc::new(options.clone()));
    terms.span.open(terms.subprotocol.as_deref(), &terms.extensions);
    (Inbound::new(decoder, outgoing.clone(), terms.span.clone()), Sender::new(outgoing, deflate))
}
