//! *Never block on reading with unsent output.*
//!
//! `write` queues and promises a flush by the writing thread. Before a thread blocks in a read, in a wait for room,
//! or ends, it keeps all its promises, to whatever connection. So a loop that reads and `write`s makes one system
//! call for a burst of messages, a broadcast makes one for each member, and nobody can forget a flush.

use super::sync::thread_local;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static TURN: Cell<Turn> = const { Cell::new(Turn::OfThread) };
    /// What must be done before this thread writes anything; see [`set_before_writing`].
    static BEFORE: Cell<Option<fn()>> = const { Cell::new(None) };
    static THREAD: Cell<u64> = const { Cell::new(0) };
    static PROMISES: RefCell<Promises> = const { RefCell::new(Promises(Vec::new())) };
}

/// Something that holds what a thread has written.
pub(super) trait Flush {
    /// Sends it, without blocking. The thread that calls this has no promise left.
    fn keep_promise(self: Arc<Self>);
}

/// Whose turn it is in the current thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum Turn {
    /// The thread's own: it may block.
    OfThread,
    /// The connection's with this [`id`](super::outgoing::Outgoing::id), in an event loop, which must not block.
    Of(usize),
}

struct Promises(Vec<Arc<dyn Flush>>);

impl Drop for Promises {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|promised| promised.keep_promise());
    }
}

/// A number for the current thread, never 0.
#[inline]
pub(in crate::net) fn this_thread() -> u64 {
    let number = THREAD.try_with(Cell::get).unwrap_or_default();
    if number != 0 {
        return number;
    }
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let _ = THREAD.try_with(|thread| thread.set(number));
    number
}

/// This thread will flush `what` before it blocks. A thread that is ending already does so at once.
pub(super) fn promise(what: Arc<dyn Flush>) {
    let mut what = Some(what);
    let push = |promises: &RefCell<Promises>| {
        let promises = &mut promises.borrow_mut().0;
        promises.extend(what.take());
        promises.len()
    };
    if PROMISES.try_with(push).is_ok_and(|count| count >= MOST) {
        flush_this_thread(); // it writes and writes, and never reads
    }
    if let Some(what) = what {
        what.keep_promise();
    }
}

/// Whose turn it is.
pub(super) fn turn() -> Turn {
    TURN.try_with(Cell::get).unwrap_or(Turn::OfThread)
}

/// From now on it is somebody else's turn.
#[cfg(feature = "event-loop")]
pub(in crate::net) fn set_turn(turn: Turn) {
    let _ = TURN.try_with(|current| current.set(turn));
}

/// Once, before this thread writes or flushes the next time, `hook` is to be called: for a burst that is gathered for
/// many connections, so that order is kept.
pub(super) fn set_before_writing(hook: fn()) {
    let _ = BEFORE.try_with(|before| before.set(Some(hook)));
}

/// Whether there is such a burst.
#[inline]
pub(super) fn gathers_for_many() -> bool {
    BEFORE.try_with(Cell::get).is_ok_and(|hook| hook.is_some())
}

/// Called before anything is written.
#[inline]
pub(super) fn before_writing() {
    if let Ok(Some(hook)) = BEFORE.try_with(Cell::take) {
        hook();
    }
}

/// Keeps all promises of this thread.
#[inline]
pub(in crate::net) fn flush_this_thread() {
    before_writing();
    flush_connections();
}

/// The same without the burst that is gathered for many: others may still add to that.
#[inline]
pub(in crate::net) fn flush_connections() {
    // RFC 6455 §6.1/h
    let next = || PROMISES.try_with(|promises| promises.borrow_mut().0.pop()).ok().flatten();
    while let Some(promised) = next() {
        promised.keep_promise();
    }
}

/// Promises that a thread may have open.
const MOST: usize = 1 << 16;
