//! Unix domain sockets as a transport: for a client and a server on one machine, with the file system's permissions
//! around them.

use super::transport::{DONT_WAIT, Transport, at_least_a_millisecond, send_two};
use rustix::net::{RecvFlags, SendFlags};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Works as TCP does. It has no address that would tell anything: a request has no
/// [`peer_addr`](crate::Request::peer_addr).
///
/// ```no_run
/// let listener = std::os::unix::net::UnixListener::bind("/run/chat.sock")?;
/// let (stream, _) = listener.accept()?;
/// let (mut ws, _request) = clearsocket::accept(stream)?;
/// ws.send("hello")?;
/// # Ok::<(), clearsocket::Error>(())
/// ```
impl Transport for UnixStream {
    fn prepare(&self) -> io::Result<()> {
        self.set_nonblocking(false)
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
        UnixStream::shutdown(self, how)
    }
}
