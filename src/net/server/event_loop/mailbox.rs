//! How other threads reach a worker: they name a connection that it should look at, and wake it if it may be asleep.

use crate::net::connection::flush::this_thread;
use crate::net::connection::outgoing::{Keeper, Outgoing};
use mio::Waker;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct Mailbox {
    keys: Mutex<Vec<usize>>,
    waker: Waker,
    /// The worker's thread. What it posts itself it finds before it sleeps.
    worker: AtomicU64,
    stopping: AtomicBool,
}

impl Mailbox {
    pub fn new(waker: Waker) -> Mailbox {
        Mailbox { keys: Mutex::default(), waker, worker: AtomicU64::new(0), stopping: AtomicBool::new(false) }
    }

    /// The current thread is the worker.
    pub fn open(&self) {
        self.worker.store(this_thread(), Ordering::Relaxed);
    }

    /// Asks the worker to look at a connection.
    pub fn post(&self, key: usize) -> io::Result<()> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        if self.worker.load(Ordering::Relaxed) == this_thread() { Ok(()) } else { self.waker.wake() }
    }

    /// Moves what was posted to `keys`.
    pub fn collect(&self, keys: &mut Vec<usize>) {
        keys.append(&mut self.keys.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// No connection is to be accepted any more, and the worker ends with its last one.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = self.waker.wake();
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

/// Keeps one connection's deadlines by having its worker look at it.
pub(super) struct KeptByWorker {
    pub mailbox: Arc<Mailbox>,
    pub key: usize,
}

impl Keeper for KeptByWorker {
    fn drain(&self, _: &Arc<Outgoing>) -> io::Result<()> {
        self.mailbox.post(self.key)
    }

    fn watch_close(&self, _: &Arc<Outgoing>) {
        let _ = self.mailbox.post(self.key); // without it the heartbeat finds the dead connection, only later
    }
}
