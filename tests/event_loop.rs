//! A server that runs an event loop (`Server::event_loop`).
//!
//! It keeps the same rules, limits and deadlines as one with a thread for each connection. So the tests of the files
//! that are named here run twice: by themselves with threads, and as modules of this crate in an event loop, which is what
//! `Driver::of_this_crate` gives. Below are the tests that concern an event loop alone.

#![cfg(feature = "event-loop")]
#![allow(clippy::duplicate_mod, reason = "each of these files names the modules it shares with the others")]

mod common;
#[path = "common/raw.rs"]
mod raw;

#[cfg(feature = "deflate")]
#[path = "deflate_sockets.rs"]
mod deflate_sockets;
#[path = "handler.rs"]
mod handler;
#[path = "handler_backpressure.rs"]
mod handler_backpressure;
#[path = "handler_sockets.rs"]
mod handler_sockets;
#[path = "hub_sockets.rs"]
mod hub_sockets;
#[path = "server_hooks.rs"]
mod server_hooks;
#[path = "server_sockets.rs"]
mod server_sockets;
#[path = "shutdown.rs"]
mod shutdown;
