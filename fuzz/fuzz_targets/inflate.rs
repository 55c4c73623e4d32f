//! Invariant: any bytes as the payloads of compressed messages give the same events however the network cuts them,
//! without a panic; no message is larger than the limit, and nothing is seen after a failure (RFC 7692 §7.2.2, §8).

#![no_main]

use arbitrary::Arbitrary;
use clearsocket::compression::Context;
use clearsocket::proto::{Decoder, Event, FrameHeader, Opcode, Progress};
use clearsocket::{Config, Message, ProtocolError, Role};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    no_takeover: bool,
    limit: u16,
    frames: Vec<Frame>,
    /// The sizes of the pieces, over and over.
    sizes: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
struct Frame {
    is_text: bool,
    compressed: bool,
    fin: bool,
    payload: Vec<u8>,
}

#[derive(Debug, PartialEq)]
enum Seen {
    Message(Message<'static>),
    Error(ProtocolError),
}

fuzz_target!(|input: Input| {
    let bytes = wire(&input.frames);
    let whole = run(&input, &bytes, &[usize::MAX]);
    assert_eq!(run(&input, &bytes, &[1]), whole);
    let sizes: Vec<usize> = input.sizes.iter().map(|size| 1 + *size as usize).chain([7]).collect();
    assert_eq!(run(&input, &bytes, &sizes), whole);

    for (index, seen) in whole.iter().enumerate() {
        match seen {
            Seen::Message(message) => assert!(message.len() <= input.limit as usize),
            Seen::Error(error) => {
                assert_eq!(index, whole.len() - 1, "nothing after {error}");
                assert!(matches!(error.close_code().get(), 1007 | 1009), "{error}");
            }
        }
    }
});

/// The frames of one message after the other.
fn wire(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut within = false;
    for frame in frames {
        let opcode = match (within, frame.is_text) {
            (true, _) => Opcode::Continuation,
            (false, true) => Opcode::Text,
            (false, false) => Opcode::Binary,
        };
        let rsv = if frame.compressed && !within { 4 } else { 0 };
        let payload_len = frame.payload.len() as u64;
        FrameHeader { fin: frame.fin, rsv, opcode, masking_key: None, payload_len }.encode(&mut bytes);
        bytes.extend_from_slice(&frame.payload);
        within = !frame.fin;
    }
    bytes
}

fn run(input: &Input, mut bytes: &[u8], sizes: &[usize]) -> Vec<Seen> {
    let mut config = Config::default();
    config.max_message_size = input.limit as usize;
    let context = Context { no_takeover: input.no_takeover, window_bits: 15 };
    let mut decoder = Decoder::new(Role::Client, &config).with_deflate(context);
    let mut seen = Vec::new();
    for size in sizes.iter().cycle() {
        let (piece, rest) = bytes.split_at(bytes.len().min(*size));
        decoder.push(piece);
        while decoder.advance() == Progress::Ready {
            match decoder.event() {
                Ok(Some(Event::Message(message))) => seen.push(Seen::Message(message.into_owned())),
                Ok(None) => break,
                Ok(Some(other)) => panic!("{other:?}"),
                Err(error) => seen.push(Seen::Error(error)),
            }
        }
        bytes = rest;
        if bytes.is_empty() {
            break;
        }
    }
    seen
}
