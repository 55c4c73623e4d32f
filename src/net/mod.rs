//! Sockets: the two drivers of the protocol core, a thread for each connection and an event loop.
//!
//! ```text
//!             blocks                        never blocks                asks which sockets are ready
//!   Server ─▶ threads ─▶ serve, accept ─▶ greeting ─┐   ┌─ event_loop ─ worker ─▶ session, open
//!   connect ─▶ client ─▶ dial ─▶ opening ────────────┤   │
//!                                                   ▼   ▼
//!             Receiver ───────────────▶  inbound   what to do with what came, and with what did not
//!             Sender, any thread ─────▶  outgoing  who sends, and when ─ drain, backlog (slow peers)
//!             Hub ─▶ burst (to many)        │      ─ flush, spare (what a thread has written)
//!                                           ▼
//!                                       Transport (TCP, Unix sockets, ReadWrite, or TLS over them)
//! ```
//!
//! What may be sent and what must be stands in [`proto`](crate::proto); in here are the waiting, the threads and the
//! deadlines. Everything in the middle column is there once, for both drivers. Reading order: [`transport`](Transport),
//! `outgoing`, `drain`, `ending`, `flush`, `inbound`, `pace`, [`receiver`](Receiver), `deadline`, [`sender`](Sender),
//! `burst`, [`message_reader`](MessageReader), [`message_writer`](MessageWriter), [`websocket`](WebSocket), `greeting`,
//! `accept`, [`client`](Client), `dial`, `opening`, [`backoff`](Backoff), [`interruption`](Interruption),
//! [`reconnect`](Reconnect), [`server`](Server), `service`, `serve`, `threads`, `connections`, [`counters`](Counters),
//! [`handler`](Handler), `event_loop`; then `sync`, where the outgoing path has its locks from, and `trace`, what the
//! crate `tracing` is told. Other transports are in `unix`, `read_write` and `tls`.

mod accept;
mod backlog;
mod backoff;
mod burst;
mod client;
mod connections;
mod counters;
mod deadline;
mod dial;
mod drain;
mod driver;
mod ending;
mod entropy;
#[cfg(feature = "event-loop")]
mod event_loop;
mod flush;
mod greeting;
mod handler;
mod inbound;
mod interruption;
mod loss;
mod message_reader;
mod message_writer;
mod opening;
mod outgoing;
#[cfg(all(test, clearsocket_model))]
#[path = "../../tests/outgoing_model/mod.rs"]
mod outgoing_model;
mod pace;
mod read_write;
mod receiver;
mod reconnect;
mod reconnect_handle;
mod sender;
mod serve;
mod server;
mod service;
mod spare;
mod sync;
mod threads;
#[cfg(feature = "tls")]
pub mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod trace;
mod transport;
#[cfg(unix)]
mod unix;
mod websocket;

pub use accept::{accept, accept_with};
pub use backoff::Backoff;
pub use client::{Client, connect};
pub use counters::Counters;
pub use deadline::Incoming;
pub use handler::{Handler, run};
pub use interruption::Interruption;
pub use message_reader::MessageReader;
pub use message_writer::MessageWriter;
pub use read_write::ReadWrite;
pub use receiver::Receiver;
pub use reconnect::{Attempt, Reconnect};
pub use reconnect_handle::ReconnectHandle;
pub use sender::Sender;
#[cfg(feature = "event-loop")]
pub use server::EventLoopServer;
pub use server::{Server, ServerHandle};
pub use service::ServerError;
pub use transport::Transport;
pub use websocket::WebSocket;
