//! Invariant: whatever one role sends, the other sees exactly that, in order, however it is cut and
//! however little of it is transmitted at a time; and `buffered_amount` ends at zero (RFC 6455 §6).

#![no_main]

use arbitrary::Arbitrary;
use clearsocket::proto::{Connection, Event, Progress};
use clearsocket::{Config, Error, Message};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    from_client: bool,
    actions: Vec<Action>,
    /// The sizes of the pieces that are transmitted, over and over.
    sizes: Vec<u16>,
}

#[derive(Arbitrary, Debug)]
enum Action {
    Text(String),
    Binary(Vec<u8>),
    /// A payload of this length, for the longer forms of the length.
    Long(u32),
    TextFragment(String, bool),
    BinaryFragment(Vec<u8>, bool),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// Transmits a piece.
    Transmit,
}

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
}

fuzz_target!(|input: Input| {
    let config = Config::default();
    let (mut client, mut server) = (Connection::client(&config, keys()), Connection::server(&config));
    let (sender, receiver) =
        if input.from_client { (&mut client, &mut server) } else { (&mut server, &mut client) };
    let mut sizes = input.sizes.iter().map(|size| 1 + *size as usize).chain([4096]).cycle();
    let mut model = Model::default();
    let mut seen = Vec::new();
    for action in input.actions {
        match action {
            Action::Transmit => transmit(sender, receiver, sizes.next().unwrap_or(1), &mut seen),
            action => perform(sender, action, &mut model),
        }
    }
    let refused = model.refused + model.held_payload();
    while !sender.to_transmit().is_empty() {
        transmit(sender, receiver, sizes.next().unwrap_or(1), &mut seen);
    }
    assert_eq!(seen, model.expected);
    assert_eq!(sender.buffered_amount(), refused);
});

/// What the receiver has to see: messages that are sent inside a fragmented one come after it.
#[derive(Default)]
struct Model {
    expected: Vec<Seen>,
    fragments: Option<Seen>,
    held: Vec<Seen>,
    closed: bool,
    refused: usize,
}

impl Model {
    fn message(&mut self, message: Seen) {
        match self.fragments {
            None => self.expected.push(message),
            Some(_) => self.held.push(message),
        }
    }

    fn fragment(&mut self, part: Seen, fin: bool) {
        let whole = match (self.fragments.take(), part) {
            (Some(Seen::Text(text)), Seen::Text(part)) => Seen::Text(text + &part),
            (Some(Seen::Binary(data)), Seen::Binary(part)) => Seen::Binary([data, part].concat()),
            (_, part) => part,
        };
        if fin {
            self.expected.push(whole);
            self.expected.append(&mut self.held);
        } else {
            self.fragments = Some(whole);
        }
    }

    fn held_payload(&self) -> usize {
        self.held.iter().map(len).sum()
    }

    /// At most so many bytes are held: the payload, and the largest header for each.
    fn held_frames(&self) -> usize {
        self.held_payload() + 14 * self.held.len()
    }
}

fn len(seen: &Seen) -> usize {
    match seen {
        Seen::Text(text) => text.len(),
        Seen::Binary(data) => data.len(),
        _ => 0,
    }
}

fn perform(sender: &mut Connection, action: Action, model: &mut Model) {
    match action {
        Action::Text(text) => whole(sender, Seen::Text(text), model),
        Action::Binary(data) => whole(sender, Seen::Binary(data), model),
        Action::Long(len) => whole(sender, Seen::Binary(vec![len as u8; len as usize % 70_000]), model),
        Action::TextFragment(text, fin) => fragment(sender, Seen::Text(text), fin, model),
        Action::BinaryFragment(data, fin) => fragment(sender, Seen::Binary(data), fin, model),
        Action::Ping(data) => control(sender.ping(&data), Seen::Ping(data), model),
        Action::Pong(data) => control(sender.pong(&data), Seen::Pong(data), model),
        Action::Close(code, reason) => {
            let first = !model.closed;
            match sender.close(code, &reason) {
                Ok(()) if first => {
                    model.closed = true;
                    model.expected.push(Seen::Close(code, reason));
                }
                Ok(()) | Err(Error::InvalidCloseCode(_)) => {}
                Err(Error::CloseReasonTooLong(len)) => assert!(len == reason.len() && len > 123),
                Err(error) => panic!("{error:?}"),
            }
        }
        Action::Transmit => {}
    }
}

fn whole(sender: &mut Connection, message: Seen, model: &mut Model) {
    match sender.send(&to_message(&message)) {
        Ok(()) => model.message(message),
        Err(Error::NotOpen(_)) if model.closed => model.refused += len(&message),
        // What waits for the end of a fragmented message has a limit.
        Err(Error::MessageInProgress) => {
            assert!(model.fragments.is_some() && model.held_frames() >= Config::default().max_backlog);
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn fragment(sender: &mut Connection, part: Seen, fin: bool, model: &mut Model) {
    match sender.send_fragment(&to_message(&part), fin) {
        Ok(()) => model.fragment(part, fin),
        Err(Error::NotOpen(_)) if model.closed => model.refused += len(&part),
        Err(Error::InvalidArgument(_)) => {
            let mixed = matches!(
                (&model.fragments, &part),
                (Some(Seen::Text(_)), Seen::Binary(_)) | (Some(Seen::Binary(_)), Seen::Text(_))
            );
            assert!(mixed);
        }
        Err(error) => panic!("{error:?}"),
    }
}

fn control(result: Result<(), Error>, frame: Seen, model: &mut Model) {
    match (result, &frame) {
        (Ok(()), _) => model.expected.push(frame),
        (Err(Error::NotOpen(_)), _) if model.closed => {}
        (Err(Error::ControlPayloadTooLong(len)), Seen::Ping(data) | Seen::Pong(data)) => {
            assert!(len == data.len() && len > 125);
        }
        (Err(error), _) => panic!("{error:?}"),
    }
}

fn to_message(seen: &Seen) -> Message<'_> {
    match seen {
        Seen::Text(text) => text.into(),
        Seen::Binary(data) => data.into(),
        _ => unreachable!("only messages are sent as messages"),
    }
}

/// Carries up to `size` bytes over the network.
fn transmit(sender: &mut Connection, receiver: &mut Connection, size: usize, seen: &mut Vec<Seen>) {
    let n = sender.to_transmit().len().min(size);
    receiver.push(&sender.to_transmit()[..n]);
    sender.transmitted(n);
    while receiver.advance() == Progress::Ready {
        seen.push(match receiver.event() {
            Ok(Some(Event::Message(Message::Text(text)))) => Seen::Text(text.into_owned()),
            Ok(Some(Event::Message(Message::Binary(data)))) => Seen::Binary(data.into_owned()),
            Ok(Some(Event::Ping(data))) => Seen::Ping(data.into()),
            Ok(Some(Event::Pong(data))) => Seen::Pong(data.into()),
            Ok(Some(Event::Close(Some(frame)))) => Seen::Close(frame.code.get(), frame.reason.into_owned()),
            Ok(None) => break,
            other => panic!("{other:?}"),
        });
    }
}

/// A new key for every frame; xorshift will do where nobody is attacked.
fn keys() -> Box<dyn FnMut() -> [u8; 4] + Send> {
    let mut state = 0x9e37_79b9u32;
    Box::new(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()
    })
}
