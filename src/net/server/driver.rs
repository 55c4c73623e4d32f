//! What keeps a server running: its threads, whichever way they wait.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub(super) trait Driver: Send + Sync {
    /// Where it listens.
    fn local_addr(&self) -> SocketAddr;
    /// No further connection is accepted. Those that are served go on.
    fn stop_accepting(&self);
    /// The threads.
    fn threads(&self) -> &Tally;
}

/// Counts threads that are alive.
#[derive(Default)]
pub(super) struct Tally {
    alive: Mutex<usize>,
    ended: Condvar,
}

impl Tally {
    pub fn one_started(&self) {
        *self.lock() += 1;
    }

    pub fn one_ended(&self) {
        *self.lock() -= 1;
        self.ended.notify_all();
    }

    /// Waits until all have ended; `false` if `deadline` came first. `None` waits for ever.
    pub fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut alive = self.lock();
        while *alive > 0 {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            alive = match left {
                None => self.ended.wait(alive).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return false,
                Some(left) => self.ended.wait_timeout(alive, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
