//! The byte streams underneath: what the blocking driver needs of a socket, and all that is particular to a platform.
//!
//! A connection is shared by two threads, one that reads and any that write, so every method takes `&self`. The
//! protocol asks for four things that `std::io::{Read, Write}` do not have:
//!
//! - a send that never blocks ([`try_send`](Transport::try_send)), because a slow peer must not hold up the thread
//!   that happens to send to it;
//! - timeouts of their own for the two directions;
//! - a shutdown from another thread, which is how a blocked read is ended;
//! - a shutdown of the sending half alone, so that a last Close arrives although more input is on its way.
//!
//! For the next editor: Linux is home. On a platform without `MSG_DONTWAIT` only what begins with `try_` has to change.

#[cfg(target_os = "linux")]
use nix::{setsockopt_impl, sockopt_impl, sys::socket::setsockopt};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A connected byte stream that two threads can share.
pub trait Transport: Send + Sync + 'static {
    /// Called once, before the first byte: whatever the stream was used for before, it shall block now, and send small
    /// batches at once.
    fn prepare(&self) -> io::Result<()> {
        Ok(())
    }

    /// Receives into `buf` and gives the number of bytes; 0 is the end. Blocks, but not longer than the receive timeout:
    /// then the error is `WouldBlock` or `TimedOut`.
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize>;

    /// Receives what is there without blocking. `WouldBlock` if that is nothing, or if the transport cannot tell;
    /// [`Receiver::try_read`](crate::Receiver::try_read) lives on it.
    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let _ = buf;
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Sends what can be sent without blocking, and gives the number of bytes that count as sent. `WouldBlock` if that is
    /// nothing.
    ///
    /// What does not count as sent is offered again: the next bytes that any of the sending methods is given begin with
    /// those. So a transport that turns bytes into something else, as TLS does, may keep what it has made of them and
    /// could not send, as long as it counts the last of the bytes only when nothing of that is left.
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize>;

    /// The same for two pieces, one behind the other, which saves copying them into one. Gives the number of bytes of both.
    fn try_send_two(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        self.try_send(if first.is_empty() { second } else { first })
    }

    /// Sends, blocking until at least one byte is gone, but not longer than the send timeout.
    fn send(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Longest wait of [`recv`](Self::recv); `None` is for ever. It need not affect a call that is already blocked.
    fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;

    /// Longest wait of [`send`](Self::send); `None` is for ever.
    fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()>;

    /// Ends one direction or both, and wakes whoever is blocked in it.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// The address of the other end, where there is such a thing.
    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// Whether nobody on the way can read or change what goes through it, as with TLS. A transport around another one says
    /// what that one says.
    fn is_secure(&self) -> bool {
        false
    }
}

impl Transport for TcpStream {
    fn prepare(&self) -> io::Result<()> {
        self.set_nonblocking(false)?;
        self.set_nodelay(true) // we batch ourselves
    }

    #[inline]
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(self, buf, RecvFlags::empty())?.0)
    }

    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(self, buf, RecvFlags::DONTWAIT)?.0)
    }

    #[inline]
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self, bytes, DONT_WAIT)?)
    }

    fn try_send_two(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        send_two(self, first, second)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self, bytes, SendFlags::NOSIGNAL)?)
    }

    fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(timeout.map(at_least_a_millisecond))
    }

    fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.set_write_timeout(timeout.map(at_least_a_millisecond))
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        TcpStream::shutdown(self, how)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        self.peer_addr().ok()
    }
}

/// A transport that is shared, or of a kind that is known only when the program runs, such as what
/// [`Client::dial`](crate::Client::dial) gives. For the next editor: every method is passed on, those with a default too.
impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn prepare(&self) -> io::Result<()> {
        (**self).prepare()
    }

    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        (**self).recv(buf)
    }

    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        (**self).try_recv(buf)
    }

    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        (**self).try_send(bytes)
    }

    fn try_send_two(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        (**self).try_send_two(first, second)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        (**self).send(bytes)
    }

    fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        (**self).set_recv_timeout(timeout)
    }

    fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        (**self).set_send_timeout(timeout)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        (**self).shutdown(how)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        (**self).remote_addr()
    }

    fn is_secure(&self) -> bool {
        (**self).is_secure()
    }
}

/// Never blocks, in any method: for the event loop, which asks the system when there is something to do.
#[cfg(feature = "event-loop")]
impl Transport for mio::net::TcpStream {
    #[inline]
    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::net::recv(self, buf, RecvFlags::empty())?.0)
    }

    fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.recv(buf)
    }

    #[inline]
    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(self, bytes, DONT_WAIT)?)
    }

    fn try_send_two(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        send_two(self, first, second)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_send(bytes)
    }

    fn set_recv_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn set_send_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        mio::net::TcpStream::shutdown(self, how)
    }
}

pub(super) fn send_two(socket: impl AsFd, first: &[u8], second: &[u8]) -> io::Result<usize> {
    let pieces = [IoSlice::new(first), IoSlice::new(second)];
    Ok(rustix::net::sendmsg(socket, &pieces, &mut SendAncillaryBuffer::default(), DONT_WAIT)?)
}

/// Sends one piece and then another until the network is full; gives the number of bytes sent of both.
#[inline(always)] // after a system call the processor has forgotten where its callers are, and each return costs
pub(crate) fn send_now(transport: &dyn Transport, first: &[u8], second: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < first.len() + second.len() {
        let result = match (first.get(sent..), second) {
            (Some(rest @ [_, ..]), []) => transport.try_send(rest),
            (Some(rest @ [_, ..]), second) => transport.try_send_two(rest, second),
            _ => transport.try_send(&second[sent - first.len()..]),
        };
        match result {
            Ok(n) => sent += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Sends all of `bytes`, for as long as it takes until `deadline`. For the opening handshake, where nothing is queued.
pub(crate) fn send_until(transport: &dyn Transport, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = match transport.try_send(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                transport.set_send_timeout(Some(time_left(deadline)?))?;
                transport.send(bytes)
            }
            result => result,
        };
        match sent {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Receives once, not longer than until `deadline`.
pub(crate) fn recv_until(transport: &dyn Transport, buf: &mut [u8], deadline: Instant) -> io::Result<usize> {
    loop {
        transport.set_recv_timeout(Some(time_left(deadline)?))?;
        match transport.recv(buf) {
            // A timeout may be a little early; the deadline decides.
            Err(error) if error.kind() == io::ErrorKind::Interrupted || is_timeout(&error) => {}
            result => return result,
        }
    }
}

/// One of the ways to receive: [`Transport::recv`] or [`Transport::try_recv`].
pub(crate) type Recv = fn(&dyn Transport, &mut [u8]) -> io::Result<usize>;

/// What has come of reading something to throw it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discarded {
    Some,
    /// Nothing is there.
    Nothing,
    /// Nothing will come any more.
    End,
}

/// Reads once and throws it away. A socket that is closed with unread input resets the connection, and the reset can
/// overtake our last words; this prevents it.
#[inline(never)] // for a caller would have the buffer on its stack, whichever way it goes
pub(crate) fn discard(transport: &dyn Transport, recv: Recv) -> Discarded {
    match recv(transport, &mut [0; 4096]) {
        Ok(0) => Discarded::End,
        Ok(_) => Discarded::Some,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Discarded::Some,
        Err(error) if is_timeout(&error) => Discarded::Nothing,
        Err(_) => Discarded::End,
    }
}

/// A timeout is `WouldBlock` on Linux and `TimedOut` elsewhere.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The time until `deadline`, or the error that says it has passed.
fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Lets more newcomers wait to be accepted than the 128 of the standard library: the system drops those beyond, and each
/// tries again after one second, three, seven, ... It may be fewer than asked for (Linux: `net.core.somaxconn`).
pub(crate) fn lengthen_queue(listener: &TcpListener) {
    let _ = rustix::net::listen(listener, QUEUE); // it listens in any case
}

/// What all connections of `listener` have in common is set on it where they inherit it, which saves a system call for each.
pub(crate) fn prepare_listener(listener: &TcpListener) -> io::Result<()> {
    // In HTTP and in TLS the client speaks first, so whoever accepts finds something to read and is woken once. A client
    // that says nothing is accepted all the same, after a second.
    #[cfg(target_os = "linux")]
    setsockopt(listener, DeferAccept, &1)?;
    if INHERITS { Ok(rustix::net::sockopt::set_tcp_nodelay(listener, true)?) } else { Ok(()) }
}

#[cfg(target_os = "linux")]
sockopt_impl!(
    /// For how many seconds a newcomer without a word is kept from `accept`.
    DeferAccept,
    SetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_DEFER_ACCEPT,
    u32
);

/// Sends small batches at once, for we batch ourselves; for a connection of a listener that was prepared.
pub(crate) fn prepare_accepted(stream: impl AsFd) -> io::Result<()> {
    if INHERITS { Ok(()) } else { Ok(rustix::net::sockopt::set_tcp_nodelay(stream, true)?) }
}

/// Ends every `accept` that is blocked on `listener`. Where a listener cannot be shut down, a connection to ourselves
/// has the same effect on one of them.
pub(crate) fn wake_accept(listener: &TcpListener) {
    if rustix::net::shutdown(listener, rustix::net::Shutdown::Both).is_err()
        && let Ok(address) = listener.local_addr()
    {
        let _ = TcpStream::connect_timeout(&address, Duration::from_millis(200));
    }
}

/// The system takes zero for "no timeout at all".
pub(super) fn at_least_a_millisecond(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}

/// Newcomers that wait to be accepted: as many as Linux allows by default.
const QUEUE: i32 = 4096;

/// Whether an accepted socket has the listener's TCP_NODELAY.
const INHERITS: bool = cfg!(target_os = "linux");

pub(super) const DONT_WAIT: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_sockets_send_small_batches_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        prepare_listener(&listener).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        prepare_accepted(&stream).unwrap();
        assert!(stream.nodelay().unwrap());
    }
}
