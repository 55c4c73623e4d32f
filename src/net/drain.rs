//! When the network is full: nobody who sends is blocked by it, and nobody's memory is filled by it.
//!
//! ```text
//!   the rest of a batch ─▶ Backlog ─▶ drain thread: a blocking send, again and again ─▶ gone: the thread ends
//!                            ▲  └─ full? Overflow: wait, disconnect, drop the newest or the oldest
//!   everything after it ─────┘
//! ```
//!
//! The drain thread exists only while there is a backlog. It blocks where no user can be blocked, keeps the write timeout,
//! and sends the one pong that is owed (§5.5.3) before the rest of the backlog.
//!
//! For the next editor: this is the second half of `outgoing`, whose state it shares. Another driver (an event loop)
//! replaces `start_drain` by waiting for writability, and nothing else.

use super::flush;
use super::outgoing::{BATCH, HELPER_STACK, Loss, Outgoing, State};
use super::transport::{is_timeout, send_all};
use crate::Overflow;
use crate::error::{Error, Timeout};
use std::sync::{Arc, MutexGuard};
use std::thread;

impl Outgoing {
    /// What is pending, and all that follows, goes through the backlog from now on.
    pub(super) fn start_drain(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        state.draining = true;
        state.pending_to_backlog(false);
        drop(state);
        let outgoing = self.clone();
        let drain = move || outgoing.drain();
        let spawned = thread::Builder::new().name("ws-drain".into()).stack_size(HELPER_STACK).spawn(drain);
        if let Err(error) = spawned {
            self.cut(Loss::Io(error.kind()));
        }
    }

    /// The drain thread: sends the backlog, blocking, until it is gone or the network has taken nothing for the write
    /// timeout.
    fn drain(self: Arc<Self>) {
        let _ = self.transport.set_send_timeout(Some(self.config.write_timeout));
        let mut batch = Vec::new();
        loop {
            let mut state = self.lock();
            batch.clear();
            state.in_flight = state.backlog.take(&mut batch, BATCH);
            // A batch ends with a whole frame, so the pong can go next, before the rest of the backlog.
            state.output.settle_pong();
            batch.append(&mut state.output.pending);
            if batch.is_empty() || state.loss.is_some() {
                state.draining = false;
                state.output.forget_context();
                return self.after_last_words(state);
            }
            self.announce(state);
            if let Err(error) = send_all(&*self.transport, &batch) {
                self.lock().draining = false;
                return self.cut(match is_timeout(&error) {
                    true => Loss::Timeout(Timeout::Write),
                    false => Loss::Io(error.kind()),
                });
            }
        }
    }

    /// Applies `overflow` to a full backlog. `None` if the new message is to be dropped.
    pub(super) fn make_room<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State>,
        overflow: Overflow,
        max_backlog: usize,
    ) -> Result<Option<MutexGuard<'a, State>>, Error> {
        match overflow {
            Overflow::DropNewest => return Ok(None),
            Overflow::DropOldest => {
                while state.backlog.bytes() >= max_backlog && state.backlog.drop_oldest() {}
            }
            Overflow::Disconnect => {
                drop(state);
                self.cut(Loss::BacklogFull);
                return Err(Error::BacklogFull);
            }
            Overflow::Wait => {
                // Never wait with unsent output of this thread.
                drop(state);
                flush::flush_this_thread();
                state = self.lock();
                // The drain thread keeps the write timeout; this wait ends with its success or its failure.
                while state.draining && state.backlog.bytes() >= max_backlog && state.loss.is_none() {
                    state = self.wait(state, self.config.write_timeout);
                }
            }
        }
        Ok(Some(state))
    }
}
