//! Blocking sockets: the driver of the protocol core, with one thread for each connection.
//!
//! ```text
//!   Server ─▶ threads ─▶ accept ─┐                       ┌─▶ Receiver   one thread reads
//!                                ├─▶ handshake ─▶ WebSocket
//!   connect ─▶ client ───────────┘                       └─▶ Sender     any thread writes
//!                                                              │
//!                                       outgoing (who sends, when) ─ flush (bursts) ─ drain, backlog (slow peers)
//!                                                              │
//!                                                          Transport (TCP)
//! ```
//!
//! What may be sent and what must be stands in [`proto`](crate::proto); in here are the waiting, the threads and the
//! deadlines. Reading order: [`transport`](Transport), `outgoing`, `drain`, [`receiver`](Receiver), [`sender`](Sender),
//! [`websocket`](WebSocket), `accept`, `client`, [`server`](Server), `service`, `threads`, `connections`,
//! [`handler`](Handler).

mod accept;
mod backlog;
mod burst;
mod client;
mod connections;
mod drain;
mod driver;
mod entropy;
#[cfg(feature = "event-loop")]
mod event_loop;
mod flush;
mod greeting;
mod handler;
mod inbound;
mod loss;
mod outgoing;
mod receiver;
mod sender;
mod serve;
mod server;
mod service;
mod spare;
mod threads;
mod transport;
mod websocket;

pub use accept::{accept, accept_with};
pub use client::{Client, connect};
pub use handler::{Handler, run};
pub use receiver::Receiver;
pub use sender::Sender;
#[cfg(feature = "event-loop")]
pub use server::EventLoopServer;
pub use server::{Server, ServerHandle};
pub use service::ServerError;
pub use transport::Transport;
pub use websocket::WebSocket;
