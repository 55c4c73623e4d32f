//! A message in parts, as they come: for messages larger than memory (RFC 6455 §5.4).
//!
//! ```text
//!   begin_parts ─▶ advance_part ─▶ part: what has come ─▶ advance_part ─▶ ... ─▶ the last part ─▶ end_parts
//!                       └─▶ event: a control frame in between, or a breach
//! ```
//!
//! The RFC's own remark: without extensions a receiver need not buffer a frame to process it, so the parts are not the
//! peer's fragments but whatever has arrived. They take the way of fragments, into `joined`, which is handed out and emptied
//! again and again where an ordinary message would gather in it.
//!
//! For the next editor: nothing in here is a mode of [`advance`](Decoder::advance), which knows nothing of parts. The limit
//! for the message takes the place of both limits for the time, and shrinks by what was handed out: so `judge` and the
//! inflater keep it without knowing.

use super::{Decoder, Fragmented, Frame, Verdict};
use crate::Config;
use crate::error::ProtocolError;
use crate::proto::{Opcode, Progress};

/// Some of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub is_text: bool,
    /// It may end in the middle of a character.
    pub payload: &'a [u8],
    /// The message ends with it.
    pub last: bool,
}

impl Decoder {
    /// The message in progress, or else the next one, comes in parts and has `limit` bytes at most. The last event is
    /// dropped. What has come of the message is the first [`part`](Self::part) at once. Until
    /// [`end_parts`](Self::end_parts), call [`advance_part`](Self::advance_part) in place of `advance`.
    pub(crate) fn begin_parts(&mut self, limit: usize) {
        match self.verdict {
            Verdict::Frame { len, .. } => self.input.consume(len),
            Verdict::Joined(_) => self.joined.clear(),
            Verdict::None => {}
            Verdict::Failed(_) | Verdict::Ended => return,
        }
        self.verdict = Verdict::None;
        self.max_message_size = limit;
        self.max_frame_size = limit as u64;
        // A frame that has come in part is unmasked and judged as far as that.
        if let (Some(Frame { header, done }), None) = (self.frame, self.fragmented)
            && !header.opcode.is_control()
        {
            self.joined.extend_from_slice(&self.input.unread()[..done]);
            self.input.consume(done);
            self.fragmented = Some(Fragmented { opcode: header.opcode, frames: 1, compressed: false });
        }
        // RFC 6455 §10.4/a
        if self.fragmented.is_some_and(|message| self.announced(message) > limit as u64) {
            self.verdict = Verdict::Failed(ProtocolError::MessageTooBig);
        }
    }

    /// How much of a message in progress has come or is known to come.
    fn announced(&self, message: Fragmented) -> u64 {
        let missing = match self.frame {
            Some(Frame { header, done }) if !header.opcode.is_control() && !message.compressed => {
                header.payload_len - done as u64
            }
            _ => 0,
        };
        self.joined.len() as u64 + missing
    }

    /// The last part is at hand: ordinary messages from now on. The part is dropped by the next `advance`.
    pub(crate) fn end_parts(&mut self, config: &Config) {
        self.max_message_size = config.max_message_size;
        self.max_frame_size = config.max_frame_size as u64;
    }

    /// Drops the last part or event and moves on to the next: [`part`](Self::part) has it, or [`event`](Self::event).
    pub(crate) fn advance_part(&mut self) -> Progress {
        match self.verdict {
            Verdict::Failed(_) | Verdict::Ended => return self.advance(),
            Verdict::Frame { len, .. } => self.input.consume(len),
            Verdict::None | Verdict::Joined(_) => {}
        }
        self.verdict = Verdict::None;
        self.max_message_size = self.max_message_size.saturating_sub(self.joined.len());
        self.joined.clear();
        match self.next_part() {
            Ok(progress) => progress,
            Err(error) => {
                self.joined.clear();
                self.verdict = Verdict::Failed(error);
                Progress::Ready
            }
        }
    }

    /// The part at hand.
    pub(crate) fn part(&self) -> Option<Part<'_>> {
        let (opcode, last) = match (self.verdict, self.fragmented) {
            (Verdict::Joined(opcode), _) => (opcode, true),
            (Verdict::None, Some(message)) if !self.joined.is_empty() => (message.opcode, false),
            _ => return None,
        };
        Some(Part { is_text: opcode == Opcode::Text, payload: &self.joined, last })
    }

    /// Walks on until there is something to hand out.
    fn next_part(&mut self) -> Result<Progress, ProtocolError> {
        loop {
            let Some(frame) = self.begun_frame()? else { return Ok(Progress::NeedInput) };
            let opcode = frame.header.opcode;
            if opcode.is_control() {
                // RFC 6455 §5.4/g
                let complete = self.unmask_in_place(frame)?;
                return Ok(if complete { Progress::Ready } else { Progress::NeedInput });
            }
            let message = Fragmented { opcode, frames: 1, compressed: false };
            let compressed = self.fragmented.get_or_insert(message).compressed;
            let most = if compressed { COMPRESSED_AT_ONCE } else { usize::MAX };
            let complete = self.join_fragment(most)?;
            if let Some(part) = self.part() {
                // RFC 6455 §5.6/a §8.1/a
                if part.last && part.is_text && !self.utf8.is_complete() {
                    return Err(ProtocolError::InvalidUtf8);
                }
                return Ok(Progress::Ready);
            }
            if !complete && self.input.unread().is_empty() {
                return Ok(Progress::NeedInput);
            }
        }
    }
}

/// Of a compressed message, as many bytes make a part of a MiB at most.
const COMPRESSED_AT_ONCE: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::proto::Event;

    /// What comes of `bytes`, in pieces of `size`: the payload as it was handed out and the number of parts, or the error.
    fn parts_of(bytes: &[u8], size: usize, limit: usize) -> Result<(Vec<u8>, usize, bool), ProtocolError> {
        let mut decoder = Decoder::new(Role::Client, &Config::default());
        decoder.begin_parts(limit);
        let (mut payload, mut parts, mut pings) = (Vec::new(), 0, 0);
        for piece in bytes.chunks(size) {
            decoder.push(piece);
            while decoder.advance_part() == Progress::Ready {
                if let Some(part) = decoder.part() {
                    payload.extend_from_slice(part.payload);
                    parts += 1;
                    if part.last {
                        return Ok((payload, parts, pings == 2));
                    }
                } else if let Some(Event::Ping(_)) = decoder.event()? {
                    pings += 1;
                }
            }
        }
        Ok((payload, 0, false))
    }

    /// A text in three frames with pings in between, unmasked.
    const MESSAGE: &[u8] = b"\x01\x03ab\xe2\x89\x01x\x00\x04\x82\xaccd\x89\x00\x80\x02ef";

    #[test]
    fn a_message_is_handed_out_as_it_comes_however_it_is_cut() {
        for size in 1..=MESSAGE.len() {
            let (payload, parts, pings) = parts_of(MESSAGE, size, 9).expect("in order");
            assert_eq!((payload.as_slice(), pings), ("ab€cdef".as_bytes(), true), "{size}");
            assert!(parts >= 3 && (size > 1 || parts == 9), "{parts} parts");
        }
        // RFC 6455 §5.4/n: one frame comes in parts too.
        assert_eq!(parts_of(b"\x82\x05hello", 3, 5), Ok((b"hello".to_vec(), 3, false)));
        assert_eq!(parts_of(b"\x82\x00", 1, 0), Ok((vec![], 1, false)));
    }

    #[test]
    fn the_limit_counts_over_all_parts() {
        for size in 1..=MESSAGE.len() {
            // RFC 6455 §10.4/a
            assert_eq!(parts_of(MESSAGE, size, 8), Err(ProtocolError::MessageTooBig), "{size}");
        }
        // Of the two limits for one frame, the frame's is looked at first.
        assert_eq!(parts_of(b"\x82\x05hello", 7, 4), Err(ProtocolError::FrameTooBig));
    }

    #[test]
    fn text_is_judged_as_it_comes_and_at_its_end() {
        for wrong in
            [&b"\x01\x02a\xff"[..], b"\x81\x02a\xe2", b"\x01\x01\xe2\x80\x00", b"\x01\x01\xe2\x80\x01a"]
        {
            for size in 1..=wrong.len() {
                // RFC 6455 §8.1/a
                assert_eq!(parts_of(wrong, size, 100), Err(ProtocolError::InvalidUtf8), "{wrong:?}");
            }
        }
    }

    #[test]
    fn a_message_that_has_come_in_part_is_taken_over() {
        for cut in 0..MESSAGE.len() {
            let mut decoder = Decoder::new(Role::Client, &Config::default());
            decoder.push(&MESSAGE[..cut]);
            while decoder.advance() == Progress::Ready {
                let _ping = decoder.event();
            }
            decoder.begin_parts(9);
            let mut payload = decoder.part().map_or(vec![], |part| part.payload.to_vec());
            decoder.push(&MESSAGE[cut..]);
            loop {
                assert_eq!(decoder.advance_part(), Progress::Ready);
                let Some(part) = decoder.part() else { continue };
                payload.extend_from_slice(part.payload);
                if part.last {
                    break;
                }
            }
            assert_eq!(payload, "ab€cdef".as_bytes(), "{cut}");
            decoder.end_parts(&Config::default());
            decoder.push(b"\x81\x02ok");
            assert_eq!(decoder.advance(), Progress::Ready);
            assert_eq!(decoder.event(), Ok(Some(Event::Message("ok".into()))));
        }
    }

    #[test]
    fn a_message_that_has_come_in_part_may_be_too_large_already() {
        for bytes in [&b"\x82\x05h"[..], b"\x02\x05hello", b"\x02\x03hel\x00\x02l"] {
            let mut decoder = Decoder::new(Role::Client, &Config::default());
            decoder.push(bytes);
            assert_eq!(decoder.advance(), Progress::NeedInput);
            decoder.begin_parts(4);
            // RFC 6455 §10.4/a
            assert_eq!(decoder.part(), None);
            assert_eq!(decoder.advance_part(), Progress::Ready);
            assert_eq!(decoder.event(), Err(ProtocolError::MessageTooBig));
        }
    }
}
