//! Why a connection was lost, in a form that every one of its halves can be told.

use crate::error::{Error, Timeout, TlsError};
use std::io;

/// Why a connection was lost; kept so that both the reader and the senders can be told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    Io(io::ErrorKind),
    Timeout(Timeout),
    BacklogFull,
    Aborted,
}

impl From<Loss> for Error {
    fn from(loss: Loss) -> Error {
        match loss {
            // The last of them is the end of TCP without the end of TLS.
            Loss::Io(
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof,
            ) => Error::ConnectionLost,
            Loss::Io(io::ErrorKind::InvalidData) => Error::Tls(TlsError::Broken),
            Loss::Io(kind) => Error::Io(kind.into()),
            Loss::Timeout(timeout) => Error::Timeout(timeout),
            Loss::BacklogFull => Error::BacklogFull,
            Loss::Aborted => Error::ConnectionLost,
        }
    }
}
