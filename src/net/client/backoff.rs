//! How long to wait before connecting again (RFC 6455 §7.2.3).
//!
//! ```text
//!   attempt      1         2            3                 4 ...
//!   window   |-- 5 s --|-- 10 s --|---- 20 s ----|------ 40 s, then 60 s for ever
//!   delay       a random point of the window: "full jitter"
//! ```
//!
//! A server that comes back after a failure is met by all its clients at once, and may go down again under them. So the
//! first delay is random too, and each further window is wider. The delay is drawn from the whole of the window because
//! that spreads many clients evenly; half of one that is fixed would only move them all.
//!
//! For the next editor: this is an iterator and knows no clock. Who waits is in `reconnect`.

use crate::net::entropy;
use std::time::Duration;

/// Truncated binary exponential back-off with full jitter: an endless iterator over delays.
///
/// ```
/// use clearsocket::Backoff;
/// use std::time::Duration;
///
/// let mut backoff = Backoff::new();
/// assert!(backoff.next().unwrap() <= Duration::from_secs(5));
/// assert!(backoff.next().unwrap() <= Duration::from_secs(10));
/// assert!(backoff.nth(100).unwrap() <= Duration::from_secs(60));
/// backoff.reset();
/// assert!(backoff.next().unwrap() <= Duration::from_secs(5));
/// ```
pub struct Backoff {
    first: Duration,
    factor: u32,
    longest: Duration,
    /// Of the next delay.
    window: Duration,
    random: Box<dyn FnMut() -> f64 + Send>,
}

impl Backoff {
    /// The defaults: up to 5 s at first, twice as much each time, up to 60 s.
    pub fn new() -> Backoff {
        Backoff {
            first: FIRST,
            factor: FACTOR,
            longest: LONGEST,
            window: FIRST,
            random: Box::new(entropy::fraction),
        }
    }

    /// The first delay is between zero and this. Default 5 s, the RFC's own proposal (§7.2.3).
    pub fn first(self, first: Duration) -> Backoff {
        // RFC 6455 §7.2.3/c
        Backoff { first, window: first, ..self }
    }

    /// By what the window grows each time; at least 1. Default 2: a second attempt soon, a tenth not.
    pub fn factor(self, factor: u32) -> Backoff {
        Backoff { factor: factor.max(1), ..self }
    }

    /// The window grows to this and no further. Default 60 s: a server that is back is found within a minute, and ten
    /// thousand clients in waiting are 330 attempts a second.
    pub fn longest(self, longest: Duration) -> Backoff {
        Backoff { longest, ..self }
    }

    /// Another source of randomness, of numbers from 0 up to and without 1: for tests, which want to know what comes.
    pub fn random(self, random: impl FnMut() -> f64 + Send + 'static) -> Backoff {
        Backoff { random: Box::new(random), ..self }
    }

    /// Begins anew: a connection has stood for a while.
    pub fn reset(&mut self) {
        self.window = self.first;
    }
}

impl Iterator for Backoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let window = self.window.min(self.longest);
        // RFC 6455 §7.2.3/d
        self.window = window.saturating_mul(self.factor);
        // RFC 6455 §7.2.3/b
        let delay = window.as_secs_f64() * (self.random)();
        Some(Duration::try_from_secs_f64(delay).map_or(window, |delay| delay.min(window)))
    }
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff::new()
    }
}

impl std::fmt::Debug for Backoff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Backoff { first, factor, longest, window, .. } = self;
        f.debug_struct("Backoff")
            .field("first", first)
            .field("factor", factor)
            .field("longest", longest)
            .field("window", window)
            .finish()
    }
}

const FIRST: Duration = Duration::from_secs(5);
const FACTOR: u32 = 2;
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    fn seeded(seed: u64) -> impl FnMut() -> f64 + Send {
        let mut rng = StdRng::seed_from_u64(seed);
        move || rng.random()
    }

    #[test]
    fn the_windows_double_up_to_a_minute() {
        // RFC 6455 §7.2.3/d
        let windows: Vec<u64> = Backoff::new().random(|| 1.0).take(7).map(|delay| delay.as_secs()).collect();
        assert_eq!(windows, [5, 10, 20, 40, 60, 60, 60]);
    }

    #[test]
    fn the_first_delay_is_anywhere_between_zero_and_five_seconds() {
        let delays: Vec<f64> = (0..1000)
            .filter_map(|seed| Backoff::new().random(seeded(seed)).next())
            .map(|d| d.as_secs_f64())
            .collect();
        // RFC 6455 §7.2.3/b
        assert!(delays.iter().all(|delay| (0.0..5.0).contains(delay)));
        for second in 0..5 {
            let share = delays.iter().filter(|delay| **delay as i32 == second).count();
            assert!((150..250).contains(&share), "{share} of 1000 in second {second}");
        }
    }

    #[test]
    fn the_largest_durations_and_the_worst_randomness_do_no_harm() {
        let large = || Backoff::new().first(Duration::MAX).longest(Duration::MAX).factor(u32::MAX);
        for random in [0.0, 0.5, 1.0, 2.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(large().random(move || random).take(3).all(|delay| delay <= Duration::MAX));
            assert!(Backoff::new().random(move || random).next() <= Some(Duration::from_secs(5)));
        }
    }

    #[test]
    fn a_reset_begins_anew() {
        let mut backoff = Backoff::new().random(|| 1.0);
        backoff.nth(9);
        backoff.reset();
        assert_eq!(backoff.next(), Some(Duration::from_secs(5)));
    }

    proptest! {
        #[test]
        fn every_delay_lies_within_its_window_and_no_window_shrinks(
            first in 0u64..1 << 30,
            factor in 0u32..1000,
            longest in 0u64..1 << 30,
            seed: u64,
        ) {
            let (first, longest) = (Duration::from_millis(first), Duration::from_millis(longest));
            let backoff = || Backoff::new().first(first).factor(factor).longest(longest);
            let windows: Vec<_> = backoff().random(|| 1.0).take(50).collect();
            prop_assert_eq!(windows[0], first.min(longest));
            prop_assert!(windows.is_sorted() && windows.iter().all(|window| *window <= longest));
            for (delay, window) in backoff().random(seeded(seed)).zip(&windows) {
                prop_assert!(delay <= *window);
            }
        }
    }
}
