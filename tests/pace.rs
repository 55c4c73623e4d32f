//! A message that comes too slowly (RFC 6455 §10.4, `Config::message_timeout`).
//!
//! ```text
//!   a byte now and then ─▶ 1008, when the time of one step has passed
//!   16 KiB in each step ─▶ as slowly as that, for as long as it takes
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Config, Error, ProtocolError, Role};
use common::{Frame, RawPeer};
use raw::*;
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

fn short() -> Config {
    config(|config| (config.message_timeout, config.close_timeout) = (Some(SHORT), SHORT))
}

/// Sends a byte of `bytes` every few milliseconds until the peer has had enough of it; how long that took.
fn drip(peer: &RawPeer, bytes: &[u8]) -> thread::JoinHandle<Duration> {
    let mut stream = peer.stream.try_clone().expect("try_clone");
    let bytes = bytes.to_vec();
    thread::spawn(move || {
        let begun = Instant::now();
        for byte in bytes.chunks(1) {
            if stream.write_all(byte).is_err() || begun.elapsed() > common::raw_peer::DEADLINE {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        begun.elapsed()
    })
}

#[test]
fn a_message_that_drips_ends_in_1008() {
    let fragments = |opcode| Frame::new(opcode, "x").more().masked().bytes();
    let drops = [
        ("a frame", Frame::binary(vec![b'x'; 10_000]).masked().bytes()),
        ("a text", Frame::text(vec![b'x'; 10_000]).masked().bytes()),
        ("fragments", [fragments(1), fragments(0).repeat(1000)].concat()),
        ("fragments with pings between them", {
            let ping = Frame::ping("").masked().bytes();
            [fragments(2), [ping, fragments(0)].concat().repeat(1000)].concat()
        }),
    ];
    for &driver in DRIVERS {
        let server = TestServer::echo_on(driver, server().config(short()));
        for (what, bytes) in &drops {
            let mut peer = RawPeer::connect(server.address);
            assert_echoes(&mut peer, "at first all is well");
            let dripping = drip(&peer, bytes);
            // RFC 6455 §10.4/a
            assert_eq!(read_close_code(&mut peer), 1008, "{driver:?}: {what}");
            drop(peer);
            in_time(dripping);
        }
        wait_until("they have gone", || server.connections() == 0);
    }
}

#[test]
fn a_client_has_no_more_patience_than_a_server() {
    let (mut ws, mut peer) = pair_with(Role::Client, short());
    let dripping = drip(&peer, &Frame::binary(vec![0; 10_000]).bytes());
    let (result, ws) = in_time(thread::spawn(move || (ws.read().map(|_| ()), ws)));
    assert!(matches!(result, Err(Error::Protocol(ProtocolError::MessageTooSlow))), "{result:?}");
    assert_eq!(read_close_code(&mut peer), 1008);
    drop(peer);
    drop(ws);
    in_time(dripping);
}

#[test]
fn the_code_and_the_section() {
    let error = ProtocolError::MessageTooSlow;
    assert_eq!((error.close_code().get(), error.section()), (1008, "10.4"));
    assert_eq!(error.to_string(), "a message comes too slowly");
}

#[test]
fn small_messages_may_come_at_any_time_one_by_one() {
    for &driver in DRIVERS {
        let server = TestServer::echo_on(driver, server().config(short()));
        let mut peer = RawPeer::connect(server.address);
        for number in 0..6 {
            assert_echoes(&mut peer, &number.to_string());
            thread::sleep(SHORT / 3);
        }
    }
}

#[test]
fn a_large_message_that_comes_steadily_has_the_time_that_it_takes() {
    const PIECES: usize = 6;
    for &driver in DRIVERS {
        let config = config(|config| config.message_timeout = Some(5 * SHORT));
        let server = TestServer::echo_on(driver, server().config(config));
        let mut peer = RawPeer::connect(server.address);
        let frame = Frame::binary(vec![7; PIECES * (40 << 10)]).masked().bytes();
        let begun = Instant::now();
        for piece in frame.chunks(frame.len().div_ceil(PIECES)) {
            peer.send_bytes(piece);
            thread::sleep(SHORT + SHORT / 3);
        }
        assert!(begun.elapsed() > 5 * SHORT);
        assert_eq!(peer.read().map(|frame| frame.payload.len()), Some(PIECES * (40 << 10)), "{driver:?}");
    }
}

#[test]
fn without_the_timeout_a_message_may_drip() {
    for &driver in DRIVERS {
        let config = config(|config| config.message_timeout = None);
        let server = TestServer::echo_on(driver, server().config(config));
        let mut peer = RawPeer::connect(server.address);
        let bytes = Frame::text("drip").masked().bytes();
        for byte in bytes.chunks(1) {
            peer.send_bytes(byte);
            thread::sleep(SHORT / 4);
        }
        assert_eq!(peer.read(), Some(Frame::text("drip")));
    }
}
