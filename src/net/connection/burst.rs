//! One message to many connections: encoded once, and a burst of them sent with one system call for each.
//!
//! ```text
//!   write_to_all ─▶ same connections as before? ── yes ─▶ behind the others in this thread's open burst
//!                             │ no                            │
//!                             ▼                               ▼  before this thread blocks, or writes anything else
//!                      send that burst, open another        to each connection: the same bytes, from where they are
//! ```
//!
//! So a message costs nothing for each connection, and a burst costs one system call. A connection whose network is
//! full, or that somebody else is writing to, gets its messages one by one into its queue.
//!
//! For the next editor: whatever a thread writes after a burst must come after it, so all of [`Sender`]'s methods call
//! [`before_writing`](super::flush::before_writing) first, which sends the open burst.

use super::flush::{before_writing, set_before_writing};
use super::sender::Sender;
use super::sync::thread_local;
use crate::compression::Deflate;
use crate::proto::{Burst, Message, SharedEncoder, SharedFrame};
use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

thread_local! {
    static OPEN: RefCell<Option<Open>> = const { RefCell::new(None) };
}

/// An encoder has some 310 KiB. One for each thread would be too much; one for each message would leave a hole of that size
/// in the heap, which other things fill before it comes back.
static AT_REST: Mutex<Vec<SharedEncoder>> = Mutex::new(Vec::new());

/// What this thread has written to many, and not sent.
struct Open {
    senders: Arc<Vec<Sender>>,
    except: Option<Sender>,
    burst: Burst,
}

impl Sender {
    /// Queues `message` for all of `senders` but one. It leaves with the next flush of this thread.
    pub(crate) fn write_to_all(senders: &Arc<Vec<Sender>>, except: Option<&Sender>, message: &Message<'_>) {
        // Compressed once for all who take it; the others get it as it is.
        let frame = match senders.iter().find_map(Sender::deflate) {
            Some(options) => compress(message, options),
            None => SharedFrame::new(message),
        };
        let gather = |open: &RefCell<Option<Open>>| {
            let mut open = open.borrow_mut();
            let same = |open: &Open| Arc::ptr_eq(&open.senders, senders) && open.except.as_ref() == except;
            let mut replaced = None;
            if !open.as_ref().is_some_and(same) {
                replaced = open.replace(Open::new(senders.clone(), except.cloned()));
            }
            let full = open.as_mut().is_some_and(|open| open.push(frame.clone()));
            (replaced, full)
        };
        match OPEN.try_with(gather) {
            Ok((replaced, full)) => {
                drop(replaced); // which sends it
                set_before_writing(send_open);
                if full {
                    before_writing();
                }
            }
            Err(_) => {
                // The thread is ending.
                Open::new(senders.clone(), except.cloned()).push(frame);
            }
        }
    }

    /// Sends what this thread has written to many.
    pub(crate) fn flush_burst() {
        before_writing();
    }
}

/// Compresses with an encoder that is at rest, or a new one.
fn compress(message: &Message<'_>, options: &Deflate) -> SharedFrame {
    let at_rest = || AT_REST.lock().unwrap_or_else(PoisonError::into_inner);
    let found = {
        let mut at_rest = at_rest();
        let position = at_rest.iter().position(|encoder| encoder.options() == options);
        position.map(|position| at_rest.remove(position))
    };
    let mut encoder = found.unwrap_or_else(|| SharedEncoder::new(options));
    let frame = encoder.encode(message);
    let mut at_rest = at_rest();
    if at_rest.len() >= MOST_AT_REST {
        at_rest.remove(0); // who rests longest may have options that nobody uses any more
    }
    at_rest.push(encoder);
    frame
}

/// Sends this thread's open burst.
fn send_open() {
    drop(OPEN.try_with(|open| open.borrow_mut().take()));
}

impl Open {
    fn new(senders: Arc<Vec<Sender>>, except: Option<Sender>) -> Open {
        Open { senders, except, burst: Burst::default() }
    }

    /// `true` if it should be sent now.
    fn push(&mut self, frame: SharedFrame) -> bool {
        self.burst.push(frame);
        self.burst.plain().len() >= FULL
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        for sender in self.senders.iter().filter(|sender| Some(*sender) != self.except.as_ref()) {
            // Who cannot be reached is about to leave.
            let _ = sender.send_burst(&self.burst);
        }
    }
}

/// A burst of this many bytes is sent without waiting for a flush.
const FULL: usize = 64 << 10;

/// As many encoders are kept as threads may well compress at the same time.
const MOST_AT_REST: usize = 8;
