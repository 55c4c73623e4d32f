//! How the sending side of a connection ends: in order, by its deadline, or at once.
//!
//! ```text
//!   our Close is queued ─▶ close_deadline is set ─▶ everything up to it has left ─▶ a server closes its half (§7.1.1)
//!                                │ and nothing came of it: cut
//!   lose, cut, end ─▶ no more is sent, and whoever waits is woken; the first reason counts
//! ```
//!
//! For the next editor: this is a part of `outgoing`, whose state it shares. What a Close is, and what comes after it,
//! stands in [`proto`](crate::proto).

use super::loss::Loss;
use super::outgoing::{Outgoing, State};
use super::sync::MutexGuard;
use crate::error::Timeout;
use crate::proto::ReadyState;
use crate::{Config, Role};
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

impl Outgoing {
    /// Whether there is nothing to wait for: everything has left, or cannot any more, or the time for it is up.
    pub fn is_sent(&self) -> bool {
        self.lock().time_to_send(&self.config).is_none()
    }

    /// Waits until then; `false` if `deadline` came first.
    pub fn wait_until_sent(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.lock();
        while let Some(time) = state.time_to_send(&self.config) {
            let left = deadline.map_or(time, time_until);
            if left.is_zero() {
                return false;
            }
            state = self.wait(state, time.min(left));
        }
        true
    }

    /// The connection ended by itself or is given up; the first reason counts. Wakes whoever waits to send.
    pub fn lose(&self, loss: Loss) {
        self.lose_now(self.lock(), loss);
    }

    /// The same before anybody else can send: what has left may end in the middle of a frame.
    pub(super) fn lose_now(&self, mut state: MutexGuard<'_, State>, loss: Loss) {
        state.loss.get_or_insert(loss);
        state.output.closing.ended = true;
        self.announce(state);
    }

    /// Like [`lose`](Self::lose), and cuts the TCP connection, which wakes a blocked reader.
    pub fn cut(&self, loss: Loss) {
        // RFC 6455 §7.1.1/b
        self.lose(loss);
        self.shut_down();
    }

    /// The TCP connection has ended, or is ended here, after everything was said.
    pub fn end(&self) {
        let mut state = self.lock();
        state.output.closing.ended = true;
        self.announce(state);
        self.shut_down();
    }

    /// Ends TCP, unless that has been done.
    pub(super) fn shut_down(&self) {
        if !self.shut_down.swap(true, Ordering::AcqRel) {
            let _ = self.transport.shutdown(Shutdown::Both);
        }
    }

    /// When the closing handshake has to be over, if it has begun.
    #[inline]
    pub fn close_deadline(&self) -> Option<Instant> {
        if self.closing.load(Ordering::Acquire) { self.lock().close_deadline } else { None }
    }

    pub fn loss(&self) -> Option<Loss> {
        self.lock().loss
    }

    /// Waits until the connection has ended, and cuts it at the close deadline.
    pub(super) fn keep_close_deadline(&self) {
        let mut state = self.lock();
        while state.output.closing.ready_state() != ReadyState::Closed {
            let left = state.close_deadline.map_or(Duration::ZERO, time_until);
            if left.is_zero() {
                drop(state);
                return self.cut(Loss::Timeout(Timeout::Close));
            }
            state = self.wait(state, left);
        }
    }

    /// Everything up to our Close has left.
    pub(super) fn after_last_words(&self, mut state: MutexGuard<'_, State>) {
        // RFC 6455 §5.5.1/l §7.1.1/c §7.1.1/e: the server closes first; a client waits for that in its next read.
        let closing = &mut state.output.closing;
        let half_close = self.role == Role::Server && closing.is_finished() && !closing.ended;
        closing.ended |= half_close;
        self.announce(state);
        if half_close {
            let _ = self.transport.shutdown(Shutdown::Write);
        }
    }
}

impl State {
    /// How long what is queued may still take to leave; `None` if nothing is queued, or it cannot leave.
    fn time_to_send(&self, config: &Config) -> Option<Duration> {
        let idle = self.output.pending.is_empty() && !self.writing && !self.draining;
        let left = self.close_deadline.map_or(config.close_timeout, time_until);
        (!idle && self.loss.is_none() && !left.is_zero()).then_some(left)
    }
}

fn time_until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
