//! TLS underneath a connection: wss (RFC 6455 §4.1, §10.6), on the crate `rustls`.
//!
//! ```text
//!   a Transport (TCP, ...) ─▶ handshake, to its end, before a byte of HTTP ─▶ TlsStream, a Transport again
//! ```
//!
//! A connection is shared by a thread that reads and others that write, and none must wait for another. So there are two
//! locks, and the socket is read under neither:
//!
//! ```text
//!   recv     socket ─────▶ the caller's buffer ─▶ ┌────────┐ ─▶ the same buffer, decrypted
//!            no lock                              │ memory │    for as long as the CPU needs
//!   send     plaintext ──▶ ┌──────┬─────────────▶ └────────┘
//!                          │ wire │ records  ─────▶ socket
//!                          └──────┘ from encryption until they have left, so that they leave in their order
//! ```
//!
//! - `memory` guards the `rustls` connection. Nobody makes a system call with it.
//! - `wire` guards the records on their way out. Of those who send there is one at a time anyway. A reader that owes the
//!   peer an alert, and whoever ends the connection with a close_notify, only *try* to take it: if somebody is blocked in a
//!   send, they leave the bytes behind and go on.
//!
//! One lock around both, which is what a `Mutex<StreamOwned>` is, would have a reader wait for input with the lock in its
//! hands, and nobody could send.
//!
//! Ends: a close_notify is TLS's own end of one direction, and comes before ours of TCP's. The peer's is an orderly end of
//! its half, TCP's end without it is `UnexpectedEof`. If no Close frame came before, both are a lost connection (1006), for
//! a WebSocket ends with a Close frame and with nothing else.
//!
//! For the next editor: `stream` is a connection, `handshake` how it begins and what can be wrong with it, `client` and
//! `server` what they were told. Without the feature, `no_tls` stands in for all of this.

mod client;
mod handshake;
mod server;
mod stream;

pub(super) use client::ClientTls;
pub use client::client_config;
pub(super) use server::ServerTls;
pub use server::{server_config, server_config_from_files};
pub use stream::TlsStream;
