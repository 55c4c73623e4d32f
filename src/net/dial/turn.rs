//! One connection to an address in its opening handshake at a time (RFC 6455 §4.1, item 2).

use crate::error::{Error, Timeout};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The right to be the one connection to an address that is in its opening handshake (§4.1).
#[derive(Debug)]
pub(in crate::net) struct Turn(SocketAddr);

static CONNECTING: LazyLock<Mutex<HashSet<SocketAddr>>> = LazyLock::new(Default::default);
static TURN_ENDED: Condvar = Condvar::new();

impl Turn {
    pub(super) fn wait(address: SocketAddr, deadline: Instant) -> Result<Turn, Error> {
        let mut connecting = CONNECTING.lock().unwrap_or_else(PoisonError::into_inner);
        // RFC 6455 §4.1/d §4.1/e
        while !connecting.insert(address) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return Err(Error::Timeout(Timeout::Handshake));
            }
            connecting = TURN_ENDED.wait_timeout(connecting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(Turn(address))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        CONNECTING.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        TURN_ENDED.notify_all();
    }
}
