//! Reading the head of an HTTP message from a transport that blocks, until one absolute deadline (RFC 6455 §4.1, §4.2.1).

use crate::Config;
use crate::error::{Error, HandshakeError, Timeout};
use crate::handshake::HeadReader;
use crate::net::wire::transport::{Transport, recv_until};
use std::io;
use std::time::Instant;

/// Reads until a head is complete, beginning with bytes that are `received` already; gives the head and the bytes behind.
pub(in crate::net) fn read_head(
    transport: &dyn Transport,
    config: &Config,
    mut received: Vec<u8>,
    deadline: Instant,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let mut reader = HeadReader::new(config);
    loop {
        if let Some(used) = reader.push(&received)? {
            return Ok((reader.into_head(), received.split_off(used)));
        }
        received.resize(PIECE, 0);
        let n = recv_until(transport, &mut received, deadline).map_err(timeout_or_io)?;
        if n == 0 {
            return Err(HandshakeError::ConnectionClosed.into());
        }
        received.truncate(n);
    }
}

pub(in crate::net) fn timeout_or_io(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => Error::Timeout(Timeout::Handshake),
        _ => Error::Io(error),
    }
}

/// Most heads come in one piece of this size.
const PIECE: usize = 2048;
