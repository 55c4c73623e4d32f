//! Latency at a fixed rate below saturation.
//!
//! The load is open: each message has the moment at which it is to be sent, whatever has become of those before it, and
//! its latency counts from that moment. A server that stops for a while is charged for all that came due in the meantime.
//! (A closed loop would just have sent less then, and never seen it: "coordinated omission".)

use super::peer::{frame_line, receive_buffer};
use super::{Epoll, EventFlags, Peer, Target, Timing};
use crate::Result;
use crate::figures::Figures;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Sends `rate` messages a second in total, over the connections in turn. Figures: `p50_us`, `p99_us`, `p999_us` of the
/// time from when a message was due to when its echo was there, the number of `messages`, and `late_us`, by how much the
/// generator itself was late (its 99.9th percentile).
pub fn latency(
    target: &Target,
    timing: Timing,
    connections: usize,
    size: usize,
    rate: u32,
) -> Result<Figures> {
    let frames = target.frames(size);
    let line = frame_line(&frames, 64);
    let mut epoll = Epoll::new()?;
    let mut peers = Vec::with_capacity(connections);
    for key in 0..connections {
        peers.push(Peer::connect(target, &epoll, key)?);
    }
    let mut schedule = Schedule::new(timing, connections, rate);
    let mut buffer = receive_buffer();
    while !schedule.is_done()? {
        while let Some(key) = schedule.next_due() {
            peers[key].send(1, frames.request.len(), &line, &epoll)?;
        }
        for number in 0..epoll.poll()? {
            let (key, flags) = epoll.event(number);
            if flags.contains(EventFlags::OUT) {
                peers[key].pump(frames.request.len(), &line, &epoll)?;
            }
            if flags.intersects(!EventFlags::OUT) {
                let replies = peers[key].receive(&mut buffer, &frames.reply)?;
                schedule.arrived(key, replies)?;
            }
        }
    }
    Ok(schedule.figures())
}

/// When messages are due, and which of them are on their way.
struct Schedule {
    started: Instant,
    interval: Duration,
    warm_up: Duration,
    end: Duration,
    /// Messages that have become due.
    due: u32,
    /// For each connection the moments at which the messages that are on their way were due.
    on_the_way: Vec<VecDeque<Duration>>,
    outstanding: usize,
    latencies: Vec<Duration>,
    lateness: Vec<Duration>,
}

impl Schedule {
    fn new(timing: Timing, connections: usize, rate: u32) -> Schedule {
        Schedule {
            started: Instant::now(),
            interval: Duration::from_secs(1) / rate.max(1),
            warm_up: timing.warm_up,
            end: timing.warm_up + timing.measured,
            due: 0,
            on_the_way: vec![VecDeque::new(); connections],
            outstanding: 0,
            latencies: Vec::new(),
            lateness: Vec::new(),
        }
    }

    /// The connection on which a message is due now, if one is.
    fn next_due(&mut self) -> Option<usize> {
        let (due, now) = (self.interval * self.due, self.started.elapsed());
        if due > now || due >= self.end {
            return None;
        }
        let key = self.due as usize % self.on_the_way.len();
        self.due += 1;
        self.outstanding += 1;
        self.on_the_way[key].push_back(due);
        if due >= self.warm_up {
            self.lateness.push(now - due);
        }
        Some(key)
    }

    fn arrived(&mut self, key: usize, replies: usize) -> Result {
        let now = self.started.elapsed();
        for _ in 0..replies {
            let due = self.on_the_way[key].pop_front().ok_or("a reply that nobody asked for")?;
            self.outstanding -= 1;
            if due >= self.warm_up {
                self.latencies.push(now - due);
            }
        }
        Ok(())
    }

    fn is_done(&self) -> Result<bool> {
        let now = self.started.elapsed();
        if now > self.end + PATIENCE {
            return Err(format!("{} replies have not come; is the rate too high?", self.outstanding).into());
        }
        Ok(now >= self.end && self.interval * self.due >= self.end && self.outstanding == 0)
    }

    fn figures(mut self) -> Figures {
        self.latencies.sort_unstable();
        self.lateness.sort_unstable();
        Figures::default()
            .with("p50_us", percentile(&self.latencies, 0.5))
            .with("p99_us", percentile(&self.latencies, 0.99))
            .with("p999_us", percentile(&self.latencies, 0.999))
            .with("late_us", percentile(&self.lateness, 0.999))
            .with("messages", self.latencies.len() as f64)
    }
}

/// The smallest of the sorted values that this share of them does not exceed, in microseconds.
fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(f64::NAN, |value| value.as_secs_f64() * 1e6)
}

const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<Duration> = (1..=1000).map(Duration::from_micros).collect();
        assert_eq!(percentile(&sorted, 0.5).round(), 500.0);
        assert_eq!(percentile(&sorted, 0.99).round(), 990.0);
        assert_eq!(percentile(&sorted, 0.999).round(), 999.0);
        assert!(percentile(&[], 0.5).is_nan());
    }
}
