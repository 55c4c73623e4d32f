//! What may be sent, and what must be: the rules that join the two halves (RFC 6455 §5.5, §6.1, §7).
//!
//! ```text
//!   the user:     message, ping, close ──▶ may it be sent now? ──▶ Encoder ──▶ pending bytes
//!   the decoder:  Ping, Close, a breach ─▶ what is owed? ────────▶ Encoder ──▶ pending bytes
//! ```
//!
//! [`Connection`](super::Connection) owns one of these for sans-I/O use; the blocking sockets keep one behind a lock.
//! So each of these rules stands once: nothing after our Close, a pong for every ping that is answered at all,
//! a Close for a Close, and a Close with the right code before a connection is failed.

use super::close::Closing;
use super::encoder::MAX_CONTROL_PAYLOAD;
use super::{Burst, CloseCode, CloseFrame, Encoder, Event, Message, SharedFrame};
use crate::compression::{Context, Deflate};
use crate::error::{Error, ProtocolError};
use crate::{Config, Role};

/// The sending half with the closing rules. Everything lands in `pending`.
#[derive(Debug)]
pub(crate) struct Output {
    role: Role,
    encoder: Encoder,
    /// Bytes of messages that may wait for the end of one in fragments.
    max_held: usize,
    pub closing: Closing,
    /// Encoded frames that wait to be sent.
    pub pending: Vec<u8>,
    /// The bytes of message payload among them.
    pub pending_payload: usize,
    /// Messages that were encoded, ever.
    pub messages: u64,
    /// The bytes of payload in them, before they were compressed.
    pub payload: u64,
    /// Payload of messages that came too late to be sent. The WebSocket API counts it as buffered for ever.
    pub refused_payload: usize,
    /// The newest ping that waits for its pong because output is stuck. An older one is forgotten (§5.5.3).
    owed_pong: Option<Box<[u8]>>,
}

impl Output {
    pub fn new(role: Role, encoder: Encoder, config: &Config) -> Output {
        Output {
            role,
            encoder,
            max_held: config.max_backlog,
            closing: Closing::default(),
            pending: Vec::new(),
            pending_payload: 0,
            messages: 0,
            payload: 0,
            refused_payload: 0,
            owed_pong: None,
        }
    }

    pub fn with_deflate(mut self, context: Context, options: &Deflate) -> Output {
        self.encoder = self.encoder.with_deflate(context, options);
        self
    }

    pub fn role(&self) -> Role {
        self.role
    }

    /// What is encoded next refers to nothing before it.
    pub fn forget_context(&mut self) {
        self.encoder.forget_context();
    }

    /// Gives back memory that a burst has left behind.
    pub fn release_memory(&mut self) {
        self.encoder.release_memory();
        if self.pending.is_empty() {
            self.pending = Vec::new();
        }
    }

    #[inline]
    pub fn message(&mut self, message: &Message<'_>) -> Result<(), Error> {
        self.check_open(message.len())?;
        if self.encoder.is_fragmenting() {
            return self.hold(message);
        }
        self.encoder.message(message, &mut self.pending);
        self.pending_payload += message.len();
        self.count_messages(1, message.len());
        Ok(())
    }

    pub fn shared(&mut self, frame: &SharedFrame) -> Result<(), Error> {
        self.check_open(frame.payload_len())?;
        if self.encoder.is_fragmenting() {
            return self.hold(&frame.message());
        }
        self.encoder.shared(frame, &mut self.pending);
        self.pending_payload += frame.payload_len();
        self.count_messages(1, frame.payload_len());
        Ok(())
    }

    /// The header of a message whose payload is going to be sent from where it is, right behind what is pending. `false` if
    /// that cannot be; nothing is pending then.
    pub fn header_of(&mut self, message: &Message<'_>) -> Result<bool, Error> {
        self.check_open(message.len())?;
        let done = self.encoder.header_of(message, &mut self.pending);
        if done {
            self.pending_payload += message.len();
            self.count_messages(1, message.len());
        }
        Ok(done)
    }

    /// The bytes of `burst` that are to be sent from where they are, right behind what is pending; `None` if that cannot
    /// be.
    pub fn as_it_is<'a>(&mut self, burst: &'a Burst) -> Result<Option<&'a [u8]>, Error> {
        self.check_open(burst.payload_len())?;
        let bytes = self.encoder.as_it_is(burst.plain(), burst.deflated());
        if bytes.is_some() {
            self.pending_payload += burst.payload_len();
            self.count_messages(burst.frames().len(), burst.payload_len());
        }
        Ok(bytes)
    }

    pub fn fragment(&mut self, part: &Message<'_>, fin: bool) -> Result<(), Error> {
        self.check_open(part.len())?;
        let held = payload_behind(self.encoder.held(), 0);
        if !self.encoder.fragment(part, fin, &mut self.pending) {
            return Err(Error::InvalidArgument("a fragmented message is all text or all binary".into()));
        }
        self.pending_payload += part.len() + if fin { held } else { 0 };
        self.count_messages(usize::from(fin), part.len());
        Ok(())
    }

    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.check_control(payload)?;
        self.encoder.ping(payload, &mut self.pending);
        Ok(())
    }

    pub fn pong(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.check_control(payload)?;
        self.encoder.pong(payload, &mut self.pending);
        Ok(())
    }

    /// Starts the closing handshake (§7.1.2); does nothing if it has been started (as WHATWG has it).
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        let allowed = match self.role {
            // The WebSocket API's rule for whoever sits at the client's end.
            Role::Client => matches!(code.get(), 1000 | 3000..=4999),
            // RFC 6455 §7.4.1/c §7.4.1/d §7.4.1/f §7.4.2/a
            Role::Server => code.may_be_sent() && code != CloseCode::MANDATORY_EXTENSION,
        };
        if !allowed {
            return Err(Error::InvalidCloseCode(code.get()));
        }
        // RFC 6455 §5.5/a §5.5.1/c
        if reason.len() > CloseFrame::MAX_REASON_LEN {
            return Err(Error::CloseReasonTooLong(reason.len()));
        }
        // RFC 6455 §7.1.2/a §7.3/c
        self.send_close(Some(CloseFrame { code, reason: reason.into() }));
        Ok(())
    }

    /// A Close of our own making, such as 1001 for a dropped handle.
    pub fn close_with(&mut self, code: CloseCode, reason: &'static str) {
        self.send_close(Some(CloseFrame { code, reason: reason.into() }));
    }

    /// What the peer's frame obliges us to send. With `stuck`, output waits on a full network, and only the newest
    /// ping is remembered.
    #[inline]
    pub fn on_event(&mut self, event: &Event<'_>, stuck: bool) {
        match event {
            // RFC 6455 §5.5.3/c
            Event::Message(_) | Event::Pong(_) => {}
            Event::Ping(payload) => {
                // RFC 6455 §5.5.2/b §5.5.3/a §5.5.3/b §6.2/b: our own Close does not end this duty, the peer's would.
                if stuck {
                    self.owed_pong = Some((*payload).into());
                } else if !self.closing.ended {
                    self.encoder.pong(payload, &mut self.pending);
                }
            }
            Event::Close(frame) => {
                // RFC 6455 §5.5.2/b: a ping that came before it has its pong.
                self.settle_pong();
                self.closing.on_received(frame.as_ref());
                // RFC 6455 §5.5.1/g §5.5.1/h §6.2/b: the answer echoes the code.
                self.send_close(
                    frame.as_ref().map(|frame| CloseFrame { code: frame.code, reason: "".into() }),
                );
            }
        }
    }

    /// The peer broke a rule: tell it which, unless our Close is out already (§7.1.7).
    pub fn on_failure(&mut self, error: ProtocolError) {
        // RFC 6455 §5.5.2/b: a ping that came before it has its pong, and nothing follows.
        self.settle_pong();
        self.closing.on_failed();
        // RFC 6455 §5.1/c §5.1/f §7.1.7/e §10.7/c
        self.send_close(Some(CloseFrame { code: error.close_code(), reason: error.to_string().into() }));
    }

    /// Output moves again: the pong that was put off can be sent.
    pub fn settle_pong(&mut self) {
        // RFC 6455 §5.5.2/b §5.5.3/b
        if let Some(payload) = self.owed_pong.take()
            && !self.closing.received()
            && !self.closing.ended
        {
            self.encoder.pong(&payload, &mut self.pending);
        }
    }

    /// Forgets the whole frames among the first `sent` bytes of `pending`; gives their length.
    pub fn forget(&mut self, sent: usize) -> usize {
        let ends = payloads(&self.pending).map(|(_, end)| end);
        let bytes = ends.take_while(|end| *end <= sent).last().unwrap_or(0);
        self.pending.drain(..bytes);
        // Counted anew: compressed messages had more payload than the bytes that were sent of them.
        self.pending_payload = payload_behind(&self.pending, 0);
        bytes
    }

    fn send_close(&mut self, frame: Option<CloseFrame<'_>>) {
        // RFC 6455 §5.5.1/g §5.5.1/o: nothing after the first.
        if !self.closing.sent && !self.closing.ended {
            self.closing.sent = true;
            self.encoder.close(frame.as_ref(), &mut self.pending);
        }
    }

    /// Data may be sent while the connection is open, and at no other time (§6.1).
    #[inline]
    fn check_open(&mut self, payload_len: usize) -> Result<(), Error> {
        // RFC 6455 §5.1/g §5.5.1/f §6.1/a §6.1/b
        if self.is_open() {
            return Ok(());
        }
        self.refused_payload += payload_len;
        Err(Error::NotOpen(self.closing.ready_state()))
    }

    /// A message has to wait until one in fragments is complete. It counts as pending from then on.
    #[cold]
    fn hold(&mut self, message: &Message<'_>) -> Result<(), Error> {
        if self.encoder.held().len() >= self.max_held {
            return Err(Error::MessageInProgress);
        }
        // RFC 6455 §5.4/f
        self.encoder.message(message, &mut self.pending);
        self.count_messages(1, message.len());
        Ok(())
    }

    /// Whether a message in fragments lacks its last one.
    pub fn is_fragmenting(&self) -> bool {
        self.encoder.is_fragmenting()
    }

    #[inline]
    fn count_messages(&mut self, messages: usize, payload_len: usize) {
        self.messages += messages as u64;
        self.payload += payload_len as u64;
    }

    /// Payload of messages that are held back.
    pub fn held_payload(&self) -> usize {
        payload_behind(self.encoder.held(), 0)
    }

    /// Payload that is in no queue yet, or never will be: of messages held back, and of those refused.
    pub fn unqueued_payload(&self) -> usize {
        self.held_payload() + self.refused_payload
    }

    fn check_control(&self, payload: &[u8]) -> Result<(), Error> {
        // RFC 6455 §5.5/a §5.5.2/a
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(Error::ControlPayloadTooLong(payload.len()));
        }
        // RFC 6455 §5.5.1/f
        if self.is_open() { Ok(()) } else { Err(Error::NotOpen(self.closing.ready_state())) }
    }

    #[inline]
    pub fn is_open(&self) -> bool {
        self.closing.ready_state() == super::ReadyState::Open
    }
}

/// The bytes of message payload in `frames` (whole frames that we encoded) behind the first `sent` bytes: what
/// `bufferedAmount` counts when a send stopped in the middle.
pub(crate) fn payload_behind(frames: &[u8], sent: usize) -> usize {
    payloads(frames).map(|(start, end)| end.saturating_sub(start.max(sent))).sum()
}

/// Where the payload of each frame begins and ends; of a control frame's, which does not count, only the end.
fn payloads(frames: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (header, len) = super::FrameHeader::decode(frames.get(at..)?).ok()??;
        let start = at + len;
        at = start + header.payload_len as usize;
        Some((if header.opcode.is_control() { at } else { start }, at))
    })
}
