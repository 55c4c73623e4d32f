//! A frame as plain bytes (RFC 6455 §5.2), built and read without the code under test.
//!
//! [`Frame`] can be wrong in every way: any opcode, any reserved bit, a mask or none, a length in a
//! longer form than needed, or a length that is not the payload's.
//!
//! ```ignore
//! Frame::text("Hello").masked().bytes()                        // what a client sends
//! Frame::text("Hel").more().bytes()                            // FIN clear
//! Frame::new(3, "?").rsv(0b100).form(Form::Bits64).bytes()     // wrong in three ways
//! Frame::binary("").announcing(1 << 62).bytes()                // a header without its payload
//! ```

use clearsocket::Role;

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// All the opcodes that are defined.
pub const DEFINED: [u8; 6] = [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG];

/// The masking key of the RFC's examples (§5.7).
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// In how many bits the length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Shortest,
    Bits7,
    Bits16,
    Bits64,
}

/// One frame, its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub fin: bool,
    /// RSV1, RSV2, RSV3 as the bits 4, 2, 1.
    pub rsv: u8,
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    pub form: Form,
    /// A length other than the payload's.
    pub announced: Option<u64>,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Frame {
        Frame {
            fin: true,
            rsv: 0,
            opcode,
            mask: None,
            form: Form::Shortest,
            announced: None,
            payload: payload.as_ref().to_vec(),
        }
    }

    pub fn text(payload: impl AsRef<[u8]>) -> Frame {
        Frame::new(TEXT, payload)
    }

    pub fn binary(payload: impl AsRef<[u8]>) -> Frame {
        Frame::new(BINARY, payload)
    }

    pub fn continuation(payload: impl AsRef<[u8]>) -> Frame {
        Frame::new(CONTINUATION, payload)
    }

    pub fn ping(payload: impl AsRef<[u8]>) -> Frame {
        Frame::new(PING, payload)
    }

    pub fn pong(payload: impl AsRef<[u8]>) -> Frame {
        Frame::new(PONG, payload)
    }

    /// A Close with a code and a reason (§5.5.1). For other bodies: `Frame::new(CLOSE, body)`.
    pub fn close(code: u16, reason: impl AsRef<[u8]>) -> Frame {
        Frame::new(CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
    }

    pub fn close_empty() -> Frame {
        Frame::new(CLOSE, "")
    }

    /// FIN clear: more fragments follow.
    pub fn more(self) -> Frame {
        Frame { fin: false, ..self }
    }

    pub fn fin(self, fin: bool) -> Frame {
        Frame { fin, ..self }
    }

    pub fn rsv(self, rsv: u8) -> Frame {
        Frame { rsv, ..self }
    }

    pub fn mask(self, key: [u8; 4]) -> Frame {
        Frame { mask: Some(key), ..self }
    }

    pub fn masked(self) -> Frame {
        self.mask(KEY)
    }

    /// Masked as the peer of `role` has to: a server receives masked frames, a client unmasked ones (§5.1).
    pub fn sent_to(self, role: Role) -> Frame {
        let mask = (role == Role::Server).then_some(KEY);
        Frame { mask, ..self }
    }

    pub fn form(self, form: Form) -> Frame {
        Frame { form, ..self }
    }

    pub fn announcing(self, len: u64) -> Frame {
        Frame { announced: Some(len), ..self }
    }

    /// Header and payload as they travel.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header();
        match self.mask {
            Some(key) => bytes.extend(xor(&self.payload, key)),
            None => bytes.extend(&self.payload),
        }
        bytes
    }

    /// The header alone, with the masking key.
    pub fn header(&self) -> Vec<u8> {
        let len = self.announced.unwrap_or(self.payload.len() as u64);
        let form = match (self.form, len) {
            (Form::Shortest, 0..=125) => Form::Bits7,
            (Form::Shortest, 126..=65535) => Form::Bits16,
            (Form::Shortest, _) => Form::Bits64,
            (form, _) => form,
        };
        let mask_bit = if self.mask.is_some() { 128 } else { 0 };
        let mut bytes = vec![if self.fin { 128 } else { 0 } + self.rsv * 16 + self.opcode];
        match form {
            Form::Bits16 => {
                bytes.push(mask_bit + 126);
                bytes.extend((len as u16).to_be_bytes());
            }
            Form::Bits64 => {
                bytes.push(mask_bit + 127);
                bytes.extend(len.to_be_bytes());
            }
            _ => bytes.push(mask_bit + len as u8),
        }
        bytes.extend(self.mask.into_iter().flatten());
        bytes
    }
}

/// The sentence of §5.3, byte by byte.
pub fn xor(payload: &[u8], key: [u8; 4]) -> Vec<u8> {
    payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
}

/// The first frame in `bytes` and how many bytes it takes, or `None` if it is not complete. Its `form` is the one
/// that was used, or `Shortest` if that is the shortest.
pub fn read_frame(bytes: &[u8]) -> Option<(Frame, usize)> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (len, form, mut at) = match second & 127 {
        126 => (u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?) as u64, Form::Bits16, 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), Form::Bits64, 10),
        len => (len as u64, Form::Bits7, 2),
    };
    let shortest = match len {
        0..=125 => Form::Bits7,
        126..=65535 => Form::Bits16,
        _ => Form::Bits64,
    };
    let mut mask = None;
    if second & 128 != 0 {
        mask = Some(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?);
        at += 4;
    }
    let end = at.checked_add(usize::try_from(len).ok()?)?;
    let payload = bytes.get(at..end)?;
    let frame = Frame {
        fin: first & 128 != 0,
        rsv: first >> 4 & 7,
        opcode: first & 15,
        mask,
        form: if form == shortest { Form::Shortest } else { form },
        announced: None,
        payload: mask.map_or_else(|| payload.to_vec(), |key| xor(payload, key)),
    };
    Some((frame, end))
}

/// All frames in `bytes`, which must end where a frame ends.
#[track_caller]
pub fn read_frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (frame, len) = read_frame(bytes).expect("the bytes end in the middle of a frame");
        frames.push(frame);
        bytes = &bytes[len..];
    }
    frames
}
