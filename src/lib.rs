//! **The WebSocket protocol you can read**: RFC 6455 from scratch in safe, synchronous Rust on `std::net`.
//!
//! A server with a thread for each connection or an event loop, a client, rooms to broadcast in, and underneath a protocol
//! core without any I/O. No async runtime, and safe code throughout.
//!
//! # A server
//!
//! ```no_run
//! use clearsocket::{Hub, Server};
//!
//! let hub = Hub::new();
//! Server::bind("127.0.0.1:9001")?.serve(move |ws, _request| {
//!     let (mut receiver, sender) = ws.split();
//!     let _membership = hub.join(sender);
//!     while let Some(message) = receiver.read()? {
//!         hub.write(message); // to everybody
//!     }
//!     Ok(())
//! })
//! # ;Ok::<(), clearsocket::Error>(())
//! ```
//!
//! Those who think in events write a [`Handler`] and start it with [`Server::serve_handlers`], with a thread for each
//! connection, or with [`Server::event_loop`], where a few threads serve thousands.
//!
//! # A client
//!
//! ```no_run
//! let (mut ws, _response) = clearsocket::connect("ws://127.0.0.1:9001/")?;
//! ws.send("hello")?;
//! if let Some(message) = ws.read()? {
//!     println!("{:?}", message.as_text());
//! }
//! ws.close(1000, "that was all")?;
//! while ws.read()?.is_some() {} // until the server has said Close too
//! # Ok::<(), clearsocket::Error>(())
//! ```
//!
//! [`Reconnect`] is a client that comes back when the connection is lost. A loop of your own, a game's for example, reads
//! with [`try_read`](WebSocket::try_read) or [`read_deadline`](WebSocket::read_deadline), and messages larger than memory go
//! through [`MessageReader`] and [`MessageWriter`].
//!
//! # Four things to know
//!
//! - **write, flush, send.** [`write`](Sender::write) queues, [`flush`](Sender::flush) sends what is queued,
//!   [`send`](Sender::send) is both. A thread that is about to block in a read first flushes everything that it has
//!   written, to whatever connection. So a loop of reads and writes makes one system call for a burst of messages, and
//!   a flush cannot be forgotten.
//! - **Sending does not wait for the peer.** A [`Sender`] can be cloned and used from any thread. What the network does
//!   not take at once is queued, up to a limit; then [`Overflow`] decides.
//! - **A clean end is no error.** [`read`](WebSocket::read) gives `Ok(None)`; [`close_event`](WebSocket::close_event)
//!   tells the code and the reason. Errors say whose fault they were: see [`error`].
//! - **Everything has a limit and a deadline**, and every one of them has a reason: see [`config`].
//!
//! How fast it is, and why, is told in [`manual::speed`]; how to watch over a server, in [`manual::observability`].
//!
//! # How it works, and where to read it
//!
//! ```text
//!  network ─▶ input ─▶ header ─▶ judge ─▶ unmask ─▶ [inflate] ─▶ join ─▶ UTF-8 ─▶ Event ─▶ you
//!            buffer    §5.2     §5.1-5    §5.3     RFC 7692     §5.4     §8.1
//!                                 │ what the RFC obliges us to send (pong, Close)
//!  network ◀─ output ◀─ header, mask ◀─ [deflate] ◀──────────────── Message, ping, close ◀─ you
//!             bytes
//! ```
//!
//! To follow a message from the socket to your code, read in this order:
//!
//! 1. [`net/connection/receiver.rs`](Receiver): waiting for input, with a deadline; `inbound.rs` beside it: what to do with
//!    it;
//! 2. [`proto/decoder.rs`](proto::Decoder): bytes become events, and every header is judged; with
//!    [`proto/frame.rs`](proto::FrameHeader), [`proto/mask.rs`](proto::apply_mask) and
//!    [`proto/utf8.rs`](proto::Utf8Progress);
//! 3. `proto/output.rs`: what may be sent, and what must be; with [`proto/encoder.rs`](proto::Encoder) and
//!    [`proto/close.rs`](CloseEvent);
//! 4. `net/connection/outgoing.rs`: who sends, and when; beside it `drain.rs`: what happens when the network is full, and
//!    `burst.rs`: one message to many;
//! 5. [`net/server/builder.rs`](Server), `net/greeting/greeter.rs` and [`handshake/server.rs`](handshake::judge): how a
//!    connection comes to be;
//! 6. `net/server/event_loop/worker.rs`: the other way to wait.
//!
//! | RFC 6455 | subject | file |
//! | --- | --- | --- |
//! | §1.3, §4.2.2 | Sec-WebSocket-Key and -Accept | [`handshake/key.rs`](handshake::accept_key) |
//! | §3 | URLs | [`handshake/url.rs`](handshake::Url) |
//! | §4.1 | the client's request, the checks of the reply | [`handshake/client.rs`](handshake::ClientHandshake) |
//! | §4.1 | proxies, one connection at a time | `net/client/dial` |
//! | §4.2 | the verdict on a request, the 101 | [`handshake/server.rs`](handshake::judge) |
//! | §5.2 | the frame header | [`proto/frame.rs`](proto::FrameHeader) |
//! | §5.3, §10.3 | masking | [`proto/mask.rs`](proto::apply_mask), `net/entropy.rs` |
//! | §5.4 | fragmentation | [`proto/decoder.rs`](proto::Decoder), [`proto/encoder.rs`](proto::Encoder) |
//! | §5.4 | messages in parts | `proto/decoder/parts.rs`, [`net/connection/message_reader.rs`](MessageReader), [`net/connection/message_writer.rs`](MessageWriter) |
//! | §5.5 | control frames | `proto/output.rs`, [`proto/heartbeat.rs`](proto::Heartbeat) |
//! | §5.5.1, §7 | closing | [`proto/close.rs`](CloseEvent), `net/connection/inbound.rs` |
//! | §6.1 | sending | `proto/output.rs`, `net/connection/outgoing.rs` |
//! | §6.2 | receiving | [`proto/decoder.rs`](proto::Decoder), `net/connection/inbound.rs` |
//! | §7.2.3 | connecting again | [`net/client/reconnect.rs`](Reconnect), [`net/client/backoff.rs`](Backoff) |
//! | §8.1 | UTF-8 | [`proto/utf8.rs`](proto::Utf8Progress) |
//! | §9.1 | extensions | [`handshake/extensions.rs`](handshake::Extension) |
//! | RFC 7692 §5, §7.1 | agreeing on compression | `handshake/deflate.rs`, [`compression.rs`](compression) |
//! | RFC 7692 §6, §7.2 | compressing and decompressing | `proto/deflate.rs` |
//! | §10.2 | origins | [`handshake/origin.rs`](handshake::OriginPolicy) |
//! | §10.4 | limits | [`config.rs`](config) |
//! | §10.5 | Basic and Bearer authentication | [`handshake/authentication.rs`](handshake::Credentials) |
//! | §10.6 | TLS | `net/tls/stream.rs`, `net/tls/handshake.rs` |
//!
//! Beside a check stands the rule that it keeps, as `// RFC 6455 §5.1/b`: an id in the ledger `spec-notes.md`, which has
//! a line for every MUST, SHOULD and MAY of both RFCs that concerns an endpoint, and says what was decided and why.
//!
//! # The layers
//!
//! [`hub`] stands on [`net`] (sockets), which stands on [`handshake`] and [`proto`]. The latter two do no I/O:
//! bytes in, events out. With [`proto::Connection`] you can drive the protocol over anything that carries bytes.
//!
//! # Features
//!
//! `deflate` (on by default): permessage-deflate. It is used only where `Server::deflate` or `Client::deflate` asks
//! for it; see [`Deflate`] for what it costs.
//!
//! `json`: [`Message`]s from and to `serde` types, with `send_json` and `message.json()`.
//!
//! `event-loop` (on by default): [`Server::event_loop`], on the crate `mio`.
//!
//! `tls` (off by default): `wss://` for [`Client`] and [`Server`], on the crate `rustls`, which is the largest dependency
//! by far. Its cryptography is ring's, unless the process has installed another provider; a client trusts whom the system
//! trusts.
//!
//! ```no_run
//! # #[cfg(feature = "tls")] {
//! // Encrypted, and the server has shown that it is example.com, before a byte of HTTP is sent.
//! let (ws, _response) = clearsocket::connect("wss://example.com/chat")?;
//! # }
//! # Ok::<(), clearsocket::Error>(())
//! ```
//!
//! `tracing` (off by default): a span for each connection and events for its beginning and its end, for the crate `tracing`;
//! see [`manual::observability`].

#![forbid(unsafe_code)]
#![cfg_attr(not(feature = "event-loop"), allow(dead_code, reason = "some of it is for the event loop alone"))]

pub mod compression;
pub mod config;
pub mod error;
pub mod handshake;
pub mod hub;
#[cfg(feature = "json")]
mod json;
pub mod manual;
pub mod net;
pub mod proto;

mod role;

#[doc(inline)]
pub use compression::{Agreement, Deflate};
#[doc(inline)]
pub use config::{Config, Overflow};
#[doc(inline)]
pub use error::{Error, HandshakeError, ProtocolError, ProxyError, Timeout, TlsError};
#[doc(inline)]
pub use handshake::{
    Challenge, Credentials, Redirects, Request, Response, ServerOptions, constant_time_eq, unauthorized,
};
/// The crate of HTTP types that hooks and options use.
pub use http;
#[doc(inline)]
pub use hub::{Hub, Membership, Rooms};
#[cfg(feature = "event-loop")]
#[doc(inline)]
pub use net::EventLoopServer;
#[cfg(feature = "tls")]
#[doc(inline)]
pub use net::tls;
#[doc(inline)]
pub use net::{
    Attempt, Backoff, Client, Counters, Handler, Incoming, Interruption, MessageReader, MessageWriter,
    ReadWrite, Receiver, Reconnect, ReconnectHandle, Sender, Server, ServerError, ServerHandle, Transport,
    WebSocket, accept, accept_with, connect, run,
};
#[doc(inline)]
pub use proto::{CloseCode, CloseEvent, CloseFrame, Event, Message, ReadyState, SharedFrame};
#[doc(inline)]
pub use role::Role;

/// The crate that encrypts, whose types [`Client::tls`] and [`Server::tls`] take.
#[cfg(feature = "tls")]
pub use rustls;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
