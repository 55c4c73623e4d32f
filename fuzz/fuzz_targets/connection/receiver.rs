//! A naive receiver: what the user of a connection has to see of the bytes that came so far (RFC 6455 §5, §7.4, §8.1).
//!
//! It takes whole frames, as the tests' own reader gives them, and looks at the one that has come in part only to say
//! which rules it breaks. Of a frame that breaks two, either may be told: the RFC does not say which comes first. A fault
//! may be told once it can be seen, and must be once the header is complete or the first wrong byte of a text is there.
//!
//! It does not inflate. It is told what the peer's compressor made of what; other compressed messages are *unknown*, and
//! of them it knows only which kind of message, or which errors, may come.

use crate::common::frame::{BINARY, CLOSE, CONTINUATION, DEFINED, PING, PONG, TEXT};
use crate::common::{Frame, Seen, read_frame, xor};
use clearsocket::ProtocolError::{self, *};
use clearsocket::compression::Context;
use clearsocket::{Config, Role};

pub struct Receiver {
    role: Role,
    config: Config,
    /// If compressed messages may come.
    deflate: Option<Context>,
    /// Of the frame that has not come whole.
    rest: Vec<u8>,
    message: Option<Partial>,
    expected: Vec<Expected>,
    /// Behind what is expected one of these may be told, and must be if it has ended.
    faults: Vec<ProtocolError>,
    /// Nothing that comes now is of interest.
    ended: bool,
    /// Of an unknown message that is coming: whether it is a text.
    doubt: Option<bool>,
    known: Vec<Known>,
    /// What is known refers to messages that did not come.
    lost: bool,
}

/// A message that has come in part.
#[derive(Clone)]
struct Partial {
    is_text: bool,
    compressed: bool,
    frames: usize,
    payload: Vec<u8>,
}

struct Expected {
    /// `None` for an unknown message.
    seen: Option<Seen>,
    /// In its place there may be an error, for an unknown message was coming: whether it was a text.
    doubt: Option<bool>,
}

/// What a compressed payload stands for.
pub struct Known {
    pub zipped: Vec<u8>,
    pub plain: Vec<u8>,
}

impl Receiver {
    pub fn new(role: Role, config: Config, deflate: Option<Context>) -> Receiver {
        let (rest, expected, faults, known) = Default::default();
        let (message, ended, doubt, lost) = Default::default();
        Receiver { role, config, deflate, rest, message, expected, faults, ended, doubt, known, lost }
    }

    /// The peer sends this compressed message, sooner or later.
    pub fn knows(&mut self, message: Known) {
        self.known.push(message);
    }

    /// These bytes have come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while !self.ended {
            self.judge_header();
            if !self.faults.is_empty() {
                return;
            }
            let Some((frame, len)) = read_frame(&self.rest) else { return self.judge_payload() };
            self.rest.drain(..len);
            self.take(frame);
        }
    }

    /// The user saw this as number `index`.
    pub fn check(&mut self, index: usize, seen: &Seen) {
        let expected = self.expected.get(index);
        let doubt = expected.map_or(self.doubt, |expected| expected.doubt);
        let error = match (expected.map(|expected| &expected.seen), seen) {
            (_, Seen::Error(error)) if doubt.is_some_and(|is_text| may_fail(*error, is_text)) => *error,
            (None, Seen::Error(error)) if self.faults.contains(error) => *error,
            (Some(Some(expected)), _) => return assert_eq!(seen, expected),
            (Some(None), Seen::Text(text)) => return self.check_unknown(doubt, true, text.len()),
            (Some(None), Seen::Binary(data)) => return self.check_unknown(doubt, false, data.len()),
            _ => panic!("{seen:?} was seen; what may be told is {:?}", self.faults),
        };
        self.expected.truncate(index);
        (self.faults, self.ended) = (vec![error], true);
    }

    fn check_unknown(&self, doubt: Option<bool>, is_text: bool, len: usize) {
        assert_eq!(doubt, Some(is_text));
        assert!(len <= self.config.max_message_size);
    }

    /// How much the user has seen when nothing is left to see.
    pub fn len(&self) -> usize {
        self.expected.len() + usize::from(self.ended && !self.faults.is_empty())
    }

    /// Which rules are broken by the header of the frame that comes, as far as it is there.
    fn judge_header(&mut self) {
        self.faults.clear();
        let Some(first) = self.rest.first() else { return };
        let (fin, rsv, opcode) = (first & 128 != 0, first >> 4 & 7, first & 15);
        let (is_control, continues) = (opcode >= CLOSE, opcode == CONTINUATION);
        let may_be_compressed = self.deflate.is_some() && [TEXT, BINARY].contains(&opcode);
        let frames = self.message.as_ref().map_or(0, |message| message.frames);
        let mut fault = |broken: bool, rule| self.faults.extend(broken.then_some(rule));
        // RFC 6455 §5.2/c §5.2/d; RFC 7692 §6/d
        fault(!DEFINED.contains(&opcode), ReservedOpcode);
        fault(rsv != 0 && !(rsv == 4 && may_be_compressed), ReservedBit);
        // RFC 6455 §5.5/b §5.4/b §5.4/f
        fault(is_control && !fin, FragmentedControlFrame);
        fault(continues && frames == 0, UnexpectedContinuation);
        fault(continues && frames >= self.config.max_fragments, TooManyFragments);
        fault(!is_control && !continues && frames > 0, InterleavedMessage);
        if let Some(second) = self.rest.get(1) {
            let masked = second & 128 != 0;
            // RFC 6455 §5.1/b §5.1/e §5.5/a §5.2/g
            fault(self.role == Role::Server && !masked, UnmaskedFrame);
            fault(self.role == Role::Client && masked, MaskedFrame);
            fault(is_control && second & 127 > 125, ControlFrameTooLong);
            fault(second & 127 == 127 && self.rest.get(2).is_some_and(|byte| byte & 128 != 0), LengthTopBit);
        }
        if let Some((len, form)) = length(&self.rest) {
            fault(len < [0, 126, 65_536][form], LengthNotMinimal); // RFC 6455 §5.2/h
            if !is_control {
                self.judge_length(len, rsv == 4);
            }
        }
        self.ended = !self.faults.is_empty() && header_len(&self.rest).is_some();
    }

    /// RFC 6455 §10.4/a
    fn judge_length(&mut self, len: u64, first_is_compressed: bool) {
        let (compressed, before) = match &self.message {
            Some(message) => (message.compressed, message.payload.len() as u64),
            None => (first_is_compressed, 0),
        };
        if len > self.config.max_frame_size as u64 {
            self.faults.push(FrameTooBig);
        }
        if !compressed && before.saturating_add(len) > self.config.max_message_size as u64 {
            self.faults.push(MessageTooBig);
        }
    }

    /// Whether the payload that has come in part can still become a good one.
    fn judge_payload(&mut self) {
        let Some(start) = header_len(&self.rest) else { return };
        let [first, second, ..] = self.rest[..] else { return };
        let key = match second & 128 {
            0 => [0; 4],
            _ => self.rest[start - 4..start].try_into().expect("four bytes"),
        };
        let opcode = first & 15;
        if opcode < CLOSE {
            let message = self.joined(opcode, first & 64 != 0, &xor(&self.rest[start..], key));
            self.judge_partial(&message);
        }
    }

    /// The message in progress, or a new one, with some more payload.
    fn joined(&self, opcode: u8, compressed: bool, payload: &[u8]) -> Partial {
        let first = Partial { is_text: opcode == TEXT, compressed, frames: 0, payload: Vec::new() };
        let mut message = self.message.clone().unwrap_or(first);
        message.payload.extend_from_slice(payload);
        message
    }

    fn judge_partial(&mut self, message: &Partial) {
        if message.compressed {
            let known = self.known().filter(|known| known.zipped.starts_with(&message.payload));
            let good: Vec<bool> = known.map(|known| self.is_good(message.is_text, &known.plain)).collect();
            if good.is_empty() || good.contains(&false) {
                self.doubt = Some(message.is_text);
            }
        } else if message.is_text
            && std::str::from_utf8(&message.payload).is_err_and(|error| error.error_len().is_some())
        {
            // RFC 6455 §8.1/a
            (self.faults, self.ended) = (vec![InvalidUtf8], true);
        }
    }

    fn is_good(&self, is_text: bool, payload: &[u8]) -> bool {
        payload.len() <= self.config.max_message_size && !(is_text && std::str::from_utf8(payload).is_err())
    }

    fn take(&mut self, frame: Frame) {
        match frame.opcode {
            PING => self.expect(Some(Seen::Ping(frame.payload))),
            PONG => self.expect(Some(Seen::Pong(frame.payload))),
            CLOSE => self.take_close(&frame.payload),
            opcode => {
                let mut message = self.joined(opcode, frame.rsv == 4, &frame.payload);
                message.frames += 1;
                if frame.fin {
                    self.message = None;
                    self.take_message(message);
                } else {
                    self.judge_partial(&message);
                    self.message = Some(message);
                }
            }
        }
    }

    fn take_message(&mut self, message: Partial) {
        let payload = match message.compressed {
            false => Some(message.payload),
            true => self.inflated(&message.payload),
        };
        match payload {
            None => {
                self.doubt = Some(message.is_text);
                self.expect(None);
            }
            Some(payload) if !self.is_good(message.is_text, &payload) => {
                // RFC 6455 §8.1/a §10.4/a
                let is_too_big = payload.len() > self.config.max_message_size;
                self.faults.extend(is_too_big.then_some(MessageTooBig));
                let is_wrong = message.is_text && std::str::from_utf8(&payload).is_err();
                self.faults.extend(is_wrong.then_some(InvalidUtf8));
                self.ended = true;
                return;
            }
            Some(payload) if message.is_text => {
                self.expect(Some(Seen::Text(String::from_utf8(payload).expect("UTF-8"))));
            }
            Some(payload) => self.expect(Some(Seen::Binary(payload))),
        }
        self.doubt = None;
    }

    /// The known messages of which one may come next. With context takeover they refer to each other.
    fn known(&self) -> impl Iterator<Item = &Known> {
        let takeover = self.deflate.is_some_and(|context| !context.no_takeover);
        let count = if self.lost {
            0
        } else if takeover {
            1
        } else {
            usize::MAX
        };
        self.known.iter().take(count)
    }

    fn inflated(&mut self, zipped: &[u8]) -> Option<Vec<u8>> {
        let at = self.known().position(|known| known.zipped == zipped);
        self.lost |= at.is_none() && self.deflate.is_some_and(|context| !context.no_takeover);
        Some(self.known.remove(at?).plain)
    }

    fn take_close(&mut self, payload: &[u8]) {
        self.ended = true;
        if payload.is_empty() {
            return self.expect(Some(Seen::Close(None)));
        }
        // RFC 6455 §5.5.1/b
        let [a, b, reason @ ..] = payload else { return self.faults.push(ClosePayloadTooShort) };
        let code = u16::from_be_bytes([*a, *b]);
        // RFC 6455 §7.4.1/c §7.4.2/a §7.4.2/b
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            self.faults.push(InvalidCloseCode);
        }
        match std::str::from_utf8(reason) {
            Ok(reason) if self.faults.is_empty() => self.expect(Some(Seen::close(code, reason))),
            Ok(_) => {}
            // RFC 6455 §5.5.1/c §7.1.6/b
            Err(_) => self.faults.push(InvalidCloseReason),
        }
    }
    fn expect(&mut self, seen: Option<Seen>) {
        self.expected.push(Expected { seen, doubt: self.doubt });
    }
}

/// What an unknown message may fail with.
fn may_fail(error: ProtocolError, is_text: bool) -> bool {
    // RFC 6455 §8.1/a §10.4/a; RFC 7692 §7.2.2/b
    matches!(error, InvalidDeflate | MessageTooBig) || (is_text && error == InvalidUtf8)
}

/// The announced length, if it is there, and in which of three forms.
fn length(bytes: &[u8]) -> Option<(u64, usize)> {
    Some(match bytes.get(1)? & 127 {
        126 => (u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into(), 1),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 2),
        len => (len.into(), 0),
    })
}

/// The length of the header, if all of it is there.
fn header_len(bytes: &[u8]) -> Option<usize> {
    let key_len = if bytes.get(1)? & 128 == 0 { 0 } else { 4 };
    let len = [2, 4, 10][length(bytes)?.1] + key_len;
    (bytes.len() >= len).then_some(len)
}
