//! Is the peer still there? (RFC 6455 §5.5.2: a Ping may serve as a keepalive.)
//!
//! ```text
//!             silence of ping_interval            silence of pong_timeout
//!    Alive ───────────────────────────▶ Asked ───────────────────────────▶ Lost
//!      ▲             send a Ping          │
//!      └────── any byte from the peer ────┘
//! ```
//!
//! There is no clock in here and no timer thread anywhere: the driver waits for input for
//! [`patience`](Heartbeat::patience) and reports what came of it.

use crate::Config;
use std::time::Duration;

/// Counts silences.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat {
    asked: bool,
}

/// What a silence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Send a Ping and go on waiting.
    Ping,
    /// The connection is lost.
    Lost,
}

impl Heartbeat {
    /// The heartbeat of somebody who is there.
    pub fn new() -> Heartbeat {
        Heartbeat::default()
    }

    /// How long to wait for input before calling [`silence`](Self::silence), by the intervals of `config`; `None` is for
    /// ever.
    #[inline]
    pub fn patience(&self, config: &Config) -> Option<Duration> {
        if self.asked { Some(config.pong_timeout) } else { config.ping_interval }
    }

    /// Something came from the peer. `true` if that changes the patience.
    #[inline]
    pub fn sign_of_life(&mut self) -> bool {
        std::mem::take(&mut self.asked)
    }

    /// Nothing came for the whole of the patience.
    pub fn silence(&mut self) -> Silence {
        // RFC 6455 §5.5.2/d
        if std::mem::replace(&mut self.asked, true) { Silence::Lost } else { Silence::Ping }
    }
}
