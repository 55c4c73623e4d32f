//! The other side of the book: every frame that a connection has to send, when, and what that makes of its state
//! (RFC 6455 §5.1, §5.4, §5.5, §6.1, §7.1). Each command says which frames it must add; `check` finds just those behind
//! what waited before, with the tests' own reader and their own decompressor, and derives the rest from them.

use super::Agreed;
use crate::common::frame::{BINARY, CLOSE, CONTINUATION, PING, TEXT};
use crate::common::{Form, Frame, Seen, read_frames};
use crate::deflate::Inflate;
use clearsocket::ProtocolError::{self, *};
use clearsocket::proto::Connection;
use clearsocket::{CloseCode, CloseEvent, Config, Error, Message, ReadyState, Role};
use std::collections::{HashSet, VecDeque};

pub struct Sender {
    role: Role,
    max_held: usize,
    /// If compressed messages may be sent: the decompressor, and the length from which on they may be.
    deflate: Option<(Inflate, usize)>,
    /// What waits to be transmitted.
    waiting: Vec<u8>,
    /// Bytes that were transmitted, ever.
    transmitted: usize,
    /// Masking keys that were used.
    keys: HashSet<[u8; 4]>,
    messages: VecDeque<InFlight>,
    refused: usize,
    /// Whether the message in fragments that lacks its last one is a text.
    fragmented: Option<bool>,
    held: Vec<Frame>,
    owed_pong: Option<Vec<u8>>,
    close_sent: bool,
    close_received: Option<(u16, String)>,
    failed: bool,
    ended: bool,
    state: ReadyState,
}

/// The payload of a data frame that is not transmitted whole.
struct InFlight {
    /// Where it stands among all bytes that were ever sent.
    start: usize,
    end: usize,
    /// How long it was before it was compressed.
    len: usize,
}

impl Sender {
    pub fn new(role: Role, config: &Config, agreed: Option<&Agreed>) -> Sender {
        Sender {
            role,
            max_held: config.max_backlog,
            deflate: agreed
                .map(|agreed| (Inflate::new(agreed.agreement.sent_by(role)), agreed.options.threshold)),
            waiting: Vec::new(),
            transmitted: 0,
            keys: HashSet::new(),
            messages: VecDeque::new(),
            refused: 0,
            fragmented: None,
            held: Vec::new(),
            owed_pong: None,
            close_sent: false,
            close_received: None,
            failed: false,
            ended: false,
            state: ReadyState::Open,
        }
    }

    // ---- What the user does ----

    pub fn send(&mut self, connection: &mut Connection, message: &Message<'_>) {
        let result = connection.send(message);
        let frame = frame_of(message);
        if self.state != ReadyState::Open {
            // RFC 6455 §5.5.1/f §6.1/a
            assert!(matches!(result, Err(Error::NotOpen(state)) if state == self.state), "{result:?}");
            self.refused += message.len();
        } else if self.fragmented.is_some() {
            // RFC 6455 §5.4/f
            let held = self.held.iter().map(|frame| self.encoded_len(frame)).sum::<usize>();
            match result {
                Ok(()) => self.held.push(frame),
                Err(Error::MessageInProgress) => assert!(held >= self.max_held),
                Err(error) => panic!("{error:?}"),
            }
            assert!(held < self.max_held + 100_000);
        } else {
            assert!(result.is_ok(), "{result:?}");
            return self.check(connection, vec![frame]);
        }
        self.check(connection, vec![]);
    }

    pub fn fragment(&mut self, connection: &mut Connection, part: &Message<'_>, fin: bool) {
        let result = connection.send_fragment(part, fin);
        let mut frame = frame_of(part).fin(fin);
        let is_text = frame.opcode == TEXT;
        if self.state != ReadyState::Open {
            assert!(matches!(result, Err(Error::NotOpen(state)) if state == self.state), "{result:?}");
            self.refused += part.len();
            return self.check(connection, vec![]);
        }
        if self.fragmented.is_some_and(|first| first != is_text) {
            assert!(matches!(result, Err(Error::InvalidArgument(_))), "{result:?}");
            return self.check(connection, vec![]);
        }
        assert!(result.is_ok(), "{result:?}");
        // RFC 6455 §5.4/b
        if self.fragmented.is_some() {
            frame.opcode = CONTINUATION;
        }
        self.fragmented = (!fin).then_some(is_text);
        let mut frames = vec![frame];
        if fin {
            frames.append(&mut self.held);
        }
        self.check(connection, frames);
    }

    pub fn ping_or_pong(&mut self, connection: &mut Connection, opcode: u8, payload: &[u8]) {
        let result = match opcode {
            PING => connection.ping(payload),
            _ => connection.pong(payload),
        };
        match result {
            Ok(()) => {
                // RFC 6455 §5.5/a §5.5.1/f
                assert!(payload.len() <= 125 && self.state == ReadyState::Open);
                self.check(connection, vec![Frame::new(opcode, payload)]);
            }
            Err(Error::ControlPayloadTooLong(len)) => assert!(len == payload.len() && len > 125),
            Err(Error::NotOpen(state)) => assert!(state == self.state && state != ReadyState::Open),
            Err(error) => panic!("{error:?}"),
        }
        self.check(connection, vec![]);
    }

    pub fn close(&mut self, connection: &mut Connection, code: u16, reason: &str) {
        let allowed = match self.role {
            Role::Client => matches!(code, 1000 | 3000..=4999),
            // RFC 6455 §7.4.1/c §7.4.1/d §7.4.1/f §7.4.2/a
            Role::Server => matches!(code, 1000..=1003 | 1007..=1009 | 1011..=1014 | 3000..=4999),
        };
        match connection.close(code, reason) {
            Ok(()) => {
                assert!(allowed && reason.len() <= 123);
                let close = self.closes(Frame::close(code, reason));
                return self.check(connection, close);
            }
            Err(Error::InvalidCloseCode(refused)) => assert!(refused == code && !allowed),
            Err(Error::CloseReasonTooLong(len)) => assert!(len == reason.len() && len > 123),
            Err(error) => panic!("{error:?}"),
        }
        self.check(connection, vec![]);
    }

    // ---- What the network does ----

    pub fn transmit(&mut self, connection: &mut Connection, n: usize) {
        connection.transmitted(n);
        let n = n.min(self.waiting.len());
        self.waiting.drain(..n);
        self.transmitted += n;
        while self.messages.front().is_some_and(|message| message.end <= self.transmitted) {
            self.messages.pop_front();
        }
        // RFC 6455 §5.5.2/b
        let moves = self.waiting.len() <= STUCK;
        let pong = if moves { self.pays_pong() } else { vec![] };
        self.check(connection, pong);
    }

    pub fn eof(&mut self, connection: &mut Connection) {
        connection.received_eof();
        self.ended = true;
        self.owed_pong = None;
        self.check(connection, vec![]);
    }

    /// The user has seen this, and what it obliges us to send is there.
    pub fn saw(&mut self, connection: &Connection, seen: &Seen) {
        assert!(self.close_received.is_none() && !self.failed, "{seen:?} behind the end");
        let frames = match seen {
            Seen::Text(_) | Seen::Binary(_) | Seen::Pong(_) => vec![],
            Seen::Ping(_) if self.ended => vec![],
            Seen::Ping(payload) if self.waiting.len() > STUCK => {
                // RFC 6455 §5.5.3/b
                self.owed_pong = Some(payload.clone());
                vec![]
            }
            // RFC 6455 §5.5.2/b §5.5.3/a
            Seen::Ping(payload) => vec![Frame::pong(payload)],
            Seen::Close(close) => {
                self.close_received = Some(close.clone().unwrap_or((1005, String::new())));
                // RFC 6455 §5.5.1/g §5.5.1/h
                let answer = close.as_ref().map_or(Frame::close_empty(), |(code, _)| Frame::close(*code, ""));
                [self.pays_pong(), self.closes(answer)].concat()
            }
            Seen::Error(error) => {
                self.failed = true;
                // RFC 6455 §7.1.7/e
                let close = Frame::close(close_code(*error), error.to_string());
                [self.pays_pong(), self.closes(close)].concat()
            }
        };
        self.check(connection, frames);
    }

    /// This Close, unless there was one.
    fn closes(&mut self, close: Frame) -> Vec<Frame> {
        if self.ended || std::mem::replace(&mut self.close_sent, true) { vec![] } else { vec![close] }
    }

    fn pays_pong(&mut self) -> Vec<Frame> {
        self.owed_pong.take().map(Frame::pong).into_iter().collect()
    }

    // ---- What must hold after each of them ----

    /// What waits to be transmitted is what waited before with these frames behind it, and the connection says of itself
    /// what follows from all that was done.
    pub fn check(&mut self, connection: &Connection, frames: Vec<Frame>) {
        let waiting = connection.to_transmit();
        let added = waiting.strip_prefix(&self.waiting[..]).expect("what waits stays as it is");
        let mut at = self.transmitted + self.waiting.len();
        let added_frames = read_frames(added);
        assert_eq!(added_frames.len(), frames.len(), "{added_frames:?} for {frames:?}");
        for (frame, expected) in added_frames.into_iter().zip(frames) {
            at += frame.bytes().len();
            if frame.opcode < CLOSE {
                let (start, len) = (at - frame.payload.len(), expected.payload.len());
                self.messages.push_back(InFlight { start, end: at, len });
            }
            self.check_frame(frame, expected);
        }
        self.waiting.extend_from_slice(added);
        self.check_state(connection);
        self.check_buffered_amount(connection.buffered_amount());
    }

    fn check_frame(&mut self, mut frame: Frame, expected: Frame) {
        // RFC 6455 §5.1/a §5.1/d §5.2/h §5.3/b
        assert_eq!(frame.mask.is_some(), self.role == Role::Client);
        assert!(frame.mask.take().is_none_or(|key| self.keys.insert(key)), "a key is used once");
        assert_eq!(frame.form, Form::Shortest);
        if let (4, Some((inflate, threshold))) = (frame.rsv, &mut self.deflate) {
            // RFC 7692 §6/b §6/c §7.2.1/b: whole messages, that get smaller.
            assert!([TEXT, BINARY].contains(&frame.opcode) && frame.fin);
            assert!(expected.payload.len() >= *threshold && frame.payload.len() < expected.payload.len());
            frame.payload = inflate.message(&frame.payload);
            frame.rsv = 0;
        }
        assert_eq!(frame, expected);
    }

    fn check_state(&mut self, connection: &Connection) {
        // RFC 6455 §7.1.3/a §7.1.4/a
        let state = match (self.ended, self.close_sent || self.close_received.is_some() || self.failed) {
            (true, _) => ReadyState::Closed,
            (false, true) => ReadyState::Closing,
            (false, false) => ReadyState::Open,
        };
        assert!(state >= self.state, "forward only");
        self.state = state;
        assert_eq!(connection.ready_state(), state);
        // RFC 6455 §7.1.1 §7.1.7/a
        let both = self.close_sent && self.close_received.is_some();
        assert_eq!(connection.is_finished(), self.ended || self.failed || both);
        // RFC 6455 §7.1.4/a §7.1.5/a §7.1.5/c §7.1.6/a
        let (code, reason, was_clean) = match &self.close_received {
            Some((code, reason)) if !self.failed => (*code, reason.clone(), self.close_sent),
            _ => (1006, String::new(), false),
        };
        let expected = CloseEvent { code: CloseCode::from(code), reason, was_clean };
        assert_eq!(connection.close_event(), expected);
    }

    /// Of compressed messages either what they are or what they were may count.
    fn check_buffered_amount(&self, amount: usize) {
        let held: usize = self.held.iter().map(|frame| frame.payload.len()).sum();
        let (mut least, mut most) = (self.refused, self.refused + held);
        for message in &self.messages {
            let left = message.end - message.start.max(self.transmitted);
            least += left;
            most += if message.end - message.start == message.len { left } else { message.len };
        }
        least += if self.deflate.is_none() { held } else { 0 };
        assert!((least..=most).contains(&amount), "{amount} is not in {least} to {most}");
    }

    /// How many bytes it takes at most.
    fn encoded_len(&self, frame: &Frame) -> usize {
        let key = (self.role == Role::Client).then_some([0; 4]);
        Frame { mask: key, ..frame.clone() }.bytes().len()
    }
}

/// A message in one frame.
fn frame_of(message: &Message<'_>) -> Frame {
    match message {
        Message::Text(text) => Frame::text(text.as_bytes()),
        Message::Binary(data) => Frame::binary(data),
    }
}

/// RFC 6455 §7.4.1
fn close_code(error: ProtocolError) -> u16 {
    match error {
        InvalidUtf8 | InvalidCloseReason | InvalidDeflate => 1007,
        FrameTooBig | MessageTooBig | TooManyFragments => 1009,
        _ => 1002,
    }
}

/// While more than this many bytes wait, only the newest ping is remembered.
const STUCK: usize = 16 << 10;
