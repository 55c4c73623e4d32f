//! When to look at which connection again.
//!
//! Nearly every deadline moves away before it comes, with each input. So an alarm is not moved: when it rings too early,
//! the connection says when to ring next. Each has one alarm that counts; an earlier one that was set meanwhile makes
//! the later one void.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

#[derive(Default)]
pub(super) struct Alarms {
    heap: BinaryHeap<Reverse<(Instant, usize)>>,
}

impl Alarms {
    /// Rings for `key` at `time`.
    pub fn set(&mut self, time: Instant, key: usize) {
        self.heap.push(Reverse((time, key)));
    }

    /// When the next one rings.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((time, _))| *time)
    }

    /// An alarm that rings by `now`: its time and its key.
    pub fn ring(&mut self, now: Instant) -> Option<(Instant, usize)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(alarm)| alarm)
    }
}
