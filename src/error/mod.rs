//! What can go wrong, and whose fault it was.
//!
//! | whose fault | variants of [`Error`] |
//! | --- | --- |
//! | the peer's | [`Protocol`](Error::Protocol), [`Handshake`](Error::Handshake), [`Tls`](Error::Tls) |
//! | the caller's | [`NotOpen`](Error::NotOpen), [`MessageInProgress`](Error::MessageInProgress), [`InvalidCloseCode`](Error::InvalidCloseCode), ... |
//! | the proxy's | [`Proxy`](Error::Proxy) |
//! | the network's | [`Io`](Error::Io), [`ConnectionLost`](Error::ConnectionLost), [`Timeout`](Error::Timeout) |
//!
//! A connection that ends well is no error: `read` gives `Ok(None)`, and the close code and reason are asked for
//! afterwards.

mod handshake;
mod io_error;
mod protocol;
mod proxy;
mod tls;
mod transient;

pub use handshake::HandshakeError;
pub use protocol::ProtocolError;
pub use proxy::ProxyError;
pub use tls::TlsError;

use crate::proto::ReadyState;
use std::io;

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke a rule of RFC 6455. It has been told so in a Close frame, and nothing after it was processed.
    // RFC 6455 §7.1.7/b
    #[error("the peer broke the protocol: {0} (RFC {rfc} §{section})", rfc = .0.rfc(), section = .0.section())]
    Protocol(#[from] ProtocolError),

    /// The opening handshake failed: the request or the reply was not what §4 asks for, or the server refused.
    #[error("the opening handshake failed: {0}")]
    Handshake(#[from] HandshakeError),

    /// The proxy did not connect us to the server.
    #[error("the proxy gave no connection: {0}")]
    Proxy(#[from] ProxyError),

    /// The connection could not be encrypted, or what came through it is not what the peer has sent. Says who can do
    /// something about it.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),

    /// A message or a ping was sent on a connection that is closing or closed. It was not queued.
    #[error("the connection is not open (its ready state is {0:?})")]
    NotOpen(ReadyState),

    /// A message was to be sent while another is on its way in fragments, which nothing may come between (§5.4): a second
    /// [`MessageWriter`](crate::MessageWriter) or [`write_fragment`](crate::Sender::write_fragment) beside one, or more
    /// whole messages than may wait for its end. It was not queued.
    #[error("another message is being sent in fragments and has to be finished first")]
    MessageInProgress,

    /// A close code that may not be used here. A client's application may use 1000 and 3000-4999 (as WHATWG has it), a
    /// server's also 1001-1003, 1007-1009 and 1011-1014 (§7.4).
    #[error("{0} is not a close code that an application may send")]
    InvalidCloseCode(u16),

    /// A close reason of more than 123 bytes; its length.
    #[error("a close reason has {0} bytes of UTF-8; 123 is the most")]
    CloseReasonTooLong(usize),

    /// The payload of a ping or pong of more than 125 bytes; its length.
    #[error("a control frame would have {0} bytes of payload; 125 is the most")]
    ControlPayloadTooLong(usize),

    /// The queue for this peer is full and [`Overflow::Disconnect`](crate::Overflow::Disconnect) ended the connection.
    #[error("the peer reads too slowly: its queue was full, and the connection was ended")]
    BacklogFull,

    /// The URL, a header or a subprotocol given to a client or a server cannot be used.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),

    /// The connection ended without a Close frame: what the WebSocket API calls 1006.
    #[error("the connection was lost without a Close frame (1006)")]
    ConnectionLost,

    /// A deadline of [`Config`](crate::Config) passed.
    #[error("{0}")]
    Timeout(Timeout),

    /// A value could not be written as JSON, or a message could not be read as such.
    #[cfg(feature = "json")]
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),

    /// The operating system reported an error. When no connection could be made, it is the most telling of those that
    /// the addresses of the host gave, and its text names all of them.
    #[error("input/output error: {0}")]
    Io(#[from] io::Error),
}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Timeout {
    /// The opening handshake was not complete within [`Config::handshake_timeout`](crate::Config::handshake_timeout).
    #[error("the opening handshake took too long")]
    Handshake,
    /// No sign of life within [`Config::pong_timeout`](crate::Config::pong_timeout) after a Ping.
    #[error("the peer did not answer a Ping in time")]
    Pong,
    /// The peer took none of our bytes for [`Config::write_timeout`](crate::Config::write_timeout).
    #[error("the peer took none of our bytes for too long")]
    Write,
    /// The peer did not answer our Close within [`Config::close_timeout`](crate::Config::close_timeout).
    #[error("the peer did not answer our Close in time")]
    Close,
}
