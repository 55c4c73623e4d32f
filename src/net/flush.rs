//! *Never block on reading with unsent output.*
//!
//! `write` queues and promises a flush by the writing thread. Before a thread blocks in a read, in a wait for room,
//! or ends, it keeps all its promises, to whatever connection. So a loop that reads and `write`s makes one system
//! call for a burst of messages, a broadcast makes one for each member, and nobody can forget a flush.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static THREAD: Cell<u64> = const { Cell::new(0) };
    static PROMISES: RefCell<Promises> = const { RefCell::new(Promises(Vec::new())) };
}

/// Something that holds what a thread has written.
pub(super) trait Flush {
    /// Sends it, without blocking.
    fn flush(self: Arc<Self>);
}

struct Promises(Vec<Arc<dyn Flush>>);

impl Drop for Promises {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Flush::flush);
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

/// This thread will flush `what` before it blocks. Where a thread is ending already, it does so at once.
pub(super) fn promise(what: Arc<dyn Flush>) {
    if PROMISES.try_with(|promises| promises.borrow_mut().0.push(what.clone())).is_err() {
        what.flush();
    }
}

/// Keeps all promises of this thread.
#[inline]
pub(super) fn flush_this_thread() {
    // RFC 6455 §6.1/h
    let take = || PROMISES.try_with(|promises| std::mem::take(&mut promises.borrow_mut().0));
    let Ok(mut promised) = take() else { return };
    if promised.is_empty() {
        return;
    }
    promised.drain(..).for_each(Flush::flush);
    // The empty vector goes back, so that its memory serves the next burst.
    let _ = PROMISES.try_with(|promises| {
        let mut promises = promises.borrow_mut();
        if promises.0.is_empty() {
            promises.0 = promised;
        }
    });
}
