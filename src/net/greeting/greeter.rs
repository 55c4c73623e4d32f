//! The server's side of the opening handshake (RFC 6455 §4.2), without the waiting.
//!
//! ```text
//!   a head is complete ─▶ is it HTTP? ─▶ an Upgrade? ── no ─▶ on_http answers ─────────────────┐
//!                                             │ yes                                            ▼
//!                        on_request's say ◀─ judge ─▶ 101 ─▶ Welcome                       Farewell
//!                               └──── refusal ─┴─▶ 4xx ────────────────────────────────────────┘
//! ```
//!
//! After a refusal nothing that the peer sent is looked at: a proxy in between may take it for requests of somebody
//! else. It is only read and thrown away for a moment, so that the refusal is not lost to a reset.
//!
//! For the next editor: which request is in order, and what the answer is, stands in [`handshake`](crate::handshake). How
//! to wait for the head, and for the peer to take the answer, is up to the driver.

use crate::Config;
use crate::error::{Error, HandshakeError};
use crate::handshake::{
    Request, Response, ServerOptions, judge, write_response, write_response_head as write_head,
};
use crate::net::connection::inbound::Wait;
use crate::net::connection::trace::Span;
use crate::net::connection::websocket::Terms;
use crate::net::wire::transport::{Discarded, Transport, discard, send_now};
use http::{HeaderMap, Method};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A hook that sees a valid request for a WebSocket: it may add headers to the 101, or refuse with its own response.
pub(in crate::net) type OnRequest =
    dyn Fn(&Request, &mut HeaderMap) -> Result<(), Box<Response>> + Send + Sync;

/// A hook that answers an HTTP request that asks for no WebSocket.
pub(in crate::net) type OnHttp = dyn Fn(&Request) -> Response + Send + Sync;

/// Everything that decides about a newcomer.
pub(in crate::net) struct Greeter<'a> {
    pub options: &'a ServerOptions,
    pub config: &'a Arc<Config>,
    /// The connection is encrypted.
    pub secure: bool,
    pub on_request: Option<&'a OnRequest>,
    pub on_http: Option<&'a OnHttp>,
    pub span: &'a Span,
}

/// What to say to a newcomer.
pub(in crate::net) enum Answer {
    /// The 101 response, and what was agreed on.
    Welcome(Vec<u8>, Box<Request>, Terms),
    /// Another response, after which the connection ends.
    Http(Vec<u8>),
}

impl Greeter<'_> {
    /// The answer to a request, whose head a `HeadReader` has read.
    pub fn answer(&self, head: &[u8], peer: Option<SocketAddr>) -> Result<Answer, Error> {
        let mut request = Request::parse_read(head, self.config)?;
        if let Some(peer) = peer {
            request.set_peer_addr(peer);
        }
        request.set_secure(self.secure);
        self.span.set_path(request.path());
        if !request.is_upgrade()
            && let Some(on_http) = self.on_http
        {
            let response = on_http(&request);
            let head_only = request.method() == Method::HEAD;
            return Ok(Answer::Http(if head_only {
                write_head(&response)
            } else {
                write_response(&response)
            }));
        }
        let accepted = judge(&mut request, self.options)?;
        let mut headers = HeaderMap::new();
        // RFC 6455 §4.2.2/c §4.2.2/d §4.2.2/j
        if let Some(on_request) = self.on_request {
            on_request(&request, &mut headers).map_err(HandshakeError::RefusedByHook)?;
        }
        let terms = Terms {
            subprotocol: accepted.subprotocol().map(str::to_owned),
            deflate: accepted.deflate().zip(self.options.deflate.clone()),
            extensions: accepted.extensions().to_owned(),
            span: self.span.clone(),
        };
        Ok(Answer::Welcome(accepted.response(&headers)?, request.into(), terms))
    }
}

/// A response that ends the connection, on its way.
pub(in crate::net) struct Farewell {
    transport: Arc<dyn Transport>,
    response: Vec<u8>,
    sent: usize,
    half_closed: bool,
    deadline: Instant,
}

impl Farewell {
    /// The answer to somebody who ran into `deadline` gets a moment of its own.
    pub fn new(transport: Arc<dyn Transport>, response: Vec<u8>, deadline: Instant) -> Farewell {
        let deadline = deadline.max(Instant::now() + LAST_WORDS);
        Farewell { transport, response, sent: 0, half_closed: false, deadline }
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Goes on as far as it goes without waiting. `None` when it is over, one way or another.
    pub fn go_on(&mut self) -> Option<Wait> {
        let wait = self.step();
        if wait.is_none() {
            // RFC 6455 §7.2.2/a
            let _ = self.transport.shutdown(Shutdown::Both);
        }
        wait
    }

    fn step(&mut self) -> Option<Wait> {
        self.sent += send_now(&*self.transport, &self.response[self.sent..], &[]).ok()?;
        if Instant::now() >= self.deadline {
            return None;
        }
        if self.sent < self.response.len() {
            return Some(Wait::Output);
        }
        if !self.half_closed {
            // RFC 6455 §7.1.1/a
            self.transport.shutdown(Shutdown::Write).ok()?;
            self.half_closed = true;
            self.deadline = Instant::now() + LAST_WORDS;
        }
        Some(Wait::Input)
    }

    /// Reads once and throws it away; `false` if nothing was there.
    pub fn discard(&mut self) -> bool {
        let discarded = discard(&*self.transport, <dyn Transport>::recv);
        if discarded == Discarded::End {
            self.deadline = Instant::now();
        }
        discarded != Discarded::Nothing
    }

    /// Goes on to the end, in a thread of its own.
    pub fn wait(mut self) {
        while let Some(wait) = self.go_on() {
            let left = Some(self.deadline.saturating_duration_since(Instant::now()));
            match wait {
                Wait::Input => {
                    let _ = self.transport.set_recv_timeout(left);
                    self.discard();
                }
                Wait::Output => {
                    let _ = self.transport.set_send_timeout(left);
                    self.sent += self.transport.send(&self.response[self.sent..]).unwrap_or(0);
                }
            }
        }
    }
}

/// How long a refused peer may take to read its answer and to go.
const LAST_WORDS: Duration = Duration::from_secs(1);
