//! A small message that stands for a very large one costs the limit and no more (RFC 7692 §8).
//!
//! The memory is that of this process, so there is one test in this file and nothing runs beside it. Linux alone tells
//! the peak; elsewhere only the verdict is looked at.

#![cfg(feature = "deflate")]

mod common;
#[path = "common/deflate.rs"]
mod deflate;

use clearsocket::{Config, ProtocolError};
use common::*;
use deflate::*;

/// The resident memory of this process in KiB, where it can be known: now, or at its peak.
fn memory(line: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|it| it.starts_with(line))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let config = Config::default();
    assert_eq!(config.max_message_size, 16 << 20);
    // 6 MB, which would become 6 GB; with a broken block at the end, for those who get that far.
    let part = zip_part(vec![0; 1 << 20]);
    let mut bomb = part.repeat(6_000_000 / part.len());
    bomb.push(0x06);
    for role in ROLES {
        let bytes = wire(role, &[zipped_binary(&bomb), Frame::ping("after")]);
        for piece in [bytes.len(), 64 << 10, 1000] {
            let mut connection = deflating(role, &config, both(TAKEOVER));
            // Where the peak cannot be forgotten, it is that of the whole test.
            let _ = std::fs::write("/proc/self/clear_refs", "5");
            let before = memory("VmRSS:");
            let seen: Vec<Seen> =
                bytes.chunks(piece).flat_map(|piece| fill(&mut connection, piece)).collect();
            let peak = memory("VmHWM:");
            assert_eq!(seen, [Seen::Error(ProtocolError::MessageTooBig)]);
            let sent = take_sent(role, &mut connection);
            assert_eq!(sent.len(), 1);
            assert_eq!((sent[0].opcode, &sent[0].payload[..2]), (8, &1009u16.to_be_bytes()[..]));
            if let (Some(before), Some(peak)) = (before, peak) {
                // What has been received of the bomb itself may wait in the input buffer, too.
                let allowed = (config.max_message_size + bytes.len().min(8 << 20) + (2 << 20)) >> 10;
                assert!(
                    peak <= before + allowed,
                    "{before} KiB have become {peak} KiB, by pieces of {piece}"
                );
            }
        }
    }
}
