//! One buffer for each thread, for what it writes.
//!
//! A connection has a buffer for its output only while something is in it. So an idle connection has none, and the
//! bytes of a burst go through memory that the thread has just used, whichever connection it was for.

use super::sync::thread_local;
use std::cell::Cell;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An empty buffer, with the memory of the last one that was put back.
#[inline]
pub(super) fn take() -> Vec<u8> {
    SPARE.try_with(Cell::take).unwrap_or_default()
}

/// Puts back a buffer whose contents have left.
#[inline]
pub(super) fn put(mut buffer: Vec<u8>) {
    buffer.clear();
    let _ = SPARE.try_with(|spare| spare.set(buffer));
}

/// Gives the memory back to the system: this thread has fallen silent.
pub(super) fn release() {
    drop(take());
}
