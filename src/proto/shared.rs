//! Messages encoded once, to be sent to many: one for one, or a burst of them.

use super::deflate::Deflater;
use super::frame::RSV1;
use super::{FrameHeader, Message, Opcode};
use crate::compression::{Context, Deflate};
use std::sync::Arc;

/// A message encoded once, to be sent to many. A clone shares the bytes.
#[derive(Clone, Debug)]
pub struct SharedFrame {
    bytes: Arc<[u8]>,
    /// The same compressed, for those who take it, if that makes it smaller.
    deflated: Option<Arc<[u8]>>,
    opcode: Opcode,
    payload_start: usize,
}

impl SharedFrame {
    /// Encodes `message` as a server sends it.
    pub fn new(message: &Message<'_>) -> SharedFrame {
        let bytes = frame(0, message.opcode(), message.as_bytes());
        let payload_start = bytes.len() - message.len();
        SharedFrame { bytes, deflated: None, opcode: message.opcode(), payload_start }
    }

    /// Encodes `message` twice: as it is, and compressed, as a message on its own, for receivers with the largest window.
    /// Each receiver is sent the form that it can take.
    pub fn deflated(message: &Message<'_>, options: &Deflate) -> SharedFrame {
        SharedEncoder::new(options).encode(message)
    }

    /// The frame as it goes over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same compressed, if it was and that made it smaller.
    pub(super) fn deflated_bytes(&self) -> Option<&[u8]> {
        self.deflated.as_deref()
    }

    /// Length of the payload in bytes.
    pub fn payload_len(&self) -> usize {
        self.bytes.len() - self.payload_start
    }

    /// The message again.
    pub fn message(&self) -> Message<'_> {
        let payload = &self.bytes[self.payload_start..];
        match (self.opcode, std::str::from_utf8(payload)) {
            (Opcode::Text, Ok(text)) => Message::from(text),
            _ => Message::from(payload),
        }
    }
}

/// Encodes messages for many as [`SharedFrame::deflated`] does, and keeps the memory of the compressor for the next one.
pub(crate) struct SharedEncoder {
    deflater: Option<Deflater>,
    options: Deflate,
}

impl SharedEncoder {
    pub fn new(options: &Deflate) -> SharedEncoder {
        // RFC 7692 §7.2.1/n: each on its own, so that it can go to whoever has the largest window.
        let context = Context { no_takeover: true, window_bits: 15 };
        SharedEncoder { deflater: Deflater::new(context, options), options: options.clone() }
    }

    /// The options that it was made with.
    pub fn options(&self) -> &Deflate {
        &self.options
    }

    pub fn encode(&mut self, message: &Message<'_>) -> SharedFrame {
        let mut shared = SharedFrame::new(message);
        if let Some(deflater) = self.deflater.as_mut().filter(|deflater| deflater.wants(message.len())) {
            let mut payload = Vec::new();
            if deflater.deflate(message.as_bytes(), &mut payload) {
                // RFC 7692 §6/b §6.1/a
                shared.deflated = Some(frame(RSV1, message.opcode(), &payload));
            }
        }
        shared
    }
}

fn frame(rsv: u8, opcode: Opcode, payload: &[u8]) -> Arc<[u8]> {
    // RFC 6455 §5.1/d §5.2/a §6.1/f: whole and unmasked; a client masks it anew.
    let header = FrameHeader { fin: true, rsv, opcode, masking_key: None, payload_len: payload.len() as u64 };
    let mut bytes = Vec::with_capacity(FrameHeader::MAX_LEN + payload.len());
    header.encode(&mut bytes);
    bytes.extend_from_slice(payload);
    bytes.into()
}

/// Several shared frames, one behind the other, so that one system call can send them all.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    frames: Vec<SharedFrame>,
    plain: Vec<u8>,
    /// The same with those compressed that are smaller so; only if one is.
    deflated: Option<Vec<u8>>,
    payload_len: usize,
}

impl Burst {
    pub fn push(&mut self, frame: SharedFrame) {
        if frame.deflated.is_some() && self.deflated.is_none() {
            self.deflated = Some(self.plain.clone());
        }
        if let Some(deflated) = &mut self.deflated {
            deflated.extend_from_slice(frame.deflated_bytes().unwrap_or(&frame.bytes));
        }
        self.plain.extend_from_slice(&frame.bytes);
        self.payload_len += frame.payload_len();
        self.frames.push(frame);
    }

    /// Each for itself.
    pub fn frames(&self) -> &[SharedFrame] {
        &self.frames
    }

    /// All of them, as they go over the wire.
    pub fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// The same for receivers who take compressed messages, if any of them is compressed.
    pub fn deflated(&self) -> Option<&[u8]> {
        self.deflated.as_deref()
    }

    /// Length of all payloads in bytes.
    pub fn payload_len(&self) -> usize {
        self.payload_len
    }
}
