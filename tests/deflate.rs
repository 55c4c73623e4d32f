//! permessage-deflate on an open connection (RFC 7692 §6, §7.2), without a network.
//!
//! Received messages come from the RFC's examples and from zlib; they are cut at every place. What we send is taken
//! apart by a decompressor that belongs to these tests alone, with exactly the window that was agreed on.

#![cfg(feature = "deflate")]

mod common;
#[path = "common/deflate.rs"]
mod deflate;

use clearsocket::compression::Context;
use clearsocket::proto::{Connection, Decoder, Encoder, Progress};
use clearsocket::{Agreement, Config, Deflate, Message, ProtocolError, Role, SharedFrame};
use common::*;
use deflate::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// What becomes of `frames` with the defaults, in either role.
#[track_caller]
fn for_both_roles(context: Context, frames: &[Frame], check: impl Fn(Outcome)) {
    for role in ROLES {
        check(receive_deflated(role, &Config::default(), both(context), frames));
    }
}

#[track_caller]
fn gives(frames: &[Frame], seen: &[Seen]) {
    for_both_roles(TAKEOVER, frames, |outcome| outcome.assert_open(seen));
}

/// The last of `frames` is wrong; what comes after it is not looked at.
#[track_caller]
fn fails(context: Context, frames: &[Frame], error: ProtocolError) {
    let more = [frames, &[Frame::text("after"), zipped_text(HELLO), Frame::ping("after")]].concat();
    for_both_roles(context, &more, |outcome| {
        outcome.assert_failed(error);
        assert!(!outcome.seen.contains(&Seen::text("after")), "{outcome:?}");
        assert!(!outcome.seen.contains(&Seen::ping("after")), "{outcome:?}");
    });
}

fn limited(max_message_size: usize) -> Config {
    let mut config = Config::default();
    config.max_message_size = max_message_size;
    config
}

// ---- Receiving: the examples of §7.2.3 ----

#[test]
fn one_compressed_block() {
    // RFC 7692 §6/b §7.2.2/a §7.2.2/b
    gives(&[zipped_text(HELLO)], &[Seen::text("Hello")]);
    gives(&[zipped_binary(HELLO)], &[Seen::binary("Hello")]);
    assert_eq!(zipped_text(HELLO).bytes(), b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
}

#[test]
fn a_compressed_message_in_two_fragments() {
    // RFC 7692 §6.2/a
    let frames = [zipped_text([0xf2, 0x48, 0xcd]).more(), Frame::continuation([0xc9, 0xc9, 0x07, 0x00])];
    assert_eq!(wire(Role::Client, &frames), b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00");
    gives(&frames, &[Seen::text("Hello")]);
}

#[test]
fn the_context_is_taken_over() {
    // RFC 7692 §7.2.2/d
    let hello = Seen::text("Hello");
    gives(&[zipped_text(HELLO), zipped_text(HELLO_AGAIN)], &[hello.clone(), hello.clone()]);
    // Without a reference it is as good, many times.
    gives(&[zipped_text(HELLO), zipped_text(HELLO)], &[hello.clone(), hello.clone()]);
    let frames = [zipped_text(HELLO), zipped_text(HELLO_AGAIN), zipped_binary(HELLO_AGAIN)];
    gives(&frames, &[hello.clone(), hello, Seen::binary("Hello")]);
}

#[test]
fn a_block_without_compression() {
    // RFC 7692 §7.2.3.3/a
    let stored = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    gives(&[zipped_text(stored)], &[Seen::text("Hello")]);
    // It is a part of the context too.
    gives(&[zipped_text(stored), zipped_text(HELLO_AGAIN)], &[Seen::text("Hello"), Seen::text("Hello")]);
}

#[test]
fn a_block_with_bfinal() {
    // RFC 7692 §7.2.1/e §7.2.3.4/a
    let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    let hello = Seen::text("Hello");
    for context in [TAKEOVER, NO_TAKEOVER] {
        let frames = [zipped_text(last), zipped_text(HELLO), zipped_text(last), zipped_text(last)];
        for_both_roles(context, &frames, |outcome| {
            outcome.assert_open(&[hello.clone(), hello.clone(), hello.clone(), hello.clone()]);
        });
    }
}

#[test]
fn two_blocks() {
    // RFC 7692 §7.2.3.5/a
    let blocks = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    gives(&[zipped_text(blocks)], &[Seen::text("Hello")]);
}

#[test]
fn an_empty_message() {
    // RFC 7692 §7.2.3.6/a
    gives(
        &[zipped_text([0]), zipped_binary([0]), zipped_text(HELLO)],
        &[Seen::text(""), Seen::binary(""), Seen::text("Hello")],
    );
    // The same as a fixed block with nothing in it.
    gives(&[zipped_text([0x02, 0x00])], &[Seen::text("")]);
    gives(&[zipped_text("").more(), Frame::continuation([0])], &[Seen::text("")]);
}

#[test]
fn the_other_direction_has_a_context_of_its_own() {
    // RFC 7692 §5.1/a: what the server promised says nothing about the client.
    let agreement = Agreement { server: NO_TAKEOVER, client: TAKEOVER };
    let frames = [zipped_text(HELLO), zipped_text(HELLO_AGAIN)];
    let server = receive_deflated(Role::Server, &Config::default(), agreement, &frames);
    server.assert_open(&[Seen::text("Hello"), Seen::text("Hello")]);
    let client = receive_deflated(Role::Client, &Config::default(), agreement, &frames);
    client.assert_failed(ProtocolError::InvalidDeflate);
}

// ---- Receiving: fragments, control frames, uncompressed messages ----

#[test]
fn a_compressed_message_may_be_cut_anywhere() {
    // RFC 7692 §6.2/a §7.2.1/g
    for cut in 0..=HELLO.len() {
        let (first, last) = HELLO.split_at(cut);
        gives(&[zipped_text(first).more(), Frame::continuation(last)], &[Seen::text("Hello")]);
    }
    let mut frames = vec![zipped_text("").more()];
    frames.extend(HELLO.iter().map(|byte| Frame::continuation([*byte]).more()));
    frames.push(Frame::continuation(""));
    gives(&frames, &[Seen::text("Hello")]);
}

#[test]
fn control_frames_come_between_the_fragments() {
    // RFC 7692 §6/a: they are never compressed, and no part of the message.
    let frames = [
        zipped_text(&HELLO[..3]).more(),
        Frame::ping(HELLO),
        Frame::continuation(&HELLO[3..4]).more(),
        Frame::pong("pong"),
        Frame::continuation(&HELLO[4..]),
    ];
    for_both_roles(TAKEOVER, &frames, |outcome| {
        assert_eq!(outcome.seen, [Seen::ping(HELLO), Seen::pong("pong"), Seen::text("Hello")]);
        assert_eq!(outcome.sent, [Frame::pong(HELLO)]);
    });
}

#[test]
fn a_message_may_be_uncompressed() {
    // RFC 7692 §6.2/b: and is no part of the context then.
    let frames = [
        Frame::text("plain"),
        zipped_text(HELLO),
        Frame::binary(HELLO),
        Frame::text("in ").more(),
        Frame::continuation("parts"),
        zipped_text(HELLO_AGAIN),
    ];
    gives(
        &frames,
        &[
            Seen::text("plain"),
            Seen::text("Hello"),
            Seen::binary(HELLO),
            Seen::text("in parts"),
            Seen::text("Hello"),
        ],
    );
}

#[test]
fn compressed_messages_are_not_interleaved_either() {
    let begun = zipped_text(&HELLO[..3]).more();
    fails(TAKEOVER, &[begun.clone(), zipped_text(HELLO)], ProtocolError::InterleavedMessage);
    fails(TAKEOVER, &[begun.clone(), Frame::text("plain")], ProtocolError::InterleavedMessage);
    let whole = [zipped_text(HELLO), Frame::continuation(HELLO)];
    fails(TAKEOVER, &whole, ProtocolError::UnexpectedContinuation);
}

#[test]
fn fragments_of_a_compressed_message_are_counted() {
    let mut config = Config::default();
    config.max_fragments = 3;
    let begin = zipped_text(&HELLO[..3]).more();
    let frames = |empty: usize| {
        let more = vec![Frame::continuation("").more(); empty];
        [vec![begin.clone()], more, vec![Frame::continuation(&HELLO[3..])]].concat()
    };
    for role in ROLES {
        receive_deflated(role, &config, both(TAKEOVER), &frames(1)).assert_open(&[Seen::text("Hello")]);
        let outcome = receive_deflated(role, &config, both(TAKEOVER), &frames(2));
        outcome.assert_failed(ProtocolError::TooManyFragments);
    }
}

// ---- Receiving: RSV1 where it must not be ----

#[test]
fn rsv1_stands_on_the_first_frame_of_a_message_only() {
    // RFC 7692 §6/d: "on a fragment other than the first", "on control frames".
    let error = ProtocolError::ReservedBit;
    let rest = Frame::continuation(&HELLO[3..]).rsv(RSV1);
    fails(TAKEOVER, &[zipped_text(&HELLO[..3]).more(), rest.clone()], error);
    fails(TAKEOVER, &[zipped_text(&HELLO[..3]).more(), rest.clone().more()], error);
    fails(TAKEOVER, &[Frame::text("plain").more(), rest], error);
    for control in [Frame::ping(HELLO), Frame::pong(""), Frame::close(1000, ""), Frame::close_empty()] {
        fails(TAKEOVER, &[control.clone().rsv(RSV1)], error);
        fails(TAKEOVER, &[zipped_text(&HELLO[..3]).more(), control.rsv(RSV1)], error);
    }
}

#[test]
fn the_other_reserved_bits_stay_reserved() {
    for rsv in [1, 2, 3, 5, 6, 7] {
        for frame in [Frame::text(HELLO), Frame::binary(HELLO), Frame::ping("")] {
            fails(TAKEOVER, &[frame.rsv(rsv)], ProtocolError::ReservedBit);
        }
    }
}

#[test]
fn rsv1_means_nothing_unless_it_was_agreed_on() {
    for role in ROLES {
        for frame in [zipped_text(HELLO), zipped_binary([0]), zipped_text("").more()] {
            receive(role, &[frame]).assert_failed(ProtocolError::ReservedBit);
        }
    }
}

#[test]
fn rsv1_on_a_continuation_without_a_message_is_a_protocol_error() {
    for_both_roles(TAKEOVER, &[Frame::continuation(HELLO).rsv(RSV1)], |outcome| {
        let Some(Seen::Error(error)) = outcome.seen.last() else { panic!("{outcome:?}") };
        assert_eq!(error.close_code().get(), 1002);
    });
}

// ---- Receiving: what cannot be decompressed ----

#[test]
fn a_reference_to_a_message_that_is_forgotten() {
    // RFC 7692 §7.1.1
    let frames = [zipped_text(HELLO), zipped_text(HELLO_AGAIN)];
    fails(NO_TAKEOVER, &frames, ProtocolError::InvalidDeflate);
    for_both_roles(NO_TAKEOVER, &frames, |outcome| assert_eq!(outcome.seen[0], Seen::text("Hello")));
    // In the first message there is nothing to refer to.
    fails(TAKEOVER, &[zipped_text(HELLO_AGAIN)], ProtocolError::InvalidDeflate);
    // An uncompressed message cannot be referred to.
    fails(TAKEOVER, &[Frame::text("Hello"), zipped_text(HELLO_AGAIN)], ProtocolError::InvalidDeflate);
}

#[test]
fn malformed_blocks() {
    // RFC 7692 §7.2.2/b, RFC 1951 §3.2
    for (what, payload) in [
        ("a block of type 3", vec![0x06]),
        ("a last block of type 3", vec![0x07]),
        ("LEN and NLEN do not agree", b"\x00\x05\x00\x00\x00Hello\x00".to_vec()),
        ("a distance beyond the beginning", Bits::fixed_a().code(1, 7).code(10, 5).number(0, 16).bytes()),
        ("a distance of no meaning, 30", Bits::fixed_a().code(1, 7).code(30, 5).number(0, 16).bytes()),
        ("a distance of no meaning, 31", Bits::fixed_a().code(1, 7).code(31, 5).number(0, 16).bytes()),
        ("a length of no meaning, 286", Bits::fixed_a().code(0b1100_0110, 8).number(0, 16).bytes()),
        ("a length of no meaning, 287", Bits::fixed_a().code(0b1100_0111, 8).number(0, 16).bytes()),
        ("too many lengths", Bits::default().number(0b100, 3).number(31, 5).number(0, 40).bytes()),
        (
            "too many distances",
            Bits::default().number(0b100, 3).number(0, 5).number(31, 5).number(0, 40).bytes(),
        ),
        ("no code for anything", [Bits::default().number(0b100, 3).bytes(), vec![0; 60]].concat()),
        ("a bad block behind a good one", [zip_part("good"), vec![0x06, 0x00]].concat()),
        ("text", b"This is not compressed at all.".to_vec()),
    ] {
        for context in [TAKEOVER, NO_TAKEOVER] {
            for frame in [zipped_text(&payload), zipped_binary(&payload)] {
                for_both_roles(context, &[zipped_text(HELLO), frame, Frame::ping("after")], |outcome| {
                    assert_eq!(outcome.seen[0], Seen::text("Hello"));
                    assert_eq!(outcome.seen.len(), 2, "{what}");
                    outcome.assert_failed(ProtocolError::InvalidDeflate);
                });
            }
        }
    }
    assert_eq!(ProtocolError::InvalidDeflate.close_code().get(), 1007);
}

#[test]
fn malformed_blocks_are_noticed_before_the_message_ends() {
    let frames = [zipped_text(zip_part("good")).more(), Frame::continuation([0x06]).more()];
    fails(TAKEOVER, &frames, ProtocolError::InvalidDeflate);
    let announced = [zipped_text([0x06, 0, 0, 0]).announcing(1000)];
    for_both_roles(TAKEOVER, &announced, |outcome| outcome.assert_failed(ProtocolError::InvalidDeflate));
}

#[test]
fn a_message_that_ends_within_a_block_does_no_harm() {
    for payload in [&HELLO[..], &zip(Dice(1).json(200)), b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"] {
        for len in 0..payload.len() {
            // What it means is not defined; that it is the same however it is cut is looked at in here.
            for_both_roles(TAKEOVER, &[zipped_binary(&payload[..len]), Frame::ping("")], |_| {});
        }
        // And where nothing refers back, the next message begins anew.
        for len in 0..payload.len() {
            for_both_roles(NO_TAKEOVER, &[zipped_binary(&payload[..len]), zipped_text(HELLO)], |outcome| {
                let failed = outcome.seen == [Seen::Error(ProtocolError::InvalidDeflate)];
                assert!(failed || outcome.seen[1..] == [Seen::text("Hello")], "{outcome:?}");
            });
        }
    }
}

// ---- Receiving: UTF-8 ----

#[test]
fn text_is_judged_after_it_is_decompressed() {
    // RFC 7692 §6/f
    let text = "Ὅμηρος καὶ 𝕌𝕋𝔽-8";
    let zipped = zip(text);
    assert!(std::str::from_utf8(&zipped).is_err());
    gives(&[zipped_text(&zipped)], &[Seen::text(text)]);
    for cut in 0..zipped.len() {
        gives(
            &[zipped_text(&zipped[..cut]).more(), Frame::continuation(&zipped[cut..])],
            &[Seen::text(text)],
        );
    }
    // A character may end in another block than it begins in.
    for cut in 0..=text.len() {
        let (first, last) = text.as_bytes().split_at(cut);
        let parts = end_parts([zip_part(first), zip_part(last)].concat());
        gives(&[zipped_text(parts)], &[Seen::text(text)]);
    }
}

#[test]
fn bad_utf8_fails_at_once() {
    for bad in [&b"\xff"[..], b"good \xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"] {
        fails(NO_TAKEOVER, &[zipped_text(zip(bad))], ProtocolError::InvalidUtf8);
        // The rest of the message has not come, nor that of the frame.
        fails(NO_TAKEOVER, &[zipped_text(zip_part(bad)).more()], ProtocolError::InvalidUtf8);
        let frame = zipped_text(zip_part(bad));
        let announced = [frame.clone().announcing(frame.payload.len() as u64 + 1000)];
        for_both_roles(TAKEOVER, &announced, |outcome| outcome.assert_failed(ProtocolError::InvalidUtf8));
        gives(&[zipped_binary(zip(bad))], &[Seen::binary(bad)]);
    }
    // A character that lacks its end.
    fails(TAKEOVER, &[zipped_text(zip(b"\xce"))], ProtocolError::InvalidUtf8);
    fails(TAKEOVER, &[zipped_text(zip(b"\xf0\x9f\x98"))], ProtocolError::InvalidUtf8);
}

// ---- Receiving: the limit ----

#[test]
fn a_message_of_the_limit_passes_and_a_byte_more_does_not() {
    for limit in [0, 1, 2, 100, 1023, 1024, 1025, 2048, 5000] {
        for role in ROLES {
            for byte in [vec![b'x'; limit + 1], Dice(9).json(limit + 1).into_bytes()] {
                let (fits, more) = (&byte[..limit], &byte[..limit + 1]);
                let receive = |payload: Vec<u8>| {
                    receive_deflated(role, &limited(limit), both(TAKEOVER), &[zipped_binary(payload)])
                };
                receive(zip(fits)).assert_open(&[Seen::binary(fits)]);
                receive(zip(more)).assert_failed(ProtocolError::MessageTooBig);
            }
        }
    }
}

#[test]
fn the_limit_counts_what_is_decompressed() {
    // Stored blocks are larger than what they hold.
    let noise = Dice(3).noise(1000);
    let stored = end_parts(zip_part(&noise));
    assert!(stored.len() > 1000);
    for role in ROLES {
        let outcome = receive_deflated(role, &limited(1000), both(TAKEOVER), &[zipped_binary(&stored)]);
        outcome.assert_open(&[Seen::binary(&noise)]);
        // The limit of a frame is one of the wire.
        let mut config = Config::default();
        config.max_frame_size = stored.len() - 1;
        let outcome = receive_deflated(role, &config, both(TAKEOVER), &[zipped_binary(&stored)]);
        outcome.assert_failed(ProtocolError::FrameTooBig);
    }
}

#[test]
fn the_limit_is_that_of_each_message() {
    let frames: Vec<Frame> = (0..10).map(|_| zipped_binary(zip([7; 1000]))).collect();
    for role in ROLES {
        let outcome = receive_deflated(role, &limited(1000), both(TAKEOVER), &frames);
        outcome.assert_open(&vec![Seen::binary([7; 1000]); 10]);
        // In fragments too.
        let parts = [zipped_binary(zip_part([7; 600])).more(), Frame::continuation(zip([7; 401]))];
        let outcome = receive_deflated(role, &limited(1000), both(TAKEOVER), &parts);
        outcome.assert_failed(ProtocolError::MessageTooBig);
    }
}

#[test]
fn no_limit_is_a_limit_too() {
    for role in ROLES {
        for limit in [usize::MAX, usize::MAX - 1, isize::MAX as usize] {
            let outcome = receive_deflated(role, &limited(limit), both(TAKEOVER), &[zipped_text(HELLO)]);
            outcome.assert_open(&[Seen::text("Hello")]);
        }
    }
}

#[test]
fn a_bomb_with_a_broken_block_behind_it_is_one_failure() {
    // The limit is met first.
    let bomb = zip_part(vec![0; 100_000]);
    let frames = [zipped_binary([&bomb[..], &[0x06, 0x00]].concat()), zipped_binary([0x06]), Frame::ping("")];
    for role in ROLES {
        let outcome = receive_deflated(role, &limited(50_000), both(TAKEOVER), &frames);
        assert_eq!(outcome.seen.len(), 1);
        outcome.assert_failed(ProtocolError::MessageTooBig);
        // The broken block is met first.
        let broken = [zipped_binary([&zip_part([0; 1000])[..], &[0x06], &bomb].concat())];
        let outcome = receive_deflated(role, &limited(50_000), both(TAKEOVER), &broken);
        outcome.assert_failed(ProtocolError::InvalidDeflate);
    }
}

#[test]
fn of_two_faults_the_first_counts_however_they_are_cut() {
    let bad_text = zip_part(b"\xff");
    let frames = [zipped_text([&bad_text[..], &[0x06]].concat())];
    for_both_roles(TAKEOVER, &frames, |outcome| outcome.assert_failed(ProtocolError::InvalidUtf8));
    // A last block with a bad character in it, and nonsense behind it; fuzzing found this one.
    let frames = [zipped_text([0x6b, 0xd3, 0xd3, 0xba, 0xc9])];
    for_both_roles(NO_TAKEOVER, &frames, |outcome| outcome.assert_failed(ProtocolError::InvalidUtf8));
    let frames = [zipped_text([&bad_text[..], &zip([b'x'; 1000])].concat())];
    for role in ROLES {
        let outcome = receive_deflated(role, &limited(500), both(NO_TAKEOVER), &frames);
        outcome.assert_failed(ProtocolError::InvalidUtf8);
    }
    // The limit is passed before the nonsense comes; fuzzing found this one too.
    let frames = [zipped_binary([0x0b, 0xfe, 0x00, 0xff, 0xbf, 0xf0, 0x00])];
    for role in ROLES {
        let outcome = receive_deflated(role, &limited(1), both(NO_TAKEOVER), &frames);
        outcome.assert_failed(ProtocolError::MessageTooBig);
    }
    let frames = [zipped_text([&zip_part([b'x'; 1000])[..], &zip(b"\xff")].concat())];
    for role in ROLES {
        let outcome = receive_deflated(role, &limited(500), both(NO_TAKEOVER), &frames);
        outcome.assert_failed(ProtocolError::MessageTooBig);
    }
}

// ---- Sending ----

/// Both ends of one direction, and a decompressor that looks on.
struct Line {
    role: Role,
    sender: Connection,
    receiver: Connection,
    witness: Inflate,
}

impl Line {
    /// From `role` to the other.
    fn new(role: Role, context: Context, options: &Deflate) -> Line {
        let other = if role == Role::Client { Role::Server } else { Role::Client };
        Line {
            role,
            sender: deflating_with(role, &Config::default(), both(context), options),
            receiver: deflating_with(other, &Config::default(), both(context), options),
            witness: Inflate::new(context),
        }
    }

    /// Sends a message, which has to arrive, and gives its frame as it was on the way, without its mask.
    #[track_caller]
    fn send<'a>(&mut self, message: impl Into<Message<'a>>) -> Frame {
        let message = message.into();
        self.sender.send(&message).expect("send");
        let frames = self.transmit(&[message.clone().into()]);
        let [frame] = &frames[..] else { panic!("one frame for a message: {frames:?}") };
        frame.clone()
    }

    /// Transmits everything, which has to be these messages.
    #[track_caller]
    fn transmit(&mut self, expected: &[Seen]) -> Vec<Frame> {
        let bytes = self.sender.to_transmit().to_vec();
        self.sender.transmitted(bytes.len());
        assert_eq!(fill(&mut self.receiver, &bytes), expected);
        let mut frames = read_frames(&bytes);
        for frame in &mut frames {
            assert_eq!(frame.mask.is_some(), self.role == Role::Client);
            assert!(frame.rsv == 0 || frame.rsv == RSV1 && [1, 2].contains(&frame.opcode), "{frame:?}");
            frame.mask = None;
        }
        for frame in frames.iter().filter(|frame| frame.rsv == RSV1) {
            // RFC 7692 §7.2.1/b
            assert!(!frame.payload.ends_with(&[0, 0, 0xff, 0xff]), "the tail is stripped");
            let inflated = self.witness.message(&frame.payload);
            assert!(frame.payload.len() < inflated.len(), "only what becomes smaller is compressed");
            let seen = if frame.opcode == 1 {
                Seen::text(std::str::from_utf8(&inflated).expect("text"))
            } else {
                Seen::binary(inflated)
            };
            assert!(expected.contains(&seen), "{seen:?}");
        }
        frames
    }
}

const CONTEXTS: [Context; 2] = [TAKEOVER, NO_TAKEOVER];

#[test]
fn what_becomes_smaller_is_sent_compressed_in_one_frame() {
    // RFC 7692 §6/b §6/e §6.1/a §7.2.1/a
    for (role, context) in ROLES.into_iter().flat_map(|role| CONTEXTS.map(|context| (role, context))) {
        let mut line = Line::new(role, context, &Deflate::default());
        for len in [128, 1000, 65_536, 200_000] {
            let frame = line.send("x".repeat(len));
            assert_eq!((frame.fin, frame.rsv, frame.opcode), (true, RSV1, 1));
            assert!(frame.payload.len() < len / 2, "{len} became {}", frame.payload.len());
            let frame = line.send(vec![1; len]);
            assert_eq!((frame.fin, frame.rsv, frame.opcode), (true, RSV1, 2));
        }
    }
}

#[test]
fn the_same_again_costs_next_to_nothing_with_takeover_and_the_same_without() {
    // RFC 7692 §7.2.1/i §7.2.1/j
    let text = Dice(5).json(2000);
    for role in ROLES {
        let mut line = Line::new(role, TAKEOVER, &Deflate::default());
        let (first, second) = (line.send(&text[..]), line.send(&text[..]));
        assert!(second.payload.len() * 4 < first.payload.len());
        let mut line = Line::new(role, NO_TAKEOVER, &Deflate::default());
        assert_eq!(line.send(&text[..]).payload, line.send(&text[..]).payload);
    }
}

#[test]
fn short_messages_are_sent_as_they_are() {
    // RFC 7692 §6.1/b
    for (threshold, len, rsv) in
        [(128, 127, 0), (128, 128, RSV1), (0, 20, RSV1), (1000, 999, 0), (1000, 1000, RSV1)]
    {
        for role in ROLES {
            let mut line = Line::new(role, TAKEOVER, &options(|options| options.threshold = threshold));
            assert_eq!(line.send("x".repeat(len)).rsv, rsv, "{len} bytes with {threshold}");
        }
    }
    let mut line = Line::new(Role::Server, TAKEOVER, &options(|options| options.threshold = 0));
    assert_eq!(line.send("").payload, b"");
    assert_eq!(line.send("Hello").payload, b"Hello");
    let mut line = Line::new(Role::Server, TAKEOVER, &options(|options| options.threshold = usize::MAX));
    assert_eq!(line.send("x".repeat(100_000)).rsv, 0);
}

#[test]
fn every_level_is_understood() {
    for level in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255] {
        for context in CONTEXTS {
            let mut line = Line::new(Role::Server, context, &options(|options| options.level = level));
            let mut dice = Dice(7);
            for len in [200, 3000, 40_000] {
                let frame = line.send(dice.json(len));
                assert!(level == 0 || frame.rsv == RSV1, "level {level}");
            }
        }
    }
}

#[test]
fn what_does_not_become_smaller_goes_as_it_is_and_the_context_stays_in_step() {
    for (role, context) in ROLES.into_iter().flat_map(|role| CONTEXTS.map(|context| (role, context))) {
        let mut line = Line::new(role, context, &options(|options| options.threshold = 16));
        let mut dice = Dice(11);
        let (mut plain, mut zipped) = (0, 0);
        for round in 0..500 {
            let len = 16 + dice.below(if round % 50 == 0 { 40_000 } else { 600 });
            let is_noise = dice.below(3) == 0;
            let frame =
                if is_noise { line.send(dice.noise(len)) } else { line.send(dice.json(len).as_str()) };
            assert!(!is_noise || frame.rsv == 0, "noise of {len} bytes");
            if frame.rsv == 0 { plain += 1 } else { zipped += 1 }
        }
        assert!(plain > 100 && zipped > 250, "{plain} plain, {zipped} compressed");
    }
}

#[test]
fn no_window_is_ever_exceeded() {
    // RFC 7692 §7.2.1/h §7.2.1/n: the decompressor of these tests has exactly the window.
    for window_bits in 8..=15 {
        for no_takeover in [false, true] {
            for level in [1, 6, 9] {
                let context = Context { no_takeover, window_bits };
                let mut line = Line::new(Role::Server, context, &options(|options| options.level = level));
                let mut dice = Dice(13);
                // The same again at distances around the window.
                let window: usize = 1 << window_bits;
                let phrase = dice.noise(100);
                for distance in [window - 100, window - 1, window, window + 1, 2 * window, 3 * window] {
                    let filler = dice.json(distance).into_bytes();
                    let message = [&phrase, &filler[..distance - 100], &phrase].concat();
                    let frame = line.send(message);
                    // There is no window of 256 bytes to compress with.
                    assert!(window_bits > 8 || frame.rsv == 0);
                }
                let frame = line.send(dice.json(2000));
                assert_eq!(frame.rsv, if window_bits > 8 { RSV1 } else { 0 });
            }
        }
    }
}

#[test]
fn a_window_of_8_bits_is_no_reason_not_to_read() {
    let context = Context { no_takeover: false, window_bits: 8 };
    for_both_roles(context, &[zipped_text(HELLO), zipped_text(HELLO_AGAIN)], |outcome| {
        outcome.assert_open(&[Seen::text("Hello"), Seen::text("Hello")]);
    });
}

#[test]
fn fragments_and_control_frames_are_never_compressed() {
    // RFC 7692 §6/a §6/c §6.1/b
    for role in ROLES {
        let mut line = Line::new(role, TAKEOVER, &options(|options| options.threshold = 0));
        let x = "x".repeat(100);
        line.sender.send_fragment(&x[..].into(), false).expect("fragment");
        line.sender.ping(x.as_bytes()).expect("ping");
        line.sender.send(&"y".repeat(500).into()).expect("send");
        line.sender.send(&"y".repeat(500).into()).expect("send");
        line.sender.pong(x.as_bytes()).expect("pong");
        line.sender.send_fragment(&x[..].into(), true).expect("fragment");
        let y = Seen::Text("y".repeat(500));
        let seen = [Seen::ping(&x), Seen::pong(&x), Seen::Text("x".repeat(200)), y.clone(), y];
        let frames = line.transmit(&seen);
        let rsv: Vec<(u8, u8)> = frames.iter().map(|frame| (frame.opcode, frame.rsv)).collect();
        assert_eq!(rsv, [(1, 0), (9, 0), (10, 0), (0, 0), (1, RSV1), (1, RSV1)]);
        line.sender.close(1000, &"x".repeat(123)).expect("close");
        line.transmit(&[Seen::close(1000, &"x".repeat(123))]);
    }
}

#[test]
fn nothing_is_compressed_that_was_not_agreed_on() {
    for role in ROLES {
        let mut connection = connection(role);
        connection.send(&"x".repeat(10_000).into()).expect("send");
        assert_eq!(take_sent(role, &mut connection), [Frame::text("x".repeat(10_000))]);
    }
}

#[test]
fn buffered_amount_ends_at_nothing() {
    let mut connection = deflating(Role::Server, &Config::default(), both(TAKEOVER));
    for _ in 0..10 {
        connection.send(&"x".repeat(10_000).into()).expect("send");
        connection.send(&Dice(1).noise(500).into()).expect("send");
    }
    assert!(connection.buffered_amount() > 0);
    while !connection.to_transmit().is_empty() {
        connection.transmitted(7);
    }
    assert_eq!(connection.buffered_amount(), 0);
}

#[test]
fn buffered_amount_forgets_what_was_transmitted() {
    for role in ROLES {
        let mut connection = deflating(role, &Config::default(), both(NO_TAKEOVER));
        let messages: Vec<Vec<u8>> =
            (1..=100).map(|seed| [Dice(seed).noise(1000), vec![0; 9000]].concat()).collect();
        for message in &messages {
            connection.send(&message.into()).expect("send");
        }
        // "not yet been transmitted": compressed or not, a message counts no more once all of it has gone.
        let frames = read_frames(connection.to_transmit());
        let mut waiting = 100 * 10_000;
        for frame in frames {
            assert!(connection.buffered_amount() <= waiting, "{} of {waiting}", connection.buffered_amount());
            connection.transmitted(frame.bytes().len());
            waiting -= 10_000;
        }
        assert_eq!((connection.buffered_amount(), waiting), (0, 0));
    }
}

// ---- Shared frames, and memory that is given back ----

/// An encoder of `role` and the decoder at the other end.
fn halves(role: Role, context: Context, options: &Deflate) -> (Encoder, Decoder) {
    let (encoder, other) = match role {
        Role::Server => (Encoder::server(), Role::Client),
        Role::Client => (Encoder::client(Box::new(|| KEY)), Role::Server),
    };
    let decoder = Decoder::new(other, &Config::default()).with_deflate(context);
    (encoder.with_deflate(context, options), decoder)
}

fn decode(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Seen> {
    decoder.push(bytes);
    let mut seen = Vec::new();
    while decoder.advance() == Progress::Ready {
        match decoder.event() {
            Ok(Some(event)) => seen.push(event.into()),
            Ok(None) => break,
            Err(error) => seen.push(Seen::Error(error)),
        }
    }
    seen
}

#[test]
fn shared_frames_and_own_messages_mix() {
    // RFC 7692 §7.2.1/n
    let contexts = [(false, 15), (true, 15), (false, 9), (true, 9), (false, 14), (false, 8)];
    for role in ROLES {
        for (no_takeover, window_bits) in contexts {
            let context = Context { no_takeover, window_bits };
            let (mut encoder, mut decoder) = halves(role, context, &Deflate::default());
            let mut witness = Inflate::new(context);
            let mut dice = Dice(17);
            for round in 0..300 {
                let len = dice.below(2000);
                let message: Message = match dice.below(4) {
                    0 => dice.noise(len).into(),
                    _ => dice.json(len).into(),
                };
                let mut bytes = Vec::new();
                match round % 3 {
                    0 => encoder.message(&message, &mut bytes),
                    1 => encoder.shared(&SharedFrame::deflated(&message, &Deflate::default()), &mut bytes),
                    _ if dice.below(4) == 0 => encoder.shared(&SharedFrame::new(&message), &mut bytes),
                    _ => encoder.message(&message, &mut bytes),
                }
                assert_eq!(decode(&mut decoder, &bytes), [Seen::from(message.clone())], "round {round}");
                for frame in read_frames(&bytes).iter().filter(|frame| frame.rsv == RSV1) {
                    assert_eq!(witness.message(&frame.payload), message.as_bytes());
                }
            }
        }
    }
}

#[test]
fn a_shared_frame_has_both_forms() {
    let text = "x".repeat(1000);
    let frame = SharedFrame::deflated(&text[..].into(), &Deflate::default());
    assert_eq!((frame.payload_len(), frame.message()), (1000, Message::from(&text[..])));
    let sent = |encoder: Encoder| {
        let (mut encoder, mut bytes) = (encoder, Vec::new());
        encoder.shared(&frame, &mut bytes);
        read_frames(&bytes).remove(0)
    };
    // Who has agreed on nothing, or on a window that is too small for it, gets it as it is.
    assert_eq!(sent(Encoder::server()), Frame::text(&text));
    let small = Context { no_takeover: false, window_bits: 14 };
    let to_small = sent(Encoder::server().with_deflate(small, &Deflate::default()));
    assert!(to_small.rsv == 0 || Inflate::new(small).message(&to_small.payload) == text.as_bytes());
    for context in CONTEXTS {
        let compressed = sent(Encoder::server().with_deflate(context, &Deflate::default()));
        assert_eq!(compressed.rsv, RSV1);
        assert_eq!(Inflate::new(NO_TAKEOVER).message(&compressed.payload), text.as_bytes());
    }
}

#[test]
fn a_shared_frame_waits_for_the_end_of_a_fragmented_message() {
    let (mut encoder, mut decoder) = halves(Role::Server, TAKEOVER, &Deflate::default());
    let frame = SharedFrame::deflated(&"x".repeat(1000).into(), &Deflate::default());
    let mut bytes = Vec::new();
    encoder.shared(&frame, &mut bytes);
    assert!(encoder.fragment(&"first ".into(), false, &mut bytes));
    encoder.shared(&frame, &mut bytes);
    encoder.message(&"y".repeat(1000).into(), &mut bytes);
    assert!(encoder.fragment(&"last".into(), true, &mut bytes));
    encoder.shared(&frame, &mut bytes);
    let (x, y) = (Seen::Text("x".repeat(1000)), Seen::Text("y".repeat(1000)));
    assert_eq!(decode(&mut decoder, &bytes), [x.clone(), Seen::text("first last"), x.clone(), y, x]);
}

#[test]
fn memory_may_be_given_back_at_any_time() {
    for role in ROLES {
        for context in CONTEXTS {
            let (mut encoder, mut decoder) = halves(role, context, &Deflate::default());
            let mut witness = Inflate::new(context);
            let mut dice = Dice(19);
            for _ in 0..200 {
                let message: Message = dice.json(128 + dice.0 as usize % 1000).into();
                let mut bytes = Vec::new();
                encoder.message(&message, &mut bytes);
                if dice.below(3) == 0 {
                    encoder.release_memory();
                }
                let cut = dice.below(bytes.len());
                assert_eq!(decode(&mut decoder, &bytes[..cut]), []);
                if dice.below(3) == 0 {
                    decoder.release_memory();
                }
                assert_eq!(decode(&mut decoder, &bytes[cut..]), [Seen::from(message.clone())]);
                if dice.below(3) == 0 {
                    decoder.release_memory();
                }
                let frame = read_frames(&bytes).remove(0);
                assert_eq!((frame.rsv, witness.message(&frame.payload)), (RSV1, message.as_bytes().to_vec()));
            }
        }
    }
}

#[test]
fn a_receiver_that_gives_memory_back_keeps_what_may_be_referred_to() {
    let mut decoder = Decoder::new(Role::Client, &Config::default()).with_deflate(TAKEOVER);
    assert_eq!(decode(&mut decoder, &zipped_text(HELLO).bytes()), [Seen::text("Hello")]);
    decoder.advance();
    decoder.release_memory();
    assert_eq!(decode(&mut decoder, &zipped_text(HELLO_AGAIN).bytes()), [Seen::text("Hello")]);
    // In the middle of a message, between two of its frames.
    let mut decoder = Decoder::new(Role::Client, &Config::default()).with_deflate(NO_TAKEOVER);
    assert_eq!(decode(&mut decoder, &zipped_text(&HELLO[..1]).more().bytes()), []);
    decoder.release_memory();
    assert_eq!(decode(&mut decoder, &Frame::continuation(&HELLO[1..]).bytes()), [Seen::text("Hello")]);
}

impl From<Message<'_>> for Seen {
    fn from(message: Message<'_>) -> Seen {
        clearsocket::Event::Message(message).into()
    }
}

// ---- Whatever is sent arrives ----

fn message() -> impl Strategy<Value = Message<'static>> {
    prop_oneof![
        ".{0,40}".prop_map(Message::from),
        vec(any::<u8>(), 0..300).prop_map(Message::from),
        (any::<u8>(), 0..70_000usize).prop_map(|(byte, len)| Message::from(vec![byte; len])),
        (1..u64::MAX, 0..3000usize).prop_map(|(seed, len)| Message::from(Dice(seed).json(len))),
        (1..u64::MAX, 0..3000usize).prop_map(|(seed, len)| Message::from(Dice(seed).noise(len))),
    ]
}

fn context() -> impl Strategy<Value = Context> {
    (any::<bool>(), 8..=15u8).prop_map(|(no_takeover, window_bits)| Context { no_takeover, window_bits })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // RFC 7692 §7.2.1/m §7.2.1/n
    #[test]
    fn whatever_is_sent_arrives(
        from_client in any::<bool>(),
        context in context(),
        level in 0..=9u8,
        threshold in 0..300usize,
        messages in vec(message(), 0..20),
        sizes in vec(1..5000usize, 1..10),
    ) {
        let role = if from_client { Role::Client } else { Role::Server };
        let options = options(|options| (options.level, options.threshold) = (level, threshold));
        let mut line = Line::new(role, context, &options);
        for message in &messages {
            line.sender.send(message).unwrap();
        }
        let bytes = line.sender.to_transmit().to_vec();
        let mut rest = &bytes[..];
        let mut seen = Vec::new();
        for size in sizes.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*size));
            seen.extend(fill(&mut line.receiver, piece));
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        let expected: Vec<Seen> = messages.iter().map(|message| message.clone().into()).collect();
        prop_assert_eq!(seen, expected);
        for (frame, message) in read_frames(&bytes).iter().zip(&messages) {
            if frame.rsv == RSV1 {
                prop_assert_eq!(line.witness.message(&frame.payload), message.as_bytes());
            }
        }
    }

    // RFC 7692 §7.2.2/d §7.2.2/g
    #[test]
    fn whatever_a_peer_compresses_is_read(
        from_client in any::<bool>(),
        no_takeover in any::<bool>(),
        window_bits in 9..=15u8,
        payloads in vec((message(), 1..400usize), 0..12),
    ) {
        let role = if from_client { Role::Server } else { Role::Client };
        let context = Context { no_takeover, window_bits };
        let mut zip = Zip::new(context);
        let mut frames = Vec::new();
        for (message, size) in &payloads {
            let zipped = zip.message(message.as_bytes());
            let mut fragments: Vec<Frame> =
                zipped.chunks(*size).map(|piece| Frame::continuation(piece).more()).collect();
            let last = fragments.len() - 1;
            fragments[0].opcode = message.opcode() as u8;
            fragments[0].rsv = RSV1;
            fragments[last].fin = true;
            frames.extend(fragments);
        }
        let mut connection = deflating(role, &Config::default(), both(context));
        let seen = fill(&mut connection, &wire(role, &frames));
        let expected: Vec<Seen> = payloads.iter().map(|(message, _)| message.clone().into()).collect();
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn any_payload_gives_the_same_however_it_is_cut(
        payload in vec(any::<u8>(), 0..200),
        (is_text, no_takeover) in any::<(bool, bool)>(),
        limit in 0..2000usize,
    ) {
        let context = Context { no_takeover, window_bits: 15 };
        let first = if is_text { zipped_text(&payload) } else { zipped_binary(&payload) };
        let frames = [first, zipped_text(HELLO)];
        for role in ROLES {
            let outcome = receive_deflated(role, &limited(limit), both(context), &frames);
            for seen in &outcome.seen {
                prop_assert!(!matches!(seen, Seen::Binary(data) if data.len() > limit));
            }
        }
    }
}
