//! The list of codecs, and how they are measured.

use super::{clearsocket, fastwebsockets, sockudo_ws, tokio_websockets, tungstenite};
use crate::Result;
use crate::figures::Figures;
use crate::frames;
use crate::load::Timing;
use crate::streams::MemoryStream;
use std::time::{Duration, Instant};

/// What to write or to read.
#[derive(Clone, Debug)]
pub struct Job {
    /// As a client, which masks what it writes; else as a server.
    pub client: bool,
    /// Text messages; else binary ones.
    pub text: bool,
    /// Printable ASCII.
    pub payload: String,
    /// How many messages.
    pub count: usize,
}

/// A library's codec.
pub struct Codec {
    /// The library's name.
    pub name: &'static str,
    /// Writes messages; tells how long it took.
    pub write: fn(&mut MemoryStream, &Job) -> Result<Duration>,
    /// Reads as many messages as the job says, and checks their length; tells how long it took.
    pub read: fn(&mut MemoryStream, &Job) -> Result<Duration>,
}

/// All of them.
pub const CODECS: [Codec; 5] = [
    Codec { name: "clearsocket", write: clearsocket::write, read: clearsocket::read },
    Codec { name: "tungstenite", write: tungstenite::write, read: tungstenite::read },
    Codec { name: "fastwebsockets", write: fastwebsockets::write, read: fastwebsockets::read },
    Codec { name: "tokio-websockets", write: tokio_websockets::write, read: tokio_websockets::read },
    Codec { name: "sockudo-ws", write: sockudo_ws::write, read: sockudo_ws::read },
];

impl Job {
    /// Messages of `size` bytes, enough of them to fill about a megabyte.
    pub fn new(client: bool, text: bool, size: usize) -> Job {
        let payload = frames::payload(size).into_iter().map(char::from).collect();
        Job { client, text, payload, count: (BATCH / size.max(1)).clamp(1, BATCH) }
    }
}

/// Measures a codec in both roles. Figures, in nanoseconds a message: `client_write_ns`, `server_read_ns`,
/// `server_write_ns`, `client_read_ns`, each the median of all batches.
pub fn measure(codec: &Codec, timing: Timing, size: usize) -> Result<Figures> {
    let mut stream = MemoryStream::default();
    let mut batches: [Vec<Duration>; 4] = Default::default();
    let mut job = Job::new(true, true, size);
    let started = Instant::now();
    while started.elapsed() < timing.warm_up + timing.measured {
        let mut times = [Duration::ZERO; 4];
        for (number, time) in times.iter_mut().enumerate() {
            job.client = number == 0 || number == 3;
            *time = match number % 2 {
                0 => (codec.write)(&mut stream, &job)?,
                _ => (codec.read)(&mut stream, &job)?,
            };
            match number % 2 {
                0 => stream.turn_around(),
                _ => stream.rewind(),
            }
        }
        if started.elapsed() > timing.warm_up {
            batches.iter_mut().zip(times).for_each(|(batch, time)| batch.push(time));
        }
    }
    let mut median = |number: usize| {
        batches[number].sort_unstable();
        let middle = batches[number].get(batches[number].len() / 2);
        middle.map_or(f64::NAN, |time| time.as_secs_f64() * 1e9 / job.count as f64)
    };
    Ok(Figures::default()
        .with("client_write_ns", median(0))
        .with("server_read_ns", median(1))
        .with("server_write_ns", median(2))
        .with("client_read_ns", median(3)))
}

const BATCH: usize = 1 << 20;
