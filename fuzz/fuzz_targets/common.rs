//! What is shared with the tests: the frame builder and reader, which know nothing of the code under test.

#![allow(dead_code, unused_imports)]

#[path = "../../tests/common/drive.rs"]
pub mod drive;
#[path = "../../tests/common/frame.rs"]
pub mod frame;

pub use drive::{
    Outcome, ROLES, Seen, connection, connection_with, drain, fill, receive, receive_bytes, receive_whole,
    receive_with, send_everything, take_sent, wire,
};
pub use frame::{Form, Frame, KEY, read_frame, read_frames, xor};
