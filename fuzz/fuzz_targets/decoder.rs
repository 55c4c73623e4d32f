//! Invariant: however the network cuts a peer's bytes, both roles see the same events and send the same
//! answer; there is never a panic, never more than one event for two bytes, nothing after the end, and
//! every frame that is sent in answer is one that the other role accepts (RFC 6455 §6.2, §7.1.7, §10.7).

#![no_main]

use arbitrary::Arbitrary;
use clearsocket::proto::{Connection, Decoder, Event, Progress};
use clearsocket::{Config, Message, ProtocolError, Role};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    is_client: bool,
    /// Limits so small that they are met.
    small: bool,
    /// The sizes of the pieces, over and over.
    sizes: Vec<u8>,
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let whole = Run::new(&input, &[usize::MAX]);
    let bytewise = Run::new(&input, &[1]);
    let mut sizes: Vec<usize> = input.sizes.iter().map(|size| 1 + *size as usize).collect();
    sizes.push(7);
    let pieces = Run::new(&input, &sizes);
    assert_eq!(whole, bytewise);
    assert_eq!(whole, pieces);
    whole.check(&input);
});

#[derive(Debug, PartialEq)]
enum Seen {
    Message(Message<'static>),
    Control(u8, Vec<u8>),
    Close(Option<(u16, String)>),
    Error(ProtocolError),
}

#[derive(Debug, PartialEq)]
struct Run {
    seen: Vec<Seen>,
    sent: Vec<u8>,
}

impl Run {
    fn new(input: &Input, sizes: &[usize]) -> Run {
        let config = config(input.small);
        let mut connection = match input.is_client {
            true => Connection::client(&config, Box::new(|| [1, 2, 3, 4])),
            false => Connection::server(&config),
        };
        let mut run = Run { seen: Vec::new(), sent: Vec::new() };
        let mut rest = &input.bytes[..];
        for size in sizes.iter().cycle() {
            let (mut piece, behind) = rest.split_at(rest.len().min(*size));
            rest = behind;
            while !piece.is_empty() {
                let space = connection.recv_space();
                assert!(!space.is_empty() && space.len() <= input.bytes.len() + (128 << 10));
                let n = space.len().min(piece.len());
                space[..n].copy_from_slice(&piece[..n]);
                connection.received(n);
                piece = &piece[n..];
                run.drain(&mut connection);
            }
            if rest.is_empty() {
                break;
            }
        }
        run.sent.extend_from_slice(connection.to_transmit());
        run
    }

    fn drain(&mut self, connection: &mut Connection) {
        while connection.advance() == Progress::Ready {
            let seen = match connection.event() {
                Ok(Some(Event::Message(message))) => Seen::Message(message.into_owned()),
                Ok(Some(Event::Ping(data))) => Seen::Control(9, data.into()),
                Ok(Some(Event::Pong(data))) => Seen::Control(10, data.into()),
                Ok(Some(Event::Close(frame))) => {
                    Seen::Close(frame.map(|frame| (frame.code.get(), frame.reason.into_owned())))
                }
                Ok(None) => break,
                Err(error) => Seen::Error(error),
            };
            self.seen.push(seen);
        }
    }

    fn check(&self, input: &Input) {
        assert!(self.seen.len() <= input.bytes.len() / 2 + 1);
        let is_end = |seen: &Seen| matches!(seen, Seen::Close(_) | Seen::Error(_));
        let ends = self.seen.iter().filter(|seen| is_end(seen)).count();
        assert!(ends == 0 || (ends == 1 && self.seen.last().is_some_and(is_end)));

        // The answer, as its receiver sees it.
        let role = if input.is_client { Role::Server } else { Role::Client };
        let mut decoder = Decoder::new(role, &Config::default());
        decoder.push(&self.sent);
        let mut closes = 0;
        while decoder.advance() == Progress::Ready {
            match decoder.event() {
                Ok(Some(Event::Close(_))) => closes += 1,
                Ok(Some(Event::Pong(_))) => {}
                Ok(None) => break,
                other => panic!("answered with {other:?}"),
            }
        }
        assert_eq!(closes, ends);
    }
}

fn config(small: bool) -> Config {
    let mut config = Config::default();
    if small {
        config.max_frame_size = 130;
        config.max_message_size = 150;
        config.max_fragments = 5;
    }
    config
}
