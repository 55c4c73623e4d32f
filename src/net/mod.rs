//! Sockets: the two drivers of the protocol core, a thread for each connection and an event loop.
//!
//! ```text
//!     client ──▶ tls ◀── server          whose connection it is: dialling out, or a place among many
//!        │        │         │
//!        ▼        ▼         ▼
//!              greeting                  the opening handshake, both sides (§4)
//!                 │
//!                 ▼
//!             connection                 once it is open: who sends, who receives, how it ends (§5 to §7)
//!                 │
//!                 ▼
//!               wire                     the bytes underneath: TCP, Unix sockets, anything that reads and writes
//! ```
//!
//! Each folder uses those below it. What may be sent and what must be stands in [`proto`](crate::proto), and what an
//! opening handshake has to say in [`handshake`](crate::handshake); in here are the waiting, the threads and the deadlines.
//! Reading order: from below. Random numbers come from `entropy`, and from nowhere else.

mod client;
mod connection;
mod entropy;
mod greeting;
mod server;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod wire;

pub use client::backoff::Backoff;
pub use client::builder::{Client, connect};
pub use client::interruption::Interruption;
pub use client::reconnect::{Attempt, Reconnect};
pub use client::reconnect_handle::ReconnectHandle;
pub use connection::deadline::Incoming;
pub use connection::handler::{Handler, run};
pub use connection::message_reader::MessageReader;
pub use connection::message_writer::MessageWriter;
pub use connection::receiver::Receiver;
pub use connection::sender::Sender;
pub use connection::websocket::WebSocket;
pub use greeting::accept::{accept, accept_with};
#[cfg(feature = "event-loop")]
pub use server::builder::EventLoopServer;
pub use server::builder::Server;
pub use server::counters::Counters;
pub use server::handle::ServerHandle;
pub use server::server_error::ServerError;
pub use wire::read_write::ReadWrite;
pub use wire::transport::Transport;
