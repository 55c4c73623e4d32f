//! What somebody hears whose opening handshake came to nothing (RFC 6455 §4.2.1, §4.2.2).

use crate::error::{Error, HandshakeError, TlsError};
use crate::handshake::Response;
use http::StatusCode;

/// The response for a handshake that came to nothing, if there is anybody to give it to.
pub(in crate::net) fn refusal(error: &Error) -> Option<Response> {
    // RFC 6455 §4.2.1/a §7.2.2/a §10.7/d
    match error {
        // A mistake of our own, such as a hook's header that belongs to the handshake, is a 500.
        Error::Handshake(error) if error.is_callers_fault() => Some(internal_error()),
        Error::Handshake(error) => error.response(),
        Error::Timeout(_) => HandshakeError::TimedOut.response(),
        Error::Tls(TlsError::NotTls) => Some(no_tls()),
        _ => None,
    }
}

/// The response to somebody who speaks HTTP where TLS is expected.
fn no_tls() -> Response {
    let mut response =
        Response::new(b"this port speaks TLS: https:// or wss://, not http:// or ws://".to_vec());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// The response when a hook panics.
pub(in crate::net) fn internal_error() -> Response {
    let mut response = Response::new(b"the server made a mistake".to_vec());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
