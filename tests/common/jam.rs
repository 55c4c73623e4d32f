//! A network that takes no more, and a peer that reads at last.

use super::common::RawPeer;
use super::common::frame::{BINARY, Frame};
use super::raw::config;
use clearsocket::{Config, Overflow, Sender};
use std::thread;
use std::time::Duration;

pub const BLOCK: usize = 64 << 10;
pub const LIMIT: usize = 256 << 10;

/// Sends blocks, dropping what meets a queue of [`LIMIT`] bytes, until five hundred in a row have changed nothing.
pub fn jam(sender: &Sender) {
    let sender = sender.with_overflow(Overflow::DropNewest, LIMIT);
    let (mut amount, mut unchanged) = (0, 0);
    while amount < LIMIT || unchanged < 500 {
        sender.send(vec![0; BLOCK]).expect("send");
        let before = std::mem::replace(&mut amount, sender.buffered_amount());
        unchanged = if amount == before { unchanged + 1 } else { 0 };
        thread::sleep(Duration::from_millis(1));
    }
}

/// The blocks of [`jam`], and the first frame after them.
#[track_caller]
pub fn read_blocks(peer: &mut RawPeer) -> Frame {
    loop {
        let frame = peer.read().expect("a frame");
        let is_block = frame.opcode == BINARY && frame.payload.len() == BLOCK && frame.payload[0] == 0;
        if !is_block {
            return Frame { mask: None, ..frame };
        }
        assert!(frame.fin && frame.payload.iter().all(|&byte| byte == 0), "a block has been damaged");
    }
}

pub fn full_at_limit(overflow: Overflow) -> Config {
    config(|config| (config.overflow, config.max_backlog) = (overflow, LIMIT))
}
