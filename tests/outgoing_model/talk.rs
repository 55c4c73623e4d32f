//! What every model is made of: an open connection, threads that say things on it, and the check of what arrived.

use super::frame::{CLOSE, Frame, PING, PONG, TEXT};
use super::network::Network;
use crate::handshake::ServerOptions;
use crate::{Config, Error, Receiver, Sender, accept_with};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Runner, thread};
use std::sync::Arc;
use std::time::Duration;

/// Runs `model` under a few thousand schedules.
pub fn explore(model: fn()) {
    let runs = std::env::var("MODEL_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number"));
    let mut config = shuttle::Config::new();
    config.stack_size = 256 << 10;
    Runner::new(RandomScheduler::new(runs / 2), config.clone()).run(model);
    Runner::new(PctScheduler::new(CHANGES, runs / 2), config).run(model);
}

/// No deadline passes, and silence is no reason to do anything.
pub fn config() -> Config {
    let for_ever = Duration::from_secs(1 << 30);
    Config {
        ping_interval: None,
        message_timeout: None,
        handshake_timeout: for_ever,
        write_timeout: for_ever,
        close_timeout: for_ever,
        ..Config::default()
    }
}

/// A server's end of a connection on a network that holds `capacity` bytes.
pub fn open(capacity: usize, config: &Config) -> (Arc<Network>, Receiver, Sender) {
    let network = Network::new();
    let (ws, _) = accept_with(network.clone(), &ServerOptions::default(), config).expect("a handshake");
    network.begin(capacity);
    let (receiver, sender) = ws.split();
    (network, receiver, sender)
}

/// What one thread has said, and what came of it.
pub type Said = Vec<(String, Result<(), Error>)>;

pub struct Talk(thread::JoinHandle<Said>);

/// A thread says `count` things in its own name.
pub fn talk(
    name: char,
    count: usize,
    sender: &Sender,
    say: impl Fn(&Sender, &str) -> Result<(), Error> + Send + 'static,
) -> Talk {
    let sender = sender.clone();
    Talk(thread::spawn(move || {
        let texts = (0..count).map(|number| format!("{name}{number}{name}{name}"));
        texts.map(|text| (text.clone(), say(&sender, &text))).collect()
    }))
}

impl Talk {
    pub fn end(self) -> Said {
        self.0.join().unwrap()
    }
}

/// Checks what the network took: whole frames, of each thread what it said in its order, one Close at most, nothing behind
/// it. If `clean`, then everything whose sending was Ok is there. Gives the frames.
#[track_caller]
pub fn arrived(network: &Network, said: &[Said], clean: bool) -> Vec<Frame> {
    let (frames, rest) = network.frames();
    let all: Vec<&(String, Result<(), Error>)> = said.iter().flatten().collect();
    for frame in &frames {
        assert!(frame.mask.is_none() && frame.rsv == 0, "{frame:?}");
        let known = match frame.opcode {
            TEXT | PING if frame.fin => all.iter().any(|(text, _)| text.as_bytes() == frame.payload),
            CLOSE | PONG => true,
            _ => frame.payload.iter().all(|byte| *byte == b'w'),
        };
        assert!(known, "nobody sent {frame:?}");
    }
    said.iter().for_each(|said| arrived_in_order(&frames, said, clean));
    let close = frames.iter().position(|frame| frame.opcode == CLOSE);
    assert!(
        close.is_none_or(|at| at + 1 == frames.len() && rest.is_empty()),
        "a Close is the last: {frames:?}"
    );
    assert!(!clean || close.is_some() && rest.is_empty(), "a clean end: {frames:?} {rest:?}");
    let begins = |frame: Frame| frame.bytes().starts_with(&rest);
    let known = all.iter().any(|(text, _)| begins(Frame::text(text)) || begins(Frame::ping(text)));
    let known = known || rest.starts_with(&[0x80 | CLOSE]) || rest.is_empty();
    assert!(known, "nobody sent {}", rest.escape_ascii());
    frames
}

/// Of one thread: all that was sent if `clean`, otherwise some of it; in order, once.
#[track_caller]
fn arrived_in_order(frames: &[Frame], said: &Said, clean: bool) {
    let is_its = |frame: &&Frame| said.iter().any(|(text, _)| text.as_bytes() == frame.payload);
    let its: Vec<_> = frames.iter().filter(is_its).map(|frame| &*frame.payload).collect();
    let mut sent = said.iter().filter(|(_, result)| result.is_ok()).map(|(text, _)| text.as_bytes());
    if clean {
        assert_eq!(its, sent.collect::<Vec<_>>(), "all that was sent, in order, once");
    } else {
        assert!(its.iter().all(|its| sent.any(|sent| sent == *its)), "in order, once: {its:?} of {said:?}");
    }
}

/// Schedules for each test.
const RUNS: usize = 4000;

/// How often PCT interrupts a thread where it need not.
const CHANGES: usize = 3;
