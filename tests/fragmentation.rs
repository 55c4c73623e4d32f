//! Messages in several frames: RFC 6455 §5.4.
//!
//! ```text
//!  text, FIN 0 │ continuation, FIN 0 │ ... │ continuation, FIN 1
//!              ▲                     ▲     ▲
//!              └── control frames may come here, and nothing else
//! ```
//!
//! How we send fragments ourselves is in `sending.rs`.

mod common;

use clearsocket::{ProtocolError, ReadyState, Role};
use common::*;

#[test]
fn the_example_of_three_fragments() {
    for role in ROLES {
        let frames =
            [Frame::text("one ").more(), Frame::continuation("two ").more(), Frame::continuation("three")];
        // RFC 6455 §5.4/b §5.4/e §5.4/i
        receive(role, &frames).assert_open(&[Seen::text("one two three")]);
    }
}

#[test]
fn whole_and_fragmented_messages_are_both_received() {
    for role in ROLES {
        let frames = [
            Frame::text("whole"),
            Frame::text("frag").more(),
            Frame::continuation("mented"),
            Frame::binary("whole"),
            Frame::binary("frag").more(),
            Frame::continuation("mented"),
            Frame::text("again"),
        ];
        // RFC 6455 §5.4/i §6.2/d
        receive(role, &frames).assert_open(&[
            Seen::text("whole"),
            Seen::text("fragmented"),
            Seen::binary("whole"),
            Seen::binary("fragmented"),
            Seen::text("again"),
        ]);
    }
}

#[test]
fn the_first_fragment_sets_the_type_of_all() {
    for role in ROLES {
        // These bytes are no UTF-8, and a binary message does not care.
        let frames = [Frame::binary([0xff]).more(), Frame::continuation([0xfe])];
        // RFC 6455 §5.4/n §6.2/c
        receive(role, &frames).assert_open(&[Seen::binary([0xff, 0xfe])]);

        // The type is not carried over to the next message, either way.
        let frames = [
            Frame::binary([0xff]).more(),
            Frame::continuation([0xfe]),
            Frame::text("a").more(),
            Frame::continuation("b"),
            Frame::binary([0xff]).more(),
            Frame::continuation([0xfe]),
        ];
        // RFC 6455 §6.2/d
        receive(role, &frames).assert_open(&[
            Seen::binary([0xff, 0xfe]),
            Seen::text("ab"),
            Seen::binary([0xff, 0xfe]),
        ]);

        let frames = [Frame::text("a").more(), Frame::continuation([0xff])];
        // RFC 6455 §5.4/n §8.1/a
        receive(role, &frames).assert_failed(ProtocolError::InvalidUtf8);
    }
}

#[test]
fn fragments_may_have_any_size() {
    let text = "Hello, wörld: 1€ = 1 🪙";
    for role in ROLES {
        for size in 1..=text.len() {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            // RFC 6455 §5.4/a §5.4/h
            receive(role, &fragments(1, &pieces)).assert_open(&[Seen::text(text)]);
        }
        // Every two fragments that make the message, and every three.
        let bytes = text.as_bytes();
        for at in 0..=bytes.len() {
            receive(role, &fragments(1, &[&bytes[..at], &bytes[at..]])).assert_open(&[Seen::text(text)]);
            let (first, second) = bytes.split_at(at);
            let (second, third) = second.split_at(second.len() / 2);
            receive(role, &fragments(1, &[first, second, third])).assert_open(&[Seen::text(text)]);
        }
    }
}

#[test]
fn fragments_may_be_empty() {
    for role in ROLES {
        for opcode in [1, 2] {
            let message = |payload: &str| match opcode {
                1 => Seen::text(payload),
                _ => Seen::binary(payload),
            };
            let cases: [(&[&[u8]], &str); 6] = [
                (&[b"", b""], ""),
                (&[b"", b"", b"", b""], ""),
                (&[b"", b"ab"], "ab"),
                (&[b"ab", b""], "ab"),
                (&[b"a", b"", b"b"], "ab"),
                (&[b"", b"a", b"", b"", b"b", b""], "ab"),
            ];
            for (pieces, payload) in cases {
                // RFC 6455 §5.4/h
                receive(role, &fragments(opcode, pieces)).assert_open(&[message(payload)]);
            }
        }
    }
}

#[test]
fn fragments_of_every_form_of_length() {
    for role in ROLES {
        let pieces = [vec![1; 125], vec![2; 126], vec![3; 65536], vec![4; 1], vec![5; 65535]];
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &piece[..]).collect();
        // RFC 6455 §5.4/e
        receive(role, &fragments(2, &pieces)).assert_open(&[Seen::Binary(pieces.concat())]);
    }
}

#[test]
fn nothing_is_delivered_before_the_last_fragment() {
    for role in ROLES {
        let frames =
            [Frame::text("a").more(), Frame::continuation("b").more(), Frame::continuation("").more()];
        // RFC 6455 §5.4/b
        receive(role, &frames).assert_open(&[]);
    }
}

#[test]
fn control_frames_are_handled_between_fragments() {
    for role in ROLES {
        let frames = [
            Frame::text("a").more(),
            Frame::ping("1"),
            Frame::continuation("b").more(),
            Frame::pong("2"),
            Frame::ping("3"),
            Frame::continuation("c"),
        ];
        let outcome = receive(role, &frames);
        // RFC 6455 §5.4/c §5.4/g
        assert_eq!(outcome.seen, [Seen::ping("1"), Seen::pong("2"), Seen::ping("3"), Seen::text("abc")]);
        // RFC 6455 §5.5.2/b
        assert_eq!(outcome.sent, [Frame::pong("1"), Frame::pong("3")]);
        assert_eq!(outcome.ready_state, ReadyState::Open);
    }
}

#[test]
fn a_close_inside_a_message_ends_it() {
    for role in ROLES {
        let frames = [Frame::text("a").more(), Frame::close(1001, "bye"), Frame::continuation("b")];
        let outcome = receive(role, &frames);
        // RFC 6455 §5.4/g §5.5.1/g
        assert_eq!(outcome.seen, [Seen::close(1001, "bye")]);
        assert_eq!(outcome.sent, [Frame::close(1001, "")]);
    }
}

#[test]
fn a_continuation_with_nothing_to_continue_fails_the_connection() {
    for role in ROLES {
        for fin in [false, true] {
            let lost = Frame::continuation("lost").fin(fin);
            let before: [&[Frame]; 5] = [
                &[],
                &[Frame::text("whole")],
                &[Frame::text("a").more(), Frame::continuation("b")],
                &[Frame::binary("a").more(), Frame::ping(""), Frame::continuation("")],
                &[Frame::ping("x")],
            ];
            for before in before {
                let frames = [before, &[lost.clone(), Frame::text("never seen")]].concat();
                let outcome = receive(role, &frames);
                // RFC 6455 §5.4/b
                outcome.assert_failed(ProtocolError::UnexpectedContinuation);
                assert!(!outcome.seen.contains(&Seen::text("never seen")));
            }
            receive(role, &[Frame::continuation("").fin(fin)])
                .assert_failed(ProtocolError::UnexpectedContinuation);
        }
    }
}

#[test]
fn a_new_message_inside_an_unfinished_one_fails_the_connection() {
    for role in ROLES {
        for first in [Frame::text("a"), Frame::binary("a"), Frame::text(""), Frame::binary("")] {
            for second in [Frame::text("b"), Frame::binary("b"), Frame::text(""), Frame::binary("")] {
                for fin in [false, true] {
                    let (first, second) = (first.clone().more(), second.clone().fin(fin));
                    // RFC 6455 §5.4/f
                    receive(role, &[first.clone(), second.clone()])
                        .assert_failed(ProtocolError::InterleavedMessage);
                    receive(role, &[first.clone(), Frame::continuation("c").more(), second.clone()])
                        .assert_failed(ProtocolError::InterleavedMessage);
                    receive(role, &[first, Frame::ping(""), second])
                        .assert_failed(ProtocolError::InterleavedMessage);
                }
            }
        }
    }
}

#[test]
fn a_long_row_of_fragments() {
    for role in ROLES {
        let pieces: Vec<[u8; 1]> = (0..=255u8).cycle().take(3000).map(|byte| [byte]).collect();
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &piece[..]).collect();
        // RFC 6455 §5.4/e §5.4/i
        receive(role, &fragments(2, &pieces)).assert_open(&[Seen::Binary(pieces.concat())]);
    }
}

#[test]
fn each_fragment_has_a_masking_key_of_its_own() {
    let bytes = [
        Frame::binary([1, 2, 3, 4, 5]).more().mask([9, 9, 9, 9]).bytes(),
        Frame::continuation([6, 7]).more().mask([0, 1, 2, 3]).bytes(),
        Frame::continuation([8]).mask([200, 100, 50, 25]).bytes(),
    ]
    .concat();
    // RFC 6455 §5.3/e §6.2/f
    receive_bytes(Role::Server, &Default::default(), &bytes)
        .assert_open(&[Seen::binary([1, 2, 3, 4, 5, 6, 7, 8])]);
}

/// A message in these fragments.
fn fragments(opcode: u8, pieces: &[&[u8]]) -> Vec<Frame> {
    let last = pieces.len() - 1;
    let frame = |(i, piece)| Frame::new(if i == 0 { opcode } else { 0 }, piece).fin(i == last);
    pieces.iter().enumerate().map(frame).collect()
}
