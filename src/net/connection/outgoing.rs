//! Everything on its way out of one connection: who writes, when, and what happens when the network is full.
//!
//! Any thread may send. The lock guards memory only and is never held across a system call:
//!
//! ```text
//!  write ─▶ encode into `pending` ─▶ somebody writing? ── yes ─▶ done, it will carry these bytes too
//!                                          │ no
//!                                          ▼ at the next flush
//!            ┌── become the writer: take `pending`, unlock, send without blocking, lock ◀─┐
//!            │                                                                            │
//!            ├─ all sent, more pending ───────────────────────────────────────────────────┘
//!            ├─ all sent, nothing pending: done
//!            └─ the network is full: the rest becomes the `Backlog`, and `drain` takes over
//! ```
//!
//! So a healthy connection costs one system call for a burst of messages from any number of threads, and has no
//! thread of its own for sending.
//!
//! For the next editor: the rules of the protocol are in [`Output`]; here is only who calls send.

use super::backlog::Backlog;
use super::flush::{self, Flush};
use super::loss::Loss;
use super::received::Received;
use super::spare;
use super::sync::{AtomicBool, Condvar, Mutex, MutexGuard};
use crate::error::{Error, ProtocolError};
use crate::net::wire::transport::{Transport, send_now};
use crate::proto::{
    Burst, CloseCode, CloseEvent, Event, Message, Output, ReadyState, SharedFrame, payload_behind,
};
use crate::{Config, Overflow, Role};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// The sending side of a connection, shared by its receiver, all its senders, and its drain thread.
pub(crate) struct Outgoing {
    pub transport: Arc<dyn Transport>,
    pub config: Arc<Config>,
    pub role: Role,
    pub(super) keeper: Box<dyn Keeper>,
    state: Mutex<State>,
    /// The messages that have come. They are the reader's, and kept where a server can read them.
    pub received: Received,
    /// The backlog shrank, or the connection ended.
    changed: Condvar,
    /// A Close of ours has been queued. A hint for the reader, which must not take the lock at every read.
    pub(super) closing: AtomicBool,
    /// The same for `State::draining`.
    draining: AtomicBool,
    /// TCP has been ended.
    pub(super) shut_down: AtomicBool,
}

pub(super) struct State {
    pub output: Output,
    /// Somebody is in a system call with a batch of ours.
    pub writing: bool,
    /// Payload of messages in that batch.
    pub in_flight: usize,
    pub backlog: Backlog,
    /// Messages that a full queue has cost, ever.
    pub dropped: u64,
    /// Everything goes through the backlog.
    pub draining: bool,
    /// In an event loop: the handler has met a queue of so many bytes, for which it would have waited. 0 if not.
    pub met_full: usize,
    /// When the network last took something of the backlog.
    pub last_progress: Option<Instant>,
    /// The thread that has promised to flush `pending`; 0 for none.
    promised_by: u64,
    /// When the closing handshake has to be over; set with our Close.
    pub close_deadline: Option<Instant>,
    /// Why the connection was lost, if it was.
    pub loss: Option<Loss>,
    /// A [`MessageWriter`](crate::MessageWriter) is at work.
    has_writer: bool,
    /// Threads that wait for `changed`; waking nobody is a system call too.
    waiting: usize,
}

/// When something that is queued leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Now,
    /// With the next flush, which this thread promises.
    WithFlush,
}

/// Whoever keeps what time decides about a connection.
pub(in crate::net) trait Keeper: Send + Sync {
    /// There is a backlog: call [`drain_some`](Outgoing::drain_some) until it is gone.
    fn drain(&self, outgoing: &Arc<Outgoing>) -> io::Result<()>;

    /// A Close was sent, perhaps not by the reader, which may be blocked and knows nothing of the close deadline then:
    /// see to [`keep_close_deadline`](Outgoing::keep_close_deadline).
    fn watch_close(&self, outgoing: &Arc<Outgoing>);
}

/// What to do when a queue is full: `overflow` decides when `max_backlog` bytes wait for the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub overflow: Overflow,
    pub max_backlog: usize,
}

impl Outgoing {
    pub fn new(
        transport: Arc<dyn Transport>,
        config: Arc<Config>,
        role: Role,
        output: Output,
        keeper: Box<dyn Keeper>,
    ) -> Arc<Outgoing> {
        Arc::new(Outgoing {
            transport,
            config,
            role,
            keeper,
            state: Mutex::new(State {
                output,
                writing: false,
                in_flight: 0,
                backlog: Backlog::default(),
                dropped: 0,
                draining: false,
                met_full: 0,
                last_progress: None,
                promised_by: 0,
                close_deadline: None,
                loss: None,
                has_writer: false,
                waiting: 0,
            }),
            received: Received::default(),
            changed: Condvar::new(),
            closing: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            shut_down: AtomicBool::new(false),
        })
    }

    /// Queues a message, or sends a large one from where it is.
    #[inline]
    pub fn message(
        self: &Arc<Self>,
        policy: Policy,
        message: &Message<'_>,
        leave: Leave,
    ) -> Result<(), Error> {
        let Some(mut state) = self.admit(policy)? else { return Ok(()) };
        if message.len() >= LARGE && !state.writing && !state.draining && state.output.header_of(message)? {
            self.send_pending(state, message.as_bytes());
            return Ok(());
        }
        state.output.message(message)?;
        self.queued(state, true, leave);
        Ok(())
    }

    /// Queues a message that was encoded before.
    pub fn shared(self: &Arc<Self>, policy: Policy, frame: &SharedFrame, leave: Leave) -> Result<(), Error> {
        let Some(mut state) = self.admit(policy)? else { return Ok(()) };
        state.output.shared(frame)?;
        self.queued(state, true, leave);
        Ok(())
    }

    /// Sends several messages that were encoded before, without a copy if they can leave now.
    pub fn burst(self: &Arc<Self>, policy: Policy, burst: &Burst) -> Result<(), Error> {
        let mut state = self.lock();
        if !state.writing
            && !state.draining
            && let Some(bytes) = state.output.as_it_is(burst)?
        {
            self.send_pending(state, bytes);
            return Ok(());
        }
        drop(state);
        burst.frames().iter().try_for_each(|frame| self.shared(policy, frame, Leave::Now))
    }

    /// Queues one fragment of a message. It is never dropped.
    pub fn fragment(
        self: &Arc<Self>,
        policy: Policy,
        part: &Message<'_>,
        fin: bool,
        of_writer: bool,
    ) -> Result<(), Error> {
        let Some(mut state) = self.admit(policy)? else { return Ok(()) };
        // RFC 6455 §5.4/f
        if state.has_writer != of_writer {
            return Err(Error::MessageInProgress);
        }
        state.output.fragment(part, fin)?;
        self.queued(state, false, Leave::WithFlush);
        Ok(())
    }

    /// From now on until [`end_fragments`](Self::end_fragments), fragments are a writer's.
    pub fn begin_fragments(&self) -> Result<(), Error> {
        let mut state = self.lock();
        if !state.output.is_open() {
            return Err(Error::NotOpen(state.output.closing.ready_state()));
        }
        // RFC 6455 §5.4/f
        if state.has_writer || state.output.is_fragmenting() {
            return Err(Error::MessageInProgress);
        }
        state.has_writer = true;
        Ok(())
    }

    pub fn end_fragments(&self) {
        self.lock().has_writer = false;
    }

    /// Locks, to queue a message if the policy lets it in; `None` if it is to be dropped.
    #[inline]
    fn admit(self: &Arc<Self>, policy: Policy) -> Result<Option<MutexGuard<'_, State>>, Error> {
        // RFC 6455 §6.1/b: a frame and a Close are encoded under this one lock, so neither breaks into the other.
        let mut state = self.lock();
        if state.draining {
            if state.backlog.size() >= policy.max_backlog && state.output.is_open() {
                let Some(with_room) = self.make_room(state, policy)? else { return Ok(None) };
                state = with_room;
            }
            if state.draining {
                // It may be dropped before it is sent, or what came before it may.
                state.output.forget_context();
            }
        }
        if state.output.pending.capacity() == 0 {
            state.output.pending = spare::take();
        }
        Ok(Some(state))
    }

    /// Sends a control frame: it is never dropped and never waits.
    pub fn control(
        self: &Arc<Self>,
        encode: impl FnOnce(&mut Output) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        encode(&mut state.output)?;
        self.queued(state, false, Leave::Now);
        Ok(())
    }

    /// Nothing leaves before [`release`](Self::release), for somebody is writing the response of the handshake. Meanwhile
    /// the connection may be made known: a Close for it will wait its turn.
    pub fn hold(&self) {
        self.lock().writing = true;
    }

    /// The response has left, and what was queued meanwhile follows.
    pub fn release(self: &Arc<Self>) {
        let mut state = self.lock();
        state.writing = false;
        self.send_pending(state, &[]);
    }

    /// Sends what is queued, or leaves it to the thread that is sending already.
    pub fn flush(self: &Arc<Self>) {
        self.send_pending(self.lock(), &[]);
    }

    /// Answers what came from the peer as the protocol wants it. Called by the reader, never blocks.
    #[inline]
    pub fn on_event(self: &Arc<Self>, event: &Event<'_>) {
        if matches!(event, Event::Message(_) | Event::Pong(_)) {
            return; // nothing is owed, so no lock either
        }
        let mut state = self.lock();
        let stuck = state.draining;
        state.output.on_event(event, stuck);
        // Pongs may wait for their neighbours, the answer to a Close has none.
        let leave = if matches!(event, Event::Close(_)) { Leave::Now } else { Leave::WithFlush };
        self.queued(state, false, leave);
    }

    /// Tells the peer that it broke the protocol.
    pub fn on_failure(self: &Arc<Self>, error: ProtocolError) {
        let mut state = self.lock();
        state.output.on_failure(error);
        self.queued(state, false, Leave::Now);
        // A server's half is closed by now. A client waits for that, until its receiver is dropped or the time is up.
        if self.role == Role::Client {
            self.keeper.watch_close(self);
        }
    }

    /// Sends a Close of our own making, if none was sent before.
    pub fn close_with(self: &Arc<Self>, code: CloseCode, reason: &'static str) {
        let mut state = self.lock();
        state.output.close_with(code, reason);
        self.queued(state, false, Leave::Now);
    }

    pub fn ready_state(&self) -> ReadyState {
        self.lock().output.closing.ready_state()
    }

    pub fn close_event(&self) -> CloseEvent {
        self.lock().output.closing.close_event()
    }

    pub fn buffered_amount(&self) -> usize {
        let state = self.lock();
        state.buffered_amount() + state.output.refused_payload
    }

    /// Gives back memory that a burst has left behind.
    pub fn release_memory(&self) {
        let mut state = self.lock();
        state.output.release_memory();
        spare::release();
    }

    /// After something was encoded: into the backlog, out at once, or with the next flush of this thread.
    #[inline]
    fn queued<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>, droppable: bool, leave: Leave) {
        if state.output.closing.sent && state.close_deadline.is_none() {
            state.close_deadline = Some(Instant::now() + self.config.close_timeout);
            self.closing.store(true, Ordering::Release);
        }
        // RFC 6455 §2.1/a
        if state.draining {
            state.pending_to_backlog(droppable);
        } else if leave == Leave::Now || state.output.pending.len() >= BATCH {
            self.send_pending(state, &[]);
        } else if state.promised_by != flush::this_thread() && !state.output.pending.is_empty() {
            state.promised_by = flush::this_thread();
            drop(state);
            flush::promise(self.clone());
        }
    }

    /// Becomes the writer, unless there is one. `tail` goes behind what is pending, and is copied only if the network is
    /// full; with a tail nobody else may be writing.
    fn send_pending<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>, mut tail: &[u8]) {
        if state.writing || state.draining {
            return;
        }
        // RFC 6455 §5.4/e §6.1/h
        while !(state.output.pending.is_empty() && tail.is_empty()) && state.loss.is_none() {
            let mut batch = std::mem::take(&mut state.output.pending);
            state.in_flight = std::mem::take(&mut state.output.pending_payload);
            state.writing = true;
            drop(state);
            let sent = send_now(&*self.transport, &batch, tail);
            state = self.lock();
            state.writing = false;
            match sent {
                Ok(n) if n == batch.len() + tail.len() => {
                    state.in_flight = 0;
                    tail = &[];
                    spare::put(batch);
                }
                Ok(n) => {
                    batch.extend_from_slice(tail);
                    let payload = if n == 0 { state.in_flight } else { payload_behind(&batch, n) };
                    state.in_flight = 0;
                    batch.drain(..n);
                    state.backlog.push(batch.into(), payload, false);
                    return self.start_drain(state);
                }
                Err(error) => return self.lose_now(state, Loss::Io(error.kind())),
            }
        }
        if state.output.closing.sent {
            self.after_last_words(state);
        }
    }

    /// A number that no other connection has at the time.
    pub fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether the handler has met a full queue, and there is no room yet: it should have nothing more to answer.
    #[cfg(feature = "event-loop")]
    #[inline]
    pub fn is_full(&self) -> bool {
        self.is_draining() && self.lock().is_full()
    }

    /// Whether there is a backlog. A hint, as cheap as it gets.
    #[cfg(feature = "event-loop")]
    #[inline]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(super) fn set_draining(&self, state: &mut State, draining: bool) {
        state.draining = draining;
        self.draining.store(draining, Ordering::Release);
    }

    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait<'a>(&self, mut state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        state.waiting += 1;
        let mut state = self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0;
        state.waiting -= 1;
        state
    }

    /// Unlocks, and wakes whoever waits for a change.
    pub(super) fn announce(&self, state: MutexGuard<'_, State>) {
        if state.waiting > 0 {
            drop(state);
            self.changed.notify_all();
        }
    }
}

impl Flush for Outgoing {
    fn keep_promise(self: Arc<Self>) {
        let mut state = self.lock();
        if state.promised_by == flush::this_thread() {
            state.promised_by = 0;
        }
        self.send_pending(state, &[]);
    }
}

impl State {
    #[cfg(feature = "event-loop")]
    fn is_full(&mut self) -> bool {
        if self.backlog.size() < self.met_full {
            self.met_full = 0;
        }
        self.met_full > 0
    }

    /// The payload that is queued and not handed to the network.
    pub fn buffered_amount(&self) -> usize {
        let held = self.output.held_payload();
        self.output.pending_payload + self.in_flight + self.backlog.payload() + held
    }

    pub fn pending_to_backlog(&mut self, droppable: bool) {
        if !self.output.pending.is_empty() {
            let pending = std::mem::take(&mut self.output.pending);
            let payload = std::mem::take(&mut self.output.pending_payload);
            // A copy of its size: the buffer may have room for much more, which nobody would count.
            self.backlog.push(pending.as_slice().into(), payload, droppable);
            spare::put(pending);
        }
    }
}

/// A payload of this size is sent from where it is: a system call costs no more than the copy that would save it.
const LARGE: usize = 16 << 10;

/// A write that has gathered this much is sent without waiting for the flush; a drain thread sends this much at once.
pub(super) const BATCH: usize = 64 << 10;
