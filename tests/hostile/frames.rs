//! Attacks with frames (RFC 6455 §5, §8.1): C6, C14, C15, C17, C24, C26.
//!
//! The attacker writes lengths at which sums wrap, text that is none, frames that a parser cannot get past, and names that
//! recurse; or has two threads of the server send and close at once. Servers have looped for ever on a length with its top
//! bit set, handed out a string that was no UTF-8, sent memory of others in a pong or a Close, and mixed two frames.
//!
//! We promise: every length is judged before any sum is made of it; text is UTF-8, wherever it was cut; a peer gets bytes
//! that it sent itself or that the application sent to it; each byte is looked at once; and a frame leaves in one piece.

use super::attacked::{Attacked, name};
use super::common::RawPeer;
use super::common::frame::{BINARY, CLOSE, CONTINUATION, Form, Frame, PONG, TEXT};
use super::each_driver;
use super::example::example;
use super::figures::{note, note_text};
use super::raw::*;
use super::replies::Dice;
use clearsocket::{Error, ProtocolError, Role, Rooms};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

// ---- C6 ----

/// Lengths around every boundary, with the code that a peer gets whose limits are the default: none while it is within.
fn lengths() -> Vec<(u64, Option<u16>)> {
    let limit: u64 = 16 << 20;
    let mut lengths = vec![(limit - 1, None), (limit, None)];
    let beyond = [
        limit + 1,
        u64::from(i32::MAX as u32),
        1 << 31,
        u64::from(u32::MAX) - 13,
        u64::from(u32::MAX),
        1 << 32,
        (1 << 32) + 1,
        1 << 40,
        1 << 62,
        i64::MAX as u64 - 14,
        i64::MAX as u64 - 1,
        i64::MAX as u64,
    ];
    lengths.extend(beyond.map(|len| (len, Some(1009))));
    // The most significant bit is set: RFC 6455 §5.2.
    let negative = [1 << 63, (1 << 63) + 1, u64::MAX - 13, u64::MAX - 1, u64::MAX];
    lengths.extend(negative.map(|len| (len, Some(1002))));
    lengths
}

#[test]
fn c06_no_length_wraps_at_a_server() {
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "");
        let mut count = 0;
        for (len, code) in lengths() {
            for opcode in [TEXT, BINARY] {
                for begun in [false, true] {
                    let mut peer = server.connect();
                    let opcode = if begun { CONTINUATION } else { opcode };
                    if begun {
                        // A sum with what has come before must not wrap either.
                        peer.send(Frame::binary("abc").more());
                    }
                    peer.send_bytes(
                        &Frame::new(opcode, "").form(Form::Bits64).masked().announcing(len).header(),
                    );
                    match code {
                        // RFC 6455 §5.2/g §10.4/a
                        Some(code) => assert_eq!(read_close_code(&mut peer), code, "{len:#x}"),
                        None if begun => assert_eq!(read_close_code(&mut peer), 1009, "{len:#x}"),
                        None => assert_quiet_soon(&mut peer),
                    }
                    count += 1;
                }
            }
        }
        let busy = server.cpu_during(Duration::from_millis(500));
        assert!(busy < Duration::from_millis(150), "{driver:?}: it is still busy with them: {busy:?}");
        let after = server.recovers_to(&before);
        let attack = format!("{count} lengths around every boundary");
        note("C6", &attack, &server, [&before, &after, &after]);
        server.assert_unharmed();
    });
}

/// Nothing comes: the payload is waited for.
#[track_caller]
fn assert_quiet_soon(peer: &mut RawPeer) {
    peer.stream.set_read_timeout(Some(Duration::from_millis(20))).expect("set_read_timeout");
    assert!(peer.stream.peek(&mut [0]).is_err(), "something came");
}

#[test]
fn c06_no_length_wraps_at_a_client() {
    for (len, code) in lengths() {
        let (mut ws, mut peer) = pair(Role::Client);
        peer.send_bytes(&Frame::binary("").form(Form::Bits64).announcing(len).header());
        let Some(code) = code else { continue };
        let result = ws.read().map(|_| ());
        assert!(
            matches!(result, Err(Error::Protocol(error)) if error.close_code() == code),
            "{len:#x}: {result:?}"
        );
        drop(peer);
    }
}

// ---- C14 ----

#[test]
fn c14_frames_do_not_mix_and_a_close_is_the_last() {
    const ROUNDS: usize = 30;
    const SENDERS: usize = 8;
    let mut sent = 0;
    for round in 0..ROUNDS {
        let (ws, mut peer) = pair(if round % 2 == 0 { Role::Server } else { Role::Client });
        let (receiver, sender) = ws.split();
        let threads: Vec<_> = (0..SENDERS)
            .map(|number| {
                let sender = sender.clone();
                thread::spawn(move || {
                    let mut sent = 0;
                    loop {
                        let size = [1, 200, 20_000][(sent + number) % 3];
                        match sender.send(vec![number as u8; size]) {
                            Ok(()) => sent += 1,
                            // RFC 6455 §5.5.1/f
                            Err(Error::NotOpen(_)) => return sent,
                            Err(error) => panic!("{error}"),
                        }
                    }
                })
            })
            .collect();
        let closing = thread::spawn(move || {
            thread::sleep(Duration::from_millis(3 + round as u64));
            (sender.close(1000, "that was all"), sender.close(3000, "nobody hears this"))
        });
        let (frames, payload) = read_to_close(&mut peer);
        assert_eq!(payload, Frame::close(1000, "that was all").payload);
        let whole = |frame: &Frame| frame.fin && frame.rsv == 0 && frame.opcode == BINARY;
        assert!(
            frames.iter().all(|frame| whole(frame) && frame.payload.iter().all(|b| *b == frame.payload[0]))
        );
        peer.send(Frame::close(1000, ""));
        assert!(matches!(in_time(closing), (Ok(()), Ok(()))));
        let accepted: usize = threads.into_iter().map(in_time).sum();
        assert_eq!(frames.len(), accepted, "every send that was Ok has arrived, and no other");
        sent += accepted;
        let reading = thread::spawn(move || {
            let mut receiver = receiver;
            while let Ok(Some(_)) = receiver.read() {}
        });
        drop(peer);
        in_time(reading);
    }
    let text = format!("{ROUNDS} rounds, {sent} messages, none damaged, lost or behind the Close");
    note_text("C14", "8 threads send while one closes", "both roles", &text);
}

// ---- C15 ----

#[test]
fn c15_nobody_is_sent_what_somebody_else_has_sent() {
    const SECRET: &[u8] = b"do-not-tell-anybody-";
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "deflate=1 close_timeout=500");
        let leaks =
            |bytes: &[u8]| bytes.windows(6).any(|window| SECRET.windows(6).any(|secret| secret == window));
        for round in 0..20 {
            // It goes through every buffer that there is.
            let mut owner = server.connect();
            for size in [20, 2000, 60_000, 200_000] {
                let secret = SECRET.repeat(size / SECRET.len());
                owner.send(Frame::binary(&secret));
                assert!(owner.read() == Some(Frame::binary(&secret)));
            }
            // Payloads of every length come back as they came.
            let mut other = server.connect();
            for len in 0..=125u8 {
                let payload = vec![len; usize::from(len)];
                other.send(Frame::ping(&payload));
                // RFC 6455 §5.5.3/a
                assert_eq!(other.read(), Some(Frame::new(PONG, &payload)));
            }
            // Announced and not sent; cut in the middle; broken; a Close with a reason.
            let ends = [
                Frame::binary([1; 10]).masked().announcing(2000).bytes(),
                Frame::text([b'x'; 10]).masked().announcing(50_000).bytes(),
                Frame::ping([1; 3]).masked().announcing(125).bytes(),
                Frame::close(1000, "x").masked().announcing(125).bytes(),
                Frame::close(1000, "why").masked().bytes(),
                Frame::new(CLOSE, [3]).masked().bytes(),
                Frame::text([0xff; 9]).masked().bytes(),
                Frame::new(11, [1; 60]).masked().bytes(),
                Frame::binary([0x12; 30]).rsv(4).masked().bytes(),
            ];
            let mut peer = server.connect();
            peer.send_bytes(&ends[round % ends.len()]);
            peer.stream.shutdown(std::net::Shutdown::Write).expect("shutdown");
            let all = peer.read_to_end();
            assert!(!leaks(&all) && all.len() <= 127, "{driver:?}: {:?}", all.escape_ascii());
        }
        server.assert_unharmed();
    });
    let lib = include_str!("../../src/lib.rs");
    assert!(lib.contains(concat!("#![forbid(un", "safe_code)]")), "no memory but what is initialised");
}

// ---- C17 ----

#[test]
fn c17_no_row_of_frames_keeps_a_server_busy() {
    const ROWS: usize = 400;
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "deflate=1 message_timeout=60000");
        let mut dice = Dice(17);
        let mut peers = Vec::new();
        for number in 0..ROWS {
            let mut peer = server.connect();
            let mut row = Vec::new();
            for _ in 0..30 {
                let opcode = [0, 1, 2, 9, 10, 8, 3][dice.below(if number % 4 == 0 { 7 } else { 5 })];
                let len = [0, 1, 125, 126, 127, 4000][dice.below(if opcode > 7 { 3 } else { 6 })];
                let frame = Frame::new(opcode, vec![b'a'; len]).fin(opcode > 7 || dice.below(3) > 0);
                row.extend(frame.rsv(if dice.below(40) == 0 { 4 } else { 0 }).masked().bytes());
            }
            row.truncate(row.len() - dice.below(200).min(row.len()));
            let _ = peer.stream.write_all(&row);
            peers.push(peer); // it stays: whatever the server makes of it, it has to be done with it
        }
        wait_until("it has looked at all of them", || {
            server.cpu_during(Duration::from_millis(100)) < Duration::from_millis(50)
        });
        let during = server.measure();
        let busy = server.cpu_during(Duration::from_secs(1));
        assert!(
            busy < Duration::from_millis(300),
            "{driver:?}: {busy:?} of CPU in a second with nothing to do"
        );
        drop(peers);
        let after = server.recovers_to(&before);
        let attack =
            format!("{ROWS} peers with rows of odd frames; {} ms of CPU a second later", busy.as_millis());
        note("C17", &attack, &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

// ---- C24 ----

#[test]
fn c24_text_is_utf8_wherever_it_was_cut() {
    // "ab" and the beginning of a euro sign, which never comes to its end.
    let text = [0x61, 0x62, 0xe2, 0x82];
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "");
        let mut count = 0;
        for first in 0..=text.len() {
            for second in first..=text.len() {
                for empty in 0..8u8 {
                    let mut frames = Vec::new();
                    let mut push = |part: &[u8], empties: u8| {
                        frames.push(part.to_vec());
                        (0..empties).for_each(|_| frames.push(Vec::new()));
                    };
                    push(&text[..first], empty & 1);
                    push(&text[first..second], empty >> 1 & 1);
                    push(&text[second..], empty >> 2 & 1);
                    let last = frames.len() - 1;
                    let bytes: Vec<u8> = frames
                        .iter()
                        .enumerate()
                        .flat_map(|(i, part)| {
                            let opcode = if i == 0 { TEXT } else { CONTINUATION };
                            Frame::new(opcode, part).fin(i == last).masked().bytes()
                        })
                        .collect();
                    let mut peer = server.connect();
                    peer.send_bytes(&bytes);
                    // RFC 6455 §5.6/a §8.1/a: a Close, and no echo before it.
                    let (echoed, payload) = read_to_close(&mut peer);
                    assert_eq!((echoed, code_of(&payload)), (vec![], 1007), "{frames:?}");
                    count += 1;
                }
            }
        }
        note_text(
            "C24",
            "text that ends within a character, cut everywhere",
            name(driver),
            &format!("{count} of {count} got 1007"),
        );
        server.assert_unharmed();
    });
    // The client's side of it.
    let (mut ws, mut peer) = pair(Role::Client);
    peer.send(Frame::text(text).more());
    peer.send(Frame::continuation(""));
    assert!(matches!(ws.read(), Err(Error::Protocol(ProtocolError::InvalidUtf8))));
}

// ---- C26 ----

#[test]
fn c26_names_of_rooms_may_be_as_long_and_as_deep_as_they_like() {
    // On a small stack, so that what recurses does not return.
    let small = thread::Builder::new().stack_size(128 << 10).spawn(|| {
        let rooms = Rooms::new();
        let names = [
            "a/".repeat(500_000),
            "#".repeat(1 << 20),
            "[".repeat(100_000),
            "+/".repeat(100_000),
            String::new(),
        ];
        let held: Vec<_> = names.iter().map(|name| rooms.room(name)).collect();
        assert_eq!(rooms.names().len(), names.len());
        held.iter().for_each(|room| room.broadcast("nobody is here"));
        drop(held);
        assert!(rooms.names().is_empty());
    });
    in_time(small.expect("a thread"));
}

#[test]
fn c26_the_chat_survives_what_it_is_told() {
    for options in [&[][..], &["--event-loop"]] {
        let mut chat = Command::new(example("chat"));
        chat.args(["--listen", "127.0.0.1:0"]).args(options).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut chat = chat.spawn().expect("the chat starts");
        let mut lines = BufReader::new(chat.stdout.take().expect("a pipe")).lines();
        let line = lines.next().expect("its first line").expect("text");
        let address =
            line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
        let address = address.parse().expect("an address");
        let log =
            thread::spawn(move || lines.map_while(Result::ok).filter(|line| line.contains("panic")).count());
        let deep = ["[", "{\"a\":", "\"\\", "[{\"type\":"].map(|piece| piece.repeat(60_000 / piece.len()));
        let said = [
            format!(r#"{{"type":"join","name":"x","room":"{}"}}"#, "a/".repeat(30_000)),
            format!(r#"{{"type":"join","name":"{}","room":"x"}}"#, "\u{1F600}".repeat(10_000)),
            r#"{"type":"join","name":"\u0000\ud800","room":"x"}"#.to_owned(),
            r#"{"__proto__":{"type":"join"}}"#.to_owned(),
            r#"{"type":"say","text":1e999999999}"#.to_owned(),
            "null".to_owned(),
        ];
        let mut peer = RawPeer::connect_with(address, "/chat", "").0;
        for text in said.iter().chain(&deep) {
            peer.send(Frame::text(text));
            let answer = peer.read();
            assert!(
                answer.as_ref().is_some_and(|it| it.opcode == TEXT),
                "{options:?}: {text:.60}: {answer:?}"
            );
        }
        drop(peer);
        let mut ada = RawPeer::connect_with(address, "/chat", "").0;
        ada.send(Frame::text(r#"{"type":"join","name":"Ada","room":"x"}"#));
        let welcome = ada.read().expect("a welcome");
        assert!(String::from_utf8_lossy(&welcome.payload).contains("Ada"));
        let _ = chat.kill();
        let _ = chat.wait();
        assert_eq!(in_time(log), 0, "{options:?}: something panicked");
    }
}
