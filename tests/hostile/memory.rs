//! Attacks on memory (RFC 6455 §10.4): C4, C5, C7, C8, C9, C11, C12.
//!
//! The attacker announces what it never sends, sends what is never complete, has tiny messages unpack into huge ones, or
//! reads nothing of what it is sent. Servers have reserved by the announced length, joined fragments without end, kept a
//! queue of pongs or of broadcasts for peers that never read, and inflated first and looked at the size later.
//!
//! We promise: memory in proportion to the bytes that have come, at most the limits of `Config` for each connection;
//! at most one pong that waits; and for a member of a hub who does not read, the backlog limit and then the end.

use super::attacked::{Attacked, Measure};
use super::common::frame::{BINARY, CONTINUATION, Frame, TEXT};
use super::common::{RawPeer, raw_peer::DEADLINE};
use super::each_driver;
use super::figures::note;
use super::raw::*;
use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 10;

/// The server's memory has grown by no more than this, in KiB.
#[track_caller]
fn assert_grown(what: &str, server: &Attacked, before: &Measure, during: &Measure, allowed: usize) {
    let grown = during.rss.saturating_sub(before.rss);
    assert!(grown <= allowed, "{:?}: {what}: grown by {grown} KiB; {allowed} are allowed", server.driver);
}

/// Connections whose handshake is over; each has had an answer.
fn crowd(server: &Attacked, count: usize) -> Vec<RawPeer> {
    (0..count)
        .map(|_| {
            let mut peer = server.connect();
            assert_echoes(&mut peer, "here");
            peer
        })
        .collect()
}

#[test]
fn c04_a_frame_beyond_the_limit_is_refused_at_its_header() {
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "");
        for len in [(16 << 20) + 1, 1 << 30, 1 << 60, i64::MAX as u64] {
            for frame in [Frame::binary(""), Frame::text(""), Frame::binary("").more()] {
                let mut peer = server.connect();
                peer.send_bytes(&frame.masked().announcing(len).header());
                // RFC 6455 §10.4/a
                assert_eq!(read_close_code(&mut peer), 1009, "{len}");
            }
        }
        // Each limit on its own.
        for orders in ["max_frame_size=1000", "max_message_size=1000"] {
            let strict = Attacked::start(driver, orders);
            let mut peer = strict.connect();
            assert_echoes(&mut peer, &"x".repeat(1000));
            peer.send_bytes(&Frame::binary("").masked().announcing(1001).header());
            // RFC 6455 §10.4/a
            assert_eq!(read_close_code(&mut peer), 1009, "{orders}");
        }
        let during = server.measure();
        assert_grown("headers beyond the limit", &server, &before, &during, 2 * MIB);
        let after = server.recovers_to(&before);
        note("C4", "frames of 16 MiB + 1 to 2^63-1, headers only", &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

#[test]
fn c05_announced_lengths_cost_nothing() {
    each_driver(|driver| {
        let huge = i64::MAX;
        let orders = format!("max_frame_size={huge} max_message_size={huge}");
        let attacks: [(&str, &str, u64); 2] = [
            ("1,000 peers announce 15 MiB each and send 3 KB", "", 15 << 20),
            ("1,000 peers announce 2^63-1 bytes each and send 3 KB, no limits", &orders, huge as u64),
        ];
        for (attack, orders, len) in attacks {
            let (mut server, idle) = Attacked::start_warm(driver, orders);
            let mut peers = crowd(&server, 1000);
            let before = server.settled();
            for (number, peer) in peers.iter_mut().enumerate() {
                let frame = Frame::new(if number % 2 == 0 { BINARY } else { TEXT }, [b'x'; 3000]);
                let frame = frame.fin(number % 3 > 0).masked().announcing(len);
                peer.send_bytes(&frame.bytes());
            }
            let during = server.settled();
            // RFC 6455 §10.4/a: 3 KB have come from each, and twice as much may be kept ready.
            assert_grown(attack, &server, &before, &during, 16 * MIB);
            let virt = during.virt.saturating_sub(before.virt);
            assert!(virt < 128 * MIB, "{driver:?}: {virt} KiB of address space were reserved");
            drop(peers);
            let after = server.recovers_to(&idle);
            note("C5", attack, &server, [&before, &during, &after]);
            server.assert_unharmed();
        }
    });
}

#[test]
fn c07_a_message_in_fragments_meets_the_limit_as_a_whole() {
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "");
        let mut peer = server.connect();
        let piece = |opcode| Frame::new(opcode, vec![b'x'; 60 << 10]).more().masked().bytes();
        server.forget_peak();
        let mut stream = peer.stream.try_clone().expect("try_clone");
        let writing = thread::spawn(move || {
            let (first, rest) = (piece(BINARY), piece(CONTINUATION));
            // 64 MiB in pieces; the server has had enough after 16.
            let _ = stream.write_all(&first);
            (0..1100).find(|_| stream.write_all(&rest).is_err())
        });
        // RFC 6455 §10.4/a
        assert_eq!(read_close_code(&mut peer), 1009);
        let mut during = server.measure();
        during.rss = during.peak;
        // What has come, in a vector that doubles, and the receive buffer.
        assert_grown("64 MiB in fragments", &server, &before, &during, 50 * MIB);
        drop(peer);
        in_time(writing);
        let after = server.recovers_to(&before);
        assert_grown("after 64 MiB in fragments", &server, &before, &after, 4 * MIB);
        note("C7", "64 MiB in fragments of 60 KiB, without end", &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

#[test]
fn c08_fragments_without_end_come_to_an_end() {
    each_driver(|driver| {
        let attacks: [(&str, &[u8]); 2] =
            [("a million empty fragments", b""), ("endless fragments of a byte", b"x")];
        for (attack, payload) in attacks {
            let (mut server, before) = Attacked::start_warm(driver, "");
            let mut peer = server.connect();
            server.forget_peak();
            let mut stream = peer.stream.try_clone().expect("try_clone");
            let first = Frame::text(payload).more().masked().bytes();
            let thousand = Frame::continuation(payload).more().masked().bytes().repeat(1000);
            let writing = thread::spawn(move || {
                let _ = stream.write_all(&first);
                (0..1000).position(|_| stream.write_all(&thousand).is_err())
            });
            // RFC 6455 §5.4/h §10.4/a
            assert_eq!(read_close_code(&mut peer), 1009);
            let mut during = server.measure();
            during.rss = during.peak;
            assert_grown(attack, &server, &before, &during, 2 * MIB);
            drop(peer);
            in_time(writing);
            let after = server.recovers_to(&before);
            note("C8", attack, &server, [&before, &during, &after]);
            server.assert_unharmed();
        }
    });
}

#[cfg(feature = "deflate")]
#[test]
fn c09_a_compression_bomb_costs_the_limit_and_no_more() {
    use super::deflate::{RSV1, zip_part};
    // 6 MB that would become 6 GB; with a broken block at the end, for those who get that far.
    let part = zip_part(vec![0; 1 << 20]);
    let mut bomb = part.repeat(6_000_000 / part.len());
    bomb.push(0x06);
    let whole = Frame::binary(&bomb).rsv(RSV1).masked().bytes();
    let mut pieces = Frame::text(&part).rsv(RSV1).more().masked().bytes();
    pieces.extend(Frame::continuation(&part).more().masked().bytes().repeat(100));
    each_driver(|driver| {
        for (attack, bytes) in [("6 MB inflate to 6 GB", &whole), ("the same in fragments", &pieces)] {
            let (mut server, before) = Attacked::start_warm(driver, "deflate=1");
            let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
            let (mut peer, head) = RawPeer::connect_with(server.address, "/", offer);
            assert!(head.contains("permessage-deflate"), "{head}");
            server.forget_peak();
            let mut stream = peer.stream.try_clone().expect("try_clone");
            let writing = thread::scope(|scope| {
                let writing = scope.spawn(move || stream.write_all(bytes).is_ok());
                // RFC 6455 §10.4/a
                assert_eq!(read_close_code(&mut peer), 1009, "{driver:?}");
                drop(peer);
                writing.join()
            });
            assert!(writing.is_ok());
            let mut during = server.measure();
            during.rss = during.peak;
            // The limit of 16 MiB, in a vector that doubles, and the bomb itself.
            assert_grown(attack, &server, &before, &during, 16 * MIB + 16 * MIB + 12 * MIB);
            let after = server.recovers_to(&before);
            assert_grown("after a bomb", &server, &before, &after, 4 * MIB);
            note("C9", attack, &server, [&before, &during, &after]);
            server.assert_unharmed();
        }
    });
}

#[test]
fn c11_a_subscriber_that_never_reads_keeps_nobody_waiting() {
    const LISTENERS: usize = 20;
    const MESSAGES: usize = 600;
    const SIZE: usize = 32 << 10;
    each_driver(|driver| {
        let (mut server, idle) = Attacked::start_warm(driver, "");
        let mut listeners: Vec<_> = (0..LISTENERS).map(|_| server.member()).collect();
        let deaf = server.member();
        let mut talker = server.member();
        talker.send(Frame::text("all here?"));
        for peer in listeners.iter_mut().chain([&mut talker]) {
            assert_eq!(peer.read(), Some(Frame::text("all here?")));
        }
        let before = server.settled();
        server.forget_peak();
        let mut slowest = Duration::ZERO;
        for number in 0..MESSAGES {
            let message = Frame::binary(vec![number as u8; SIZE]);
            let said = Instant::now();
            talker.send(message.clone());
            for peer in listeners.iter_mut().chain([&mut talker]) {
                assert!(peer.read().as_ref() == Some(&message), "message {number}, whole and in its turn");
            }
            slowest = slowest.max(said.elapsed());
        }
        let mut during = server.measure();
        during.rss = during.peak;
        // Its backlog of a mebibyte, and what is just being sent.
        assert_grown("a deaf subscriber", &server, &before, &during, 8 * MIB);
        assert!(slowest < Duration::from_secs(4), "{driver:?}: a message took {slowest:?}");
        // It is out: what the network held it may still have, and then there is an end.
        server.assert_heard("BacklogFull", 1);
        drop((deaf, listeners, talker));
        let after = server.recovers_to(&idle);
        let attack = format!(
            "a subscriber who never reads; {MESSAGES} × {SIZE} B to {LISTENERS} others, the slowest after {} ms",
            slowest.as_millis()
        );
        note("C11", &attack, &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

#[test]
fn c12_a_flood_of_pings_makes_no_flood_of_pongs() {
    const FLOOD: usize = 64 << 20;
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "write_timeout=3000");
        let peer = server.connect();
        server.forget_peak();
        let mut stream = peer.stream.try_clone().expect("try_clone");
        let pings = Frame::ping([b'p'; 125]).masked().bytes().repeat(500);
        let writing = thread::spawn(move || {
            stream.set_write_timeout(Some(DEADLINE)).expect("set_write_timeout");
            let mut sent = 0;
            while sent < FLOOD && stream.write_all(&pings).is_ok() {
                sent += pings.len();
            }
            (sent, stream, pings)
        });
        let (sent, mut stream, pings) = in_time(writing);
        let mut during = server.measure();
        during.rss = during.peak;
        assert!(sent >= FLOOD / 8, "{driver:?}: only {sent} bytes of pings were taken");
        // One pong waits at most, and the batch that was being sent.
        assert_grown("64 MiB of pings", &server, &before, &during, 2 * MIB);
        // RFC 6455 §5.5.3/b: then the write timeout ends it; it has never read. The last pongs may have found room, so there are
        // more until nobody takes them.
        let goes_on = thread::spawn(move || {
            while stream.write_all(&pings).is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
        let after = server.recovers_to(&before);
        in_time(goes_on);
        wait_until("it was told of", || server.heard("Timeout(Write)") + server.heard("ConnectionLost") >= 1);
        let attack = format!("{} MiB of pings from a peer that never reads", sent >> 20);
        note("C12", &attack, &server, [&before, &during, &after]);
        let _ = peer.stream.shutdown(Shutdown::Both);
        server.assert_unharmed();
    });
}

#[test]
fn c12_pongs_that_nobody_asked_for_cost_nothing() {
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "");
        let mut peer = server.connect();
        let pongs = Frame::pong([b'p'; 125]).masked().bytes().repeat(500);
        (0..200).for_each(|_| peer.send_bytes(&pongs));
        assert_echoes(&mut peer, "still there");
        let during = server.measure();
        assert_grown("13 MiB of pongs", &server, &before, &during, 2 * MIB);
        assert!(peer.buffer.is_empty());
        drop(peer);
        let after = server.recovers_to(&before);
        note("C12", "13 MiB of pongs", &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}
