//! A TLS connection as a [`Transport`]. The picture is in the head of the module.
//!
//! Received bytes go into the caller's buffer twice: first encrypted, then decrypted, from the front, and the plaintext
//! never overtakes what is still to be fed to `rustls`. So a connection needs no buffer for input, however busy; and none
//! for output while it is idle.
//!
//! How a byte counts as sent: records that could not leave stay here, and the caller, who knows nothing of them, offers
//! their plaintext again. `uncounted` says how much of it is encrypted already. It is never more than the ciphertext that is
//! left, and comes to zero with it; so what a caller takes for sent is on the wire, and as long as anything is left the
//! caller has something to offer.
//!
//! A peer counts as alive when a record of its has come; a part of one is none. Otherwise somebody who sends a byte now
//! and then would hold on to a thread beyond every deadline.
//!
//! For the next editor: `wire` is locked before `memory`, never the other way round.

use crate::net::wire::transport::{Transport, is_timeout};
use rustls::Connection;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A TLS connection over another [`Transport`], which two threads can share as they can share that one.
///
/// A [`Server`](crate::Server) and a [`Client`](crate::Client) make these themselves. With a listener of your own:
///
/// ```no_run
/// use clearsocket::tls::{TlsStream, server_config_from_files};
/// use std::time::Duration;
///
/// let config = server_config_from_files("cert.pem", "key.pem")?;
/// let listener = std::net::TcpListener::bind("127.0.0.1:9443")?;
/// let (stream, _) = listener.accept()?;
/// let stream = TlsStream::accept(stream, &config, Duration::from_secs(10))?;
/// let (ws, request) = clearsocket::accept(stream)?;
/// assert!(request.is_secure());
/// # Ok::<(), clearsocket::Error>(())
/// ```
pub struct TlsStream {
    inner: Arc<dyn Transport>,
    wire: Mutex<Wire>,
    memory: Mutex<Memory>,
}

/// What is on its way out.
#[derive(Default)]
struct Wire {
    /// Encrypted, in the order of their encryption; `sent` bytes of it have left.
    records: Vec<u8>,
    sent: usize,
    /// Plaintext in these records that the caller will offer again.
    uncounted: usize,
}

struct Memory {
    tls: Connection,
    /// How long a `recv` may take in all.
    recv_timeout: Option<Duration>,
}

impl TlsStream {
    /// After the handshake.
    pub(super) fn new(inner: Arc<dyn Transport>, mut tls: Connection) -> TlsStream {
        tls.set_buffer_limit(None); // `encrypt` has one
        let memory = Memory { tls, recv_timeout: None };
        TlsStream { inner, wire: Mutex::default(), memory: Mutex::new(memory) }
    }

    /// The protocol that both ends have agreed on for what is inside (ALPN), if they did: `http/1.1`.
    pub fn alpn_protocol(&self) -> Option<Vec<u8>> {
        lock(&self.memory).tls.alpn_protocol().map(<[u8]>::to_vec)
    }

    /// Reads from the socket at most once. `None` if what came is no whole record.
    fn recv_once(&self, buf: &mut [u8], recv: RecvFn) -> io::Result<Option<usize>> {
        if let Some(n) = lock(&self.memory).read(buf)? {
            return Ok(Some(n));
        }
        let n = recv(&*self.inner, buf)?;
        let mut memory = lock(&self.memory);
        let result = memory.decrypt(buf, n);
        let owes_an_alert = memory.tls.wants_write();
        drop(memory);
        if owes_an_alert {
            self.send_unless_busy();
        }
        result
    }

    /// Sends of two pieces, one behind the other, what `send` takes.
    fn send_by(&self, pieces: [&[u8]; 2], send: SendFn) -> io::Result<usize> {
        let mut wire = lock(&self.wire);
        if wire.uncounted == 0 {
            wire.uncounted = lock(&self.memory).encrypt(pieces, &mut wire.records)?;
        }
        loop {
            let counted = wire.count();
            if counted > 0 || wire.is_empty() {
                return Ok(counted);
            }
            wire.push(&*self.inner, send)?;
        }
    }

    /// Sends what TLS itself has to say, unless somebody is sending: then it goes with what is sent next.
    fn send_unless_busy(&self) {
        let Ok(mut wire) = self.wire.try_lock() else { return };
        let mut sent = lock(&self.memory).take_records(&mut wire.records);
        // Plaintext that leaves on the way is counted when it is offered the next time.
        while sent.is_ok() && !wire.is_empty() {
            sent = wire.push(&*self.inner, <dyn Transport>::try_send);
        }
    }
}

type RecvFn = fn(&dyn Transport, &mut [u8]) -> io::Result<usize>;
type SendFn = fn(&dyn Transport, &[u8]) -> io::Result<usize>;

impl Transport for TlsStream {
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let buf = at_most(buf, AT_ONCE);
        let begin = Instant::now();
        let mut shortened = false;
        let result = loop {
            match self.recv_once(buf, <dyn Transport>::recv) {
                Ok(Some(n)) => break Ok(n),
                Ok(None) => {}
                Err(error) => break Err(error),
            }
            // A record that comes in drops has no more time than one that comes whole.
            let Some(timeout) = lock(&self.memory).recv_timeout else { continue };
            let spent = begin.elapsed();
            if spent >= timeout {
                break Err(io::ErrorKind::WouldBlock.into());
            }
            if spent >= A_MOMENT {
                self.inner.set_recv_timeout(Some(timeout - spent))?;
                shortened = true;
            }
        };
        if shortened {
            let timeout = lock(&self.memory).recv_timeout;
            self.inner.set_recv_timeout(timeout)?;
        }
        result
    }

    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let buf = at_most(buf, AT_ONCE);
        loop {
            if let Some(n) = self.recv_once(buf, <dyn Transport>::try_recv)? {
                return Ok(n);
            }
        }
    }

    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send_by([bytes, &[]], <dyn Transport>::try_send)
    }

    fn try_send_two(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        self.send_by([first, second], <dyn Transport>::try_send)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.send_by([bytes, &[]], <dyn Transport>::send)
    }

    fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        lock(&self.memory).recv_timeout = timeout;
        self.inner.set_recv_timeout(timeout)
    }

    fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.set_send_timeout(timeout)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if how != Shutdown::Read {
            lock(&self.memory).tls.send_close_notify();
            self.send_unless_busy();
        }
        self.inner.shutdown(how)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        self.inner.remote_addr()
    }

    fn is_secure(&self) -> bool {
        true
    }
}

impl Wire {
    fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Sends once.
    fn push(&mut self, inner: &dyn Transport, send: SendFn) -> io::Result<()> {
        self.sent += send(inner, &self.records[self.sent..])?;
        if self.sent == self.records.len() {
            self.sent = 0;
            self.records.clear();
            self.records.shrink_to(KEPT);
        }
        Ok(())
    }

    /// How much plaintext has been sent and was not counted before.
    fn count(&mut self) -> usize {
        let left = self.uncounted.min(self.records.len() - self.sent);
        std::mem::replace(&mut self.uncounted, left) - left
    }
}

impl Memory {
    /// Decrypted bytes that are there already; `None` if there are none yet, `Some(0)` at the end.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        match self.tls.reader().read(buf) {
            Ok(n) => Ok(Some(n)),
            Err(error) if is_timeout(&error) => {
                self.process()?; // an error of the last time
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Decrypts the first `n` bytes of `buf` in their place. `None` if they complete no record.
    fn decrypt(&mut self, buf: &mut [u8], n: usize) -> io::Result<Option<usize>> {
        // buf: plaintext | room | ciphertext. Of the plaintext at most one record finds no room and stays in `tls`,
        // which has room for that: the beginning of a record that was there before.
        let (mut plain, mut fed) = (0, 0);
        if n == 0 {
            self.tls.read_tls(&mut io::empty())?; // the end of the stream
        }
        while fed < n {
            match self.tls.read_tls(&mut &buf[fed..n])? {
                0 => break, // behind a close_notify nothing counts
                more => fed += more,
            }
            let processed = self.process();
            plain += self.tls.reader().read(&mut buf[plain..fed]).unwrap_or(0);
            if processed.is_err() {
                break; // what came before is good
            }
        }
        if plain > 0 { Ok(Some(plain)) } else { self.read(buf) }
    }

    fn process(&mut self) -> io::Result<()> {
        let processed = self.tls.process_new_packets();
        processed.map(drop).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Encrypts the beginning of two pieces, and gives its length.
    fn encrypt(&mut self, [first, second]: [&[u8]; 2], records: &mut Vec<u8>) -> io::Result<usize> {
        let first = &first[..first.len().min(AT_ONCE)];
        let second = &second[..second.len().min(AT_ONCE - first.len())];
        let n = match second {
            [] => self.tls.writer().write(first)?,
            _ => self.tls.writer().write_vectored(&[IoSlice::new(first), IoSlice::new(second)])?,
        };
        self.take_records(records)?;
        Ok(n)
    }

    /// Takes what `rustls` has to send.
    fn take_records(&mut self, records: &mut Vec<u8>) -> io::Result<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(records)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsStream").field("remote_addr", &self.remote_addr()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn at_most(buf: &mut [u8], len: usize) -> &mut [u8] {
    let len = buf.len().min(len);
    &mut buf[..len]
}

/// So much is encrypted or received with one system call: four records of the largest size. `memory` is locked for about
/// twenty microseconds at a time then.
const AT_ONCE: usize = 64 << 10;

/// What a buffer for records keeps of its memory when they have left.
const KEPT: usize = 1 << 10;

/// A receive timeout is not corrected for less than this.
const A_MOMENT: Duration = Duration::from_millis(10);
