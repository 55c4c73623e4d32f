//! Masking keys that nobody can guess (RFC 6455 §5.3, §10.3).
//!
//! A test cannot prove that a generator is good. It can show that the keys come from the one place that asks the
//! system's generator, and that what arrives at a server has none of the patterns in which clients have been caught:
//! one key for all frames, a counter, a key that returns, keys that two connections share.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::Role;
use std::collections::HashSet;

/// The masking keys of `count` frames of one client.
fn keys(count: usize) -> Vec<u32> {
    let (ws, mut peer) = raw::pair(Role::Client);
    let reading = std::thread::spawn(move || {
        let key = |_| u32::from_be_bytes(peer.read().expect("a frame").mask.expect("a key"));
        (0..count).map(key).collect()
    });
    for _ in 0..count {
        ws.write("x").expect("write");
    }
    ws.flush();
    raw::in_time(reading)
}

#[test]
fn keys_come_from_a_strong_source_of_entropy() {
    const COUNT: usize = 20_000;
    let keys = keys(COUNT);
    // RFC 6455 §5.3/c §10.3/a
    let distinct: HashSet<_> = keys.iter().collect();
    assert!(
        COUNT - distinct.len() <= 3,
        "{} keys came twice; chance explains 0 or 1",
        COUNT - distinct.len()
    );
    for bit in 0..32 {
        let ones = keys.iter().filter(|key| **key >> bit & 1 == 1).count();
        // Seven standard deviations: a fair coin does this once in 10^11 times.
        assert!(ones.abs_diff(COUNT / 2) < 500, "bit {bit} is 1 in {ones} of {COUNT} keys");
    }
}

#[test]
fn earlier_keys_do_not_tell_the_next() {
    const COUNT: usize = 20_000;
    let keys = keys(COUNT);
    // RFC 6455 §5.3/d
    let steps: HashSet<_> = keys.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    assert!(steps.len() > COUNT - 5, "the difference to the key before repeats: a counter");
    for bit in 0..32 {
        let changes = keys.windows(2).filter(|pair| (pair[0] ^ pair[1]) >> bit & 1 == 1).count();
        assert!(changes.abs_diff(COUNT / 2) < 500, "bit {bit} changes {changes} times in {COUNT} keys");
    }
}

#[test]
fn two_connections_share_no_keys() {
    let (one, other) = (keys(1000), keys(1000));
    // RFC 6455 §5.3/d
    let shared = one.iter().filter(|key| other.contains(key)).count();
    assert!(shared <= 1, "{shared} keys of one connection are keys of the other too");
}

#[test]
fn keys_are_drawn_where_the_systems_generator_is_asked() {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/net/entropy.rs")).unwrap();
    // RFC 6455 §5.3/c: a cryptographic generator, seeded by the system for each connection.
    assert!(source.contains("StdRng::try_from_rng(&mut SysRng)"));
    assert!(source.contains("Box::new(move || generator.random())"));
}
