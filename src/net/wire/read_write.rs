//! Anything that reads and writes as a transport, for a connection that lives in one thread.
//!
//! ```text
//!   WebSocket ─▶ ReadWrite ─▶ Mutex ─▶ your stream: Read + Write
//! ```
//!
//! A transport is asked for more than `Read` and `Write` can do: to send without blocking, to wake a thread that is
//! blocked, to end one direction. What can be done without that is done here; the rest is written down at [`ReadWrite`].
//!
//! For the next editor: the lock is held while the stream blocks, which is against the rule that holds everywhere else.
//! That is why this is for one thread.

use super::transport::{Transport, is_timeout};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

/// A [`Transport`] over anything that is `Read + Write`, such as an SSH channel, a serial line or a TLS stream of another
/// library: for a connection that one thread reads from and writes to.
///
/// ```no_run
/// use clearsocket::{Client, ReadWrite};
/// let stream = std::net::TcpStream::connect("127.0.0.1:9001")?; // or anything else that is Read + Write + Send
/// let (mut ws, _response) = Client::new().handshake("ws://localhost/", ReadWrite::new(stream))?;
/// ws.send("hello")?;
/// println!("{:?}", ws.read()?);
/// # Ok::<(), clearsocket::Error>(())
/// ```
///
/// What it cannot do, because the stream cannot:
///
/// - **Sending blocks** as long as the stream's `write` does. Two peers that both only send will stand still.
/// - **A read in one thread holds up what another sends**, until something comes: it is queued, and leaves then. `close`
///   and `abort` from another thread do not wake a read either.
/// - **The timeouts of [`Config`](crate::Config) need the stream's help**: a `read` that gives up now and then
///   (`WouldBlock` or `TimedOut`, after some milliseconds). It is called again until the time is up, and between two calls
///   other threads can send. If `read` blocks for ever, there are no timeouts, also none for the handshake and none for
///   the closing.
/// - **One direction cannot end alone.** When our side has said everything, the stream is dropped.
pub struct ReadWrite<S> {
    stream: Mutex<Option<Stream<S>>>,
    timeouts: Mutex<Timeouts>,
    /// Nothing more is read.
    deaf: AtomicBool,
    /// Nothing more is read or written, and the stream is gone, or will be when nobody is in it.
    ended: AtomicBool,
}

struct Stream<S> {
    inner: S,
    /// The last flush was not complete.
    unflushed: bool,
}

#[derive(Default)]
struct Timeouts {
    recv: Option<Duration>,
    send: Option<Duration>,
}

impl<S: Read + Write + Send + 'static> ReadWrite<S> {
    /// Takes the stream; it may have a buffer, for every write is followed by a flush.
    pub fn new(stream: S) -> ReadWrite<S> {
        let stream = Mutex::new(Some(Stream { inner: stream, unflushed: false }));
        ReadWrite {
            stream,
            timeouts: Mutex::default(),
            deaf: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// Calls `attempt` until it does not give up any more, or the time is up.
    fn until(
        &self,
        timeout: Option<Duration>,
        mut attempt: impl FnMut(&mut Stream<S>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let begin = Instant::now();
        loop {
            let result = self.with(lock(&self.stream), &mut attempt)?;
            match result {
                Err(error) if is_timeout(&error) => {}
                result => return result,
            }
            if timeout.is_some_and(|timeout| begin.elapsed() >= timeout) {
                return Err(ErrorKind::WouldBlock.into());
            }
            // Others want the lock too, and a stream that never blocks should not keep a core busy.
            thread::sleep(PAUSE);
        }
    }

    /// One attempt, and the end of the stream if that was decided meanwhile. The outer error is that it has ended.
    fn with(
        &self,
        mut guard: MutexGuard<'_, Option<Stream<S>>>,
        attempt: &mut impl FnMut(&mut Stream<S>) -> io::Result<usize>,
    ) -> io::Result<io::Result<usize>> {
        let result = match guard.as_mut() {
            Some(stream) if !self.ended.load(Ordering::Acquire) => attempt(stream),
            _ => Err(ErrorKind::BrokenPipe.into()),
        };
        if self.ended.load(Ordering::Acquire) {
            *guard = None;
            return Err(ErrorKind::BrokenPipe.into());
        }
        Ok(result)
    }
}

impl<S: Read + Write> Stream<S> {
    fn recv(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.flush()?;
        self.inner.read(buf)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.inner.write(bytes)? {
            0 if !bytes.is_empty() => Err(ErrorKind::WriteZero.into()),
            n => {
                self.unflushed = true;
                self.flush()?;
                Ok(n)
            }
        }
    }

    /// A flush that gives up is tried again later: what was written is written.
    fn flush(&mut self) -> io::Result<()> {
        if self.unflushed {
            match self.inner.flush() {
                Ok(()) => self.unflushed = false,
                Err(error) if is_timeout(&error) || error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl<S: Read + Write + Send + 'static> Transport for ReadWrite<S> {
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let timeout = lock(&self.timeouts).recv;
        let is_deaf = || self.deaf.load(Ordering::Acquire);
        match self.until(timeout, |stream| if is_deaf() { Ok(0) } else { stream.recv(buf) }) {
            // After our own end there is nothing to read.
            Err(_) if is_deaf() => Ok(0),
            result => result,
        }
    }

    /// Blocks for as long as the stream does before it gives up.
    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let is_deaf = || self.deaf.load(Ordering::Acquire);
        match self.with(lock(&self.stream), &mut |stream| if is_deaf() { Ok(0) } else { stream.recv(buf) }) {
            Err(_) if is_deaf() => Ok(0),
            result => result?,
        }
    }

    /// Blocks if the stream does, but not for another thread's read.
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.try_lock() {
            Ok(guard) => self.with(guard, &mut |stream| stream.send(bytes))?,
            Err(TryLockError::Poisoned(error)) => {
                self.with(error.into_inner(), &mut |stream| stream.send(bytes))?
            }
            Err(TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let timeout = lock(&self.timeouts).send;
        self.until(timeout, |stream| stream.send(bytes))
    }

    fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        lock(&self.timeouts).recv = timeout;
        Ok(())
    }

    fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        lock(&self.timeouts).send = timeout;
        Ok(())
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.deaf.store(true, Ordering::Release);
        if how != Shutdown::Read {
            self.ended.store(true, Ordering::Release);
            // Whoever is in it drops it afterwards.
            if let Ok(mut stream) = self.stream.try_lock() {
                *stream = None;
            }
        }
        Ok(())
    }
}

impl<S> std::fmt::Debug for ReadWrite<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadWrite").field("ended", &self.ended).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Between two attempts on a stream that gives up.
const PAUSE: Duration = Duration::from_millis(1);
