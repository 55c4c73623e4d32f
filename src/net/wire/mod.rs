//! What is underneath a connection: something that carries bytes both ways, and is told how long to wait for them.
//!
//! ```text
//!   Transport ─┬─ TCP, blocking or asked by an event loop ──▶ transport
//!              ├─ Unix sockets ─────────────────────────────▶ unix
//!              └─ anything that reads and writes ───────────▶ read_write
//! ```
//!
//! TLS is a transport around another one; it needs more than this and has a folder of its own, [`tls`](super::tls). All
//! calls that differ from system to system are in here.

pub(super) mod read_write;
pub(super) mod transport;
#[cfg(unix)]
mod unix;
