//! A connection that is open: who sends and who receives, how long they wait, and how it ends (RFC 6455 §5 to §7).
//!
//! ```text
//!     Receiver, MessageReader ──▶ inbound ─ pace      what to do with what came, and with what did not
//!                                    │ what is owed
//!                                    ▼
//!     Sender, MessageWriter ────▶ outgoing ─┬─ drain, backlog   the network is full
//!     Hub ─▶ burst (to many) ───▶   │       ├─ ending, loss     the end, and what ended it
//!                                   │       └─ flush, spare     what this thread has written and not sent
//!                                   ▼
//!                               Transport
//! ```
//!
//! All of it is there once, whoever does the waiting: a thread that blocks, or an event loop. Reading order: `outgoing`,
//! `flush`, `drain`, `ending`, `inbound`, `pace`, `receiver`, `deadline`, `sender`, `burst`, `message_reader`,
//! `message_writer`, `websocket`, `handler`; `received` and `traffic`, what is counted, and `trace`, what the crate `tracing`
//! is told. The outgoing path has its locks and threads from `sync`, so that a test can play with their order.

mod backlog;
mod burst;
pub(super) mod deadline;
pub(super) mod drain;
mod ending;
pub(super) mod flush;
pub(super) mod handler;
pub(super) mod inbound;
pub(super) mod loss;
pub(super) mod message_reader;
pub(super) mod message_writer;
pub(super) mod outgoing;
#[cfg(all(test, clearsocket_model))]
#[path = "../../../tests/outgoing_model/mod.rs"]
mod outgoing_model;
mod pace;
mod received;
pub(super) mod receiver;
pub(super) mod sender;
mod spare;
mod sync;
pub(super) mod trace;
pub(super) mod traffic;
pub(super) mod websocket;
