//! The receiving half: bytes in, events out (RFC 6455 §5, §6.2, §8.1).
//!
//! ```text
//!   bytes ─▶ header ─▶ judge ─▶ unmask ─▶ assemble ─▶ UTF-8 ─▶ Event
//!             §5.2     §5.1-5    §5.3       §5.4       §8.1
//! ```
//!
//! A header is judged before any of its payload is kept. A message in one frame is unmasked in place and
//! lent to the user straight from the receive buffer. The fragments of a longer one are joined in a
//! second, reused buffer as they arrive, so they cost no memory of their own.
//!
//! Usage is *step, then look*: [`advance`](Decoder::advance) moves until there is a verdict,
//! [`event`](Decoder::event) gives it. The split is what lets an event borrow from the decoder.
//!
//! ```
//! use clearsocket::proto::{Decoder, Event, Progress};
//! use clearsocket::{Config, Message, Role};
//!
//! let mut decoder = Decoder::new(Role::Client, &Config::default());
//! let mut network: &[u8] = b"\x81\x05Hello\x89\x00";
//! let mut seen = Vec::new();
//! loop {
//!     while decoder.advance() == Progress::NeedInput && !network.is_empty() {
//!         let space = decoder.recv_space();
//!         let n = space.len().min(network.len());
//!         space[..n].copy_from_slice(&network[..n]);
//!         network = &network[n..];
//!         decoder.received(n);
//!     }
//!     match decoder.event()? {
//!         Some(Event::Message(Message::Text(text))) => seen.push(text.into_owned()),
//!         Some(_) => seen.push("a ping".to_string()),
//!         None => break,
//!     }
//! }
//! assert_eq!(seen, ["Hello", "a ping"]);
//! # Ok::<(), clearsocket::ProtocolError>(())
//! ```
//!
//! With permessage-deflate (RFC 7692), RSV1 is allowed in `judge`, and a compressed message takes the way of a fragmented
//! one: it is inflated while its pieces are joined, so that its UTF-8 and its size are judged as they grow.
//!
//! A message that may be larger than memory is not joined: `parts` hands it out as it comes. A whole one of at most 125
//! bytes, which cannot break a rule but that of UTF-8, takes the short way in `short`.
//!
//! For the next editor: what is owed to the peer (pongs, Closes) is not decided here but in
//! [`Connection`](super::Connection) and its blocking twin, which also own the sending half.

mod parts;
mod short;

pub(crate) use parts::Part;

use super::deflate::Inflater;
use super::frame::RSV1;
use super::utf8::{self, Utf8Progress};
use super::{CloseFrame, Event, FrameHeader, Message, Opcode, apply_mask, input::Input};
use crate::compression::Context;
use crate::error::ProtocolError;
use crate::{Config, Role};

/// What [`Decoder::advance`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing more can be said before more bytes are received.
    NeedInput,
    /// [`Decoder::event`] has something: an event, an error, or the end.
    Ready,
}

/// Turns the bytes that one peer sends into [`Event`]s, and finds every breach of the protocol in them.
#[derive(Debug)]
pub struct Decoder {
    role: Role,
    max_frame_size: u64,
    max_message_size: usize,
    max_fragments: usize,
    input: Input,
    /// The frame whose header was accepted and whose payload is not complete.
    frame: Option<Frame>,
    /// The message in progress whose payload moves to `joined`: in several frames (§5.4), or compressed.
    fragmented: Option<Fragmented>,
    joined: Vec<u8>,
    /// How far the text of an incomplete message has been judged.
    utf8: Utf8Progress,
    /// If compression was agreed on.
    inflater: Option<Box<Inflater>>,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    header: FrameHeader,
    /// Bytes of its payload that have been received and unmasked.
    done: usize,
}

#[derive(Clone, Copy, Debug)]
struct Fragmented {
    opcode: Opcode,
    frames: usize,
    /// RSV1 stood on its first frame (RFC 7692 §6).
    compressed: bool,
}

/// What `advance` found and `event` is to tell.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    None,
    /// A whole frame: its payload is the first `len` unread bytes.
    Frame {
        opcode: Opcode,
        len: usize,
    },
    /// A whole message in `joined`.
    Joined(Opcode),
    Failed(ProtocolError),
    /// A Close or an error was told. Nothing after it is processed (§7.1.7).
    Ended,
}

impl Decoder {
    /// A decoder for the end that is `role`: a server's decoder expects frames from a client.
    pub fn new(role: Role, config: &Config) -> Decoder {
        Decoder {
            role,
            max_frame_size: config.max_frame_size as u64,
            max_message_size: config.max_message_size,
            max_fragments: config.max_fragments,
            input: Input::default(),
            frame: None,
            fragmented: None,
            joined: Vec::new(),
            utf8: Utf8Progress::default(),
            inflater: None,
            verdict: Verdict::None,
        }
    }

    /// Takes compressed messages too, within `context`, which was agreed on for this direction (RFC 7692 §7).
    pub fn with_deflate(mut self, context: Context) -> Decoder {
        self.inflater = Inflater::new(context).map(Box::new);
        self
    }

    /// Space to receive into, never empty. Ask for it when `advance` says [`Progress::NeedInput`].
    pub fn recv_space(&mut self) -> &mut [u8] {
        let missing = self.frame.map_or(0, |frame| frame.header.payload_len as usize - frame.done);
        self.input.space(missing)
    }

    /// The first `n` bytes of [`recv_space`](Self::recv_space) have been filled.
    pub fn received(&mut self, n: usize) {
        self.input.received(n);
    }

    /// Copies bytes in, for callers that have them elsewhere, such as those that came behind the handshake.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = self.recv_space();
            let n = space.len().min(bytes.len());
            space[..n].copy_from_slice(&bytes[..n]);
            self.received(n);
            bytes = &bytes[n..];
        }
    }

    /// Drops the last event and moves on to the next, as far as the received bytes allow.
    #[inline(always)] // it is called for every message
    pub fn advance(&mut self) -> Progress {
        if let Verdict::Frame { len, .. } = self.verdict {
            self.input.consume(len);
            self.verdict = Verdict::None;
        }
        if matches!(self.verdict, Verdict::None) && self.take_short_message() {
            return Progress::Ready;
        }
        self.advance_the_long_way()
    }

    #[inline(never)] // what is on the short way stays short
    fn advance_the_long_way(&mut self) -> Progress {
        match self.verdict {
            Verdict::None | Verdict::Frame { .. } => {}
            Verdict::Joined(_) => self.joined.clear(),
            // RFC 6455 §5.5.2/b §7.1.7/g: after its Close or a failure the peer gets neither ear nor answer.
            Verdict::Failed(_) | Verdict::Ended => {
                self.input.consume(usize::MAX);
                return Progress::Ready;
            }
        }
        self.verdict = Verdict::None;
        match self.next_verdict() {
            Ok(progress) => progress,
            Err(error) => {
                self.verdict = Verdict::Failed(error);
                Progress::Ready
            }
        }
    }

    /// What `advance` came to: the next event, the peer's breach of the protocol, or `None` where there is nothing
    /// (more input is needed) or never will be (the peer's Close or an error has been told).
    pub fn event(&mut self) -> Result<Option<Event<'_>>, ProtocolError> {
        if self.has_message() {
            return Ok(self.message()?.map(Event::Message));
        }
        let (opcode, payload) = match self.verdict {
            Verdict::Frame { opcode, len } => (opcode, &self.input.unread()[..len]),
            Verdict::Joined(opcode) => (opcode, &self.joined[..]),
            Verdict::Failed(error) => {
                self.verdict = Verdict::Ended;
                return Err(error);
            }
            Verdict::None | Verdict::Ended => return Ok(None),
        };
        let event = match opcode {
            Opcode::Ping => Ok(Event::Ping(payload)),
            Opcode::Pong => Ok(Event::Pong(payload)),
            Opcode::Close => {
                self.verdict = Verdict::Ended;
                CloseFrame::parse(payload).map(Event::Close)
            }
            Opcode::Text | Opcode::Binary | Opcode::Continuation => return Ok(None), // a message, above
        };
        if event.is_err() {
            self.verdict = Verdict::Ended;
        }
        event.map(Some)
    }

    /// The short way to a message: what `event` gives if it is one, and `None` otherwise.
    #[inline(always)] // moving an event about costs as much as decoding it
    pub(crate) fn message(&mut self) -> Result<Option<Message<'_>>, ProtocolError> {
        let (opcode, payload) = match self.verdict {
            Verdict::Frame { opcode, len } => (opcode, &self.input.unread()[..len]),
            Verdict::Joined(opcode) => (opcode, &self.joined[..]),
            Verdict::None | Verdict::Failed(_) | Verdict::Ended => return Ok(None),
        };
        match opcode {
            // RFC 6455 §5.6/a §8.1/a
            Opcode::Text => match utf8::from_utf8(payload) {
                Some(text) => Ok(Some(Message::from(text))),
                None => {
                    self.verdict = Verdict::Ended;
                    Err(ProtocolError::InvalidUtf8)
                }
            },
            Opcode::Binary => Ok(Some(Message::from(payload))),
            _ => Ok(None),
        }
    }

    /// Whether [`event`](Self::event) has a message to give, as opposed to a control frame or nothing.
    #[inline]
    pub fn has_message(&self) -> bool {
        if let Verdict::Frame { opcode, .. } = self.verdict {
            return !opcode.is_control();
        }
        matches!(self.verdict, Verdict::Joined(_))
    }

    /// Receives into `buffer` from now on, unless a large frame is on its way in a buffer of its own. So many decoders of
    /// one thread can share one buffer.
    pub(crate) fn lend(&mut self, buffer: &mut Vec<u8>) {
        self.input.lend(buffer);
    }

    /// Gives the buffer back and keeps what is incomplete. The last event must have been dropped.
    pub(crate) fn give_back(&mut self, buffer: &mut Vec<u8>) {
        if let Verdict::Frame { len, .. } = self.verdict {
            self.input.consume(len);
            self.verdict = Verdict::None;
        }
        self.input.give_back(buffer);
    }

    /// Whether the last bytes received filled all the space there was.
    pub(crate) fn is_filled(&self) -> bool {
        self.input.is_filled()
    }

    /// Whether a message or a frame has begun and is not complete. To be asked when `advance` says `NeedInput`.
    #[inline]
    pub(crate) fn is_in_progress(&self) -> bool {
        !self.input.unread().is_empty() || self.frame.is_some() || self.fragmented.is_some()
    }

    /// Gives back memory that large messages have left behind. For a connection that has fallen silent.
    pub fn release_memory(&mut self) {
        if self.frame.is_none() {
            self.input.release();
        }
        if self.joined.is_empty() && self.fragmented.is_none() {
            self.joined = Vec::new();
            if let Some(inflater) = &mut self.inflater {
                inflater.release_memory();
            }
        }
    }

    /// Walks from frame to frame until there is a verdict. §6.2.
    #[inline]
    fn next_verdict(&mut self) -> Result<Progress, ProtocolError> {
        // RFC 6455 §6.2/a
        loop {
            let Some(frame) = self.begun_frame()? else { return Ok(Progress::NeedInput) };
            // RFC 6455 §5.2/a §5.4/i: part of the message in progress, or a frame that is an event of its own?
            let complete = if self.fragmented.is_some() && !frame.header.opcode.is_control() {
                self.join_fragment(usize::MAX)?
            } else {
                self.unmask_in_place(frame)?
            };
            if !complete {
                return Ok(Progress::NeedInput);
            }
            if !matches!(self.verdict, Verdict::None) {
                return Ok(Progress::Ready);
            }
        }
    }

    /// The frame whose payload comes next.
    #[inline(always)] // it has two callers, and each of them calls it for every frame
    fn begun_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        if self.frame.is_none()
            && let Some((header, len)) = FrameHeader::decode(self.input.unread())?
        {
            // RFC 6455 §10.7/a: before any of its payload is kept.
            self.judge(&header)?;
            self.input.consume(len);
            if header.opcode == Opcode::Text {
                self.utf8 = Utf8Progress::default();
            }
            self.frame = Some(Frame { header, done: 0 });
        }
        Ok(self.frame)
    }

    /// The rules that depend on who we are and on what came before.
    #[inline(always)]
    fn judge(&mut self, header: &FrameHeader) -> Result<(), ProtocolError> {
        // RFC 6455 §5.1/b §5.1/e
        match (self.role, header.masking_key.is_some()) {
            (Role::Server, false) => return Err(ProtocolError::UnmaskedFrame),
            (Role::Client, true) => return Err(ProtocolError::MaskedFrame),
            _ => {}
        }
        // RFC 6455 §5.2/c §9.1/e; RFC 7692 §6/d
        let compressed = header.rsv == RSV1 && self.may_be_compressed(header.opcode);
        if header.rsv != 0 && !compressed {
            return Err(ProtocolError::ReservedBit);
        }
        // RFC 6455 §5.4/g
        if header.opcode.is_control() {
            return Ok(());
        }
        // RFC 6455 §5.4/b §5.4/f
        match (header.opcode, &mut self.fragmented) {
            (Opcode::Continuation, None) => return Err(ProtocolError::UnexpectedContinuation),
            (Opcode::Continuation, Some(message)) => {
                // RFC 6455 §5.4/h §10.4/a
                message.frames += 1;
                if message.frames > self.max_fragments {
                    return Err(ProtocolError::TooManyFragments);
                }
            }
            (_, Some(_)) => return Err(ProtocolError::InterleavedMessage),
            (opcode, fragmented @ None) => {
                // RFC 6455 §5.4/n §6.2/c; RFC 7692 §6/e
                if !header.fin || compressed {
                    *fragmented = Some(Fragmented { opcode, frames: 1, compressed });
                }
            }
        }
        // RFC 6455 §10.4/a
        if header.payload_len > self.max_frame_size {
            return Err(ProtocolError::FrameTooBig);
        }
        // Of a compressed message, what counts is known when it is inflated.
        let room = self.max_message_size.saturating_sub(self.joined.len()) as u64;
        if header.payload_len > room && !self.fragmented.is_some_and(|message| message.compressed) {
            return Err(ProtocolError::MessageTooBig);
        }
        Ok(())
    }

    /// RSV1 has a meaning on the first frame of a message, once compression was agreed on, and nowhere else.
    fn may_be_compressed(&self, opcode: Opcode) -> bool {
        // RFC 7692 §6/a §6/b §6/d
        self.inflater.is_some() && matches!(opcode, Opcode::Text | Opcode::Binary)
    }

    /// A frame that is an event of its own stays in the receive buffer until it is complete.
    #[inline(always)] // it has two callers, and each of them calls it for every frame
    fn unmask_in_place(&mut self, mut frame: Frame) -> Result<bool, ProtocolError> {
        let FrameHeader { opcode, masking_key, payload_len, .. } = frame.header;
        let len = payload_len as usize;
        let unread = self.input.unread_mut();
        let come = len.min(unread.len());
        let fresh = &mut unread[frame.done..come];
        // RFC 6455 §5.3/e §6.2/f
        if let Some(key) = masking_key {
            apply_mask(fresh, key, frame.done);
        }
        if come == len {
            self.frame = None;
            self.verdict = Verdict::Frame { opcode, len };
            return Ok(true);
        }
        if opcode == Opcode::Text {
            // RFC 6455 §8.1/a
            self.utf8.push(fresh).map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        frame.done = come;
        self.frame = Some(frame);
        Ok(false)
    }

    /// The frame is a fragment, and moves to `joined` as it arrives, not more than `most` bytes of it.
    fn join_fragment(&mut self, most: usize) -> Result<bool, ProtocolError> {
        let (Some(mut frame), Some(message)) = (self.frame, self.fragmented) else { return Ok(false) };
        let len = frame.header.payload_len as usize;
        let unread = self.input.unread_mut();
        let n = unread.len().min(len - frame.done).min(most);
        let fresh = &mut unread[..n];
        // RFC 6455 §5.3/e §6.2/f
        if let Some(key) = frame.header.masking_key {
            apply_mask(fresh, key, frame.done);
        }
        frame.done += n;
        self.frame = (frame.done < len).then_some(frame);
        // RFC 6455 §6.2/d
        let last = self.frame.is_none() && frame.header.fin;
        let judged = self.joined.len();
        let inflated = match &mut self.inflater {
            Some(inflater) if message.compressed => {
                // RFC 6455 §6.2/e; RFC 7692 §6/b §6.2/a
                inflater.inflate(fresh, last, &mut self.joined, self.max_message_size)
            }
            _ => {
                // RFC 6455 §5.4/a §5.4/e; RFC 7692 §6.2/b: in their order, and without a trace of where they were cut.
                self.joined.extend_from_slice(fresh);
                Ok(())
            }
        };
        self.input.consume(n);
        if message.opcode == Opcode::Text {
            // RFC 6455 §5.6/a §8.1/a; RFC 7692 §6/f. Of two faults the first counts, so what was inflated before an error
            // is judged too, as far as the limit.
            let end = self.joined.len().min(self.max_message_size);
            self.utf8.push(&self.joined[judged..end]).map_err(|_| ProtocolError::InvalidUtf8)?;
        }
        inflated?;
        if last {
            self.fragmented = None;
            self.verdict = Verdict::Joined(message.opcode);
        }
        Ok(self.frame.is_none())
    }
}
