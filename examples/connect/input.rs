//! Standard input becomes messages.
//!
//! As text, each line is a message. With `--binary`, whatever one read gives is a message, 64 KiB at most: from a
//! terminal that is a line with its line feed; from a pipe it may be cut anywhere, and nothing is lost or added. At the end
//! of the input the connection is closed with 1000.
//!
//! A thread reads the input, another one may send pings, and Ctrl-C is a third. They all send on the connection that is
//! open now, which is what a [`Line`] knows.

use clearsocket::{Message, ReadyState, Sender};
use std::io::{BufRead, Read, stdin};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The connection that is open now, if there is one.
#[derive(Default)]
pub struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    sender: Option<Sender>,
    /// Nothing more will be sent, on this connection or another.
    over: bool,
    /// What is wrong with the input.
    problem: Option<String>,
}

impl Line {
    pub fn open(&self, sender: Sender) {
        let mut state = self.lock();
        if state.over {
            let _ = sender.close(1000, "");
        }
        state.sender = Some(sender);
        self.changed.notify_all();
    }

    /// The connection has ended, or there was none. Gives what was wrong with the input.
    pub fn ended(&self) -> Option<String> {
        let mut state = self.lock();
        state.sender = None;
        state.problem.take()
    }

    /// Whether nothing more will be sent.
    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Waits for so long; `true` if by then nothing more is to be sent.
    pub fn wait(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |state| !state.over);
        waited.unwrap_or_else(PoisonError::into_inner).0.over
    }

    /// Closes the connection that is open, or the next one; `false` if none is open.
    pub fn close(&self) -> bool {
        let mut state = self.lock();
        state.over = true;
        if let Some(sender) = &state.sender {
            let _ = sender.close(1000, "");
        }
        self.changed.notify_all();
        state.sender.is_some()
    }

    /// Sends a message on the connection that is open, or else on the next one; `false` when nothing more is to be sent.
    fn send<'a>(&self, message: impl Into<Message<'a>>) -> bool {
        let message = message.into();
        while let Some(sender) = self.sender() {
            if sender.send(&message).is_ok() {
                return true;
            }
        }
        false
    }

    /// Closes, and does not wait for long: what has not left by then is lost. `false` if no connection is open.
    pub fn close_soon(self: &Arc<Self>) -> bool {
        let line = self.clone();
        thread::spawn(move || {
            thread::sleep(SOON);
            line.lock().sender.iter().for_each(Sender::abort);
        });
        self.close()
    }

    /// Waits until a connection is open; `None` when nothing more is to be sent.
    fn sender(&self) -> Option<Sender> {
        let is_open = |sender: &&Sender| sender.ready_state() == ReadyState::Open;
        let mut state = self.lock();
        while !state.over {
            if let Some(sender) = state.sender.as_ref().filter(is_open) {
                return Some(sender.clone());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends standard input, then closes.
pub fn send_input(line: &Line, binary: bool) {
    let result = if binary { send_blocks(line) } else { send_lines(line) };
    line.lock().problem = result.err().map(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => "standard input is not UTF-8; --binary sends it as it is".into(),
        _ => format!("standard input: {error}"),
    });
    // A Close has a deadline. What was sent before it shall arrive, through a slow network too.
    while line.sender().is_some_and(|sender| sender.buffered_amount() > 0) {
        thread::sleep(MOMENT);
    }
    line.close();
}

fn send_lines(line: &Line) -> std::io::Result<()> {
    for text in stdin().lock().lines() {
        if !line.send(text?) {
            break;
        }
    }
    Ok(())
}

fn send_blocks(line: &Line) -> std::io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        let n = stdin().lock().read(&mut block)?;
        if n == 0 || !line.send(&block[..n]) {
            return Ok(());
        }
    }
}

/// Sends a ping every so often. Its payload is the time since `start`, so that the pong tells how long both were on the
/// way.
pub fn send_pings(line: &Line, every: Duration, start: Instant) {
    while let Some(sender) = line.sender() {
        let _ = sender.ping(&(start.elapsed().as_micros() as u64).to_be_bytes());
        thread::sleep(every);
    }
}

/// How long ago the ping was sent that this pong answers; `None` if it was none of ours.
pub fn round_trip(pong: &[u8], start: Instant) -> Option<Duration> {
    let sent = Duration::from_micros(u64::from_be_bytes(pong.try_into().ok()?));
    start.elapsed().checked_sub(sent)
}

const BLOCK: usize = 64 << 10;

const MOMENT: Duration = Duration::from_millis(10);

/// Long enough for a server that listens.
const SOON: Duration = Duration::from_secs(2);
