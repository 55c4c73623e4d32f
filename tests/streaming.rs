//! Messages larger than memory, in parts: `MessageReader` and `MessageWriter` (RFC 6455 §5.4, §6.1, §6.2).
//!
//! ```text
//!   MessageWriter (io::Write) ─▶ fragments, pings in between ─▶ MessageReader (io::Read)
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{
    Error, Incoming, MessageReader, Overflow, ReadyState, Role, WebSocket, accept_with, connect,
};
use common::RawPeer;
use common::frame::{BINARY, CONTINUATION, Frame, PONG, TEXT};
use raw::*;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::TcpListener;
use std::thread;

/// Room enough.
const MIB: usize = 1 << 20;

/// Of a queue.
const LIMIT: usize = 256 << 10;

#[track_caller]
fn reader(ws: &mut WebSocket) -> MessageReader<'_> {
    ws.message_reader(MIB).expect("open").expect("a message")
}

#[track_caller]
fn read_text(ws: &mut WebSocket) -> String {
    let mut message = reader(ws);
    assert!(message.is_text());
    io::read_to_string(&mut message).expect("a text")
}

/// Our error inside one of `std::io`.
#[track_caller]
fn ours(error: io::Error) -> Error {
    error.downcast().expect("an error of ours")
}

// ---- Reading ----

#[test]
fn a_message_is_read_as_it_comes() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair(role);
        peer.send(Frame::text("begin").more());
        let mut message = reader(&mut ws);
        // RFC 6455 §5.4/n §6.2/d
        assert_eq!(message.fill_buf().expect("a part"), b"begin");
        message.consume(2);
        let mut buf = [0; 2];
        assert_eq!((message.read(&mut buf).expect("a part"), &buf), (2, b"gi"));
        peer.send(Frame::ping("x"));
        // Half of a frame is a part too.
        let bytes = Frame::continuation("ning").sent_to(role).bytes();
        peer.send_bytes(&bytes[..bytes.len() - 1]);
        let mut rest = [0; 4];
        message.read_exact(&mut rest).expect("a part");
        assert_eq!(&rest, b"nnin");
        peer.send_bytes(&bytes[bytes.len() - 1..]);
        let mut end = String::new();
        message.read_to_string(&mut end).expect("the end");
        assert_eq!((end.as_str(), message.read(&mut buf).expect("the end")), ("g", 0));
        // RFC 6455 §5.4/g §5.5.2/b
        assert_eq!(peer.read().map(|frame| (frame.opcode, frame.payload)), Some((PONG, b"x".to_vec())));

        peer.send(Frame::binary(""));
        let mut empty = reader(&mut ws);
        assert_eq!((empty.is_text(), empty.read(&mut buf).expect("the end")), (false, 0));
        peer.send(Frame::text("€ and 🦀").more());
        peer.send(Frame::continuation(""));
        assert_eq!(read_text(&mut ws), "€ and 🦀");
        peer.send(Frame::text("as ever"));
        assert_eq!(ws.read().expect("open"), Some("as ever".into()));
    });
}

#[test]
fn what_is_left_of_a_message_is_skipped_by_the_next_read() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair_with(role, config(|config| config.max_message_size = 10));
        let long = |peer: &mut RawPeer| {
            peer.send(Frame::text("beginning").more());
            peer.send(Frame::ping("in between"));
            peer.send(Frame::continuation("x".repeat(100_000)));
        };
        for way in 0..5 {
            long(&mut peer);
            let mut message = reader(&mut ws);
            if way % 2 == 0 {
                message.read_exact(&mut [0; 12]).expect("some of it");
            }
            // The ordinary limit is in force again, and 10 bytes are not too many.
            peer.send(Frame::text("0123456789"));
            match way {
                0 | 1 => assert_eq!(ws.read().expect("open"), Some("0123456789".into())),
                2 => assert_eq!(read_text(&mut ws), "0123456789"),
                3 => {
                    let message = ws.read_timeout(common::raw_peer::DEADLINE).expect("open");
                    assert_eq!(message, Incoming::Some("0123456789".into()));
                }
                _ => {
                    // Read to its last byte, but not to its end.
                    reader(&mut ws).read_exact(&mut [0; 10]).expect("all of it");
                    peer.send(Frame::text("next"));
                    assert_eq!(ws.read().expect("open"), Some("next".into()));
                }
            }
            assert_eq!(peer.read().map(|frame| frame.payload), Some(b"in between".to_vec()));
        }
        // RFC 6455 §7.1.2/a: a drop in the middle of a message closes as ever.
        long(&mut peer);
        assert!(reader(&mut ws).is_text());
        peer.send(Frame::close(1000, ""));
        drop(ws);
        let code = read_close_code(&mut peer);
        assert!(code == 1000 || code == 1001, "{code}");
    });
}

#[test]
fn a_message_that_has_come_in_part_can_be_read_in_parts() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair(role);
        for more in [false, true] {
            let first = Frame::text("half and half").fin(!more);
            let bytes = first.sent_to(role).bytes();
            peer.send_bytes(&bytes[..bytes.len() - 3]);
            assert_eq!(ws.read_timeout(A_WHILE).expect("open"), Incoming::NotYet);
            peer.send_bytes(&bytes[bytes.len() - 3..]);
            if more {
                peer.send(Frame::continuation(""));
            }
            assert_eq!(read_text(&mut ws), "half and half");
        }
    });
}

#[test]
fn the_limit_of_the_reader_takes_the_place_of_the_ordinary_ones() {
    let small = config(|config| (config.max_message_size, config.max_frame_size) = (1000, 500));
    for role in [Role::Client, Role::Server] {
        let (mut ws, mut peer) = pair_with(role, small.clone());
        peer.send(Frame::binary(vec![1; 70_000]).more());
        peer.send(Frame::continuation(vec![2; 30_000]));
        let mut message = ws.message_reader(100_000).expect("open").expect("a message");
        let mut data = Vec::new();
        assert_eq!(message.read_to_end(&mut data).expect("within the limit"), 100_000);
        assert!(data[..70_000].iter().all(|&byte| byte == 1) && data[70_000..].iter().all(|&byte| byte == 2));

        peer.send(Frame::binary(vec![1; 70_000]).more());
        peer.send(Frame::continuation(vec![2; 30_001]));
        let mut message = ws.message_reader(100_000).expect("open").expect("a message");
        let error = ours(io::copy(&mut message, &mut io::sink()).expect_err("too large"));
        // RFC 6455 §10.4/a
        assert!(matches!(error, Error::Protocol(clearsocket::ProtocolError::MessageTooBig)), "{error:?}");
        let again = message.read(&mut [0; 1]).expect_err("it stays an error");
        assert_eq!(again.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(read_close_code(&mut peer), 1009);
        assert!(ws.message_reader(MIB).expect("told").is_none());
    }
    let (mut ws, mut peer) = pair_with(Role::Server, config(|config| config.max_fragments = 3));
    peer.send(Frame::text("1").more());
    (0..3).for_each(|_| peer.send(Frame::continuation("x").more()));
    let error = ours(io::copy(&mut reader(&mut ws), &mut io::sink()).expect_err("too many"));
    assert!(matches!(error, Error::Protocol(clearsocket::ProtocolError::TooManyFragments)), "{error:?}");
}

#[test]
fn a_text_that_is_none_is_refused_where_it_goes_wrong() {
    both_roles(|role| {
        for (frames, good) in [
            (vec![Frame::text("good").more(), Frame::continuation([0xff]).more()], "good"),
            (vec![Frame::text(&"half \u{20ac}".as_bytes()[..7])], ""),
            (vec![Frame::text([b'a', 0xe2]).more(), Frame::continuation("")], ""),
        ] {
            let (mut ws, mut peer) = pair(role);
            for frame in frames {
                peer.send(frame);
            }
            let mut seen = Vec::new();
            // RFC 6455 §8.1/a
            let error = match ws.message_reader(MIB) {
                Err(error) => error,
                Ok(message) => {
                    ours(message.expect("a message").read_to_end(&mut seen).expect_err("no UTF-8"))
                }
            };
            assert!(matches!(error, Error::Protocol(clearsocket::ProtocolError::InvalidUtf8)), "{error:?}");
            assert!(seen.is_empty() || seen.starts_with(good.as_bytes()) || seen == b"a\xe2", "{seen:?}");
            assert_eq!(read_close_code(&mut peer), 1007);
        }
    });
}

#[test]
fn a_connection_that_ends_within_a_message_is_told_apart_from_its_end() {
    both_roles(|role| {
        for clean in [true, false] {
            let (mut ws, mut peer) = pair(role);
            peer.send(Frame::text("half").more());
            let mut message = reader(&mut ws);
            message.read_exact(&mut [0; 4]).expect("half");
            if clean {
                peer.send(Frame::close(1001, ""));
            }
            drop(peer);
            let error = message.read(&mut [0; 4]).expect_err("there is no other half");
            match clean {
                true => assert_eq!(error.kind(), ErrorKind::UnexpectedEof),
                false => assert!(matches!(ours(error), Error::ConnectionLost)),
            }
            assert_eq!(ws.close_event().was_clean, clean);
            assert!(ws.message_reader(MIB).expect("told").is_none());
        }
    });
}

#[test]
fn a_reader_that_takes_its_time_is_not_the_peers_fault() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair_with(role, config(|config| config.message_timeout = Some(SHORT)));
        peer.send(Frame::text("a").more());
        let mut message = reader(&mut ws);
        let mut buf = [0; 8];
        for _ in 0..3 {
            message.read_exact(&mut buf[..1]).expect("some of it");
            peer.send(Frame::continuation("b").more());
            thread::sleep(SHORT + A_WHILE);
        }
        message.read_exact(&mut buf[..1]).expect("some of it");
        // But a peer that is waited for is on its own time.
        let mut late = peer.stream.try_clone().expect("try_clone");
        let frame = Frame::continuation("").more().sent_to(role).bytes();
        let dripping = thread::spawn(move || {
            while late.write_all(&frame).is_ok() {
                thread::sleep(SHORT / 4);
            }
        });
        let error = ours(message.read(&mut buf).expect_err("too slow"));
        // RFC 6455 §10.4/a
        assert!(matches!(error, Error::Protocol(clearsocket::ProtocolError::MessageTooSlow)), "{error:?}");
        drop(ws);
        drop(peer);
        in_time(dripping);
    });
}

// ---- Writing ----

#[track_caller]
fn next_frame(peer: &mut RawPeer) -> (u8, bool, String) {
    let frame = peer.read().expect("a frame");
    (frame.opcode, frame.fin, String::from_utf8(frame.payload).expect("a text"))
}

#[test]
fn a_message_leaves_in_fragments_of_the_size_that_was_asked_for() {
    both_roles(|role| {
        let (ws, mut peer) = pair(role);
        let mut message = ws.text_writer().expect("open").fragment_size(16);
        write!(message, "0123456789abcdef{}", "x".repeat(20)).expect("write");
        // Sixteen bytes end within a character.
        message.write_all("€€€€€€".as_bytes()).expect("write");
        message.finish().expect("finish");
        // RFC 6455 §5.4/b §5.4/n §6.1/d §6.1/f
        assert_eq!(next_frame(&mut peer), (TEXT, false, "0123456789abcdef".into()));
        assert_eq!(next_frame(&mut peer), (CONTINUATION, false, "x".repeat(16)));
        assert_eq!(next_frame(&mut peer), (CONTINUATION, false, "xxxx€€€€".into()));
        assert_eq!(next_frame(&mut peer), (CONTINUATION, true, "€€".into()));

        let mut message = ws.binary_writer().expect("open");
        message.write_all(b"now").expect("write");
        message.flush().expect("flush");
        assert_eq!(next_frame(&mut peer), (BINARY, false, "now".into()));
        message.flush().expect("nothing to flush");
        message.finish().expect("finish");
        assert_eq!(next_frame(&mut peer), (CONTINUATION, true, String::new()));

        ws.text_writer().expect("open").finish().expect("finish");
        assert_eq!(next_frame(&mut peer), (TEXT, true, String::new()));
        ws.send("as ever").expect("send");
        assert_eq!(next_frame(&mut peer), (TEXT, true, "as ever".into()));
    });
}

#[test]
fn nothing_but_control_frames_comes_between_the_fragments() {
    both_roles(|role| {
        let (ws, mut peer) = pair_with(role, config(|config| config.max_backlog = 10));
        let mut message = ws.text_writer().expect("open").fragment_size(16);
        ws.send("before").expect("nothing of it has left yet");
        message.write_all(b"beginning").expect("write");
        message.flush().expect("flush");
        // RFC 6455 §5.4/f
        assert!(matches!(ws.binary_writer(), Err(Error::MessageInProgress)));
        assert!(matches!(ws.write_fragment("x", true), Err(Error::MessageInProgress)));
        ws.send("this waits").expect("there is room for it");
        assert!(matches!(ws.send("and this does not"), Err(Error::MessageInProgress)));
        // RFC 6455 §5.4/c
        ws.ping(b"still here").expect("ping");
        message.write_all(b" and end").expect("write");
        message.finish().expect("finish");
        for expected in ["before", "beginning", "still here", " and end", "this waits"] {
            assert_eq!(next_frame(&mut peer).2, expected);
        }
        // And the other way round.
        ws.write_fragment("1", false).expect("write");
        assert!(matches!(ws.text_writer(), Err(Error::MessageInProgress)));
        ws.write_fragment("2", true).expect("write");
        ws.text_writer().expect("now it may").finish().expect("finish");
        ws.flush();
        for expected in ["1", "2", ""] {
            assert_eq!(next_frame(&mut peer).2, expected);
        }
    });
}

#[test]
fn a_text_is_checked_while_it_is_written() {
    let (ws, mut peer) = pair(Role::Client);
    let mut message = ws.text_writer().expect("open");
    let crab = "🦀".as_bytes();
    message.write_all(&crab[..3]).expect("it may become a character");
    // RFC 6455 §5.6/a
    assert_eq!(message.write(b"x").expect_err("it does not").kind(), ErrorKind::InvalidData);
    message.write_all(&crab[3..]).expect("but it may still");
    message.finish().expect("finish");
    assert_eq!(next_frame(&mut peer), (TEXT, true, "🦀".into()));
    let mut message = ws.text_writer().expect("open");
    message.write_all(&crab[..3]).expect("write");
    assert!(matches!(message.finish(), Err(Error::InvalidArgument(_))));
    assert_eq!(ws.ready_state(), ReadyState::Open, "nothing has left");
}

#[test]
fn a_message_that_is_dropped_unfinished_closes_the_connection_if_it_has_begun() {
    both_roles(|role| {
        let (mut ws, mut peer) = pair(role);
        let mut message = ws.text_writer().expect("open");
        message.write_all(b"into the buffer").expect("write");
        drop(message);
        ws.send("nothing has happened").expect("send");
        assert_eq!(next_frame(&mut peer).2, "nothing has happened");
        let mut message = ws.text_writer().expect("open").fragment_size(16);
        message.write_all(&[b'x'; 17]).expect("write");
        drop(message);
        assert!(matches!(ws.send("too late"), Err(Error::NotOpen(ReadyState::Closing))));
        assert!(matches!(ws.text_writer(), Err(Error::NotOpen(ReadyState::Closing))));
        // RFC 6455 §5.4/c §7.1.2/a
        let (frames, close) = read_to_close(&mut peer);
        assert!(frames.len() == 1 && !frames[0].fin);
        assert_eq!((code_of(&close), &close[2..]), (1011, &b"a message was not finished"[..]));
        peer.send(Frame::close(1011, ""));
        drop(peer);
        assert_eq!(ws.read().expect("a clean end"), None);
    });
}

#[test]
fn after_the_close_a_writer_fails() {
    let (ws, mut peer) = pair(Role::Server);
    let mut message = ws.binary_writer().expect("open").fragment_size(16);
    message.write_all(&[0; 20]).expect("write");
    ws.close(1000, "").expect("close");
    let error = message.write_all(&[0; 20]).expect_err("closing");
    assert_eq!(error.kind(), ErrorKind::NotConnected);
    assert!(matches!(ours(error), Error::NotOpen(ReadyState::Closing)));
    assert!(matches!(message.finish(), Err(Error::NotOpen(_))));
    assert_eq!(read_close_code(&mut peer), 1000, "and not 1011 after it");
}

#[test]
fn writing_waits_for_a_slow_peer_whatever_the_policy_is() {
    for overflow in [Overflow::Wait, Overflow::Disconnect, Overflow::DropNewest, Overflow::DropOldest] {
        let (ws, mut peer) = narrow_pair_with(
            Role::Server,
            config(|config| (config.overflow, config.max_backlog) = (overflow, LIMIT)),
        );
        let sender = ws.sender();
        let writing = thread::spawn(move || {
            let mut message = sender.binary_writer().expect("open");
            for n in 0..64u8 {
                message.write_all(&[n; 128 << 10]).expect("write");
                assert!(sender.buffered_amount() <= LIMIT + (4 << 20), "memory stays bounded");
            }
            message.finish().expect("finish");
        });
        thread::sleep(A_WHILE);
        assert!(!writing.is_finished(), "8 MiB do not fit");
        let mut received = Vec::new();
        loop {
            let frame = peer.read().expect("a frame");
            received.extend(frame.payload);
            if frame.fin {
                break;
            }
        }
        in_time(writing);
        let expected = (0..64u8).flat_map(|n| vec![n; 128 << 10]);
        assert!(received.len() == 8 << 20 && received.into_iter().eq(expected), "{overflow:?}");
    }
}

// ---- Both ----

/// 64 MiB that compress to nothing, and bytes that do not compress.
fn chunk(n: usize) -> Vec<u8> {
    let noise = |i: usize| (i.wrapping_mul(2_654_435_761).wrapping_add(n) >> 13) as u8;
    (0..64 << 10).map(|i| if n.is_multiple_of(2) { 0 } else { noise(i * 31) }).collect()
}

#[test]
fn a_large_message_goes_through_with_little_memory_at_either_end() {
    const CHUNKS: usize = 512;
    let config = config(|config| config.max_message_size = 1 << 10);
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("ws://{}/", listener.local_addr().expect("local_addr"));
    let serving = thread::spawn(move || {
        let stream = listener.accept().expect("accept").0;
        let mut ws = accept_with(stream, &clearsocket::ServerOptions::default(), &config).expect("accept").0;
        let sender = ws.sender();
        let mut message = ws.message_reader(1 << 30).expect("open").expect("a message");
        // Back as it comes.
        let mut back = sender.binary_writer().expect("open");
        let copied = io::copy(&mut message, &mut back).expect("copy");
        back.finish().expect("finish");
        assert_eq!(ws.read().expect("a clean end"), None);
        copied
    });
    let (mut ws, _) = connect(&url).expect("connect");
    let sender = ws.sender();
    let writing = thread::spawn(move || {
        let mut message = sender.binary_writer().expect("open");
        (0..CHUNKS).for_each(|n| message.write_all(&chunk(n)).expect("write"));
        message.finish().expect("finish");
    });
    let mut message = ws.message_reader(CHUNKS * (64 << 10)).expect("open").expect("a message");
    let mut buf = vec![0; 64 << 10];
    for n in 0..CHUNKS {
        message.read_exact(&mut buf).expect("read");
        assert!(buf == chunk(n), "chunk {n}");
    }
    assert_eq!(message.read(&mut buf).expect("the end"), 0);
    in_time(writing);
    ws.close(1000, "").expect("close");
    assert_eq!(ws.read().expect("a clean end"), None);
    assert_eq!(in_time(serving), (CHUNKS * (64 << 10)) as u64);
}

#[cfg(feature = "deflate")]
#[test]
fn a_compressed_message_is_inflated_piece_by_piece() {
    use clearsocket::{Client, Config, Deflate, Message, ServerOptions};
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("ws://{}/", listener.local_addr().expect("local_addr"));
    let serving = thread::spawn(move || {
        let mut options = ServerOptions::default();
        options.deflate = Some(Deflate::default());
        let stream = listener.accept().expect("accept").0;
        let ws = accept_with(stream, &options, &Config::default()).expect("accept").0;
        for _ in 0..3 {
            ws.send(vec![0; 8 << 20]).expect("send");
            ws.send("and back to messages that are not streamed ".repeat(100)).expect("send");
        }
        let mut ws = ws;
        while ws.read().is_ok_and(|message| message.is_some()) {}
    });
    let (mut ws, _) = Client::new().deflate(Deflate::default()).connect(&url).expect("connect");
    for round in 0..3 {
        // RFC 7692 §6.2/a
        let mut message = ws.message_reader(8 << 20).expect("open").expect("a message");
        // All of it, a part, or nothing; the rest is inflated and skipped.
        let parts = [usize::MAX, 1, 0][round];
        let (mut longest, mut total) = (0, 0);
        for _ in 0..parts {
            let n = message.fill_buf().expect("in order").len();
            if n == 0 {
                break;
            }
            (longest, total) = (longest.max(n), total + n);
            message.consume(n);
        }
        assert!(longest <= 2 << 20, "a part of {longest} bytes");
        assert!(round > 0 || total == 8 << 20, "{total} bytes");
        let text = ws.read().expect("in order").map(Message::into_owned);
        assert_eq!(text, Some("and back to messages that are not streamed ".repeat(100).into()));
    }
    ws.close(1000, "").expect("close");
    assert_eq!(ws.read().expect("a clean end"), None);
    in_time(serving);
}
