//! The opening handshake on a connection that stands (RFC 6455 §4.1): send the request, read the reply, act on it.
//!
//! ```text
//!   request ─▶ [103 ...] ─▶ 101, and all of it right ─▶ WebSocket
//!                      └──▶ another status ─▶ its body, as far as it comes in time ─▶ Refused
//! ```
//!
//! For the next editor: what the request says and what the reply must say stands in
//! [`handshake`](crate::handshake).

use super::head::{read_head, timeout_or_io};
use crate::compression::Deflate;
use crate::error::{Error, HandshakeError};
use crate::handshake::{BodyReader, ClientHandshake, Response, is_interim, is_redirect};
use crate::net::connection::trace::{Span, refused};
use crate::net::connection::websocket::{Terms, WebSocket};
use crate::net::wire::transport::{Transport, recv_until, send_until};
use crate::{Config, Role};
use http::header::SEC_WEBSOCKET_EXTENSIONS;
use std::sync::Arc;
use std::time::Instant;

/// A handshake that is about to happen.
pub(in crate::net) struct Opening<'a> {
    pub handshake: ClientHandshake,
    pub config: &'a Config,
    pub deflate: Option<&'a Deflate>,
    pub deadline: Instant,
    /// Then a redirect's body is not waited for: what it has to say stands in its head.
    pub follows_redirects: bool,
    pub span: Span,
}

impl Opening<'_> {
    /// Does it on this connection.
    pub fn on(&self, transport: Arc<dyn Transport>) -> Result<(WebSocket, Response), Error> {
        let result = self.shake_hands(transport);
        result.inspect_err(|error| {
            let response = match error {
                Error::Handshake(HandshakeError::Refused(response)) => Some(&**response),
                _ => None,
            };
            self.span.in_scope(|| refused(error, response));
        })
    }

    fn shake_hands(&self, transport: Arc<dyn Transport>) -> Result<(WebSocket, Response), Error> {
        transport.prepare()?;
        // RFC 6455 §4.1/p §4.1/ag: and nothing else, before the reply has come.
        send_until(&*transport, self.handshake.request(), self.deadline).map_err(timeout_or_io)?;
        let mut rest = Vec::new();
        for _ in 0..MAX_INTERIM {
            let head;
            (head, rest) = read_head(&*transport, self.config, rest, self.deadline)?;
            if is_interim(&head, self.config) {
                continue;
            }
            // RFC 6455 §4.1/ah §7.1.4/b
            return match self.handshake.verify(&head, self.config) {
                // RFC 6455 §4.1/ar: `rest` are the first frames, if they came along.
                Ok((response, subprotocol)) => {
                    let terms = self.terms(&response, subprotocol);
                    let config = Arc::new(self.config.clone());
                    Ok((WebSocket::new(Role::Client, transport, config, &rest, terms), response))
                }
                Err(HandshakeError::Refused(mut response)) => {
                    if !(self.follows_redirects && is_redirect(&response)) {
                        *response.body_mut() = read_body(&*transport, &response, &rest, self.deadline);
                    }
                    Err(HandshakeError::Refused(response).into())
                }
                Err(error) => Err(error.into()),
            };
        }
        Err(HandshakeError::MalformedHead("too many interim responses stand before it").into())
    }

    fn terms(&self, response: &Response, subprotocol: Option<String>) -> Terms {
        let extensions = response.headers().get(SEC_WEBSOCKET_EXTENSIONS);
        Terms {
            subprotocol,
            deflate: self.handshake.deflate(response).zip(self.deflate.cloned()),
            extensions: extensions.and_then(|value| value.to_str().ok()).unwrap_or_default().into(),
            span: self.span.clone(),
        }
    }
}

/// What there is of a refusal's body, as far as it comes in time.
fn read_body(transport: &dyn Transport, response: &Response, rest: &[u8], deadline: Instant) -> Vec<u8> {
    let mut reader = BodyReader::new(response);
    let mut complete = reader.is_complete() || reader.push(rest);
    let mut buf = [0; 4096];
    while !complete {
        complete = match recv_until(transport, &mut buf, deadline) {
            Ok(0) | Err(_) => true,
            Ok(n) => reader.push(&buf[..n]),
        };
    }
    reader.into_body()
}

/// Interim responses (100, 103) that are read before the reply must have come.
const MAX_INTERIM: usize = 8;
