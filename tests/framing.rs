//! Frames and their headers: RFC 6455 §5.2, and the examples of §5.7.
//!
//! ```text
//!  FIN RSV1-3 opcode | MASK length | 16 or 64 bits of length | masking key | payload
//! ```
//!
//! Every vector is received as a whole, byte by byte and cut at every place (`common::drive`).

mod common;

use clearsocket::proto::{Connection, Decoder, Encoder, FrameHeader, Opcode, Progress};
use clearsocket::{Config, Event, Message, ProtocolError, Role};
use common::frame::{BINARY, CLOSE, CONTINUATION, DEFINED, PING, PONG, TEXT};
use common::*;

const RESERVED: [u8; 10] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];

/// Lengths at and around every change of form.
const LENGTHS: [usize; 12] = [0, 1, 2, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537];

/// The examples of §5.7 that carry a message: who receives it, the bytes, what is seen.
fn examples() -> Vec<(Role, Vec<u8>, Seen)> {
    let ramp: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = ramp.iter().cycle().take(65536).copied().collect();
    vec![
        (Role::Client, vec![0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], Seen::text("Hello")),
        (
            Role::Server,
            vec![0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            Seen::text("Hello"),
        ),
        (Role::Client, vec![0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f], Seen::text("Hello")),
        (Role::Client, [&[0x82, 0x7e, 0x01, 0x00][..], &ramp].concat(), Seen::binary(&ramp)),
        (Role::Client, [&[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0][..], &large].concat(), Seen::binary(&large)),
    ]
}

// ---- §5.7, the examples ----

#[test]
fn the_examples_are_received() {
    for (role, bytes, seen) in examples() {
        // RFC 6455 §5.2/f §5.3/e §6.2/a
        receive_bytes(role, &Config::default(), &bytes).assert_open(&[seen]);
    }
}

#[test]
fn the_example_of_a_ping_and_its_masked_answer() {
    let mut client = Connection::client(&Config::default(), Box::new(|| KEY));
    let seen = fill(&mut client, &[0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    assert_eq!(seen, [Seen::ping("Hello")]);
    // RFC 6455 §5.1/a §5.5.2/b
    assert_eq!(client.to_transmit(), [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);

    let outcome = receive_bytes(Role::Server, &Config::default(), client.to_transmit());
    outcome.assert_open(&[Seen::pong("Hello")]);
}

#[test]
fn the_examples_are_sent() {
    let mut out = Vec::new();
    Encoder::server().message(&"Hello".into(), &mut out);
    assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);

    out.clear();
    Encoder::client(Box::new(|| KEY)).message(&"Hello".into(), &mut out);
    assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);

    out.clear();
    let mut encoder = Encoder::server();
    assert!(encoder.fragment(&"Hel".into(), false, &mut out));
    assert!(encoder.fragment(&"lo".into(), true, &mut out));
    assert_eq!(out, [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f]);

    out.clear();
    Encoder::server().ping(b"Hello", &mut out);
    assert_eq!(out, [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);

    for (_, bytes, seen) in examples() {
        let Seen::Binary(data) = seen else { continue };
        out.clear();
        Encoder::server().message(&data.into(), &mut out);
        assert_eq!(out, bytes);
    }
}

// ---- §5.2, reserved bits ----

#[test]
fn a_reserved_bit_fails_the_connection() {
    for role in ROLES {
        for rsv in 1..=7 {
            for opcode in DEFINED.into_iter().filter(|opcode| *opcode != CONTINUATION) {
                let body: &[u8] = if opcode == CLOSE { &[3, 232] } else { b"ab" };
                let frame = Frame::new(opcode, body).rsv(rsv);
                // RFC 6455 §5.2/c §5.8/a
                receive(role, &[frame]).assert_failed(ProtocolError::ReservedBit);
            }
            // Without FIN, on a continuation, and after good frames.
            let first = Frame::text("a").more();
            receive(role, &[first.clone().rsv(rsv)]).assert_failed(ProtocolError::ReservedBit);
            for fin in [false, true] {
                let frames = [first.clone(), Frame::continuation("b").rsv(rsv).fin(fin)];
                receive(role, &frames).assert_failed(ProtocolError::ReservedBit);
            }
            let outcome = receive(role, &[Frame::text("good"), Frame::text("bad").rsv(rsv)]);
            assert_eq!(outcome.seen[0], Seen::text("good"));
            outcome.assert_failed(ProtocolError::ReservedBit);
        }
    }
}

#[test]
fn reserved_bits_are_sent_as_zero() {
    for role in ROLES {
        let mut connection = connection(role);
        send_everything(&mut connection);
        // RFC 6455 §5.2/b
        assert!(read_frames(connection.to_transmit()).iter().all(|frame| frame.rsv == 0));
    }
}

// ---- §5.2, opcodes ----

#[test]
fn each_of_the_sixteen_opcodes() {
    for role in ROLES {
        // RFC 6455 §5.2/a §6.2/b §6.2/c
        receive(role, &[Frame::new(0x1, "a")]).assert_open(&[Seen::text("a")]);
        receive(role, &[Frame::new(0x2, "a")]).assert_open(&[Seen::binary("a")]);
        receive(role, &[Frame::new(0xa, "a")]).assert_open(&[Seen::pong("a")]);
        assert_eq!(receive(role, &[Frame::new(0x9, "a")]).seen, [Seen::ping("a")]);
        assert_eq!(receive(role, &[Frame::new(0x8, "")]).seen, [Seen::Close(None)]);
        receive(role, &[Frame::new(0x0, "a")]).assert_failed(ProtocolError::UnexpectedContinuation);
        for opcode in RESERVED {
            // RFC 6455 §5.2/d
            receive(role, &[Frame::new(opcode, "")]).assert_failed(ProtocolError::ReservedOpcode);
            receive(role, &[Frame::new(opcode, "a")]).assert_failed(ProtocolError::ReservedOpcode);
            receive(role, &[Frame::new(opcode, "a").more()]).assert_failed(ProtocolError::ReservedOpcode);
        }
    }
}

#[test]
fn a_reserved_opcode_inside_a_message_fails_the_connection() {
    for role in ROLES {
        for opcode in RESERVED {
            let frames = [Frame::text("a").more(), Frame::new(opcode, ""), Frame::continuation("b")];
            // RFC 6455 §5.2/d
            receive(role, &frames).assert_failed(ProtocolError::ReservedOpcode);
        }
    }
}

#[test]
fn the_decoder_knows_a_message_from_a_control_frame() {
    for role in ROLES {
        let frames = [
            Frame::text("a"),
            Frame::ping("b"),
            Frame::binary("c").more(),
            Frame::pong("d"),
            Frame::continuation("e"),
            Frame::close(1000, ""),
        ];
        let mut decoder = Decoder::new(role, &Config::default());
        assert!(!decoder.has_message());
        decoder.push(&wire(role, &frames));
        let mut messages = 0;
        while decoder.advance() == Progress::Ready {
            let told = decoder.has_message();
            match decoder.event().unwrap() {
                Some(event) => assert_eq!(told, matches!(event, Event::Message(_)), "{event:?}"),
                None => break,
            }
            messages += told as u32;
        }
        // RFC 6455 §6.2/b
        assert_eq!(messages, 2);
        assert!(!decoder.has_message());
    }
}

// ---- §5.2, the payload length ----

/// The header of a binary message of `len` bytes, written out by hand.
fn header_of(len: usize, mask_bit: u8) -> Vec<u8> {
    let [.., e, f, g, h] = (len as u64).to_be_bytes();
    match len {
        0..=125 => vec![0x82, mask_bit | h],
        126..=65535 => vec![0x82, mask_bit | 126, g, h],
        _ => vec![0x82, mask_bit | 127, 0, 0, 0, 0, e, f, g, h],
    }
}

#[test]
fn every_form_of_the_length_is_received() {
    for role in ROLES {
        for len in LENGTHS {
            let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let frame = Frame::binary(&payload).sent_to(role);
            let mask_bit = if role == Role::Server { 0x80 } else { 0 };
            assert!(frame.bytes().starts_with(&header_of(len, mask_bit)), "the test's own header");
            // RFC 6455 §5.2/e §5.2/f
            receive(role, &[frame, Frame::pong("next")])
                .assert_open(&[Seen::Binary(payload), Seen::pong("next")]);
        }
    }
}

#[test]
fn the_shortest_form_of_the_length_is_sent() {
    for role in ROLES {
        for len in LENGTHS {
            let payload = vec![7; len];
            let mut connection = connection(role);
            connection.send(&Message::from(&payload)).unwrap();
            let mask_bit = if role == Role::Client { 0x80 } else { 0 };
            // RFC 6455 §5.2/f §5.2/h
            assert!(connection.to_transmit().starts_with(&header_of(len, mask_bit)), "{len}");
            let (frame, total) = read_frame(connection.to_transmit()).unwrap();
            // RFC 6455 §5.3/f
            assert_eq!((frame.payload, total), (payload, connection.to_transmit().len()));
        }
    }
}

#[test]
fn a_length_is_in_network_byte_order() {
    for role in ROLES {
        // RFC 6455 §5.2/f
        let frame = Frame::binary(vec![1; 0x0102]).sent_to(role);
        assert_eq!(frame.header()[2..4], [0x01, 0x02]);
        receive(role, &[frame]).assert_open(&[Seen::Binary(vec![1; 0x0102])]);
        let frame = Frame::binary(vec![1; 0x01_02_03]).sent_to(role);
        assert_eq!(frame.header()[2..10], [0, 0, 0, 0, 0, 1, 2, 3]);
        receive(role, &[frame]).assert_open(&[Seen::Binary(vec![1; 0x01_02_03])]);
    }
}

#[test]
fn a_length_in_more_bytes_than_it_needs_fails_the_connection() {
    for role in ROLES {
        for opcode in [TEXT, BINARY] {
            for len in [0, 1, 124, 125] {
                let frame = Frame::new(opcode, vec![b'x'; len]);
                for form in [Form::Bits16, Form::Bits64] {
                    // RFC 6455 §5.2/h
                    let outcome = receive(role, &[frame.clone().form(form)]);
                    outcome.assert_failed(ProtocolError::LengthNotMinimal);
                }
            }
            for len in [126, 127, 65535] {
                let frame = Frame::new(opcode, vec![b'x'; len]).form(Form::Bits64);
                receive(role, &[frame]).assert_failed(ProtocolError::LengthNotMinimal);
            }
        }
    }
}

#[test]
fn the_longer_form_is_refused_on_fragments_too() {
    for role in ROLES {
        for form in [Form::Bits16, Form::Bits64] {
            let first = Frame::text("a").more();
            // RFC 6455 §5.2/h
            receive(role, &[first.clone().form(form)]).assert_failed(ProtocolError::LengthNotMinimal);
            let frames = [first, Frame::continuation("b").form(form)];
            receive(role, &frames).assert_failed(ProtocolError::LengthNotMinimal);
        }
    }
}

#[test]
fn the_longer_form_is_refused_on_control_frames() {
    for role in ROLES {
        for opcode in [CLOSE, PING, PONG] {
            for form in [Form::Bits16, Form::Bits64] {
                let outcome = receive(role, &[Frame::new(opcode, [3, 232]).form(form)]);
                // Two rules are broken, and either may be named: the form that is not the shortest,
                // or a form that only frames too long for a control frame have.
                // RFC 6455 §5.2/h §5.5/a
                let Some(Seen::Error(error)) = outcome.seen.last() else { panic!("{outcome:?}") };
                assert!(
                    matches!(error, ProtocolError::LengthNotMinimal | ProtocolError::ControlFrameTooLong),
                    "{error:?}"
                );
                outcome.assert_failed(*error);
            }
        }
    }
}

#[test]
fn the_example_of_a_length_that_is_not_minimal() {
    // "the length of a 124-byte-long string can't be encoded as the sequence 126, 0, 124"
    let bytes = [&[0x81, 126, 0, 124][..], &[b'x'; 124]].concat();
    // RFC 6455 §5.2/h
    receive_bytes(Role::Client, &Config::default(), &bytes).assert_failed(ProtocolError::LengthNotMinimal);
}

#[test]
fn the_top_bit_of_a_64_bit_length_fails_the_connection() {
    for role in ROLES {
        for len in [1 << 63, (1 << 63) + 5, (1 << 63) + 65536, u64::MAX - 1, u64::MAX] {
            let frames = [
                Frame::binary("").form(Form::Bits64).announcing(len),
                Frame::text("abc").more().form(Form::Bits64).announcing(len),
            ];
            for frame in frames {
                // RFC 6455 §5.2/g
                receive(role, &[frame]).assert_failed(ProtocolError::LengthTopBit);
            }
            let frames =
                [Frame::text("a").more(), Frame::continuation("").form(Form::Bits64).announcing(len)];
            receive(role, &frames).assert_failed(ProtocolError::LengthTopBit);
        }
    }
}

// ---- §5.2, the header as such ----

#[test]
fn a_header_is_judged_before_its_payload_comes() {
    let cases = [
        (Frame::text("payload").rsv(4), ProtocolError::ReservedBit),
        (Frame::new(7, "payload"), ProtocolError::ReservedOpcode),
        (Frame::text("payload").form(Form::Bits16), ProtocolError::LengthNotMinimal),
        (Frame::ping("payload").more(), ProtocolError::FragmentedControlFrame),
        (Frame::ping([0; 126]), ProtocolError::ControlFrameTooLong),
        (Frame::continuation("payload"), ProtocolError::UnexpectedContinuation),
    ];
    for role in ROLES {
        for (frame, error) in &cases {
            let header = frame.clone().sent_to(role).header();
            // RFC 6455 §10.7/a
            receive_bytes(role, &Config::default(), &header).assert_failed(*error);
        }
    }
}

#[test]
fn a_frame_without_its_last_byte_is_nothing_yet() {
    for role in ROLES {
        for frame in
            [Frame::text("Hello"), Frame::binary([1; 126]), Frame::ping("Hello"), Frame::close(1000, "")]
        {
            let bytes = frame.sent_to(role).bytes();
            let mut connection = connection(role);
            assert_eq!(fill(&mut connection, &bytes[..bytes.len() - 1]), []);
            assert_eq!(connection.advance(), Progress::NeedInput);
            assert_eq!(connection.event(), Ok(None));
            assert!(connection.to_transmit().is_empty());
            assert_eq!(fill(&mut connection, &bytes[bytes.len() - 1..]).len(), 1);
        }
    }
}

#[test]
fn a_header_is_read_as_it_was_written() {
    let opcodes =
        [Opcode::Continuation, Opcode::Text, Opcode::Binary, Opcode::Close, Opcode::Ping, Opcode::Pong];
    let lengths = LENGTHS.map(|len| len as u64).into_iter().chain([1 << 32, 1 << 62, i64::MAX as u64]);
    for payload_len in lengths {
        for (opcode, number) in opcodes.into_iter().zip(DEFINED) {
            for (fin, rsv, masking_key) in [(true, 0, None), (true, 5, Some(KEY)), (false, 0, Some(KEY))] {
                if opcode.is_control() && (payload_len > 125 || !fin) {
                    continue;
                }
                let header = FrameHeader { fin, rsv, opcode, masking_key, payload_len };
                let mut bytes = Vec::new();
                header.encode(&mut bytes);

                let mut frame = Frame::new(number, "").fin(fin).rsv(rsv).announcing(payload_len);
                frame.mask = masking_key;
                // RFC 6455 §5.2/e §5.2/f
                assert_eq!(bytes, frame.header(), "{header:?}");
                assert!(bytes.len() <= FrameHeader::MAX_LEN);

                assert_eq!(FrameHeader::decode(&bytes), Ok(Some((header, bytes.len()))));
                for short in 0..bytes.len() {
                    assert_eq!(FrameHeader::decode(&bytes[..short]), Ok(None), "{header:?} without its end");
                }
                bytes.push(0xff);
                assert_eq!(FrameHeader::decode(&bytes), Ok(Some((header, bytes.len() - 1))));
            }
        }
    }
}

#[test]
fn opcodes_have_the_numbers_of_the_rfc() {
    for number in 0..=255 {
        let opcode = Opcode::from_u8(number);
        // RFC 6455 §5.2/d
        assert_eq!(opcode.is_some(), DEFINED.contains(&number), "{number}");
        if let Some(opcode) = opcode {
            assert_eq!(opcode as u8, number);
            assert_eq!(opcode.is_control(), number >= 8);
        }
    }
}

// ---- §5.2, all headers ----

/// A short message that is there as a whole is decoded in a way of its own, which must not change what any header means.
#[test]
fn every_beginning_of_a_header_means_the_same_as_a_whole_and_byte_by_byte() {
    let limits = |message, frame| {
        let mut config = Config::default();
        (config.max_message_size, config.max_frame_size) = (message, frame);
        config
    };
    let configs = [Config::default(), limits(100, 99), limits(99, 100)];
    let begun = |role| wire(role, &[Frame::text("a").more()]);
    for role in ROLES {
        for first in 0..=255 {
            for len in [0, 1, 3, 99, 100, 101, 125, 126, 127] {
                for (mask, before) in [(0, vec![]), (0x80, vec![]), (0, begun(role)), (0x80, begun(role))] {
                    let bytes = [&before[..], &[first, mask | len], &[b'x'; 134]].concat();
                    for config in &configs {
                        let whole = receive_whole(role, config, &bytes);
                        assert_eq!(
                            whole,
                            receive_dripped(role, config, &bytes),
                            "{role:?}: {:x?}",
                            &bytes[..9]
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_payload_of_a_frame_that_is_not_complete_is_not_taken_for_a_frame() {
    for role in ROLES {
        let inner = Frame::binary("abc").sent_to(role).bytes();
        for filling in [0, 1, 200] {
            let payload = [&inner[..], &vec![0x82; filling]].concat();
            let outcome = receive(role, &[Frame::binary(&payload), Frame::text("next")]);
            outcome.assert_open(&[Seen::binary(&payload), Seen::text("next")]);
        }
    }
}
