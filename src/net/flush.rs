//! *Never block on reading with unsent output.*
//!
//! `write` queues and promises a flush by the writing thread. Before a thread blocks in a read, in a wait for room,
//! or ends, it keeps all its promises, to whatever connection. So a loop that reads and `write`s makes one system
//! call for a burst of messages, a broadcast makes one for each member, and nobody can forget a flush.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

thread_local! {
    static THREAD: Cell<u64> = const { Cell::new(0) };
    static PROMISES: RefCell<Promises> = const { RefCell::new(Promises(Vec::new())) };
}

/// Something that holds what a thread has written.
pub(super) trait Flush {
    /// Sends it, without blocking. The thread that calls this has no promise left.
    fn keep_promise(self: Arc<Self>);
}

/// Weak, so that a promise does not hold a connection that everybody else has let go.
struct Promises(Vec<Weak<dyn Flush>>);

impl Promises {
    fn keep(&mut self) {
        self.0.drain(..).filter_map(|what| what.upgrade()).for_each(Flush::keep_promise);
    }
}

impl Drop for Promises {
    fn drop(&mut self) {
        self.keep();
    }
}

/// A number for the current thread, never 0.
#[inline]
pub(super) fn this_thread() -> u64 {
    let number = THREAD.get();
    if number != 0 {
        return number;
    }
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    THREAD.set(number);
    number
}

/// This thread will flush `what` before it blocks. A thread that is ending already does so at once.
pub(super) fn promise(what: Arc<dyn Flush>) {
    let push = |promises: &RefCell<Promises>| {
        let promises = &mut promises.borrow_mut().0;
        promises.push(Arc::downgrade(&what));
        promises.len()
    };
    match PROMISES.try_with(push) {
        Ok(count) if count < MOST => {}
        Ok(_) => flush_this_thread(), // it writes and writes, and never reads
        Err(_) => what.keep_promise(),
    }
}

/// Keeps all promises of this thread.
#[inline]
pub(super) fn flush_this_thread() {
    // RFC 6455 §6.1/h
    let take = || PROMISES.try_with(|promises| std::mem::take(&mut promises.borrow_mut().0));
    let Ok(mut promised) = take().map(Promises) else { return };
    if promised.0.is_empty() {
        return;
    }
    promised.keep();
    // The empty vector goes back, so that its memory serves the next burst.
    let _ = PROMISES.try_with(|promises| {
        let mut promises = promises.borrow_mut();
        if promises.0.is_empty() {
            std::mem::swap(&mut *promises, &mut promised);
        }
    });
}

/// Promises that a thread may have open.
const MOST: usize = 1 << 16;
