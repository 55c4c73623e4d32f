//! What the tests share. Nothing in here uses the code under test to say what is right.
//!
//! - [`frame`]: builds and reads frames byte by byte, wrong ones too (RFC 6455 §5.2).
//! - [`drive`]: feeds bytes to a connection of either role in every way that a network could cut them,
//!   and tells what came out and what was sent back.
//! - [`raw_peer`]: the other end of a TCP connection, with a handshake out of plain bytes; for the
//!   tests that use sockets.
//!
//! Every test file is a crate of its own and uses a part of this, hence the `allow`.

#![allow(dead_code, unused_imports)]

pub mod drive;
pub mod frame;
pub mod raw_peer;

pub use drive::{
    Outcome, ROLES, Seen, connection, connection_with, drain, fill, receive, receive_bytes, receive_dripped,
    receive_whole, receive_with, send_everything, take_sent, wire,
};
pub use frame::{Form, Frame, KEY, read_frame, read_frames, xor};
pub use raw_peer::RawPeer;
