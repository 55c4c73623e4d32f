//! When the network is full: nobody who sends is blocked by it, and nobody's memory is filled by it.
//!
//! ```text
//!   the rest of a batch ─▶ Backlog ─▶ drain_some, whenever there is room ─▶ gone
//!                            ▲  └─ full? Overflow: wait, disconnect, drop the newest or the oldest
//!   everything after it ─────┘
//! ```
//!
//! Who calls `drain_some` when there is room is the [`Keeper`]'s business: a thread that exists only while there is a
//! backlog and blocks where no user can be blocked, or an event loop. The write timeout, and the one pong that is owed
//! (§5.5.3) and goes before the rest of the backlog, are the same for both.
//!
//! For the next editor: this is the second half of `outgoing`, whose state it shares.

use super::flush::{self, Turn};
use super::loss::Loss;
use super::outgoing::{BATCH, Keeper, Outgoing, Policy, State};
use super::sync::{MutexGuard, thread};
use crate::Overflow;
use crate::error::{Error, Timeout};
use crate::net::wire::transport::is_timeout;
use std::io;
use std::sync::Arc;
use std::time::Instant;

/// What has become of the backlog.
pub(in crate::net) enum Drained {
    /// It is gone, or the connection is.
    All,
    /// The network takes no more for now, and has time for that until then.
    Until(Instant),
}

impl Outgoing {
    /// What is pending, and all that follows, goes through the backlog from now on.
    pub(super) fn start_drain(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        self.set_draining(&mut state, true);
        state.pending_to_backlog(false);
        state.last_progress = Some(Instant::now());
        drop(state);
        if let Err(error) = self.keeper.drain(self) {
            self.cut(Loss::Io(error.kind()));
        }
    }

    /// Sends of the backlog what `send` takes. It may block; an error of the kinds of a timeout says that the network is
    /// full.
    pub(in crate::net) fn drain_some(&self, send: impl Fn(&[u8]) -> io::Result<usize>) -> Drained {
        loop {
            let mut state = self.lock();
            if state.backlog.is_between_batches() {
                state.in_flight = state.backlog.next_batch(BATCH);
                // A batch ends with a whole frame, so the pong can go next, before the rest of the backlog.
                state.output.settle_pong();
                let State { backlog, output, .. } = &mut *state;
                backlog.add_to_batch(&mut output.pending);
            }
            let (batch, mut sent) = state.backlog.take_batch();
            if batch.is_empty() || state.loss.is_some() {
                self.set_draining(&mut state, false);
                state.output.forget_context();
                self.after_last_words(state);
                return Drained::All;
            }
            self.announce(state); // there is room
            let result = send(&batch[sent..]);
            state = self.lock();
            let now = Instant::now();
            sent += *result.as_ref().unwrap_or(&0);
            if state.backlog.put_batch(batch, sent) {
                state.in_flight = 0;
            }
            let loss = match result {
                Ok(_) => {
                    state.last_progress = Some(now);
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_timeout(&error) => {
                    let deadline = state.last_progress.unwrap_or(now) + self.config.write_timeout;
                    if now < deadline {
                        return Drained::Until(deadline);
                    }
                    Loss::Timeout(Timeout::Write)
                }
                Err(error) => Loss::Io(error.kind()),
            };
            self.set_draining(&mut state, false);
            self.lose_now(state, loss);
            self.shut_down();
            return Drained::All;
        }
    }

    /// Applies `overflow` to a full backlog. `None` if the new message is to be dropped.
    pub(super) fn make_room<'a>(
        self: &'a Arc<Self>,
        mut state: MutexGuard<'a, State>,
        Policy { overflow, max_backlog }: Policy,
    ) -> Result<Option<MutexGuard<'a, State>>, Error> {
        match overflow {
            Overflow::DropNewest => {
                state.dropped += 1;
                return Ok(None);
            }
            Overflow::DropOldest => {
                while state.backlog.size() >= max_backlog && state.backlog.drop_oldest() {
                    state.dropped += 1;
                }
            }
            Overflow::Disconnect => {
                drop(state);
                self.cut(Loss::BacklogFull);
                return Err(Error::BacklogFull);
            }
            Overflow::Wait => match flush::turn() {
                Turn::OfThread => {
                    // Never wait with unsent output of this thread.
                    drop(state);
                    flush::flush_this_thread();
                    state = self.lock();
                    // The keeper keeps the write timeout; this wait ends with its success or its failure.
                    while state.draining && state.backlog.size() >= max_backlog && state.loss.is_none() {
                        state = self.wait(state, self.config.write_timeout);
                    }
                }
                // An event loop cannot wait here: it stops reading from this connection until there is room.
                Turn::Of(connection) if connection == self.id() => state.met_full = max_backlog.max(1),
                Turn::Of(_) => {
                    drop(state);
                    self.cut(Loss::BacklogFull);
                    return Err(Error::BacklogFull);
                }
            },
        }
        Ok(Some(state))
    }
}

/// A keeper that starts a thread whenever there is something to keep.
pub(super) struct HelperThreads;

impl Keeper for HelperThreads {
    fn drain(&self, outgoing: &Arc<Outgoing>) -> io::Result<()> {
        let outgoing = outgoing.clone();
        start_helper("ws-drain", move || {
            let timeout = outgoing.config.write_timeout;
            let _ = outgoing.transport.set_send_timeout(Some(timeout));
            let send = |bytes: &[u8]| match outgoing.transport.send(bytes) {
                // The system wakes a sender only when a good part of its buffer is free.
                Err(error) if is_timeout(&error) => outgoing.transport.try_send(bytes),
                result => result,
            };
            while let Drained::Until(_) = outgoing.drain_some(send) {}
        })
    }

    fn watch_close(&self, outgoing: &Arc<Outgoing>) {
        let outgoing = outgoing.clone();
        // Without a thread to spare the heartbeat will find the dead connection, only later.
        let _ = start_helper("ws-close", move || outgoing.keep_close_deadline());
    }
}

fn start_helper(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).stack_size(HELPER_STACK).spawn(run).map(drop)
}

/// Enough for threads that only wait and send.
const HELPER_STACK: usize = 64 << 10;
