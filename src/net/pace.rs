//! How slowly a message may come (RFC 6455 §10.4).
//!
//! ```text
//!   between messages ── a frame begins ─▶ 16 KiB within message_timeout ─▶ the next 16 KiB ─▶ ... ─▶ its end
//!         ▲                                        └─ not in time: too slow                          │
//!         └───────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Without it a byte now and then, each of them a sign of life, would keep a half-sent message in memory for ever.
//! Every step has the same time, so nobody gets credit for what came quickly at first.
//!
//! For the next editor: the clock is looked at only when more input is needed in the middle of a message, so small
//! messages cost nothing. Silence is the heartbeat's business: this looks when something has come.

use std::time::{Duration, Instant};

/// The pace of the message in progress.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    timeout: Option<Duration>,
    /// Since when the current step lasts, and what has come of it.
    step: Option<(Instant, usize)>,
    /// Since when it is not the peer who is waited for.
    paused: Option<Instant>,
}

impl Pace {
    pub fn new(timeout: Option<Duration>) -> Pace {
        Pace { timeout, step: None, paused: None }
    }

    /// More input is needed, for a message in progress or for the next one. `true` if it comes too slowly.
    #[inline]
    pub fn is_too_slow(&mut self, in_progress: bool) -> bool {
        if !in_progress {
            self.step = None;
            return false;
        }
        self.step_is_overdue()
    }

    fn step_is_overdue(&mut self) -> bool {
        let Some(timeout) = self.timeout else { return false };
        let now = Instant::now();
        if let (Some(since), Some((step, _))) = (self.paused.take(), &mut self.step)
            && since >= *step
        {
            *step += now.saturating_duration_since(since);
        }
        match self.step {
            Some((since, come)) if come < STEP => now.duration_since(since) >= timeout,
            _ => {
                self.step = Some((now, 0));
                false
            }
        }
    }

    /// Until more input is needed, the user has the time that passes: a part of the message is in their hands.
    pub fn pause(&mut self) {
        self.paused = Some(Instant::now());
    }

    /// `n` bytes have come.
    #[inline]
    pub fn received(&mut self, n: usize) {
        if let Some((_, come)) = &mut self.step {
            *come += n;
        }
    }
}

/// So much has to come in the time of one step.
const STEP: usize = 16 << 10;
