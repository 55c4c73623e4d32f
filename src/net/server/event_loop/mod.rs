//! A server whose threads serve many connections each: an event loop, one for each core.
//!
//! ```text
//!            ┌─────────────────────────── worker ────────────────────────────┐
//!   poll ─▶  │ ready sockets ─▶ Session: receive, decode, Handler, send       │ ─▶ flush ─▶ poll
//!            │ alarms, mailbox ─▶ Session: what time has decided              │
//!            └────────────────────────────────────────────────────────────────┘
//! ```
//!
//! It differs from a thread for each connection in nothing but the waiting. What to do with what came, or did not come,
//! is in `inbound`; what leaves and when, in `outgoing` and `drain`; who may come in, in `greeter`: the same code, with
//! the same limits and deadlines. In here are the sockets that are ready, the time at which to look again, and the turn
//! that each connection gets.
//!
//! In a round everybody has one turn, who is ready or who stands in line: for what a turn has left over, for what another
//! thread has asked for, for what time has decided. Nobody stands in line twice, or whoever sends much would have ever
//! more turns.
//!
//! An idle connection costs about a kilobyte, for it has no stack and no buffer: all connections of a worker receive
//! into one buffer, and only what is incomplete is kept.
//!
//! For the next editor: readiness is edge-triggered. A socket is told of once, so a [`Session`](session) remembers that it
//! may have more, until a receive comes back with less than it could have had.

mod alarms;
mod mailbox;
mod open;
mod session;
mod worker;

pub(super) use worker::EventLoop;
