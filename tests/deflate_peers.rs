//! permessage-deflate against another implementation: the zlib of Python (RFC 7692 §7.2).
//!
//! ```text
//!   Encoder ── RSV1, payload ──▶ zlib.decompressobj      Decoder ◀── RSV1, payload ── zlib.compressobj
//! ```
//!
//! Without python3 the tests say so and pass; where CI=true is set they fail instead.

#![cfg(feature = "deflate")]

mod common;
#[path = "common/deflate.rs"]
mod deflate;

use clearsocket::compression::Context;
use clearsocket::{Config, Message, Role};
use common::*;
use deflate::*;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Reads an operation, a length of four bytes and a payload; answers with a length and a payload.
const SCRIPT: &str = r#"
import struct, sys, zlib
data, out = sys.stdin.buffer, sys.stdout.buffer
while True:
    head = data.read(5)
    if not head:
        break
    operation, length = struct.unpack(">cI", head)
    payload = data.read(length)
    answer = b""
    if operation == b"n":
        bits, no_takeover, level = payload
        new_deflate = lambda: zlib.compressobj(level, zlib.DEFLATED, -bits)
        new_inflate = lambda: zlib.decompressobj(-bits)
        deflate, inflate = new_deflate(), new_inflate()
    elif operation == b"c":
        answer = deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH)
        answer = answer[:-4] if payload else b"\0"
        if no_takeover:
            deflate = new_deflate()
    elif operation == b"d":
        answer = inflate.decompress(payload + b"\0\0\xff\xff")
        assert not inflate.unconsumed_tail and not inflate.unused_data and not inflate.eof
        if no_takeover:
            inflate = new_inflate()
    out.write(struct.pack(">I", len(answer)) + answer)
    out.flush()
"#;

struct Python {
    process: Child,
    requests: Option<ChildStdin>,
    answers: ChildStdout,
}

impl Python {
    fn start() -> Option<Python> {
        let mut command = Command::new("python3");
        let command = command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
        match command.spawn() {
            Ok(mut process) => {
                let requests = process.stdin.take();
                let answers = process.stdout.take().expect("a pipe");
                Some(Python { process, requests, answers })
            }
            Err(error) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "python3 cannot be started: {error}");
                println!("skipped: python3 cannot be started: {error}");
                None
            }
        }
    }

    #[track_caller]
    fn ask(&mut self, operation: u8, payload: &[u8]) -> Vec<u8> {
        let request = [&[operation], &(payload.len() as u32).to_be_bytes()[..], payload].concat();
        let requests = self.requests.as_mut().expect("a pipe");
        requests.write_all(&request).and_then(|()| requests.flush()).expect("python3 reads");
        let mut len = [0; 4];
        self.answers.read_exact(&mut len).expect("python3 understands, and answers");
        let mut answer = vec![0; u32::from_be_bytes(len) as usize];
        self.answers.read_exact(&mut answer).expect("python3 answers in full");
        answer
    }

    fn begin(&mut self, context: Context, level: u8) {
        self.ask(b'n', &[context.window_bits, context.no_takeover.into(), level]);
    }

    #[track_caller]
    fn compress(&mut self, payload: &[u8]) -> Vec<u8> {
        self.ask(b'c', payload)
    }

    #[track_caller]
    fn decompress(&mut self, payload: &[u8]) -> Vec<u8> {
        self.ask(b'd', payload)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.requests.take()); // the end of its input is the end of the script
        let _ = self.process.wait();
    }
}

/// All windows that both sides can compress with, with and without takeover.
fn contexts() -> impl Iterator<Item = Context> {
    (9..=15).flat_map(|window_bits| [false, true].map(|no_takeover| Context { no_takeover, window_bits }))
}

fn random_message(dice: &mut Dice) -> Message<'static> {
    let len = match dice.below(10) {
        0 => dice.below(60_000),
        1 => dice.below(10),
        _ => dice.below(3000),
    };
    match dice.below(4) {
        0 => dice.noise(len).into(),
        1 => vec![dice.roll() as u8; len].into(),
        _ => dice.json(len).into(),
    }
}

#[test]
fn zlib_reads_what_we_compress() {
    let Some(mut python) = Python::start() else { return };
    let mut dice = Dice(43);
    for (index, context) in contexts().enumerate() {
        let role = ROLES[index % 2];
        for level in [1, 6] {
            let options = options(|options| (options.level, options.threshold) = (level, 16));
            let mut connection = deflating_with(role, &Config::default(), both(context), &options);
            python.begin(context, 6);
            let mut compressed = 0;
            for _ in 0..200 {
                let message = random_message(&mut dice);
                connection.send(&message).expect("send");
                let frame = read_frames(connection.to_transmit()).remove(0);
                connection.transmitted(connection.to_transmit().len());
                if frame.rsv == RSV1 {
                    assert!(python.decompress(&frame.payload) == message.as_bytes(), "{context:?}");
                    compressed += 1;
                } else {
                    assert!(frame.payload == message.as_bytes());
                }
            }
            assert!(compressed > 100, "{compressed} of 200 were compressed");
        }
    }
}

#[test]
fn we_read_what_zlib_compresses() {
    let Some(mut python) = Python::start() else { return };
    let mut dice = Dice(47);
    for (index, context) in contexts().enumerate() {
        let role = ROLES[index % 2];
        let mut connection = deflating(role, &Config::default(), both(context));
        python.begin(context, [0, 1, 6, 9][index % 4]);
        for _ in 0..200 {
            let message = random_message(&mut dice);
            let zipped = python.compress(message.as_bytes());
            // In two fragments, somewhere.
            let (first, last) = zipped.split_at(dice.below(zipped.len() + 1));
            let first = Frame::new(message.opcode() as u8, first).rsv(RSV1).more();
            let bytes = wire(role, &[first, Frame::continuation(last)]);
            let seen = fill(&mut connection, &bytes);
            assert!(seen == [clearsocket::Event::Message(message).into()], "{context:?}");
        }
    }
}

#[test]
fn both_directions_at_once() {
    let Some(mut python) = Python::start() else { return };
    let context = Context { no_takeover: false, window_bits: 12 };
    for role in [Role::Client, Role::Server] {
        let mut connection = deflating(role, &Config::default(), both(context));
        python.begin(context, 6);
        let mut dice = Dice(53);
        for _ in 0..200 {
            let text = dice.json(200);
            let zipped = python.compress(text.as_bytes());
            assert_eq!(fill(&mut connection, &wire(role, &[zipped_text(zipped)])), [Seen::text(&text)]);
            connection.send(&text[..].into()).expect("send");
            let frame = read_frames(connection.to_transmit()).remove(0);
            connection.transmitted(connection.to_transmit().len());
            assert_eq!(frame.rsv, RSV1);
            assert_eq!(python.decompress(&frame.payload), text.as_bytes());
        }
    }
}
