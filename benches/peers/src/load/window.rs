//! The time in which is counted: first it warms up, then it is measured.

use super::Target;
use crate::Result;
use crate::figures::Figures;
use std::fs;
use std::time::{Duration, Instant};

/// How long to warm up, and how long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

/// A measurement that is under way.
#[derive(Debug)]
pub struct Window {
    timing: Timing,
    pid: u32,
    calls: u32,
    started: Instant,
    begin: Option<Moment>,
    /// When the count last grew, and what it was then.
    progress: (Instant, u64),
}

/// What the clocks and the counter said at the beginning.
#[derive(Debug)]
struct Moment {
    at: Instant,
    count: u64,
    server_cpu: f64,
    own_cpu: f64,
}

impl Window {
    /// Starts to warm up now.
    pub fn new(target: &Target, timing: Timing) -> Window {
        let now = Instant::now();
        Window { timing, pid: target.pid, calls: 0, started: now, begin: None, progress: (now, 0) }
    }

    /// To be called in every turn of the loop, with how much was done so far. Gives the figures when it is over: `rate`
    /// a second, `cpu_us` of the server for each, and the generator's share of its CPU, `own_cpu`.
    pub fn is_over(&mut self, count: u64) -> Result<Option<Figures>> {
        self.calls = self.calls.wrapping_add(1);
        if !self.calls.is_multiple_of(16) {
            return Ok(None); // the clock is not for nothing
        }
        let now = Instant::now();
        if count != self.progress.1 {
            self.progress = (now, count);
        } else if now - self.progress.0 > PATIENCE {
            return Err(format!("nothing has come for {} s", PATIENCE.as_secs()).into());
        }
        match &self.begin {
            None if now - self.started >= self.timing.warm_up => {
                self.begin = Some(Moment::now(count, self.pid)?);
                Ok(None)
            }
            Some(begin) if now - begin.at >= self.timing.measured => {
                Ok(Some(begin.until(&Moment::now(count, self.pid)?)))
            }
            _ => Ok(None),
        }
    }
}

impl Moment {
    fn now(count: u64, pid: u32) -> Result<Moment> {
        let (server_cpu, own_cpu) = (cpu_seconds(pid)?, cpu_seconds(std::process::id())?);
        Ok(Moment { at: Instant::now(), count, server_cpu, own_cpu })
    }

    fn until(&self, end: &Moment) -> Figures {
        let seconds = (end.at - self.at).as_secs_f64();
        let count = (end.count - self.count) as f64;
        Figures::default()
            .with("rate", count / seconds)
            .with("cpu_us", (end.server_cpu - self.server_cpu) * 1e6 / count.max(1.0))
            .with("own_cpu", (end.own_cpu - self.own_cpu) / seconds)
    }
}

/// User and system CPU time of a process so far, in the kernel's ticks of (usually) 10 ms.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|_| "the server has died")?;
    // The name, in parentheses, may contain anything; times are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: f64 = fields.split_whitespace().skip(11).take(2).flat_map(str::parse::<f64>).sum();
    Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
}

const PATIENCE: Duration = Duration::from_secs(5);
