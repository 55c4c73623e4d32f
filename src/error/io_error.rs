//! Our errors where `std::io` expects its own: in [`MessageReader`](crate::MessageReader) and
//! [`MessageWriter`](crate::MessageWriter), and in your functions that return `io::Result`.

use super::Error;
use std::io::{self, ErrorKind};

/// The kind is the nearest there is; the error itself is kept, for [`io::Error::downcast`].
///
/// ```
/// use clearsocket::{Error, ReadyState};
/// let error = std::io::Error::from(Error::NotOpen(ReadyState::Closed));
/// assert_eq!(error.kind(), std::io::ErrorKind::NotConnected);
/// assert!(matches!(error.downcast(), Ok(Error::NotOpen(ReadyState::Closed))));
/// ```
impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error {
            Error::Io(error) => return error,
            Error::Protocol(_) | Error::Handshake(_) => ErrorKind::InvalidData,
            Error::NotOpen(_) => ErrorKind::NotConnected,
            Error::ConnectionLost | Error::BacklogFull => ErrorKind::ConnectionAborted,
            Error::Timeout(_) => ErrorKind::TimedOut,
            Error::InvalidArgument(_) => ErrorKind::InvalidInput,
            _ => ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
