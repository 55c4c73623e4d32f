//! The frame header (RFC 6455 §5.2).
//!
//! ```text
//!   byte 0             byte 1                 then, as the length says         then, if MASK is set
//!  +-+-+-+-+-------+  +-+-------------+  +--------------------------------+  +---------------------+
//!  |F|R|R|R| opcode|  |M| length 0-125|  | 126: 16-bit length in 2 bytes  |  | masking key, 4 bytes|
//!  |I|S|S|S|       |  |A| 126 or 127  |  | 127: 64-bit length in 8 bytes  |  |                     |
//!  |N|V|V|V|       |  |S|             |  |      (top bit 0)               |  |                     |
//!  | |1|2|3|       |  |K|             |  |                                |  |                     |
//!  +-+-+-+-+-------+  +-+-------------+  +--------------------------------+  +---------------------+
//! ```
//!
//! This file knows what every header must obey, whoever sent it: the opcodes that exist, the shortest
//! form of a length, the size of a control frame. What depends on the state of the connection (masks by
//! role, the order of fragments, limits) is judged in [`decoder`](super::Decoder).

use super::MaskingKey;
use crate::error::ProtocolError;

/// What a frame is (§5.2, §11.8). Bit 3 makes it a control frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message that began before.
    Continuation = 0,
    /// A text message, or its first fragment.
    Text = 1,
    /// A binary message, or its first fragment.
    Binary = 2,
    /// The last frame that an endpoint sends.
    Close = 8,
    /// "Are you there?"
    Ping = 9,
    /// The answer to a ping.
    Pong = 10,
}

impl Opcode {
    /// The opcode with this number, or `None` for 3-7 and 11-15, which are reserved.
    pub const fn from_u8(number: u8) -> Option<Opcode> {
        Some(match number {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    /// Close, Ping and Pong: at most 125 bytes, never fragmented, allowed between fragments (§5.5).
    pub const fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// The header of one frame (§5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Whether this is the last fragment of its message.
    pub fin: bool,
    /// RSV1, RSV2 and RSV3 as the bits 4, 2 and 1. All are 0 unless an extension says otherwise.
    pub rsv: u8,
    /// What the frame is.
    pub opcode: Opcode,
    /// Present if the payload is masked: in every frame from a client, in none from a server (§5.1).
    pub masking_key: Option<MaskingKey>,
    /// Length of the payload in bytes, below 2^63.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The longest header: 2 bytes, a 64-bit length, a masking key.
    pub const MAX_LEN: usize = 14;

    /// Reads a header from the start of `bytes` and gives it with its length in bytes, or `None` if more bytes are
    /// needed. Every fault is found with the byte that shows it.
    ///
    /// ```
    /// # use clearsocket::proto::{FrameHeader, Opcode};
    /// let (header, len) = FrameHeader::decode(b"\x81\x05Hello")?.unwrap(); // §5.7
    /// assert_eq!((header.opcode, header.fin, header.payload_len, len), (Opcode::Text, true, 5, 2));
    /// # Ok::<(), clearsocket::ProtocolError>(())
    /// ```
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<(FrameHeader, usize)>, ProtocolError> {
        let Some(&[first, second]) = bytes.first_chunk() else { return Ok(None) };
        // RFC 6455 §5.2/d
        let opcode = Opcode::from_u8(first & 0x0f).ok_or(ProtocolError::ReservedOpcode)?;
        let fin = first & 0x80 != 0;
        let short_len = second & 0x7f;
        if opcode.is_control() {
            // RFC 6455 §5.4/d §5.5/b
            if !fin {
                return Err(ProtocolError::FragmentedControlFrame);
            }
            // RFC 6455 §5.5/a
            if short_len > 125 {
                return Err(ProtocolError::ControlFrameTooLong);
            }
        }
        let Some((payload_len, len)) = decode_length(short_len, &bytes[2..])? else { return Ok(None) };
        let mut header = FrameHeader { fin, rsv: first >> 4 & 7, opcode, masking_key: None, payload_len };
        // RFC 6455 §5.2/e §5.3/f: the key is no part of the length.
        if second & 0x80 == 0 {
            return Ok(Some((header, 2 + len)));
        }
        header.masking_key = bytes[2 + len..].first_chunk().copied();
        Ok(header.masking_key.map(|_| (header, 2 + len + 4)))
    }

    /// Writes the header to the end of `out`, the length in its shortest form.
    #[inline(always)] // of a header whose parts are known, little is left
    pub fn encode(&self, out: &mut Vec<u8>) {
        let first = (self.fin as u8) << 7 | self.rsv << 4 | self.opcode as u8;
        // RFC 6455 §5.3/a
        let mask_bit = (self.masking_key.is_some() as u8) << 7;
        // RFC 6455 §5.2/f §5.2/h
        match self.payload_len {
            len @ 0..=125 => out.extend_from_slice(&[first, mask_bit | len as u8]),
            len @ 126..=0xffff => {
                let [a, b] = (len as u16).to_be_bytes();
                out.extend_from_slice(&[first, mask_bit | 126, a, b]);
            }
            // RFC 6455 §5.2/g: no slice is as long as 2^63 bytes.
            len => {
                out.extend_from_slice(&[first, mask_bit | 127]);
                out.extend_from_slice(&len.to_be_bytes());
            }
        }
        // RFC 6455 §5.2/e
        if let Some(key) = self.masking_key {
            out.extend_from_slice(&key);
        }
    }
}

/// The payload's length and the number of extra bytes that it was written in, or `None` if some are missing.
#[inline]
fn decode_length(short_len: u8, bytes: &[u8]) -> Result<Option<(u64, usize)>, ProtocolError> {
    // RFC 6455 §5.2/f
    match short_len {
        126 => {
            let Some(&len) = bytes.first_chunk::<2>() else { return Ok(None) };
            let len = u16::from_be_bytes(len) as u64;
            // RFC 6455 §5.2/h
            if len <= 125 { Err(ProtocolError::LengthNotMinimal) } else { Ok(Some((len, 2))) }
        }
        127 => {
            // RFC 6455 §5.2/g: the bit shows in the first of the eight bytes, so it is judged there.
            if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
                return Err(ProtocolError::LengthTopBit);
            }
            let Some(&len) = bytes.first_chunk::<8>() else { return Ok(None) };
            let len = u64::from_be_bytes(len);
            // RFC 6455 §5.2/h
            if len <= 0xffff { Err(ProtocolError::LengthNotMinimal) } else { Ok(Some((len, 8))) }
        }
        len => Ok(Some((len as u64, 0))),
    }
}

/// The bit that says "compressed" on the first frame of a message (RFC 7692 §6).
pub(super) const RSV1: u8 = 4;
