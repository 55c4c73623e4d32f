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
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Pace {
    /// No message is in progress, or nobody has waited for more of it.
    #[default]
    Idle,
    /// Since when the current step lasts, and how many bytes have come of it.
    Step { since: Instant, come: u32 },
    /// It is not the peer who is waited for; how long the step had lasted.
    Paused { after: Duration, come: u32 },
}

impl Pace {
    /// More input is needed, for a message in progress or for the next one. `true` if it comes too slowly.
    #[inline]
    pub fn is_too_slow(&mut self, in_progress: bool, timeout: Option<Duration>) -> bool {
        if !in_progress {
            *self = Pace::Idle;
            return false;
        }
        timeout.is_some_and(|timeout| self.step_is_overdue(timeout))
    }

    fn step_is_overdue(&mut self, timeout: Duration) -> bool {
        let now = Instant::now();
        if let Pace::Paused { after, come } = *self {
            *self = Pace::Step { since: now.checked_sub(after).unwrap_or(now), come };
        }
        match *self {
            Pace::Step { since, come } if come < STEP => now.duration_since(since) >= timeout,
            _ => {
                *self = Pace::Step { since: now, come: 0 };
                false
            }
        }
    }

    /// Until more input is needed, the user has the time that passes: a part of the message is in their hands.
    pub fn pause(&mut self) {
        if let Pace::Step { since, come } = *self {
            *self = Pace::Paused { after: since.elapsed(), come };
        }
    }

    /// `n` bytes have come.
    #[inline]
    pub fn received(&mut self, n: usize) {
        if let Pace::Step { come, .. } | Pace::Paused { come, .. } = self {
            *come = come.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        }
    }
}

/// So much has to come in the time of one step.
const STEP: u32 = 16 << 10;
