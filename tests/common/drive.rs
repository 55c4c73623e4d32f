//! Feeds a connection in every way that a network could cut the bytes (RFC 6455 §6.2).
//!
//! [`receive`] takes what the peer sends and gives the [`Outcome`]: what the user sees, what is sent
//! back, how the connection stands. It does so for the bytes as a whole, one byte at a time and cut in
//! two at every place, and fails if there is any difference. So every test that uses it is a test for
//! all splits as well.

use super::frame::{CLOSE, Frame, read_frames};
use clearsocket::proto::{Connection, Progress};
use clearsocket::{CloseEvent, Config, Event, Message, ProtocolError, ReadyState, Role};

pub const ROLES: [Role; 2] = [Role::Client, Role::Server];

/// What the user of a connection sees.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Error(ProtocolError),
}

impl Seen {
    pub fn text(text: &str) -> Seen {
        Seen::Text(text.into())
    }

    pub fn binary(data: impl AsRef<[u8]>) -> Seen {
        Seen::Binary(data.as_ref().into())
    }

    pub fn ping(data: impl AsRef<[u8]>) -> Seen {
        Seen::Ping(data.as_ref().into())
    }

    pub fn pong(data: impl AsRef<[u8]>) -> Seen {
        Seen::Pong(data.as_ref().into())
    }

    pub fn close(code: u16, reason: &str) -> Seen {
        Seen::Close(Some((code, reason.into())))
    }
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Seen {
        match event {
            Event::Message(Message::Text(text)) => Seen::text(&text),
            Event::Message(Message::Binary(data)) => Seen::binary(data),
            Event::Ping(data) => Seen::ping(data),
            Event::Pong(data) => Seen::pong(data),
            Event::Close(frame) => Seen::Close(frame.map(|f| (f.code.get(), f.reason.into_owned()))),
        }
    }
}

/// What came of some bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub seen: Vec<Seen>,
    /// What was sent back; masks are checked and removed.
    pub sent: Vec<Frame>,
    pub ready_state: ReadyState,
    pub finished: bool,
    pub close_event: CloseEvent,
}

impl Outcome {
    /// The connection was failed, as its last act: one Close with the code of `error` and a reason went out, no
    /// Close counts as received, and nothing is left but to close the transport (RFC 6455 §7.1.7).
    #[track_caller]
    pub fn assert_failed(&self, error: ProtocolError) {
        assert_eq!(self.seen.last(), Some(&Seen::Error(error)), "{self:?}");
        let errors = self.seen.iter().filter(|seen| matches!(seen, Seen::Error(_)));
        assert_eq!(errors.count(), 1, "{self:?}");
        let closes: Vec<&Frame> = self.sent.iter().filter(|frame| frame.opcode == CLOSE).collect();
        assert_eq!(closes.len(), 1, "{self:?}");
        assert_eq!(self.sent.last(), Some(closes[0]), "{self:?}");
        let payload = &closes[0].payload;
        assert!((3..=125).contains(&payload.len()), "a code and a reason: {self:?}");
        assert_eq!(payload[..2], error.close_code().get().to_be_bytes(), "{self:?}");
        assert!(std::str::from_utf8(&payload[2..]).is_ok(), "{self:?}");
        assert_eq!((self.close_event.code.get(), self.close_event.was_clean), (1006, false), "{self:?}");
        assert_eq!((self.ready_state, self.finished), (ReadyState::Closing, true), "{self:?}");
    }

    /// Nothing but these was seen, nothing was sent back, and the connection is open.
    #[track_caller]
    pub fn assert_open(&self, seen: &[Seen]) {
        assert_eq!(self.seen, seen);
        assert_eq!(self.sent, []);
        assert_eq!((self.ready_state, self.finished), (ReadyState::Open, false));
    }
}

/// A connection with default limits. A client's masking keys are 1, 2, 3, ... as four bytes.
pub fn connection(role: Role) -> Connection {
    connection_with(role, &Config::default())
}

pub fn connection_with(role: Role, config: &Config) -> Connection {
    let mut key = 0u32;
    let keys = move || {
        key += 1;
        key.to_be_bytes()
    };
    match role {
        Role::Client => Connection::client(config, Box::new(keys)),
        Role::Server => Connection::server(config),
    }
}

/// The bytes of `frames` as the peer of `role` sends them: masked for a server, unmasked for a client.
pub fn wire(role: Role, frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|frame| frame.clone().sent_to(role).bytes()).collect()
}

/// What becomes of `frames`, masked as they should be, however they are cut.
#[track_caller]
pub fn receive(role: Role, frames: &[Frame]) -> Outcome {
    receive_with(role, &Config::default(), frames)
}

#[track_caller]
pub fn receive_with(role: Role, config: &Config, frames: &[Frame]) -> Outcome {
    receive_bytes(role, config, &wire(role, frames))
}

/// What becomes of `bytes`: as a whole, byte by byte, and cut in two at every place, which all have to agree.
#[track_caller]
pub fn receive_bytes(role: Role, config: &Config, bytes: &[u8]) -> Outcome {
    let expected = receive_whole(role, config, bytes);

    let mut copied = connection_with(role, config);
    copied.push(bytes);
    let seen = drain(&mut copied);
    assert_eq!(outcome(role, copied, seen), expected, "pushed as a whole");

    assert_eq!(receive_dripped(role, config, bytes), expected, "byte by byte");

    for at in cuts(bytes.len()) {
        let mut cut = connection_with(role, config);
        cut.push(&bytes[..at]);
        let mut seen = drain(&mut cut);
        cut.push(&bytes[at..]);
        seen.extend(drain(&mut cut));
        assert_eq!(outcome(role, cut, seen), expected, "cut at {at}");
    }
    expected
}

/// What becomes of `bytes` in one piece.
#[track_caller]
pub fn receive_whole(role: Role, config: &Config, bytes: &[u8]) -> Outcome {
    let mut connection = connection_with(role, config);
    let seen = fill(&mut connection, bytes);
    outcome(role, connection, seen)
}

/// What becomes of `bytes` one by one.
#[track_caller]
pub fn receive_dripped(role: Role, config: &Config, bytes: &[u8]) -> Outcome {
    let mut connection = connection_with(role, config);
    let mut seen = Vec::new();
    for byte in bytes.chunks(1) {
        seen.extend(fill(&mut connection, byte));
    }
    outcome(role, connection, seen)
}

/// Every place to cut at, or for long input those at the ends and some between.
fn cuts(len: usize) -> Vec<usize> {
    if len <= 600 {
        return (1..len).collect();
    }
    let middle = (1..8).map(|i| i * len / 8 + i);
    (1..32).chain(middle).chain(len - 16..len).collect()
}

#[track_caller]
fn outcome(role: Role, mut connection: Connection, seen: Vec<Seen>) -> Outcome {
    Outcome {
        seen,
        sent: take_sent(role, &mut connection),
        ready_state: connection.ready_state(),
        finished: connection.is_finished(),
        close_event: connection.close_event(),
    }
}

/// Gives `bytes` to the connection as a socket would, through `recv_space`, and collects what it sees.
pub fn fill(connection: &mut Connection, mut bytes: &[u8]) -> Vec<Seen> {
    let mut seen = drain(connection);
    while !bytes.is_empty() {
        let space = connection.recv_space();
        let n = space.len().min(bytes.len());
        space[..n].copy_from_slice(&bytes[..n]);
        connection.received(n);
        bytes = &bytes[n..];
        seen.extend(drain(connection));
    }
    seen
}

/// Every event that the received bytes hold, and the error.
pub fn drain(connection: &mut Connection) -> Vec<Seen> {
    let mut seen = Vec::new();
    while connection.advance() == Progress::Ready {
        match connection.event() {
            Ok(Some(event)) => seen.push(event.into()),
            Ok(None) => break,
            Err(error) => seen.push(Seen::Error(error)),
        }
    }
    seen
}

/// Transmits all that waits and gives the frames without their masks: a client's must have one, a server's must not
/// (RFC 6455 §5.1), nobody's may have reserved bits or a longer length than needed (§5.2).
#[track_caller]
pub fn take_sent(role: Role, connection: &mut Connection) -> Vec<Frame> {
    let mut frames = Vec::new();
    // A pong that was put off appears only when everything before it has gone.
    while !connection.to_transmit().is_empty() {
        frames.extend(read_frames(connection.to_transmit()));
        connection.transmitted(connection.to_transmit().len());
    }
    for frame in &mut frames {
        assert_eq!(frame.mask.is_some(), role == Role::Client, "the mask of {frame:?}");
        assert_eq!((frame.rsv, frame.form), (0, super::Form::Shortest), "{frame:?}");
        frame.mask = None;
    }
    frames
}

/// Sends something of every kind: seven frames, a Close as the last.
pub fn send_everything(connection: &mut Connection) {
    connection.send(&"text".into()).unwrap();
    connection.send(&b"".into()).unwrap();
    connection.send_fragment(&b"first".into(), false).unwrap();
    connection.ping(b"ping").unwrap();
    connection.send_fragment(&b"last".into(), true).unwrap();
    connection.pong(b"").unwrap();
    connection.close(1000, "bye").unwrap();
}
