//! The server: many connections, a place for each, and an orderly end (RFC 6455 §4.2, §7).
//!
//! ```text
//!   builder ─▶ service: what both drivers share ─┬─ threads ─▶ serve: one connection in a thread of its own
//!                       │                        └─ event_loop: many connections in each of few threads
//!                       └─ connections, counters: who is here, and what was done
//! ```
//!
//! The two drivers differ in how they wait, and in nothing else: no rule of the protocol, no limit and no deadline is in
//! either of them.

pub(super) mod builder;
mod connections;
pub(super) mod counters;
mod driver;
#[cfg(feature = "event-loop")]
mod event_loop;
pub(super) mod handle;
mod serve;
pub(super) mod server_error;
pub(super) mod service;
mod threads;
