//! The messages that have come on a connection, counted without a lock.
//!
//! Two additions in memory that the connection has at hand: nothing is read, modified and written at once, for only the
//! thread that reads ever writes; and no two connections share a line of the cache.

use std::sync::atomic::{AtomicU64, Ordering};

/// The messages that have come on a connection.
#[derive(Debug, Default)]
pub(in crate::net) struct Received {
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl Received {
    /// How many, and the bytes in them.
    pub fn so_far(&self) -> (u64, u64) {
        (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// A message has come. Called by the thread that reads, and no other.
    #[inline(always)]
    pub fn message(&self, len: usize) {
        add(&self.messages, 1);
        add(&self.bytes, len as u64);
    }

    /// The same for a part of one.
    pub fn part(&self, len: usize, last: bool) {
        add(&self.messages, u64::from(last));
        add(&self.bytes, len as u64);
    }
}

/// With a single writer there is nobody to exclude.
#[inline(always)]
fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}
