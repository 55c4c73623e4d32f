//! Invariant: whatever is sent under an agreement arrives unchanged at the other end, from either role, however it is
//! cut, with shared frames and with memory given back in between (RFC 7692 §7.2).

#![no_main]

use arbitrary::Arbitrary;
use clearsocket::compression::Context;
use clearsocket::proto::{Decoder, Encoder, Event, Progress};
use clearsocket::{Config, Deflate, Message, Role, SharedFrame};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    from_client: bool,
    no_takeover: bool,
    window_bits: u8,
    level: u8,
    threshold: u8,
    actions: Vec<Action>,
    /// The sizes of the pieces, over and over.
    sizes: Vec<u16>,
}

#[derive(Arbitrary, Debug)]
enum Action {
    Text(String),
    Binary(Vec<u8>),
    /// These bytes, many times.
    Long(Vec<u8>, u16),
    /// A message that no compressor makes smaller.
    Noise(u64, u16),
    Again,
    Shared(Vec<u8>, u8),
    SharedPlain(Vec<u8>),
    Fragments(Vec<u8>, Vec<u8>),
    ReleaseEncoder,
    ReleaseDecoder,
}

fuzz_target!(|input: Input| {
    let context = Context { no_takeover: input.no_takeover, window_bits: 8 + input.window_bits % 8 };
    let mut options = Deflate::default();
    (options.level, options.threshold) = (input.level % 11, input.threshold as usize);
    let (encoder, other) = match input.from_client {
        true => (Encoder::client(Box::new(|| [0x37, 0xfa, 0x21, 0x3d])), Role::Server),
        false => (Encoder::server(), Role::Client),
    };
    let mut encoder = encoder.with_deflate(context, &options);
    let mut decoder = Decoder::new(other, &Config::default()).with_deflate(context);
    let mut sizes = input.sizes.iter().map(|size| 1 + *size as usize).chain([4096]).cycle();
    let mut last = Message::from("");
    for action in input.actions {
        let mut bytes = Vec::new();
        let message = match action {
            Action::Text(text) => Message::from(text),
            Action::Binary(data) => Message::from(data),
            Action::Long(data, times) => Message::from(data.repeat(times as usize % 1000)),
            Action::Noise(seed, len) => Message::from(noise(seed, len)),
            Action::Again => last.clone(),
            Action::Shared(data, times) => {
                let message = Message::from(data.repeat(times as usize));
                encoder.shared(&SharedFrame::deflated(&message, &options), &mut bytes);
                message
            }
            Action::SharedPlain(data) => {
                let message = Message::from(data);
                encoder.shared(&SharedFrame::new(&message), &mut bytes);
                message
            }
            Action::Fragments(first, second) => {
                assert!(encoder.fragment(&Message::from(&first[..]), false, &mut bytes));
                assert!(encoder.fragment(&Message::from(&second[..]), true, &mut bytes));
                Message::from([first, second].concat())
            }
            Action::ReleaseEncoder => {
                encoder.release_memory();
                continue;
            }
            Action::ReleaseDecoder => {
                decoder.release_memory();
                continue;
            }
        };
        if bytes.is_empty() {
            encoder.message(&message, &mut bytes);
        }
        let size = sizes.next().unwrap_or(1);
        assert_eq!(decode(&mut decoder, &bytes, size), std::slice::from_ref(&message));
        last = message;
    }
});

fn decode(decoder: &mut Decoder, bytes: &[u8], size: usize) -> Vec<Message<'static>> {
    let mut seen = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.push(piece);
        while decoder.advance() == Progress::Ready {
            match decoder.event() {
                Ok(Some(Event::Message(message))) => seen.push(message.into_owned()),
                Ok(None) => break,
                other => panic!("{other:?}"),
            }
        }
    }
    seen
}

fn noise(seed: u64, len: u16) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}
