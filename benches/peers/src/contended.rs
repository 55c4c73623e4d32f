//! Many threads that send on one connection.

use crate::Result;
use crate::figures::Figures;
use crate::frames::{HANDSHAKE, frame, is_complete, payload};
use crate::load::Timing;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many threads send.
pub const THREADS: usize = 16;

/// Sends one message; can be called by all threads at once.
pub type Send = Box<dyn Fn() -> Result + std::marker::Send + Sync>;

/// A way to share a connection.
pub struct Way {
    /// Whose.
    pub name: &'static str,
    /// Makes it of a connection on which a client has sent its handshake.
    pub share: fn(TcpStream) -> Result<Send>,
}

/// A library's own, a lock around a plain write, and a lock around a library that has none.
pub const WAYS: [Way; 3] = [
    Way { name: "clearsocket", share: clearsocket },
    Way { name: "mutex", share: mutex },
    Way { name: "tungstenite-mutex", share: tungstenite },
];

fn clearsocket(stream: TcpStream) -> Result<Send> {
    let (ws, _request) = clearsocket::accept(stream)?;
    let (receiver, sender) = ws.split();
    let receiver = Mutex::new(receiver); // kept, so that the connection stays open
    let payload = payload(SIZE);
    Ok(Box::new(move || {
        let _kept = &receiver;
        Ok(sender.send(&payload)?)
    }))
}

fn mutex(mut stream: TcpStream) -> Result<Send> {
    stream.set_nodelay(true)?;
    read_head(&mut stream)?;
    stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
    let stream = Mutex::new(stream);
    let frame = frame(&payload(SIZE), false, false);
    Ok(Box::new(move || {
        let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(stream.write_all(&frame)?)
    }))
}

fn tungstenite(stream: TcpStream) -> Result<Send> {
    stream.set_nodelay(true)?;
    let ws = tungstenite::accept(stream).map_err(|error| error.to_string())?;
    let ws = Mutex::new(ws);
    let message = tungstenite::Message::binary(payload(SIZE));
    Ok(Box::new(move || {
        let mut ws = ws.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ws.send(message.clone())?)
    }))
}

/// A shared connection over loopback, and a thread that receives at its other end.
pub struct Session {
    send: Send,
    received: Arc<AtomicU64>,
    client: TcpStream,
}

impl Session {
    /// Connects, and shares the connection in this way.
    pub fn start(way: &Way) -> Result<Session> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        client.write_all(HANDSHAKE)?;
        let (stream, _) = listener.accept()?;
        let send = (way.share)(stream)?;
        read_head(&mut client)?;
        let received = Arc::new(AtomicU64::new(0));
        let (mut reader, counter) = (client.try_clone()?, received.clone());
        thread::spawn(move || {
            let mut buffer = vec![0; 256 << 10];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                counter.fetch_add(n as u64, Ordering::Release);
            }
        });
        Ok(Session { send, received, client })
    }

    /// Sends `count` messages from all threads, and tells how long it took until they had come out at the other end.
    pub fn send_all(&self, count: u64) -> Result<Duration> {
        let goal = self.received.load(Ordering::Acquire) + count * FRAME;
        let left = AtomicU64::new(count);
        let started = Instant::now();
        self.on_all_threads(|| {
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
        });
        while self.received.load(Ordering::Acquire) < goal {
            if started.elapsed() > PATIENCE {
                return Err("messages are missing".into());
            }
            thread::yield_now();
        }
        Ok(started.elapsed())
    }

    /// Has all threads send for as long as `more` permits it.
    fn on_all_threads(&self, more: impl Fn() -> bool + Sync) {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let mut sent = Ok(());
                    while sent.is_ok() && more() {
                        sent = (self.send)();
                    }
                });
            }
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.client.shutdown(Shutdown::Both); // ends the thread that receives
    }
}

/// Measures messages a second that come out at the other end. Figure: `rate`.
pub fn measure(way: &Way, timing: Timing) -> Result<Figures> {
    let session = Session::start(way)?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| session.on_all_threads(|| !stop.load(Ordering::Relaxed)));
        thread::sleep(timing.warm_up);
        let (started, before) = (Instant::now(), session.received.load(Ordering::Acquire));
        thread::sleep(timing.measured);
        let bytes = session.received.load(Ordering::Acquire) - before;
        let seconds = started.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        Ok(Figures::default().with("rate", bytes as f64 / FRAME as f64 / seconds))
    })
}

/// Byte by byte, so that nothing behind the head is taken.
fn read_head(stream: &mut TcpStream) -> Result {
    let mut head = Vec::new();
    let mut byte = [0];
    while !is_complete(&head) {
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(())
}

/// Bytes of a message, and with its header.
const SIZE: usize = 20;
const FRAME: u64 = SIZE as u64 + 2;
const PATIENCE: Duration = Duration::from_secs(60);
