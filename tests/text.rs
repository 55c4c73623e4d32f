//! Text is UTF-8: RFC 6455 §5.6, §8.1.
//!
//! ```text
//!  a text message   is UTF-8 as a whole; a frame may end in the middle of a character
//!  a wrong byte     fails the connection at once: 1007, even in a frame that has not all come
//! ```
//!
//! What is right is said here by the grammar of RFC 3629 §4, written out in `may_follow`.

mod common;

use clearsocket::proto::{Utf8Progress, from_utf8};
use clearsocket::{Message, ProtocolError};
use common::*;

/// Which bytes may follow an unfinished character, or begin a new one if there is none (RFC 3629 §4).
fn may_follow(open: &[u8], byte: u8) -> bool {
    match (open, byte) {
        ([], 0x00..=0x7f | 0xc2..=0xf4) => true,
        ([0xe0], 0xa0..=0xbf) => true, // below: overlong
        ([0xed], 0x80..=0x9f) => true, // above: surrogates
        ([0xf0], 0x90..=0xbf) => true, // below: overlong
        ([0xf4], 0x80..=0x8f) => true, // above: more than U+10FFFF
        ([0xe0 | 0xed | 0xf0 | 0xf4], _) => false,
        ([0xc2..=0xf3] | [0xe0..=0xf4, _] | [0xf0..=0xf4, _, _], 0x80..=0xbf) => true,
        _ => false,
    }
}

/// How many bytes a character with this first byte has.
fn len_of(first: u8) -> usize {
    match first {
        0x00..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    }
}

/// Texts at the edges of UTF-8, all of them valid.
const VALID: [&str; 14] = [
    "",
    "Hello-\u{b5}@\u{df}\u{f6}\u{e4}\u{fc}\u{e0}\u{e1}-UTF-8!!",
    "\0",
    "\u{7f}",
    "\u{80}",
    "\u{7ff}",
    "\u{800}",
    "\u{d7ff}\u{e000}",    // either side of the surrogates
    "\u{fffd}",            // the replacement character is a character
    "\u{fffe}\u{ffff}",    // and so are the noncharacters
    "\u{feff}with a mark", // a byte order mark is not removed
    "\u{10000}\u{1f600}",
    "\u{10ffff}",
    "κόσμε 😀 ελ",
];

/// Bytes that are not UTF-8, and the place of the first byte that shows it.
const INVALID: [(&[u8], usize); 36] = [
    // Continuation bytes with nothing to continue.
    (b"\x80", 0),
    (b"\xbf", 0),
    (b"ab\x80", 2),
    (b"\xc3\xa9\xa9", 2),
    (b"\xf0\x9f\x98\x80\x80", 4),
    // Overlong: more bytes than the character needs.
    (b"\xc0\x80", 0),
    (b"\xc0\xaf", 0),
    (b"\xc1\xbf", 0),
    (b"\xe0\x80\x80", 1),
    (b"\xe0\x80\xaf", 1),
    (b"\xe0\x9f\xbf", 1),
    (b"\xf0\x80\x80\x80", 1),
    (b"\xf0\x80\x80\xaf", 1),
    (b"\xf0\x8f\xbf\xbf", 1),
    // Surrogates, single and in pairs.
    (b"\xed\xa0\x80", 1),
    (b"\xed\xad\xbf", 1),
    (b"\xed\xae\x80", 1),
    (b"\xed\xbf\xbf", 1),
    (b"\xed\xa0\x80\xed\xb0\x80", 1),
    (b"a\xed\xaf\xbf\xed\xbf\xbf", 2),
    // Above U+10FFFF.
    (b"\xf4\x90\x80\x80", 1),
    (b"\xf4\xbf\xbf\xbf", 1),
    (b"\xf5\x80\x80\x80", 0),
    (b"\xf8\x88\x80\x80\x80", 0),
    (b"\xfc\x84\x80\x80\x80\x80", 0),
    (b"\xfe", 0),
    (b"\xff", 0),
    // A character that breaks off because another one begins.
    (b"\xc3\x28", 1),
    (b"\xc3\xc3", 1),
    (b"\xe2\x82\x28", 2),
    (b"\xe2\x28\xa1", 1),
    (b"\xf0\x9f\x98\x28", 3),
    (b"\xf0\x9f\x28\x80", 2),
    (b"\xf0\x28\x8c\xbc", 1),
    (b"a\xe2\x82\xe2\x82\xac", 3),
    (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", 12),
];

/// Text that ends within a character.
const UNFINISHED: [&[u8]; 8] =
    [b"\xc3", b"\xe2", b"\xe2\x82", b"\xf0", b"\xf0\x9f", b"\xf0\x9f\x98", b"ab\xe2\x82", b"\xed\x9f"];

// ---- §5.6, good text ----

#[test]
fn the_tests_own_grammar_agrees_with_its_vectors() {
    for text in VALID {
        assert_eq!(first_bad(text.as_bytes()), None, "{text:?}");
    }
    for (bytes, at) in INVALID {
        assert_eq!(first_bad(bytes), Some(at), "{bytes:02x?}");
    }
    for bytes in UNFINISHED {
        assert_eq!(first_bad(bytes), None, "{bytes:02x?}");
    }
}

#[test]
fn text_is_delivered_as_it_is() {
    for role in ROLES {
        for text in VALID {
            // RFC 6455 §5.6/a
            receive(role, &[Frame::text(text)]).assert_open(&[Seen::text(text)]);
        }
    }
}

#[test]
fn a_frame_may_end_within_a_character() {
    for role in ROLES {
        for text in VALID {
            let bytes = text.as_bytes();
            for at in 0..=bytes.len() {
                let frames = [Frame::text(&bytes[..at]).more(), Frame::continuation(&bytes[at..])];
                // RFC 6455 §5.6/a
                receive(role, &frames).assert_open(&[Seen::text(text)]);
                // Neither an empty fragment nor a control frame at that place makes a difference.
                let frames = [
                    Frame::text(&bytes[..at]).more(),
                    Frame::continuation("").more(),
                    Frame::pong([0xff]),
                    Frame::continuation(&bytes[at..]).more(),
                    Frame::continuation(""),
                ];
                receive(role, &frames).assert_open(&[Seen::pong([0xff]), Seen::text(text)]);
            }
            let bytewise: Vec<Frame> = std::iter::once(Frame::text("").more())
                .chain(bytes.iter().map(|byte| Frame::continuation([*byte]).more()))
                .chain([Frame::continuation("")])
                .collect();
            receive(role, &bytewise).assert_open(&[Seen::text(text)]);
        }
    }
}

#[test]
fn every_character_of_unicode_is_text() {
    let all: String = ('\0'..=char::MAX).collect();
    for role in ROLES {
        // In one frame, and in fragments of a length that cuts characters of every size.
        // RFC 6455 §5.6/a
        let whole = wire(role, &[Frame::text(&all)]);
        assert!(receive_whole(role, &Default::default(), &whole).seen == [Seen::text(&all)]);

        let mut frames: Vec<Frame> =
            all.as_bytes().chunks(1021).map(|chunk| Frame::continuation(chunk).more()).collect();
        frames[0].opcode = 1;
        frames.push(Frame::continuation(""));
        let outcome = receive_whole(role, &Default::default(), &wire(role, &frames));
        assert!(outcome.seen == [Seen::text(&all)]);
    }
}

#[test]
fn a_long_text_is_delivered_as_it_is() {
    // Long enough for the vector code, with characters of every size at every alignment.
    for role in ROLES {
        for shift in 0..32 {
            let text = "x".repeat(shift) + &"aé€😀".repeat(40);
            receive(role, &[Frame::text(&text)]).assert_open(&[Seen::text(&text)]);
        }
    }
}

#[test]
fn binary_data_need_not_be_text() {
    for role in ROLES {
        for bytes in INVALID.map(|(bytes, _)| bytes).into_iter().chain(UNFINISHED) {
            receive(role, &[Frame::binary(bytes)]).assert_open(&[Seen::binary(bytes)]);
            let frames = [Frame::binary(bytes).more(), Frame::continuation(bytes)];
            receive(role, &frames).assert_open(&[Seen::binary([bytes, bytes].concat())]);
        }
    }
}

#[test]
fn what_is_sent_as_text_is_the_callers_text() {
    for role in ROLES {
        for text in VALID {
            let mut connection = connection(role);
            connection.send(&Message::from(text)).unwrap();
            // RFC 6455 §5.6/a
            assert_eq!(take_sent(role, &mut connection), [Frame::text(text)]);
        }
    }
}

// ---- §8.1, bad text ----

#[test]
fn bytes_that_are_not_utf8_fail_the_connection() {
    for role in ROLES {
        for (bytes, _) in INVALID {
            // RFC 6455 §8.1/a
            receive(role, &[Frame::text(bytes)]).assert_failed(ProtocolError::InvalidUtf8);
            // The same at the end of a longer text, for the vector code.
            for before in [61, 64, 200] {
                let long = [&b"x".repeat(before)[..], bytes, b"and more text behind it"].concat();
                receive(role, &[Frame::text(long)]).assert_failed(ProtocolError::InvalidUtf8);
            }
        }
    }
}

#[test]
fn a_wrong_byte_is_noticed_within_an_unfinished_frame() {
    for role in ROLES {
        for (bytes, at) in INVALID {
            for (before, opcode) in [("", 1), ("é", 1), ("", 0)] {
                // The frame announces 100 bytes more than will come.
                let payload = [before.as_bytes(), bytes].concat();
                let at = before.len() + at;
                let frame = Frame::new(opcode, &payload).announcing(payload.len() as u64 + 100);
                let first = if opcode == 0 { wire(role, &[Frame::text("abc").more()]) } else { vec![] };
                let wire = [first, frame.sent_to(role).bytes()].concat();
                let good = wire.len() - payload.len() + at;

                let mut connection = connection(role);
                assert_eq!(fill(&mut connection, &wire[..good]), [], "{payload:02x?} before byte {at}");
                // RFC 6455 §8.1/a
                let seen = fill(&mut connection, &wire[good..good + 1]);
                assert_eq!(seen, [Seen::Error(ProtocolError::InvalidUtf8)], "{payload:02x?} at byte {at}");
                receive_bytes(role, &Default::default(), &wire).assert_failed(ProtocolError::InvalidUtf8);
            }
        }
    }
}

#[test]
fn a_wrong_byte_is_noticed_across_fragments() {
    for role in ROLES {
        for (bytes, at) in INVALID {
            for empty_between in [false, true] {
                // Every byte in a fragment of its own; the last one is never sent.
                let mut connection = connection(role);
                let mut frames = vec![Frame::text("").more()];
                for byte in bytes {
                    if empty_between {
                        frames.extend([Frame::continuation("").more(), Frame::pong("")]);
                    }
                    frames.push(Frame::continuation([*byte]).more());
                }
                let per_byte = if empty_between { 3 } else { 1 };
                let good = 1 + at * per_byte + (per_byte - 1);
                let seen = fill(&mut connection, &wire(role, &frames[..good]));
                assert!(seen.iter().all(|seen| *seen == Seen::pong("")), "{bytes:02x?}: {seen:?}");
                // RFC 6455 §8.1/a
                let seen = fill(&mut connection, &wire(role, &frames[good..]));
                assert_eq!(seen, [Seen::Error(ProtocolError::InvalidUtf8)], "{bytes:02x?}");
            }
        }
    }
}

#[test]
fn a_wrong_byte_in_every_pair_of_fragments() {
    for role in ROLES {
        for (bytes, _) in INVALID {
            for at in 0..=bytes.len() {
                for middle in [None, Some(Frame::continuation("").more()), Some(Frame::pong("€"))] {
                    let first = Frame::text(&bytes[..at]).more();
                    let last = Frame::continuation(&bytes[at..]);
                    let frames: Vec<Frame> =
                        [Some(first), middle, Some(last)].into_iter().flatten().collect();
                    // RFC 6455 §5.6/a §8.1/a
                    receive(role, &frames).assert_failed(ProtocolError::InvalidUtf8);
                }
            }
        }
    }
}

#[test]
fn a_message_that_ends_within_a_character_fails_the_connection() {
    for role in ROLES {
        for bytes in UNFINISHED {
            // In one frame; with an empty last fragment; with several; with a control frame between.
            let more = Frame::text(bytes).more();
            let empty = Frame::continuation("");
            let cases: [&[Frame]; 4] = [
                &[Frame::text(bytes)],
                &[more.clone(), empty.clone()],
                &[more.clone(), empty.clone().more(), empty.clone().more(), empty.clone()],
                &[more.clone(), Frame::pong(""), empty.clone()],
            ];
            for frames in cases {
                // RFC 6455 §5.6/a §8.1/a
                receive(role, frames).assert_failed(ProtocolError::InvalidUtf8);
            }
            // Until then nothing is wrong.
            receive(role, &[more, empty.more()]).assert_open(&[]);
            for at in 0..bytes.len() {
                let frames = [Frame::text(&bytes[..at]).more(), Frame::continuation(&bytes[at..])];
                receive(role, &frames).assert_failed(ProtocolError::InvalidUtf8);
            }
        }
    }
}

#[test]
fn an_empty_last_fragment_does_not_hide_half_a_character() {
    // A released library lent its user a `str` of these four bytes.
    for role in ROLES {
        let frames = [Frame::text(b"\x61\x62\xe2\x82").more(), Frame::continuation("")];
        // RFC 6455 §5.6/a §8.1/a
        let outcome = receive(role, &frames);
        assert_eq!(outcome.seen, [Seen::Error(ProtocolError::InvalidUtf8)]);
        outcome.assert_failed(ProtocolError::InvalidUtf8);
    }
}

#[test]
fn every_message_begins_with_a_clean_slate() {
    for role in ROLES {
        // The second half of a character cannot come with the next message.
        let frames = [Frame::text("ok"), Frame::text(b"\x82\xac")];
        receive(role, &frames).assert_failed(ProtocolError::InvalidUtf8);
        // Nothing is left over from an earlier one, fragmented or not, text or binary.
        let frames = [
            Frame::binary(b"\xe2\x82").more(),
            Frame::continuation(b"\xff"),
            Frame::text("é"),
            Frame::text("€").more(),
            Frame::continuation("a"),
            Frame::text("b"),
        ];
        // RFC 6455 §6.2/d
        receive(role, &frames).assert_open(&[
            Seen::binary(b"\xe2\x82\xff"),
            Seen::text("é"),
            Seen::text("€a"),
            Seen::text("b"),
        ]);
    }
}

// ---- The two functions, exhaustively ----

#[test]
fn progress_refuses_exactly_the_bytes_that_the_grammar_refuses() {
    // A walk over every start of a character, and every byte behind it.
    let mut open = vec![vec![]];
    let mut judged = 0;
    while let Some(start) = open.pop() {
        for byte in 0..=255 {
            let mut progress = Utf8Progress::default();
            assert_eq!(progress.push(&start), Ok(()), "{start:02x?}");
            // RFC 6455 §8.1/a
            assert_eq!(progress.push(&[byte]).is_ok(), may_follow(&start, byte), "{start:02x?} {byte:02x}");
            let bytes = [&start[..], &[byte]].concat();
            assert_eq!(
                Utf8Progress::default().push(&bytes).is_ok(),
                may_follow(&start, byte),
                "{bytes:02x?}"
            );
            let complete = may_follow(&start, byte) && len_of(bytes[0]) == bytes.len();
            assert_eq!(from_utf8(&bytes).is_some(), complete, "{bytes:02x?}");
            judged += 1;
            // The last byte of four needs no walk of its own for each third: its range is the same.
            let walk = may_follow(&start, byte) && !complete && (bytes.len() < 3 || byte % 21 == 2);
            if walk {
                open.push(bytes);
            }
        }
    }
    assert!(judged > 100_000, "{judged}");
}

/// The place of the first byte that cannot be part of UTF-8, whatever follows.
fn first_bad(bytes: &[u8]) -> Option<usize> {
    let mut open = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        if !may_follow(&open, *byte) {
            return Some(at);
        }
        open.push(*byte);
        if open.len() == len_of(open[0]) {
            open.clear();
        }
    }
    None
}
