//! The server's side of the opening handshake, on a blocking transport (RFC 6455 §4.2).
//!
//! ```text
//!   read a head, until one absolute deadline ─▶ is it HTTP? ─▶ an Upgrade? ── no ─▶ on_http answers
//!                                                                  │ yes
//!                                             on_request's say ◀─ judge ─▶ 101 ─▶ WebSocket
//!                                                    └──── refusal ─┴─▶ 4xx, and the connection is closed
//! ```
//!
//! After a refusal nothing that the peer sent is looked at: a proxy in between may take it for requests of somebody
//! else. It is only read and thrown away for a moment, so that the refusal is not lost to a reset.
//!
//! For the next editor: which request is in order, and what the answer is, stands in [`handshake`](crate::handshake).

use super::transport::{Transport, discard_until, recv_until, send_until};
use super::websocket::{Terms, WebSocket};
use crate::error::{Error, HandshakeError, Timeout};
use crate::handshake::{HeadReader, Request, Response, ServerOptions, judge, write_response};
use crate::{Config, Role};
use http::HeaderMap;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Does the opening handshake on an accepted connection: for people who bring their own listener; what Node's `ws` calls
/// `noServer` and `handleUpgrade`.
///
/// It uses the default options: any path, no subprotocols, and no pages of other origins.
///
/// ```no_run
/// let listener = std::net::TcpListener::bind("127.0.0.1:9001")?;
/// let (stream, _) = listener.accept()?;
/// let (mut ws, request) = clearsocket::accept(stream)?;
/// println!("{} asked for {}", request.host(), request.path());
/// while let Some(message) = ws.read()?.map(|message| message.into_owned()) {
///     ws.send(message)?;
/// }
/// # Ok::<(), clearsocket::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Handshake`] if the request was refused (the client has its answer), [`Error::Timeout`], [`Error::Io`].
pub fn accept(stream: impl Transport) -> Result<(WebSocket, Request), Error> {
    accept_with(stream, &ServerOptions::default(), &Config::default())
}

/// Like [`accept`], with options and limits of your own.
pub fn accept_with(
    stream: impl Transport,
    options: &ServerOptions,
    config: &Config,
) -> Result<(WebSocket, Request), Error> {
    options.check()?;
    let transport: Arc<dyn Transport> = Arc::new(stream);
    let greeter = Greeter { options, config: Arc::new(config.clone()), on_request: None, on_http: None };
    // Without on_http there is no answer but a WebSocket or an error.
    greeter.greet(&transport)?.ok_or(HandshakeError::NotWebSocket.into())
}

/// A hook that sees a valid request for a WebSocket: it may add headers to the 101, or refuse with its own response.
pub(super) type OnRequest = dyn Fn(&Request, &mut HeaderMap) -> Result<(), Box<Response>> + Send + Sync;

/// A hook that answers an HTTP request that asks for no WebSocket.
pub(super) type OnHttp = dyn Fn(&Request) -> Response + Send + Sync;

/// Everything that decides about a newcomer.
pub(super) struct Greeter<'a> {
    pub options: &'a ServerOptions,
    pub config: Arc<Config>,
    pub on_request: Option<&'a OnRequest>,
    pub on_http: Option<&'a OnHttp>,
}

impl Greeter<'_> {
    /// Reads the request and answers it, whatever it is. `None` if it was a plain HTTP request.
    pub fn greet(&self, transport: &Arc<dyn Transport>) -> Result<Option<(WebSocket, Request)>, Error> {
        let deadline = Instant::now() + self.config.handshake_timeout;
        let greeted = self.try_greet(transport, deadline);
        let refusal = match &greeted {
            // A mistake of our own, such as a hook's header that belongs to the handshake, is a 500.
            Err(Error::Handshake(error)) if error.is_callers_fault() => Some(internal_error()),
            Err(Error::Handshake(error)) => error.response(),
            Err(Error::Timeout(_)) => HandshakeError::TimedOut.response(),
            _ => None,
        };
        // RFC 6455 §4.2.1/a §7.2.2/a §10.7/d
        if let Some(refusal) = refusal {
            refuse(&**transport, &write_response(&refusal), deadline);
        }
        greeted
    }

    fn try_greet(
        &self,
        transport: &Arc<dyn Transport>,
        deadline: Instant,
    ) -> Result<Option<(WebSocket, Request)>, Error> {
        transport.prepare()?;
        let (head, rest) = read_head(&**transport, &self.config, Vec::new(), deadline)?;
        let mut request = Request::parse(&head, &self.config)?;
        if let Some(address) = transport.remote_addr() {
            request.set_peer_addr(address);
        }
        if !request.is_upgrade()
            && let Some(on_http) = self.on_http
        {
            refuse(&**transport, &write_http(&request, &on_http(&request)), deadline);
            return Ok(None);
        }
        let accepted = judge(&mut request, self.options)?;
        let mut headers = HeaderMap::new();
        // RFC 6455 §4.2.2/c §4.2.2/d §4.2.2/j
        if let Some(on_request) = self.on_request {
            on_request(&request, &mut headers).map_err(HandshakeError::RefusedByHook)?;
        }
        send_until(&**transport, &accepted.response(&headers)?, deadline).map_err(timeout_or_io)?;
        let terms = Terms {
            subprotocol: accepted.subprotocol().map(str::to_owned),
            deflate: accepted.deflate().zip(self.options.deflate.clone()),
            extensions: accepted.extensions().to_owned(),
        };
        let ws = WebSocket::new(Role::Server, transport.clone(), self.config.clone(), &rest, terms);
        Ok(Some((ws, request)))
    }
}

/// Reads until a head is complete, beginning with bytes that are `received` already; gives the head and the bytes behind.
pub(super) fn read_head(
    transport: &dyn Transport,
    config: &Config,
    mut received: Vec<u8>,
    deadline: Instant,
) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let mut reader = HeadReader::new(config);
    loop {
        if let Some(used) = reader.push(&received)? {
            return Ok((reader.head().to_vec(), received.split_off(used)));
        }
        received.resize(PIECE, 0);
        let n = recv_until(transport, &mut received, deadline).map_err(timeout_or_io)?;
        if n == 0 {
            return Err(HandshakeError::ConnectionClosed.into());
        }
        received.truncate(n);
    }
}

/// Sends an HTTP response that ends the connection, and ends it.
pub(super) fn refuse(transport: &dyn Transport, response: &[u8], deadline: Instant) {
    // The answer to somebody who ran into the deadline needs a moment of its own.
    let deadline = deadline.max(Instant::now() + LAST_WORDS);
    if send_until(transport, response, deadline).is_ok() {
        // RFC 6455 §7.1.1/a
        let _ = transport.shutdown(Shutdown::Write);
        discard_until(transport, Instant::now() + LAST_WORDS);
    }
    // RFC 6455 §7.2.2/a
    let _ = transport.shutdown(Shutdown::Both);
}

pub(super) fn timeout_or_io(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut => Error::Timeout(Timeout::Handshake),
        _ => Error::Io(error),
    }
}

fn write_http(request: &Request, response: &Response) -> Vec<u8> {
    if request.method() == http::Method::HEAD {
        crate::handshake::write_response_head(response)
    } else {
        write_response(response)
    }
}

pub(super) fn internal_error() -> Response {
    let mut response = Response::new(b"the server made a mistake".to_vec());
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Most heads come in one piece of this size.
const PIECE: usize = 2048;

/// How long a refused peer may take to read its answer and to go.
const LAST_WORDS: Duration = Duration::from_secs(1);
