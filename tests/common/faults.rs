//! A bad network between client and server: a TCP proxy that does to the bytes what networks do.
//!
//! ```text
//!   client ──▶ pump ──▶ server      each pump reads a chunk and throws a die:
//!   client ◀── pump ◀── server      as it is │ late │ byte by byte │ with what comes next │ slowly │ cut, for ever
//! ```
//!
//! A [`Network`] that is `Harsh` cuts every connection sooner or later, by a reset or by an end in the middle of a chunk; one
//! that is `Bad` delivers everything in the end. So a client knows by the address that it chose what it has to expect. The
//! dice are seeded: the same connection number meets the same faults, chunk by chunk; where the chunks end is the system's
//! choice. What it has done is counted for each direction.

#![allow(dead_code)]

use socket2::SockRef;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Whether a connection may live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Bad,
    Harsh,
}

/// A running proxy.
pub struct Network {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    weather: Weather,
    seed: u64,
    over: AtomicBool,
    counts: Counts,
}

/// What it has done.
#[derive(Debug, Default)]
pub struct Counts {
    pub connections: AtomicU64,
    /// From clients to the server.
    pub up: Faults,
    pub down: Faults,
}

#[derive(Debug, Default)]
pub struct Faults {
    pub bytes: AtomicU64,
    pub delayed: AtomicU64,
    pub split: AtomicU64,
    pub merged: AtomicU64,
    pub throttled: AtomicU64,
    pub reset: AtomicU64,
    pub truncated: AtomicU64,
}

impl Network {
    pub fn start(target: SocketAddr, weather: Weather, seed: u64) -> Network {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("local_addr");
        let (over, counts) = (AtomicBool::new(false), Counts::default());
        let shared = Arc::new(Shared { target: Mutex::new(target), weather, seed, over, counts });
        let network = Network { address, shared: shared.clone() };
        spawn(move || {
            for (number, client) in (0..).zip(listener.incoming()) {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                // Nobody there: the client finds its connection closed.
                let target = *shared.target.lock().expect("not poisoned");
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(target)) {
                    Line::open(client, server, &shared, number);
                }
            }
        });
        network
    }

    /// Where new connections go from now on.
    pub fn set_target(&self, target: SocketAddr) {
        *self.shared.target.lock().expect("not poisoned") = target;
    }

    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Whether everything that this weather has to offer has happened in both directions.
    pub fn has_done_its_worst(&self) -> bool {
        let Counts { up, down, .. } = self.counts();
        let happened = |count: &AtomicU64| count.load(Ordering::SeqCst) > 0;
        [up, down].into_iter().all(|faults| {
            let is_bad = [&faults.delayed, &faults.split, &faults.merged, &faults.throttled];
            let is_harsh = [&faults.reset, &faults.truncated];
            is_bad.into_iter().all(happened)
                && (self.shared.weather == Weather::Bad || is_harsh.into_iter().all(happened))
        })
    }
}

/// For example: `400 connections; up: 5120 KiB, 211 late, 70 byte by byte, 140 merged, 138 slow, 0 reset, 0 cut short; down: ...`
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} connections", self.connections.load(Ordering::SeqCst))?;
        for (direction, faults) in [("up", &self.up), ("down", &self.down)] {
            let Faults { bytes, delayed, split, merged, throttled, reset, truncated } = faults;
            let counts = [bytes, delayed, split, merged, throttled, reset, truncated];
            let [bytes, late, split, merged, slow, reset, short] =
                counts.map(|count| count.load(Ordering::SeqCst));
            write!(f, "; {direction}: {} KiB, {late} late, {split} byte by byte", bytes >> 10)?;
            write!(f, ", {merged} merged, {slow} slow, {reset} reset, {short} cut short")?;
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes it
    }
}

/// One connection.
struct Line {
    client: TcpStream,
    server: TcpStream,
    shared: Arc<Shared>,
    is_cut: AtomicBool,
}

/// How and when a connection ends before its time.
#[derive(Clone, Copy)]
struct Cut {
    after_chunks: u64,
    reset: bool,
}

impl Line {
    fn open(client: TcpStream, server: TcpStream, shared: &Arc<Shared>, number: u64) {
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("set_nodelay");
            stream.set_write_timeout(Some(MOMENT)).expect("set_write_timeout");
        }
        count(&shared.counts.connections);
        let line = Arc::new(Line { client, server, shared: shared.clone(), is_cut: AtomicBool::new(false) });
        let mut dice = Dice(shared.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let upward = dice.throw(2) == 0;
        // A client says little and hears much. The first chunk is of the handshake.
        let after_chunks = dice.throw(if upward { 6 } else { 64 });
        let cut = Cut { after_chunks, reset: dice.throw(2) == 0 };
        for up in [true, false] {
            let (line, dice) = (line.clone(), Dice(dice.next()));
            let cut = (shared.weather == Weather::Harsh && up == upward).then_some(cut);
            spawn(move || match (up, &line.shared.counts) {
                (true, counts) => line.pump(&line.client, &line.server, &counts.up, dice, cut),
                (false, counts) => line.pump(&line.server, &line.client, &counts.down, dice, cut),
            });
        }
    }

    /// Carries bytes from one end to the other until either has had enough.
    fn pump(&self, mut from: &TcpStream, to: &TcpStream, faults: &Faults, mut dice: Dice, cut: Option<Cut>) {
        let mut chunk = [0; CHUNK];
        let mut chunks = 0;
        while let Some(mut n) = received(from.read(&mut chunk)) {
            chunks += 1;
            if let Some(cut) = cut
                && chunks > cut.after_chunks
            {
                self.write(to, &chunk[..n / 2]);
                count(if cut.reset { &faults.reset } else { &faults.truncated });
                return self.cut(cut.reset);
            }
            let what = dice.throw(32);
            if what >= 30 && n < CHUNK {
                thread::sleep(Duration::from_millis(1 + dice.throw(30)));
                from.set_read_timeout(Some(Duration::from_millis(1))).expect("set_read_timeout");
                if let Some(more) = received(from.read(&mut chunk[n..])) {
                    n += more;
                    count(&faults.merged);
                }
                from.set_read_timeout(None).expect("set_read_timeout");
            }
            faults.bytes.fetch_add(n as u64, Ordering::SeqCst);
            if !self.pass(to, &chunk[..n], what, faults, &mut dice) {
                break;
            }
        }
        if !self.is_cut.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Write); // no orderly end comes before a reset
        }
    }

    /// Passes a chunk on; `false` if it cannot be.
    fn pass(&self, to: &TcpStream, chunk: &[u8], what: u64, faults: &Faults, dice: &mut Dice) -> bool {
        match what {
            24..=26 => {
                count(&faults.delayed);
                thread::sleep(Duration::from_millis(1 + dice.throw(20)));
                self.write(to, chunk)
            }
            27 => {
                count(&faults.split);
                let (start, rest) = chunk.split_at(chunk.len().min(100));
                let write_one = |byte: &[u8]| {
                    thread::sleep(Duration::from_micros(20)); // so that somebody can read it before the next
                    self.write(to, byte)
                };
                start.chunks(1).all(write_one) && self.write(to, rest)
            }
            28..=29 => {
                count(&faults.throttled);
                chunk.chunks(1 + dice.throw(400) as usize).all(|piece| {
                    thread::sleep(Duration::from_millis(1));
                    self.write(to, piece)
                })
            }
            _ => self.write(to, chunk),
        }
    }

    fn write(&self, mut to: &TcpStream, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if is_temporary(error.kind()) && !self.is_cut.load(Ordering::SeqCst) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Ends both sides: a reset happens when the last of the two pumps lets go of the sockets.
    fn cut(&self, reset: bool) {
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in [&self.client, &self.server] {
            if reset {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
            let _ = stream.shutdown(if reset { Shutdown::Read } else { Shutdown::Both });
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::SeqCst);
}

/// How much has come; `None` at the end.
fn received(result: std::io::Result<usize>) -> Option<usize> {
    match result {
        Ok(n) if n > 0 => Some(n),
        _ => None,
    }
}

fn is_temporary(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Numbers that look random and are the same each time (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 up to `sides`.
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.next() % sides
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(128 << 10).spawn(work).expect("a thread");
}

/// What is read at once.
const CHUNK: usize = 8 << 10;

/// After so long a writer that finds no room looks whether the connection has been cut.
const MOMENT: Duration = Duration::from_millis(200);
