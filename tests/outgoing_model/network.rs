//! A network that holds a few bytes, and the peer at its other end.
//!
//! ```text
//!   the crate ─ try_send, send ─▶ [ at most `capacity` unread bytes ] ─▶ Peer: reads, answers a Close
//!             ◀──────── recv ───────────────── input ◀───────────────────┘
//! ```
//!
//! It takes what it has room for, then it is full (`WouldBlock`), and has room again when the peer has read. Everything
//! it ever took stays, for the check at the end. Two threads that send at once fail the test on the spot.

use super::frame::{CLOSE, Frame, read_frame};
use crate::net::Transport;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::atomic::{AtomicBool, Ordering};
use shuttle::sync::{Condvar, Mutex, MutexGuard};
use shuttle::thread;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

pub struct Network {
    wire: Mutex<Wire>,
    changed: Condvar,
    /// Somebody is sending.
    sending: AtomicBool,
}

#[derive(Default)]
struct Wire {
    capacity: usize,
    /// All that was taken, of which the peer has read so much.
    taken: Vec<u8>,
    read: usize,
    /// What the peer has sent and the crate not received.
    input: Vec<u8>,
    /// The peer sends no more.
    input_ended: bool,
    /// The crate sends no more.
    output_ended: bool,
    /// The crate receives no more.
    deaf: bool,
    /// A send that waits for room gives up at once.
    impatient: bool,
    /// The next send but so many fails.
    failure_in: Option<usize>,
    /// One that waited for room has timed out, and there has been none since.
    timed_out: bool,
    /// One has failed, or timed out for good, and none may follow.
    failed: bool,
}

impl Network {
    /// A network on which a client has sent the request of the opening handshake, with room for the response.
    pub fn new() -> Arc<Network> {
        let request = "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        let wire = Wire { capacity: usize::MAX, input: request.into(), ..Wire::default() };
        Arc::new(Network { wire: Mutex::new(wire), changed: Condvar::new(), sending: AtomicBool::new(false) })
    }

    /// The handshake is over: from now on it holds so many bytes, and remembers them.
    pub fn begin(&self, capacity: usize) {
        let mut wire = self.lock();
        (wire.taken, wire.read) = (Vec::new(), 0);
        wire.capacity = capacity;
    }

    /// A send that waits for room times out as soon as it would wait, and the peer takes its time.
    pub fn be_impatient(&self) {
        self.lock().impatient = true;
    }

    /// The send after the next `sends` fails, and nothing more will be received.
    pub fn fail_after(&self, sends: usize) {
        self.lock().failure_in = Some(sends);
    }

    /// The peer has sent a frame.
    pub fn receive(&self, frame: Frame) {
        self.lock().input.extend(frame.masked().bytes());
        self.changed.notify_all();
    }

    /// The peer's thread: reads `bite` bytes at a time until the end, and answers our Close if it has not said its own.
    pub fn peer(self: &Arc<Self>, bite: usize, mut has_closed: bool) -> thread::JoinHandle<()> {
        let network = self.clone();
        thread::spawn(move || {
            while network.read(bite) {
                if network.lock().impatient {
                    dawdle();
                }
                if !has_closed && network.frames().0.iter().any(|frame| frame.opcode == CLOSE) {
                    has_closed = true;
                    network.receive(Frame::close(1000, ""));
                }
            }
            network.lock().input_ended = true;
            network.changed.notify_all();
        })
    }

    /// The peer waits for bytes and reads some; `false` at the end.
    pub fn read(&self, bite: usize) -> bool {
        let mut wire = self.lock();
        while wire.unread() == 0 && !wire.output_ended {
            wire = self.wait(wire);
        }
        let bite = bite.min(wire.unread());
        wire.read += bite;
        drop(wire);
        self.changed.notify_all();
        bite > 0
    }

    /// The frames that were sent, and what stands behind the last whole one.
    pub fn frames(&self) -> (Vec<Frame>, Vec<u8>) {
        whole_frames(&self.lock().taken)
    }

    /// Waits until the peer could have read so many frames.
    pub fn until_sent(&self, frames: usize) {
        let mut wire = self.lock();
        while whole_frames(&wire.taken).0.len() < frames {
            wire = self.wait(wire);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().expect("the wire")
    }

    fn wait<'a>(&self, wire: MutexGuard<'a, Wire>) -> MutexGuard<'a, Wire> {
        self.changed.wait(wire).expect("the wire")
    }

    /// Does something that one thread may do at a time.
    fn alone(&self, send: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        assert!(!self.sending.swap(true, Ordering::SeqCst), "two threads send at once");
        thread::yield_now(); // as every system call is
        let result = send();
        self.sending.store(false, Ordering::SeqCst);
        result
    }
}

fn whole_frames(mut bytes: &[u8]) -> (Vec<Frame>, Vec<u8>) {
    let mut frames = Vec::new();
    while let Some((frame, len)) = read_frame(bytes) {
        frames.push(frame);
        bytes = &bytes[len..];
    }
    (frames, bytes.to_vec())
}

/// The others get further than this thread, or not.
pub fn dawdle() {
    (0..thread_rng().gen_range(0..20)).for_each(|_| thread::yield_now());
}

impl Wire {
    fn unread(&self) -> usize {
        self.taken.len() - self.read
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.output_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        assert!(!self.failed, "a send after one that has failed");
        if let Some(left) = self.failure_in {
            self.failure_in = left.checked_sub(1);
            if left == 0 {
                (self.failed, self.input_ended) = (true, true);
                return Err(io::ErrorKind::OutOfMemory.into());
            }
        }
        let n = bytes.len().min(self.capacity.saturating_sub(self.unread()));
        self.taken.extend(&bytes[..n]);
        self.failed = n == 0 && self.timed_out;
        self.timed_out = false;
        if n == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(n) }
    }
}

impl Transport for Network {
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.lock();
        while wire.input.is_empty() && !wire.input_ended && !wire.deaf {
            wire = self.wait(wire);
        }
        let n = if wire.deaf { 0 } else { wire.input.len().min(buf.len()) };
        buf[..n].copy_from_slice(&wire.input[..n]);
        wire.input.drain(..n);
        Ok(n)
    }

    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.alone(|| self.lock().take(bytes));
        self.changed.notify_all();
        result
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.alone(|| {
            let mut wire = self.lock();
            loop {
                let result = wire.take(bytes);
                if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                    return result;
                }
                if wire.impatient {
                    wire.timed_out = true;
                    return result;
                }
                wire = self.wait(wire);
            }
        });
        self.changed.notify_all();
        result
    }

    /// No time passes here.
    fn set_recv_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn set_send_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let mut wire = self.lock();
        wire.output_ended |= how != Shutdown::Read;
        wire.deaf |= how != Shutdown::Write;
        drop(wire);
        self.changed.notify_all();
        Ok(())
    }
}
