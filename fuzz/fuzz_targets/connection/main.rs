//! Invariant: whatever a user does and whatever a peer sends, in any order and cut anywhere, a connection does what two
//! naive books say. `receiver` says what the user sees of the bytes, `sender` which frames go out and what that makes of
//! the state: it only moves forward, there is one Close and no data behind it, a Close and every ping are answered, a
//! breach is told to the peer, and the buffered amount adds up (RFC 6455 §5 to §8.1, RFC 7692 §6 and §7).

#![no_main]

#[path = "../common.rs"]
mod common;
#[path = "../../../tests/common/deflate.rs"]
mod deflate;
#[path = "../peer.rs"]
mod peer;
mod receiver;
mod sender;

use arbitrary::Arbitrary;
use clearsocket::compression::Context;
use clearsocket::proto::{Connection, Progress};
use clearsocket::{Agreement, Config, Deflate, Role};
use common::frame::{PING, PONG};
use common::{Frame, Seen, connection_with};
use deflate::Zip;
use libfuzzer_sys::fuzz_target;
use peer::{Code, Payload, PeerFrame};
use receiver::{Known, Receiver};
use sender::Sender;

#[derive(Arbitrary, Debug)]
struct Input {
    is_client: bool,
    /// Limits so small that they are met.
    small: bool,
    deflate: Option<Parameters>,
    commands: Vec<Command>,
}

#[derive(Arbitrary, Debug)]
struct Parameters {
    no_takeover: [bool; 2],
    window_bits: [u8; 2],
    threshold: u8,
}

#[derive(Arbitrary, Debug)]
enum Command {
    // The user's.
    Text(String),
    Binary(Payload),
    Fragment(String, bool),
    BinaryFragment(Payload, bool),
    Ping(Payload),
    Pong(Payload),
    Close(Code, String),
    /// Sees so many events.
    Poll(u8),
    // The peer's.
    Frame(PeerFrame),
    Bytes(Vec<u8>),
    /// A compressed message in so many fragments.
    Zipped(bool, Payload, u8),
    // The network's.
    Deliver(u8),
    DeliverAll,
    /// The same with `recv_space` and `received`.
    Fill(u8),
    Transmit(u16),
    TransmitAll,
    Eof,
}

struct Agreed {
    agreement: Agreement,
    options: Deflate,
}

fuzz_target!(|input: Input| {
    let mut run = Run::new(&input);
    for command in &input.commands {
        run.perform(command);
    }
    run.finish();
});

struct Run {
    role: Role,
    connection: Connection,
    receiver: Receiver,
    sender: Sender,
    /// How the peer compresses, if it may, and its compressor once it did.
    compresses: Option<Context>,
    zip: Option<Zip>,
    /// What the peer has sent and the connection has not received.
    network: Vec<u8>,
    received: usize,
    seen: usize,
    ended: bool,
}

impl Run {
    fn new(input: &Input) -> Run {
        let role = if input.is_client { Role::Client } else { Role::Server };
        let config = config(input.small);
        let agreed = input.deflate.as_ref().map(Parameters::agreed);
        let mut connection = connection_with(role, &config);
        if let Some(agreed) = &agreed {
            connection = connection.with_deflate(&agreed.agreement, &agreed.options);
        }
        let received_by = agreed.as_ref().map(|agreed| agreed.agreement.received_by(role));
        Run {
            role,
            connection,
            sender: Sender::new(role, &config, agreed.as_ref()),
            receiver: Receiver::new(role, config, received_by),
            compresses: received_by,
            zip: None,
            network: Vec::new(),
            received: 0,
            seen: 0,
            ended: false,
        }
    }

    fn perform(&mut self, command: &Command) {
        let connection = &mut self.connection;
        match command {
            Command::Text(text) => self.sender.send(connection, &text.into()),
            Command::Binary(payload) => self.sender.send(connection, &payload.bytes().into()),
            Command::Fragment(text, fin) => self.sender.fragment(connection, &text.into(), *fin),
            Command::BinaryFragment(payload, fin) => {
                self.sender.fragment(connection, &payload.bytes().into(), *fin);
            }
            Command::Ping(payload) => self.sender.ping_or_pong(connection, PING, &payload.bytes()),
            Command::Pong(payload) => self.sender.ping_or_pong(connection, PONG, &payload.bytes()),
            Command::Close(code, reason) => self.sender.close(connection, code.get(), reason),
            Command::Poll(times) => {
                let _left = (0..*times).all(|_| self.poll());
            }
            Command::Frame(frame) => self.network.extend(frame.frame(self.role).bytes()),
            Command::Bytes(bytes) => self.network.extend(bytes),
            Command::Zipped(is_text, payload, frames) => self.send_zipped(*is_text, payload.bytes(), *frames),
            Command::Deliver(n) => self.deliver(*n as usize),
            Command::DeliverAll => self.deliver(usize::MAX),
            Command::Fill(n) => self.fill(*n as usize),
            Command::Transmit(n) => self.sender.transmit(connection, *n as usize),
            Command::TransmitAll => self.sender.transmit(connection, usize::MAX),
            Command::Eof => {
                self.ended = true;
                self.sender.eof(connection);
            }
        }
    }

    /// Everything that is under way arrives.
    fn finish(&mut self) {
        self.deliver(usize::MAX);
        while self.poll() {}
        assert_eq!(self.seen, self.receiver.len(), "more has come than was seen");
        while !self.connection.to_transmit().is_empty() {
            self.sender.transmit(&mut self.connection, 1 << 14);
        }
    }

    /// Sees one event; `false` if there is none.
    fn poll(&mut self) -> bool {
        if self.connection.advance() == Progress::NeedInput {
            assert_eq!(self.seen, self.receiver.len(), "more has come than was seen");
            return false;
        }
        let seen = match self.connection.event() {
            Ok(Some(event)) => Seen::from(event),
            Ok(None) => return false,
            Err(error) => Seen::Error(error),
        };
        self.receiver.check(self.seen, &seen);
        self.seen += 1;
        self.sender.saw(&self.connection, &seen);
        true
    }

    fn send_zipped(&mut self, is_text: bool, mut plain: Vec<u8>, frames: u8) {
        let Some(context) = self.compresses else { return };
        plain.truncate(5000); // for speed
        let window_bits = context.window_bits.max(9);
        let zip = self.zip.get_or_insert_with(|| Zip::new(Context { window_bits, ..context }));
        let zipped = zip.message(&plain);
        let size = zipped.len().div_ceil(1 + frames as usize % 8);
        let last = zipped.len().div_ceil(size) - 1;
        for (index, piece) in zipped.chunks(size).enumerate() {
            let frame = match (index, is_text) {
                (0, true) => Frame::text(piece).rsv(4),
                (0, false) => Frame::binary(piece).rsv(4),
                _ => Frame::continuation(piece),
            };
            self.network.extend(frame.fin(index == last).sent_to(self.role).bytes());
        }
        self.receiver.knows(Known { zipped, plain });
    }

    fn deliver(&mut self, n: usize) {
        if !self.ended {
            let bytes: Vec<u8> = self.network.drain(..n.min(self.network.len())).collect();
            self.connection.push(&bytes);
            self.receiver.push(&bytes);
            self.received += bytes.len();
        }
    }

    fn fill(&mut self, n: usize) {
        if !self.ended {
            let space = self.connection.recv_space();
            // RFC 6455 §10.4: memory follows what has come, not what was announced.
            assert!(!space.is_empty() && space.len() <= self.received + (128 << 10));
            let n = n.min(space.len()).min(self.network.len());
            let bytes: Vec<u8> = self.network.drain(..n).collect();
            space[..n].copy_from_slice(&bytes);
            self.connection.received(n);
            self.receiver.push(&bytes);
            self.received += n;
        }
    }
}

impl Parameters {
    fn agreed(&self) -> Agreed {
        let context =
            |i: usize| Context { no_takeover: self.no_takeover[i], window_bits: 8 + self.window_bits[i] % 8 };
        let mut options = Deflate::default();
        options.threshold = self.threshold as usize;
        Agreed { agreement: Agreement { server: context(0), client: context(1) }, options }
    }
}

fn config(small: bool) -> Config {
    let mut config = Config::default();
    config.max_backlog = 1 << 16;
    if small {
        config.max_frame_size = 130;
        config.max_message_size = 150;
        config.max_fragments = 5;
        config.max_backlog = 100;
    }
    config
}
