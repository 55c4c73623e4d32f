//! The client's side of the opening handshake (RFC 6455 §4.1), from a URL to an open connection.
//!
//! ```text
//!   URL ─▶ dial ─▶ request ─▶ reply ─▶ verify ─▶ WebSocket
//!    §3                                   └──▶ refused: status, headers, body
//! ```
//!
//! One deadline covers everything from the first address to the last byte of the reply.
//!
//! For the next editor: what the request says and what the reply must say stands in
//! [`handshake`](crate::handshake); how the connection comes to be, in `dial`.

use super::accept::{read_head, timeout_or_io};
use super::transport::{Transport, recv_until, send_until};
use super::websocket::{Terms, WebSocket};
use super::{dial, entropy};
use crate::error::{Error, HandshakeError};
use crate::handshake::{BodyReader, ClientHandshake, ClientOptions, Response, Url, is_interim};
use crate::{Config, Role};
use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderName, HeaderValue};
use std::sync::Arc;
use std::time::Instant;

/// Connects to a `ws://` URL: `new WebSocket(url)`, and back when it is open.
///
/// ```no_run
/// let (ws, response) = clearsocket::connect("ws://127.0.0.1:9001/chat?room=1")?;
/// assert_eq!(response.status(), 101);
/// # Ok::<(), clearsocket::Error>(())
/// ```
///
/// # Errors
///
/// As [`Client::connect`].
pub fn connect(url: &str) -> Result<(WebSocket, Response), Error> {
    Client::new().connect(url)
}

/// A client with options: headers, subprotocols, an Origin, limits.
///
/// ```no_run
/// # use clearsocket::Client;
/// let (ws, _response) = Client::new()
///     .header("Authorization", "Bearer 42")
///     .subprotocols(["chat", "superchat"])
///     .connect("ws://127.0.0.1:9001/")?;
/// println!("we speak {:?}", ws.subprotocol());
/// # Ok::<(), clearsocket::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Client {
    config: Config,
    options: ClientOptions,
    /// The first header that could not be sent; told by `connect`.
    invalid: Option<String>,
}

impl Client {
    /// A client with the default limits and no options.
    pub fn new() -> Client {
        Client::default()
    }

    /// Limits and timeouts.
    pub fn config(mut self, config: Config) -> Client {
        self.config = config;
        self
    }

    /// A further header of the request, such as a Cookie. A name may be given several times. A value with CR, LF or NUL,
    /// or a header that is the handshake's own, makes [`connect`](Self::connect) fail.
    pub fn header(mut self, name: &str, value: &str) -> Client {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes())) {
            (Ok(name), Ok(value)) => drop(self.options.headers.append(name, value)),
            (Err(_), _) => drop(self.invalid.get_or_insert(format!("{name:?} is no header name"))),
            // HTTP/i
            (_, Err(_)) => drop(self.invalid.get_or_insert(format!("the value of {name} cannot be sent"))),
        }
        self
    }

    /// The Origin to send. A browser sends its page's; for others it is optional (§4.1).
    pub fn origin(mut self, origin: &str) -> Client {
        self.options.origin = Some(origin.to_string());
        self
    }

    /// The subprotocols to offer, the preferred one first (§1.9). [`WebSocket::subprotocol`] tells the server's choice.
    pub fn subprotocols<S: Into<String>>(mut self, subprotocols: impl IntoIterator<Item = S>) -> Client {
        self.options.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Offers to compress messages (permessage-deflate, RFC 7692). [`WebSocket::extensions`] tells what came of it.
    #[cfg(feature = "deflate")]
    pub fn deflate(mut self, deflate: crate::Deflate) -> Client {
        self.options.deflate = Some(deflate);
        self
    }

    /// Connects, and returns when the connection is open, with the server's response.
    ///
    /// The addresses of the host are tried in turn. Everything together takes at most
    /// [`Config::handshake_timeout`], except that looking up a name is left to the system and its own limits.
    ///
    /// # Errors
    ///
    /// [`Error::Handshake`] for a URL that is none (§3), for options that cannot be sent, and for a reply that breaks a
    /// rule of §4.1. A server that says no is [`HandshakeError::Refused`], with its status, its headers and up to 64 KiB of
    /// the body. [`Error::Timeout`]; [`Error::Io`] if no connection can be made.
    pub fn connect(&self, url: &str) -> Result<(WebSocket, Response), Error> {
        // RFC 6455 §4.1/c
        let url: Url = url.parse()?;
        dial::check(&url)?;
        let deadline = Instant::now() + self.config.handshake_timeout;
        // RFC 6455 §4.1/b §7.1.4/b. Nothing is sent before it is known that the request can be.
        let handshake = self.prepare(&url)?;
        let (transport, _turn) = dial::dial(&url, deadline)?;
        self.shake_hands(handshake, transport, deadline)
    }

    /// Makes the connection for `url` and nothing more: what [`connect`](Self::connect) does before it sends the request.
    /// It is ready for [`handshake`](Self::handshake), perhaps within a [`Transport`] of yours that shows what passes.
    ///
    /// ```no_run
    /// # use clearsocket::Client;
    /// let client = Client::new();
    /// let transport = client.dial("ws://127.0.0.1:9001/chat")?;
    /// println!("connected to {:?}", transport.remote_addr());
    /// let (ws, response) = client.handshake("ws://127.0.0.1:9001/chat", transport)?;
    /// # Ok::<(), clearsocket::Error>(())
    /// ```
    ///
    /// It takes at most [`Config::handshake_timeout`], and the handshake that follows has as much again. The order of
    /// handshakes with one address (§4.1) is then up to you.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn dial(&self, url: &str) -> Result<Arc<dyn Transport>, Error> {
        let url: Url = url.parse()?;
        dial::check(&url)?;
        let deadline = Instant::now() + self.config.handshake_timeout;
        Ok(dial::dial(&url, deadline)?.0)
    }

    /// Does the opening handshake for `url` on a connection that was made elsewhere, for instance by [`dial`](Self::dial).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn handshake(&self, url: &str, stream: impl Transport) -> Result<(WebSocket, Response), Error> {
        let deadline = Instant::now() + self.config.handshake_timeout;
        self.shake_hands(self.prepare(&url.parse()?)?, Arc::new(stream), deadline)
    }

    fn prepare(&self, url: &Url) -> Result<ClientHandshake, Error> {
        if let Some(invalid) = &self.invalid {
            return Err(Error::InvalidArgument(invalid.clone()));
        }
        Ok(ClientHandshake::new(url, &self.options, entropy::nonce())?)
    }

    fn shake_hands(
        &self,
        handshake: ClientHandshake,
        transport: Arc<dyn Transport>,
        deadline: Instant,
    ) -> Result<(WebSocket, Response), Error> {
        transport.prepare()?;
        // RFC 6455 §4.1/p §4.1/ag: and nothing else, before the reply has come.
        send_until(&*transport, handshake.request(), deadline).map_err(timeout_or_io)?;
        let mut rest = Vec::new();
        for _ in 0..MAX_INTERIM {
            let head;
            (head, rest) = read_head(&*transport, &self.config, rest, deadline)?;
            if is_interim(&head, &self.config) {
                continue;
            }
            // RFC 6455 §4.1/ah §7.1.4/b
            return match handshake.verify(&head, &self.config) {
                // RFC 6455 §4.1/ar: `rest` are the first frames, if they came along.
                Ok((response, subprotocol)) => {
                    let extensions = response.headers().get(SEC_WEBSOCKET_EXTENSIONS);
                    let terms = Terms {
                        subprotocol,
                        deflate: handshake.deflate(&response).zip(self.options.deflate.clone()),
                        extensions: extensions
                            .and_then(|value| value.to_str().ok())
                            .unwrap_or_default()
                            .into(),
                    };
                    let config = Arc::new(self.config.clone());
                    let ws = WebSocket::new(Role::Client, transport, config, &rest, terms);
                    Ok((ws, response))
                }
                Err(HandshakeError::Refused(mut response)) => {
                    *response.body_mut() = read_body(&*transport, &response, &rest, deadline);
                    Err(HandshakeError::Refused(response).into())
                }
                Err(error) => Err(error.into()),
            };
        }
        Err(HandshakeError::MalformedHead("too many interim responses stand before it").into())
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
