//! [`ProxyError`]: why a proxy did not connect us to the server. The server has no part in it.

use crate::HandshakeError;
use http::StatusCode;

/// What a proxy said or did instead of opening a tunnel.
///
/// The fault is the proxy's, or lies in what it was asked for. That the proxy cannot be reached at all is an
/// [`Error::Io`](crate::Error::Io).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It wants a user name and password, or other ones than it was given: 407, or SOCKS5's way to say so.
    #[error("it does not know us: it wants a user name and password, or others than it was given (407)")]
    AuthenticationRequired,
    /// An HTTP proxy answered CONNECT with this status, which is not 2xx. A 502 or 504 is about the server behind it.
    #[error("it answered CONNECT with {0}")]
    Refused(StatusCode),
    /// A SOCKS5 proxy answered with this code (RFC 1928 §6). Codes 3 to 6 are about the server behind it.
    #[error("it answered with code {0}: {reason}", reason = socks_reason(*.0))]
    Socks(u8),
    /// What an HTTP proxy answered is not HTTP, is too large, or is not complete.
    #[error("its reply is of no use: {0}")]
    BadReply(HandshakeError),
    /// An HTTP proxy sent bytes behind its reply, before anything was said to the server: they are not the server's.
    #[error("it sent bytes of its own into the tunnel")]
    EarlyBytes,
    /// What a SOCKS5 proxy answered is not SOCKS5.
    #[error("it does not speak SOCKS5")]
    NotSocks,
    /// It closed the connection instead of answering.
    #[error("it closed the connection without an answer")]
    ConnectionClosed,
}

/// The words of RFC 1928 §6.
fn socks_reason(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "connection not allowed by ruleset",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "unknown",
    }
}
