//! What the tests of permessage-deflate share (RFC 7692).
//!
//! - [`Inflate`] is a decompressor of its own, after RFC 1951: slow, and strict about the window. It shares nothing
//!   with the one that the crate uses.
//! - [`Zip`] is a peer's compressor.
//! - [`receive_deflated`] is `receive` of `drive` for a connection on which compression was agreed on.

#![allow(dead_code)]

use super::common::*;
use clearsocket::compression::Context;
use clearsocket::proto::Connection;
use clearsocket::{Agreement, Config, Deflate, Role};
use flate2::{Compress, Compression, FlushCompress};

/// The bit that says "compressed", as `Frame::rsv` wants it.
pub const RSV1: u8 = 4;

/// "Hello" (RFC 7692 §7.2.3.1).
pub const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

/// "Hello" again, by a reference to the message before (§7.2.3.2).
pub const HELLO_AGAIN: [u8; 5] = [0xf2, 0x00, 0x11, 0x00, 0x00];

pub const TAKEOVER: Context = Context { no_takeover: false, window_bits: 15 };
pub const NO_TAKEOVER: Context = Context { no_takeover: true, window_bits: 15 };

/// The same for both directions.
pub fn both(context: Context) -> Agreement {
    Agreement { server: context, client: context }
}

pub fn options(change: impl FnOnce(&mut Deflate)) -> Deflate {
    let mut options = Deflate::default();
    change(&mut options);
    options
}

/// A compressed message in one frame.
pub fn zipped_text(payload: impl AsRef<[u8]>) -> Frame {
    Frame::text(payload).rsv(RSV1)
}

pub fn zipped_binary(payload: impl AsRef<[u8]>) -> Frame {
    Frame::binary(payload).rsv(RSV1)
}

// ---- Receiving ----

/// What becomes of `frames` where `agreement` holds: as a whole, byte by byte, and cut in two at every place.
#[track_caller]
pub fn receive_deflated(role: Role, config: &Config, agreement: Agreement, frames: &[Frame]) -> Outcome {
    let bytes = wire(role, frames);
    let run = |pieces: &[&[u8]]| {
        let mut connection = deflating(role, config, agreement);
        let seen = pieces.iter().flat_map(|piece| fill(&mut connection, piece)).collect();
        Outcome {
            seen,
            sent: take_sent(role, &mut connection),
            ready_state: connection.ready_state(),
            finished: connection.is_finished(),
            close_event: connection.close_event(),
        }
    };
    let expected = run(&[&bytes]);
    assert_eq!(run(&bytes.chunks(1).collect::<Vec<_>>()), expected, "byte by byte");
    let step = 1 + bytes.len() / 600;
    for at in (1..bytes.len()).step_by(step) {
        assert_eq!(run(&[&bytes[..at], &bytes[at..]]), expected, "cut at {at}");
    }
    expected
}

pub fn deflating(role: Role, config: &Config, agreement: Agreement) -> Connection {
    deflating_with(role, config, agreement, &Deflate::default())
}

pub fn deflating_with(role: Role, config: &Config, agreement: Agreement, options: &Deflate) -> Connection {
    connection_with(role, config).with_deflate(&agreement, options)
}

// ---- A peer's compressor ----

/// The sending half of RFC 7692 §7.2.1, out of zlib's parts.
pub struct Zip {
    state: Compress,
    no_takeover: bool,
}

impl Zip {
    /// With a window of 9 to 15 bits.
    pub fn new(context: Context) -> Zip {
        let state = Compress::new_with_window_bits(Compression::new(6), false, context.window_bits);
        Zip { state, no_takeover: context.no_takeover }
    }

    /// The payload of a compressed message.
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        // RFC 7692 §7.2.3.6: zlib flushes nothing twice.
        if payload.is_empty() {
            return vec![0];
        }
        let mut zipped = self.flushed(payload);
        assert!(zipped.ends_with(&[0, 0, 0xff, 0xff]));
        zipped.truncate(zipped.len() - 4);
        if self.no_takeover {
            self.state.reset();
        }
        zipped
    }

    /// Blocks up to a byte boundary, with the mark at the end.
    pub fn flushed(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut zipped = Vec::with_capacity(payload.len() * 2 + 1024);
        self.state.compress_vec(payload, &mut zipped, FlushCompress::Sync).expect("compress");
        zipped
    }
}

/// A message compressed on its own.
pub fn zip(payload: impl AsRef<[u8]>) -> Vec<u8> {
    Zip::new(NO_TAKEOVER).message(payload.as_ref())
}

/// A part of a message, up to a byte boundary; such parts can be put behind one another, in any order.
pub fn zip_part(payload: impl AsRef<[u8]>) -> Vec<u8> {
    Zip::new(NO_TAKEOVER).flushed(payload.as_ref())
}

/// Ends a row of parts.
pub fn end_parts(mut parts: Vec<u8>) -> Vec<u8> {
    assert!(parts.ends_with(&[0, 0, 0xff, 0xff]));
    parts.truncate(parts.len() - 4);
    parts
}

/// DEFLATE bit by bit (RFC 1951 §3.1.1): for blocks that no compressor makes.
#[derive(Default)]
pub struct Bits {
    bits: Vec<bool>,
}

impl Bits {
    /// A number, its least significant bit first.
    pub fn number(mut self, value: u64, len: u32) -> Bits {
        self.bits.extend((0..len).map(|bit| value >> bit & 1 == 1));
        self
    }

    /// A Huffman code, its most significant bit first.
    pub fn code(mut self, value: u32, len: u32) -> Bits {
        self.bits.extend((0..len).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    /// The beginning of a block with the fixed codes, and an "a".
    pub fn fixed_a() -> Bits {
        Bits::default().number(0, 1).number(1, 2).code(0x30 + u32::from(b'a'), 8)
    }

    pub fn bytes(self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().enumerate().map(|(i, &bit)| u8::from(bit) << i).sum();
        self.bits.chunks(8).map(byte).collect()
    }
}

// ---- A decompressor of our own ----

/// Decompresses message after message and panics where one breaks RFC 1951, goes beyond the window that was agreed on,
/// refers to a message that it must not refer to, or does not end where a block ends.
pub struct Inflate {
    context: Context,
    /// Everything that may be referred to, and more.
    out: Vec<u8>,
    input: Vec<u8>,
    /// The next bit of the input.
    at: usize,
}

impl Inflate {
    pub fn new(context: Context) -> Inflate {
        Inflate { context, out: Vec::new(), input: Vec::new(), at: 0 }
    }

    /// RFC 7692 §7.2.2
    #[track_caller]
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        if self.context.no_takeover {
            self.out.clear();
        }
        // Only the window is of use, and a test may send much.
        self.out.drain(..self.out.len().saturating_sub(1 << 15));
        let start = self.out.len();
        self.input = [payload, &[0, 0, 0xff, 0xff]].concat();
        self.at = 0;
        while self.at < self.input.len() * 8 {
            assert_eq!(self.bits(1), 0, "BFINAL");
            match self.bits(2) {
                0 => self.stored(),
                1 => self.fixed(),
                2 => self.dynamic(),
                _ => panic!("a block of no known type"),
            }
        }
        self.out[start..].to_vec()
    }

    fn bits(&mut self, len: usize) -> usize {
        let bit = |at: usize| usize::from(*self.input.get(at / 8).expect("more input") >> (at % 8) & 1);
        let value = (0..len).map(|i| bit(self.at + i) << i).sum();
        self.at += len;
        value
    }

    /// RFC 1951 §3.2.4
    fn stored(&mut self) {
        self.at = self.at.next_multiple_of(8);
        let (len, complement) = (self.bits(16), self.bits(16));
        assert_eq!(len, !complement & 0xffff, "LEN and NLEN");
        for _ in 0..len {
            let byte = self.bits(8) as u8;
            self.out.push(byte);
        }
    }

    /// RFC 1951 §3.2.6
    fn fixed(&mut self) {
        let lengths = [[8; 144].as_slice(), &[9; 112], &[7; 24], &[8; 8]].concat();
        self.compressed(&Huffman::new(&lengths), &Huffman::new(&[5; 30]));
    }

    /// RFC 1951 §3.2.7
    fn dynamic(&mut self) {
        let (literals, distances, count) = (self.bits(5) + 257, self.bits(5) + 1, self.bits(4) + 4);
        let mut lengths = [0; 19];
        for i in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15].into_iter().take(count) {
            lengths[i] = self.bits(3) as u8;
        }
        let code = Huffman::new(&lengths);
        let mut lengths: Vec<u8> = Vec::new();
        while lengths.len() < literals + distances {
            let (length, times) = match self.symbol(&code) {
                16 => (*lengths.last().expect("a length to repeat"), 3 + self.bits(2)),
                17 => (0, 3 + self.bits(3)),
                18 => (0, 11 + self.bits(7)),
                length => (length as u8, 1),
            };
            lengths.extend(vec![length; times]);
        }
        assert_eq!(lengths.len(), literals + distances);
        let (literals, distances) = lengths.split_at(literals);
        self.compressed(&Huffman::new(literals), &Huffman::new(distances));
    }

    /// RFC 1951 §3.2.5
    fn compressed(&mut self, literals: &Huffman, distances: &Huffman) {
        loop {
            let length = match self.symbol(literals) {
                literal @ 0..256 => {
                    self.out.push(literal as u8);
                    continue;
                }
                256 => return,
                length @ 257..265 => length - 254,
                285 => 258,
                length @ 265..285 => {
                    let extra = (length - 261) / 4;
                    ((4 + (length - 261) % 4) << extra) + 3 + self.bits(extra)
                }
                _ => panic!("a length of no meaning"),
            };
            let distance = match self.symbol(distances) {
                distance @ 0..4 => distance + 1,
                distance @ 4..30 => {
                    let extra = distance / 2 - 1;
                    ((2 + distance % 2) << extra) + 1 + self.bits(extra)
                }
                _ => panic!("a distance of no meaning"),
            };
            // RFC 7692 §7.1.2
            assert!(distance <= 1 << self.context.window_bits, "{distance} is beyond the window");
            for _ in 0..length {
                let from = self.out.len().checked_sub(distance).expect("a distance within what was sent");
                self.out.push(self.out[from]);
            }
        }
    }

    fn symbol(&mut self, code: &Huffman) -> usize {
        let (mut value, mut first, mut index) = (0, 0, 0);
        for count in code.counts {
            value = value * 2 + self.bits(1);
            first *= 2;
            if value < first + count {
                return code.symbols[index + value - first];
            }
            index += count;
            first += count;
        }
        panic!("a code of no meaning");
    }
}

/// RFC 1951 §3.2.2
struct Huffman {
    /// How many codes have 1 bit, 2 bits, ...
    counts: [usize; 15],
    /// The symbols by the length of their codes.
    symbols: Vec<usize>,
}

impl Huffman {
    fn new(lengths: &[u8]) -> Huffman {
        let mut counts = [0; 15];
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|&symbol| lengths[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| lengths[symbol]);
        symbols.iter().for_each(|&symbol| counts[lengths[symbol] as usize - 1] += 1);
        Huffman { counts, symbols }
    }
}

// ---- Payloads ----

/// A row of numbers without a pattern, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0 to `end` - 1.
    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// Bytes that no compressor makes smaller.
    pub fn noise(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| (self.roll() >> 32) as u8).collect()
    }

    /// Text of about `len` bytes such as programs send each other; much of it occurs again in the next.
    pub fn json(&mut self, len: usize) -> String {
        let mut text = String::from("[");
        while text.len() < len {
            let (id, name) = (self.below(100_000), ["Ada", "Bob", "Cleo", "Ὅμηρος"][self.below(4)]);
            text.push_str(&format!("{{\"id\":{id},\"name\":\"{name}\",\"online\":{}}},", id % 2 == 0));
        }
        text.push(']');
        text
    }
}
