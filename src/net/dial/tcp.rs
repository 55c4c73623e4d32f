//! TCP connections to a host (RFC 6455 §4.1, item 3).

use super::turn::Turn;
use crate::error::{Error, Timeout};
use crate::handshake::Url;
use crate::net::accept::timeout_or_io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Instant;

/// A TCP connection to one of the host's addresses, and our turn to shake hands on it.
pub(super) fn open(url: &Url, deadline: Instant) -> Result<(TcpStream, Turn), Error> {
    let mut last_error = Error::InvalidArgument(format!("the host {} has no address", url.host()));
    // RFC 6455 §4.1/i
    for address in (url.host(), url.port()).to_socket_addrs()? {
        let turn = Turn::wait(address, deadline)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::Timeout(Timeout::Handshake));
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok((stream, turn)),
            Err(error) => last_error = timeout_or_io(error),
        }
    }
    // RFC 6455 §4.1/k
    Err(last_error)
}
