//! The server's side of the opening handshake, on a blocking transport (RFC 6455 §4.2).
//!
//! A head is read until one absolute deadline; what the answer is, `greeter` knows.

use super::greeter::{Answer, Farewell, Greeter};
use super::head::{read_head, timeout_or_io};
use super::refusal::refusal;
use crate::error::{Error, HandshakeError};
use crate::handshake::{Request, ServerOptions, write_response};
use crate::net::connection::sender::Sender;
use crate::net::connection::trace::{Span, refused};
use crate::net::connection::websocket::WebSocket;
use crate::net::wire::transport::{Transport, send_until};
use crate::{Config, Role};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

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
    stream.prepare()?;
    let transport: Arc<dyn Transport> = Arc::new(stream);
    let config = Arc::new(config.clone());
    let (secure, peer) = (transport.is_secure(), transport.remote_addr());
    let deadline = Instant::now() + config.handshake_timeout;
    let span = Span::server(peer);
    let greeter = Greeter { options, config: &config, secure, on_request: None, on_http: None, span: &span };
    // Without on_http there is no answer but a WebSocket or an error.
    let greeted = greet(&greeter, &transport, peer, deadline, |_| {});
    let greeted = greeted.inspect_err(|error| span.in_scope(|| refused(error, refusal(error).as_ref())))?;
    greeted.map(|greeted| *greeted).ok_or(HandshakeError::NotWebSocket.into())
}

/// An open connection and the request for it; boxed, for it goes up the stack.
pub(in crate::net) type Greeted = Box<(WebSocket, Request)>;

/// Reads the request until `deadline` and answers it, whatever it is. `None` if it was a plain HTTP request. `open` hears of a connection
/// before its client does.
pub(in crate::net) fn greet(
    greeter: &Greeter<'_>,
    transport: &Arc<dyn Transport>,
    peer: Option<SocketAddr>,
    deadline: Instant,
    open: impl FnOnce(&Sender),
) -> Result<Option<Greeted>, Error> {
    let greeted = try_greet(greeter, transport, peer, open, deadline);
    if let Err(error) = &greeted
        && let Some(response) = refusal(error)
    {
        Farewell::new(transport.clone(), write_response(&response), deadline).wait();
    }
    greeted
}

fn try_greet(
    greeter: &Greeter<'_>,
    transport: &Arc<dyn Transport>,
    peer: Option<SocketAddr>,
    open: impl FnOnce(&Sender),
    deadline: Instant,
) -> Result<Option<Greeted>, Error> {
    let (head, rest) = read_head(&**transport, greeter.config, Vec::new(), deadline)?;
    match greeter.answer(&head, peer)? {
        Answer::Welcome(response, request, terms) => {
            let config = greeter.config.clone();
            let ws = WebSocket::new(Role::Server, transport.clone(), config, &rest, terms);
            ws.outgoing().hold();
            open(&ws.sender());
            if let Err(error) = send_until(&**transport, &response, deadline) {
                ws.abort();
                return Err(timeout_or_io(error));
            }
            ws.outgoing().release();
            Ok(Some(Box::new((ws, *request))))
        }
        Answer::Http(response) => {
            Farewell::new(transport.clone(), response, deadline).wait();
            Ok(None)
        }
    }
}
