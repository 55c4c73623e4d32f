//! Invariant: of the same bytes in the same pieces clearsocket and tungstenite see the same messages, pings, pongs and
//! Closes, in either role, and refuse the same frame with the same close code; tungstenite is never the first to know.
//! Where they may differ stands in `KNOWN`, with what RFC 6455 says of it.
//!
//! clearsocket may know earlier: it judges a header before the payload comes, and a text before it is complete (§10.4 and
//! §8.1 allow both). So the frame that it refuses is completed for tungstenite, with zeros, before the two are compared.

#![no_main]

mod common;
mod peer;

use arbitrary::Arbitrary;
use clearsocket::ProtocolError::{ControlFrameTooLong, InvalidCloseCode, LengthNotMinimal};
use clearsocket::{Config, Role};
use common::{Form, Frame, Seen, connection_with, drain, read_frame};
use libfuzzer_sys::fuzz_target;
use peer::PeerFrame;
use std::io::{self, ErrorKind, Read, Write};
use tungstenite::protocol::{self, WebSocket, WebSocketConfig};
use tungstenite::{Error, Message};

/// Where the two may differ. All else is a fault of one of them.
const KNOWN: [Known; 6] = [
    Known {
        what: "a length in a longer form than it needs: we fail the connection, they read on",
        rule: "§5.2: \"the minimal number of bytes MUST be used\" binds the sender; what a receiver does is not said",
        differs: |frame, ours, _| frame.has_longer_form() && *ours == Seen::Error(LengthNotMinimal),
    },
    Known {
        what: "the same in a control frame of up to 125 bytes, which can only announce more in that form",
        rule: "§5.5: \"a payload length of 125 bytes or less\", and §5.2 as above",
        differs: |frame, ours, _| {
            let is_short = frame.0.as_ref().is_some_and(|frame| frame.payload.len() <= 125);
            is_short && frame.has_longer_form() && *ours == Seen::Error(ControlFrameTooLong)
        },
    },
    Known {
        what: "a close code that may not be sent: we tell an error, they a Close with 1002; both answer 1002",
        rule: "§7.4.1, §7.4.2: it MUST NOT be sent; what the user is told of it is the API's business",
        differs: |_, ours, theirs| {
            *ours == Seen::Error(InvalidCloseCode) && *theirs == Told::Seen(violation())
        },
    },
    Known {
        what: "1014 in a Close: we take it, they answer 1002 as to a code that may not be sent",
        rule: "§7.4.2, §11.7: codes up to 2999 can be registered later, and IANA's registry has this one",
        differs: |_, ours, theirs| {
            matches!(ours, Seen::Close(Some((1014, _)))) && *theirs == Told::Seen(violation())
        },
    },
    Known {
        what: "a Close with a code that may not be sent and a reason that is not UTF-8: 1002 or 1007",
        rule: "§7.4 and §8.1 are both broken, and nothing says which comes first",
        differs: |frame, ours, theirs| {
            let reason = frame.0.as_ref().and_then(|frame| frame.payload.get(2..)).unwrap_or_default();
            let broken = std::str::from_utf8(reason).is_err();
            broken && *ours == Seen::Error(InvalidCloseCode) && *theirs == Told::Refused(1007)
        },
    },
    Known {
        what: "a header with a fault that announces more than the limit: 1002 or 1009",
        rule: "§10.4 leaves limits to us, and nothing says which of two faults comes first",
        differs: |frame, ours, theirs| {
            let is_large = frame.0.as_ref().is_none_or(|frame| frame.payload.len() > MAX_FRAME_SIZE);
            is_large
                && matches!(ours, Seen::Error(e) if e.close_code() == 1002)
                && *theirs == Told::Refused(1009)
        },
    },
];

struct Known {
    what: &'static str,
    rule: &'static str,
    /// Of the frame at which we ended: what we said, and what they did.
    differs: fn(&Last, &Seen, &Told) -> bool,
}

/// The frame at which we ended; `None` if it announces more than anybody takes.
#[derive(Debug)]
struct Last(Option<Frame>);

/// What tungstenite says.
#[derive(Debug, PartialEq)]
enum Told {
    Seen(Seen),
    /// With an error that stands for this close code.
    Refused(u16),
    /// Nothing, though the frame is complete: it is a fragment.
    Nothing,
}

#[derive(Arbitrary, Debug)]
struct Input {
    is_client: bool,
    parts: Vec<Part>,
    /// The sizes of the pieces in which the bytes come, over and over.
    sizes: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Frame(PeerFrame),
    Bytes(Vec<u8>),
}

fuzz_target!(|input: Input| {
    let role = if input.is_client { Role::Client } else { Role::Server };
    let bytes: Vec<u8> = input.parts.iter().flat_map(|part| part.bytes(role)).collect();
    let sizes: Vec<usize> = input.sizes.iter().map(|size| 1 + *size as usize).chain([500]).collect();
    if run(role, &bytes, &bytes, &sizes) == Verdict::KnownToDiffer {
        // What they do after a length in a longer form is what we do after the shortest.
        let whole = completed(&bytes);
        run(role, &in_shortest_form(&whole), &whole, &[usize::MAX]);
    }
});

/// Gives us the one and them the other, which is the same but for the form of the lengths.
fn run(role: Role, for_us: &[u8], for_them: &[u8], sizes: &[usize]) -> Verdict {
    let mut ours = connection_with(role, &config());
    let mut theirs = Tungstenite::new(role);
    let (mut seen, mut told) = (Vec::new(), Vec::new());
    let (mut our_rest, mut their_rest) = (for_us, for_them);
    for size in sizes.iter().cycle() {
        ours.push(cut(&mut our_rest, *size));
        seen.extend(drain(&mut ours));
        told.extend(theirs.take(cut(&mut their_rest, *size)));
        if compare(role, for_us, &seen, &told) == Verdict::KnownToDiffer {
            return Verdict::KnownToDiffer;
        }
        if our_rest.is_empty() && their_rest.is_empty() {
            break;
        }
    }
    if told.len() < seen.len() {
        told.extend(theirs.take(&completed(for_them)[for_them.len()..]));
        if told.len() < seen.len() {
            told.push(Told::Nothing);
        }
    }
    assert_eq!(told.len(), seen.len());
    compare(role, for_us, &seen, &told)
}

fn cut<'a>(rest: &mut &'a [u8], size: usize) -> &'a [u8] {
    let (piece, behind) = rest.split_at(rest.len().min(size));
    *rest = behind;
    piece
}

#[derive(PartialEq)]
enum Verdict {
    Agree,
    KnownToDiffer,
}

/// As far as both have said something. It is for us to be ahead, by what ends the connection.
fn compare(role: Role, bytes: &[u8], seen: &[Seen], told: &[Told]) -> Verdict {
    for (ours, theirs) in seen.iter().zip(told) {
        let agree = match (ours, theirs) {
            (Seen::Error(error), Told::Refused(code)) => error.close_code() == *code,
            (ours, Told::Seen(theirs)) => ours == theirs,
            _ => false,
        };
        if !agree {
            let last = Last::of(role, bytes);
            let known = KNOWN.iter().find(|known| (known.differs)(&last, ours, theirs));
            let known = known.unwrap_or_else(|| panic!("{ours:?} here, {theirs:?} there, of {last:?}"));
            assert!(!known.what.is_empty() && known.rule.contains('§'));
            return Verdict::KnownToDiffer;
        }
    }
    assert!(told.len() <= seen.len(), "{told:?} there, {seen:?} here");
    let ahead = &seen[told.len()..];
    assert!(matches!(ahead, [] | [Seen::Error(_)]), "{ahead:?} not there");
    Verdict::Agree
}

impl Part {
    fn bytes(&self, role: Role) -> Vec<u8> {
        match self {
            Part::Frame(frame) => frame.frame(role).bytes(),
            Part::Bytes(bytes) => bytes.clone(),
        }
    }
}

impl Last {
    /// Frame by frame, until we say that this is the end.
    fn of(role: Role, bytes: &[u8]) -> Last {
        let mut connection = connection_with(role, &config());
        let mut rest = completed(bytes);
        loop {
            let Some((frame, len)) = read_frame(&rest) else { return Last(None) };
            connection.push(&rest[..len]);
            let ends = |seen: &Seen| matches!(seen, Seen::Close(_) | Seen::Error(_));
            if drain(&mut connection).iter().any(ends) {
                return Last(Some(frame));
            }
            rest.drain(..len);
        }
    }

    fn has_longer_form(&self) -> bool {
        self.0.as_ref().is_some_and(|frame| frame.form != Form::Shortest)
    }
}

/// The bytes, with zeros behind them where that makes the last frame complete.
fn completed(bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    while let Some((_, len)) = read_frame(rest) {
        rest = &rest[len..];
    }
    let mut completed = bytes.to_vec();
    if !rest.is_empty() {
        let start = bytes.len() - rest.len();
        // The longest header, and more than the limit.
        for _ in 0..14 + MAX_FRAME_SIZE {
            if read_frame(&completed[start..]).is_some() {
                break;
            }
            completed.push(0);
        }
    }
    completed
}

/// The same frames, each with its length in the shortest form.
fn in_shortest_form(bytes: &[u8]) -> Vec<u8> {
    let mut shortest = Vec::new();
    let mut rest = bytes;
    while let Some((frame, len)) = read_frame(rest) {
        shortest.extend(frame.form(Form::Shortest).bytes());
        rest = &rest[len..];
    }
    shortest.extend_from_slice(rest);
    shortest
}

struct Tungstenite {
    socket: WebSocket<Pipe>,
    ended: bool,
}

impl Tungstenite {
    fn new(role: Role) -> Tungstenite {
        let role = match role {
            Role::Client => protocol::Role::Client,
            Role::Server => protocol::Role::Server,
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(1 << 10)
            .max_message_size(Some(MAX_MESSAGE_SIZE))
            .max_frame_size(Some(MAX_FRAME_SIZE));
        Tungstenite { socket: WebSocket::from_raw_socket(Pipe(Vec::new()), role, Some(config)), ended: false }
    }

    /// What it says when `bytes` come.
    fn take(&mut self, bytes: &[u8]) -> Vec<Told> {
        self.socket.get_mut().0.extend_from_slice(bytes);
        let mut told = Vec::new();
        while !self.ended {
            let next = match self.socket.read() {
                Ok(message) => Told::Seen(seen(message)),
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Err(Error::Protocol(_)) => Told::Refused(1002),
                Err(Error::Utf8(_)) => Told::Refused(1007),
                Err(Error::Capacity(_)) => Told::Refused(1009),
                Err(error) => panic!("{error:?}"),
            };
            self.ended = matches!(next, Told::Refused(_) | Told::Seen(Seen::Close(_)));
            told.push(next);
        }
        told
    }
}

fn seen(message: Message) -> Seen {
    match message {
        Message::Text(text) => Seen::text(text.as_str()),
        Message::Binary(data) => Seen::binary(data),
        Message::Ping(data) => Seen::ping(data),
        Message::Pong(data) => Seen::pong(data),
        Message::Close(None) => Seen::Close(None),
        Message::Close(Some(frame)) => Seen::close(frame.code.into(), frame.reason.as_str()),
        Message::Frame(frame) => panic!("{frame:?}"),
    }
}

/// How tungstenite tells a close code that may not be sent.
fn violation() -> Seen {
    Seen::close(1002, "Protocol violation")
}

/// A stream that has what has come, and takes everything.
struct Pipe(Vec<u8>);

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let n = buf.len().min(self.0.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0.drain(..n);
        Ok(n)
    }
}

impl Write for Pipe {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const MAX_FRAME_SIZE: usize = 4096;
const MAX_MESSAGE_SIZE: usize = 6000;

fn config() -> Config {
    let mut config = Config::default();
    config.max_frame_size = MAX_FRAME_SIZE;
    config.max_message_size = MAX_MESSAGE_SIZE;
    config
}
