//! Frames of a peer out of fuzz input: most are in order, some are wrong in one way, for bytes that are wrong in many
//! ways would hardly ever come past the first header.

use crate::common::frame::{CLOSE, CONTINUATION};
use crate::common::{Form, Frame};
use arbitrary::Arbitrary;
use clearsocket::Role;

#[derive(Arbitrary, Debug)]
pub struct PeerFrame {
    kind: Kind,
    fault: u8,
    amount: u8,
}

#[derive(Arbitrary, Debug)]
enum Kind {
    Text(Payload),
    Binary(Payload),
    FirstText(Payload),
    FirstBinary(Payload),
    Middle(Payload),
    Last(Payload),
    Ping(Payload),
    Pong(Payload),
    Close(Code, Payload),
    CloseWith(Payload),
    Any(u8, bool, Payload),
}

#[derive(Arbitrary, Debug)]
pub enum Payload {
    None,
    Text(String),
    Bytes(Vec<u8>),
    /// Some of a text, from any byte to any byte: characters in pieces.
    Piece(u8, u8),
    /// One byte, many times.
    Long(u8, u16),
    /// Bytes that no compressor makes smaller.
    Noise(u16),
    /// As long as a limit, or a byte more or less.
    Limit(u8, u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Code {
    Near1000(u8),
    Any(u16),
}

impl PeerFrame {
    /// As the peer of `role` sends it.
    pub fn frame(&self, role: Role) -> Frame {
        let frame = match &self.kind {
            Kind::Text(payload) => Frame::text(payload.bytes()),
            Kind::Binary(payload) => Frame::binary(payload.bytes()),
            Kind::FirstText(payload) => Frame::text(payload.bytes()).more(),
            Kind::FirstBinary(payload) => Frame::binary(payload.bytes()).more(),
            Kind::Middle(payload) => Frame::continuation(payload.bytes()).more(),
            Kind::Last(payload) => Frame::continuation(payload.bytes()),
            Kind::Ping(payload) => Frame::ping(payload.short()),
            Kind::Pong(payload) => Frame::pong(payload.short()),
            Kind::Close(code, payload) => Frame::close(code.get(), payload.short()),
            Kind::CloseWith(payload) => Frame::new(CLOSE, payload.short()),
            Kind::Any(opcode, fin, payload) => Frame::new(opcode % 16, payload.bytes()).fin(*fin),
        };
        let frame = frame.sent_to(role);
        let amount = self.amount;
        match self.fault % 32 {
            1 => frame.rsv(amount % 8),
            2 if frame.mask.is_some() => Frame { mask: None, ..frame },
            2 => frame.mask([amount; 4]),
            3 => frame.form(Form::Bits16),
            4 => frame.form(Form::Bits64),
            5 => frame.form(Form::Bits64).announcing(1 << (amount % 64)),
            6 => frame.announcing(u64::from(amount)),
            7 => frame.rsv(4),
            8 => Frame { fin: !frame.fin, ..frame },
            9 => Frame { opcode: CONTINUATION, ..frame },
            _ => frame,
        }
    }
}

impl Payload {
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Payload::None => Vec::new(),
            Payload::Text(text) => text.clone().into_bytes(),
            Payload::Bytes(bytes) => bytes.clone(),
            Payload::Piece(from, to) => {
                let text = "aé€😀 ﷐\u{10ffff}".as_bytes();
                let (from, to) = (*from as usize % text.len(), *to as usize % text.len());
                text[from.min(to)..from.max(to)].to_vec()
            }
            Payload::Long(byte, len) => vec![*byte; *len as usize % LONG],
            Payload::Noise(len) => {
                let mut state = u32::from(*len) + 1;
                let step = |_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                };
                (0..*len as usize % LONG).map(step).collect()
            }
            Payload::Limit(which, off) => {
                let limits = [125, 126, 127, 130, 150, 4096, 6000, 65_535, 65_536];
                vec![b'x'; limits[*which as usize % limits.len()] + *off as usize % 3 - 1]
            }
        }
    }

    /// What fits into a control frame, most of the time.
    fn short(&self) -> Vec<u8> {
        let mut bytes = self.bytes();
        bytes.truncate(126);
        bytes
    }
}

impl Code {
    pub fn get(self) -> u16 {
        match self {
            Code::Near1000(code) => 998 + u16::from(code % 20),
            Code::Any(code) => code,
        }
    }
}

/// More than waits before pongs are put off; four of them are more than a connection keeps of what was transmitted.
const LONG: usize = 20_000;
