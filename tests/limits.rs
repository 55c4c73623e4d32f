//! Limits on what a peer may make us do: RFC 6455 §10.4.
//!
//! ```text
//!  a frame or a message over its limit   1009, as soon as a header announces it
//!  too many fragments                    1009, at the header of the first one too many
//!  memory                                grows with the bytes that have come, never with an announcement
//! ```

mod common;

use clearsocket::proto::{Decoder, Event, Progress};
use clearsocket::{Config, ProtocolError, Role};
use common::*;
use std::slice::from_ref;

fn limits(max_frame_size: usize, max_message_size: usize, max_fragments: usize) -> Config {
    let mut config = Config::default();
    config.max_frame_size = max_frame_size;
    config.max_message_size = max_message_size;
    config.max_fragments = max_fragments;
    config
}

/// Far beyond anything that these tests send.
const MANY: usize = 1 << 30;

// ---- The size of a frame and of a message ----

#[test]
fn there_are_limits_by_default() {
    let config = Config::default();
    // RFC 6455 §10.4/b
    assert_eq!(config.max_frame_size, 16 << 20);
    assert_eq!(config.max_message_size, 16 << 20);
    assert_eq!(config.max_fragments, 131_072);

    for role in ROLES {
        for len in [(16 << 20) + 1, 1 << 40, 1 << 60, 1 << 62, i64::MAX as u64] {
            let header = Frame::binary("").announcing(len).sent_to(role).header();
            // "a single big frame (e.g., of size 2**60)"
            // RFC 6455 §10.4/a
            receive_bytes(role, &config, &header).assert_failed(ProtocolError::FrameTooBig);
        }
        let header = Frame::binary("").announcing(16 << 20).sent_to(role).header();
        receive_bytes(role, &config, &header).assert_open(&[]);
    }
}

#[test]
fn a_frame_may_be_as_large_as_its_limit() {
    for role in ROLES {
        for limit in [0, 1, 125, 126, 65535, 65536] {
            let config = limits(limit, MANY, MANY);
            let payload = vec![b'x'; limit];
            for opcode in [1, 2] {
                let good = Frame::new(opcode, &payload);
                assert_eq!(receive_with(role, &config, from_ref(&good)).seen.len(), 1);

                let bad = Frame::new(opcode, [&payload[..], b"x"].concat());
                // RFC 6455 §10.4/a
                receive_with(role, &config, from_ref(&bad)).assert_failed(ProtocolError::FrameTooBig);
                // Its header is enough.
                let header = bad.sent_to(role).header();
                receive_bytes(role, &config, &header).assert_failed(ProtocolError::FrameTooBig);
            }
        }
    }
}

#[test]
fn the_limit_on_frames_holds_for_fragments() {
    for role in ROLES {
        let config = limits(4, MANY, MANY);
        let frames =
            [Frame::text("abcd").more(), Frame::continuation("efgh").more(), Frame::continuation("ijkl")];
        receive_with(role, &config, &frames).assert_open(&[Seen::text("abcdefghijkl")]);

        let frames = [Frame::text("abcde").more()];
        // RFC 6455 §10.4/a
        receive_with(role, &config, &frames).assert_failed(ProtocolError::FrameTooBig);
        let frames = [Frame::text("abcd").more(), Frame::continuation("efghi")];
        receive_with(role, &config, &frames).assert_failed(ProtocolError::FrameTooBig);
    }
}

#[test]
fn a_message_in_one_frame_may_be_as_large_as_its_limit() {
    for role in ROLES {
        for limit in [0, 1, 125, 126, 65536] {
            let config = limits(MANY, limit, MANY);
            let payload = vec![b'x'; limit];
            receive_with(role, &config, &[Frame::binary(&payload)]).assert_open(&[Seen::binary(&payload)]);
            let bad = Frame::binary([&payload[..], b"x"].concat());
            // RFC 6455 §10.4/a
            receive_with(role, &config, from_ref(&bad)).assert_failed(ProtocolError::MessageTooBig);
            let header = bad.sent_to(role).header();
            receive_bytes(role, &config, &header).assert_failed(ProtocolError::MessageTooBig);
        }
    }
}

#[test]
fn the_limit_on_messages_is_for_the_sum_of_the_fragments() {
    let parts = [Frame::text("abcd").more(), Frame::continuation("efgh").more()];
    for role in ROLES {
        let config = limits(MANY, 10, MANY);
        let good = [&parts[..], &[Frame::ping(""), Frame::continuation("ij")]].concat();
        assert_eq!(receive_with(role, &config, &good).seen, [Seen::ping(""), Seen::text("abcdefghij")]);

        let good = [&parts[..], &[Frame::continuation("ij").more(), Frame::continuation("")]].concat();
        receive_with(role, &config, &good).assert_open(&[Seen::text("abcdefghij")]);

        for last in [Frame::continuation("ijk"), Frame::continuation("ijk").more()] {
            let bad = [wire(role, &parts), last.sent_to(role).header()].concat();
            // RFC 6455 §10.4/a
            receive_bytes(role, &config, &bad).assert_failed(ProtocolError::MessageTooBig);
        }
        let bad = [&parts[..], &[Frame::continuation("ij").more(), Frame::continuation("k")]].concat();
        receive_with(role, &config, &bad).assert_failed(ProtocolError::MessageTooBig);
    }
}

#[test]
fn a_sum_of_lengths_does_not_wrap() {
    for role in ROLES {
        let config = limits(usize::MAX, 100, MANY);
        for len in [i64::MAX as u64, i64::MAX as u64 - 2, 1 << 62, u32::MAX as u64, u32::MAX as u64 - 2] {
            let bytes = [
                wire(role, &[Frame::text("abc").more()]),
                Frame::continuation("").announcing(len).sent_to(role).header(),
            ]
            .concat();
            // RFC 6455 §10.4/a
            receive_bytes(role, &config, &bytes).assert_failed(ProtocolError::MessageTooBig);
        }
    }
}

#[test]
fn the_limits_hold_for_every_message_anew() {
    for role in ROLES {
        let config = limits(4, 8, 2);
        let message = [Frame::text("abcd").more(), Frame::continuation("efgh")];
        let frames = [message.as_slice(); 5].concat();
        let seen = vec![Seen::text("abcdefgh"); 5];
        receive_with(role, &config, &frames).assert_open(&seen);
    }
}

#[test]
fn limits_on_messages_do_not_concern_control_frames() {
    for role in ROLES {
        let config = limits(0, 0, 1);
        let frames = [Frame::pong([1; 125]), Frame::text(""), Frame::pong([2; 125])];
        receive_with(role, &config, &frames).assert_open(&[
            Seen::pong([1; 125]),
            Seen::text(""),
            Seen::pong([2; 125]),
        ]);
        let outcome = receive_with(role, &config, &[Frame::close(1000, "r".repeat(123))]);
        assert_eq!(outcome.seen, [Seen::close(1000, &"r".repeat(123))]);
    }
}

// ---- The number of fragments ----

#[test]
fn a_message_may_have_as_many_frames_as_its_limit() {
    for role in ROLES {
        for limit in 1..=4 {
            let config = limits(MANY, MANY, limit);
            let mut frames = vec![Frame::text("a").more()];
            frames.extend((1..limit).map(|_| Frame::continuation("a").more()));
            let too_many = [&frames[..], &[Frame::continuation("")]].concat();
            // RFC 6455 §10.4/a
            receive_with(role, &config, &too_many).assert_failed(ProtocolError::TooManyFragments);
            let too_many = [&frames[..], &[Frame::continuation("a").more()]].concat();
            receive_with(role, &config, &too_many).assert_failed(ProtocolError::TooManyFragments);

            frames.last_mut().unwrap().fin = true;
            receive_with(role, &config, &frames).assert_open(&[Seen::text(&"a".repeat(limit))]);
        }
    }
}

#[test]
fn control_frames_do_not_count_as_fragments() {
    for role in ROLES {
        let config = limits(MANY, MANY, 2);
        let frames = [
            Frame::text("a").more(),
            Frame::pong("1"),
            Frame::pong("2"),
            Frame::pong("3"),
            Frame::continuation("b"),
        ];
        let outcome = receive_with(role, &config, &frames);
        // RFC 6455 §5.4/g
        assert_eq!(outcome.seen.last(), Some(&Seen::text("ab")));
    }
}

#[test]
fn an_endless_row_of_empty_fragments_comes_to_an_end() {
    for role in ROLES {
        let mut connection = connection(role);
        let empty = Frame::continuation("").more().sent_to(role).bytes();
        let thousand = empty.repeat(1000);
        let mut seen = fill(&mut connection, &Frame::binary("").more().sent_to(role).bytes());
        let mut sent = 1;
        while seen.is_empty() && sent < 1_000_000 {
            seen = fill(&mut connection, &thousand);
            sent += 1000;
            assert!(connection.recv_space().len() <= SMALL);
        }
        // RFC 6455 §5.4/h §10.4/a
        assert_eq!(seen, [Seen::Error(ProtocolError::TooManyFragments)]);
        assert!((131_072..=133_000).contains(&sent), "{sent}");
    }
}

#[test]
fn many_small_fragments_make_a_large_message() {
    for role in ROLES {
        // 4 MiB in pieces of 64 bytes is within the limits by default.
        let mut connection = connection(role);
        let count = (4 << 20) / 64;
        let mut wire = Vec::new();
        for i in 0..count {
            let frame = Frame::new(if i == 0 { 2 } else { 0 }, [i as u8; 64]);
            wire.extend(frame.fin(i == count - 1).sent_to(role).bytes());
        }
        let seen = fill(&mut connection, &wire);
        let [Seen::Binary(data)] = &seen[..] else { panic!("{} events", seen.len()) };
        // RFC 6455 §5.4/e
        assert!(data.len() == 4 << 20 && data.iter().enumerate().all(|(i, byte)| *byte == (i / 64) as u8));
    }
}

// ---- Memory ----

/// What may be kept ready for any peer, whatever it announces.
const SMALL: usize = 128 << 10;

#[test]
fn an_announcement_buys_no_memory() {
    for role in ROLES {
        // Only a limit that allows it lets such a header through.
        let unlimited = limits(usize::MAX, usize::MAX, usize::MAX);
        let huge = [1 << 30, 1 << 40, 1 << 62, i64::MAX as u64];
        let default = Config::default();
        let cases = huge.map(|len| (&unlimited, len)).into_iter().chain([(&default, 16 << 20)]);
        for (config, len) in cases {
            if usize::try_from(len).is_err() {
                continue;
            }
            for frame in [Frame::binary("ab"), Frame::text("ab"), Frame::binary("ab").more()] {
                let bytes = frame.announcing(len).sent_to(role).bytes();
                let mut connection = connection_with(role, config);
                for byte in bytes {
                    connection.push(&[byte]);
                    assert!(connection.advance() == Progress::NeedInput);
                    // RFC 6455 §10.4/a
                    assert!(connection.recv_space().len() <= SMALL, "{}", connection.recv_space().len());
                }
            }
        }
    }
}

#[test]
fn memory_follows_the_bytes_that_have_come() {
    for role in ROLES {
        for frame in [Frame::binary(""), Frame::text(""), Frame::binary("").more()] {
            let mut connection = connection(role);
            let header = frame.announcing(16 << 20).sent_to(role).header();
            assert_eq!(fill(&mut connection, &header), []);
            let mut come = 0;
            while come < 4 << 20 {
                // Small reads and whatever fits, in turn.
                for n in [1000, usize::MAX] {
                    assert!(connection.advance() == Progress::NeedInput);
                    let space = connection.recv_space();
                    // At most twofold: as much again as has come, and something to begin with.
                    // RFC 6455 §10.4/a
                    assert!(space.len() <= come + SMALL, "{} bytes of space after {come}", space.len());
                    let n = n.min(space.len());
                    // Masked or not, these are characters: the key has no high bits in common with them.
                    let plain = vec![b'a'; n];
                    let masked = plain.iter().enumerate().map(|(i, byte)| byte ^ KEY[(come + i) % 4]);
                    match role {
                        Role::Client => space[..n].copy_from_slice(&plain),
                        Role::Server => space[..n].iter_mut().zip(masked).for_each(|(to, byte)| *to = byte),
                    }
                    connection.received(n);
                    come += n;
                }
            }
        }
    }
}

#[test]
fn a_refused_header_costs_nothing() {
    for role in ROLES {
        let mut connection = connection(role);
        let header = Frame::binary("").announcing(1 << 62).sent_to(role).header();
        assert_eq!(fill(&mut connection, &header), [Seen::Error(ProtocolError::FrameTooBig)]);
        // RFC 6455 §10.4/a
        assert!(connection.recv_space().len() <= SMALL);
    }
}

#[test]
fn memory_can_be_released_at_any_moment() {
    for role in ROLES {
        let text = "aé€😀".repeat(20);
        let frames = [
            Frame::text(&text),
            Frame::text(&text).more(),
            Frame::ping("between"),
            Frame::continuation(&text),
            Frame::binary([7; 300]),
        ];
        let expected =
            [Seen::text(&text), Seen::ping("between"), Seen::Text(text.repeat(2)), Seen::binary([7; 300])];
        let bytes = wire(role, &frames);
        for size in [1, 7, 100, 1000] {
            let mut decoder = Decoder::new(role, &Config::default());
            let mut seen: Vec<Seen> = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.push(piece);
                while decoder.advance() == Progress::Ready {
                    seen.push(decoder.event().unwrap().unwrap().into());
                }
                decoder.release_memory();
            }
            assert_eq!(seen, expected, "in pieces of {size} bytes");
        }
    }
}

#[test]
fn a_large_message_leaves_nothing_behind_that_cannot_be_released() {
    for role in ROLES {
        let mut decoder = Decoder::new(role, &Config::default());
        decoder.push(&wire(role, &[Frame::binary(vec![7; 1 << 20])]));
        assert_eq!(decoder.advance(), Progress::Ready);
        assert!(matches!(decoder.event(), Ok(Some(Event::Message(message))) if message.len() == 1 << 20));
        assert_eq!(decoder.advance(), Progress::NeedInput);
        decoder.release_memory();
        assert!(decoder.recv_space().len() <= SMALL);
    }
}

#[test]
fn there_is_always_space_to_receive() {
    for role in ROLES {
        let mut connection = connection(role);
        let payload = vec![7; 300_000];
        let bytes = wire(role, &[Frame::binary(&payload), Frame::close(1000, "")]);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let n = connection.recv_space().len().min(rest.len());
            assert!(n > 0);
            connection.recv_space()[..n].copy_from_slice(&rest[..n]);
            connection.received(n);
            rest = &rest[n..];
            drain(&mut connection);
        }
        assert!(!connection.recv_space().is_empty());
    }
}

#[test]
fn reporting_more_than_the_space_reports_all_of_it() {
    for role in ROLES {
        for before in [0, 1] {
            let mut connection = connection(role);
            connection.recv_space().fill(0);
            connection.received(before);
            connection.recv_space().fill(0);
            connection.received(usize::MAX);
            // Zeros are a continuation with nothing to continue, and without a mask.
            let error = match role {
                Role::Client => ProtocolError::UnexpectedContinuation,
                Role::Server => ProtocolError::UnmaskedFrame,
            };
            assert_eq!(drain(&mut connection), [Seen::Error(error)]);
        }
    }
}
