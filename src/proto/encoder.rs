//! The sending half: messages in, bytes out (RFC 6455 §5, §6.1).
//!
//! ```text
//!   Message / ping / pong / close ─▶ header ─▶ payload ─▶ mask (a client's) ─▶ end of a Vec<u8>
//!                                     §5.2                §5.3
//! ```
//!
//! Whole frames only, so whatever has been written can be sent in any number of pieces. The encoder
//! does not know whether the connection is open; its owner asks [`Closing`](super::close) first.
//!
//! With permessage-deflate (RFC 7692), whole messages are compressed on their way to the header; fragments and control
//! frames never are.

use super::deflate::Deflater;
use super::frame::RSV1;
use super::{CloseFrame, FrameHeader, MaskingKey, Message, Opcode, SharedFrame, apply_mask};
use crate::compression::{Context, Deflate};

/// Gives a fresh masking key for every frame (§5.3). It must be unpredictable, so it comes from outside: the core
/// has no randomness of its own.
pub type MaskingKeys = Box<dyn FnMut() -> MaskingKey + Send>;

/// Writes frames to the end of a byte vector.
///
/// ```
/// use clearsocket::proto::Encoder;
/// let mut bytes = Vec::new();
/// Encoder::server().message(&"Hello".into(), &mut bytes);
/// assert_eq!(bytes, b"\x81\x05Hello"); // §5.7
/// ```
pub struct Encoder {
    /// A client masks every frame, a server none (§5.1).
    masking_keys: Option<MaskingKeys>,
    /// The kind of the message of which a first fragment but no last one was written (§5.4).
    fragmented: Option<Opcode>,
    /// Messages written meanwhile: they wait here, since messages may not be interleaved (§5.4).
    held: Vec<u8>,
    /// If compression was agreed on (RFC 7692).
    deflater: Option<Box<Deflater>>,
}

impl Encoder {
    /// For a server: nothing is masked.
    pub fn server() -> Encoder {
        Encoder { masking_keys: None, fragmented: None, held: Vec::new(), deflater: None }
    }

    /// For a client: every frame is masked with a key of its own out of `masking_keys`.
    pub fn client(masking_keys: MaskingKeys) -> Encoder {
        Encoder { masking_keys: Some(masking_keys), ..Encoder::server() }
    }

    /// Compresses messages from now on, within `context`, which was agreed on for this direction (RFC 7692 §7).
    pub fn with_deflate(mut self, context: Context, options: &Deflate) -> Encoder {
        self.deflater = Deflater::new(context, options).map(Box::new);
        self
    }

    /// A message in one frame. In the middle of a fragmented message it is held back and follows its last fragment.
    #[inline]
    pub fn message(&mut self, message: &Message<'_>, out: &mut Vec<u8>) {
        if self.fragmented.is_none() {
            // RFC 6455 §5.2/a §6.1/e §6.1/f
            self.whole(message, out);
        } else {
            // RFC 6455 §5.4/f
            let mut held = std::mem::take(&mut self.held);
            self.whole(message, &mut held);
            self.held = held;
        }
    }

    /// A message in one frame, compressed if that was agreed on and makes it smaller.
    #[inline]
    fn whole(&mut self, message: &Message<'_>, out: &mut Vec<u8>) {
        if let Some(deflater) = &mut self.deflater
            && deflater.wants(message.len())
        {
            let mut deflated = Vec::with_capacity(message.len());
            // RFC 7692 §6/b §6/e §6.1/a
            if deflater.deflate(message.as_bytes(), &mut deflated) {
                return self.frame(true, RSV1, message.opcode(), &deflated, out);
            }
        }
        // RFC 7692 §6/g §6.1/b
        self.frame(true, 0, message.opcode(), message.as_bytes(), out);
    }

    /// A message that was encoded before. A server copies its bytes; a client has to mask them anew.
    pub fn shared(&mut self, frame: &SharedFrame, out: &mut Vec<u8>) {
        match self.as_it_is(frame.as_bytes(), frame.deflated_bytes()) {
            Some(bytes) => out.extend_from_slice(bytes),
            None => self.message(&frame.message(), out),
        }
    }

    /// Which form of a message that was encoded before can be sent now, as it is; `None` if it has to be encoded anew, or
    /// to wait.
    pub(super) fn as_it_is<'a>(&mut self, plain: &'a [u8], deflated: Option<&'a [u8]>) -> Option<&'a [u8]> {
        if self.masking_keys.is_some() || self.fragmented.is_some() {
            return None;
        }
        match (&mut self.deflater, deflated) {
            // RFC 7692 §7.2.1/n: it was compressed with the largest window.
            (Some(deflater), Some(deflated)) if deflater.has_full_window() => {
                // The receiver's window moves on, so what we say next must not refer to what was before.
                deflater.forget();
                Some(deflated)
            }
            _ => Some(plain),
        }
    }

    /// The header alone of a message whose payload can be sent now, from where it is; `false` if it has to be masked,
    /// compressed, or to wait, and nothing was written.
    pub(super) fn header_of(&mut self, message: &Message<'_>, out: &mut Vec<u8>) -> bool {
        let compresses = self.deflater.as_ref().is_some_and(|deflater| deflater.wants(message.len()));
        if self.masking_keys.is_some() || self.fragmented.is_some() || compresses {
            return false;
        }
        // RFC 6455 §5.1/d §5.2/a §6.1/c §6.1/f
        let payload_len = message.len() as u64;
        let header =
            FrameHeader { fin: true, rsv: 0, opcode: message.opcode(), masking_key: None, payload_len };
        header.encode(out);
        true
    }

    /// What is sent next refers to nothing before it (RFC 7692 §7.2.1): for messages that may never arrive.
    pub fn forget_context(&mut self) {
        if let Some(deflater) = &mut self.deflater {
            deflater.forget();
        }
    }

    /// Gives back memory, the compressor's above all. What is sent next refers to nothing before it.
    pub fn release_memory(&mut self) {
        if let Some(deflater) = &mut self.deflater {
            deflater.release_memory();
        }
    }

    /// One fragment of a message; the first decides whether it is text or binary, `fin` marks the last (§5.4). Control
    /// frames may be written between fragments.
    ///
    /// `false` if `part` is not of the same kind as the first fragment; nothing is written then.
    #[must_use]
    pub fn fragment(&mut self, part: &Message<'_>, fin: bool, out: &mut Vec<u8>) -> bool {
        // RFC 6455 §5.4/b §5.4/n §6.1/d §6.1/e
        let opcode = match self.fragmented {
            None => part.opcode(),
            Some(kind) if kind == part.opcode() => Opcode::Continuation,
            Some(_) => return false,
        };
        // RFC 6455 §5.4/e §6.1/f
        // Not compressed, RFC 7692 §6/c §6/g: whoever fragments does not have the whole message yet.
        self.frame(fin, 0, opcode, part.as_bytes(), out);
        self.fragmented = (!fin).then_some(part.opcode());
        if fin {
            out.append(&mut self.held);
        }
        true
    }

    /// Whether a fragmented message lacks its last fragment.
    #[inline]
    pub fn is_fragmenting(&self) -> bool {
        self.fragmented.is_some()
    }

    /// The frames of messages that wait for the end of a fragmented one.
    pub fn held(&self) -> &[u8] {
        &self.held
    }

    /// A ping. Of a payload of more than 125 bytes the first 125 are sent; callers check that before (§5.5).
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.control(Opcode::Ping, payload, out);
    }

    /// A pong, like [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.control(Opcode::Pong, payload, out);
    }

    /// A Close, with a code and a reason or without (§5.5.1). Of a reason of more than 123 bytes, as many characters are
    /// sent as fit.
    pub fn close(&mut self, frame: Option<&CloseFrame<'_>>, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        if let Some(frame) = frame {
            // RFC 6455 §5.5.1/a §5.5.1/b §5.5.1/c §7.1.2/a §7.4/a
            payload.extend_from_slice(&frame.code.get().to_be_bytes());
            let mut len = frame.reason.len().min(CloseFrame::MAX_REASON_LEN);
            while !frame.reason.is_char_boundary(len) {
                len -= 1;
            }
            payload.extend_from_slice(&frame.reason.as_bytes()[..len]);
        }
        self.control(Opcode::Close, &payload, out);
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        // RFC 6455 §5.5/a
        let payload = &payload[..payload.len().min(MAX_CONTROL_PAYLOAD)];
        // RFC 6455 §5.4/c §5.4/d §5.5/b: whole, and at once, between the fragments of a message too.
        // RFC 7692 §6/a §6/c
        self.frame(true, 0, opcode, payload, out);
    }

    #[inline(always)] // it is called for every message
    fn frame(&mut self, fin: bool, rsv: u8, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        // RFC 6455 §5.1/a §5.1/d §5.3/b §5.5.1/e §6.1/g §10.3/a: every frame comes through here.
        // RFC 6455 §5.2/b §6.1/c §9.1/e
        let mut header =
            FrameHeader { fin, rsv, opcode, masking_key: None, payload_len: payload.len() as u64 };
        match &mut self.masking_keys {
            None => write(&header, payload, out),
            Some(next_key) => {
                let key = next_key();
                header.masking_key = Some(key);
                write(&header, payload, out);
                // RFC 6455 §5.3/e §5.3/f §10.3/b: nobody but us can change the copy.
                let payload_start = out.len() - payload.len();
                apply_mask(&mut out[payload_start..], key, 0);
            }
        }
    }
}

#[inline(always)] // for `frame`
fn write(header: &FrameHeader, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(FrameHeader::MAX_LEN + payload.len());
    header.encode(out);
    out.extend_from_slice(payload);
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let role = if self.masking_keys.is_some() { "client" } else { "server" };
        f.debug_struct("Encoder").field("role", &role).field("fragmented", &self.fragmented).finish()
    }
}

/// A control frame carries no more (§5.5).
pub(crate) const MAX_CONTROL_PAYLOAD: usize = 125;
