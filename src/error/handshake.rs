//! [`HandshakeError`]: what can go wrong before the connection is open, one variant for each rule
//! (RFC 6455 §3, §4).
//!
//! ```text
//!   a request breaks a rule ──▶ HandshakeError ──▶ status() ──▶ response(): what the server answers
//!   a reply breaks a rule   ──▶ HandshakeError ──▶ the client closes the connection, there is no answer
//!   the caller's URL, header or subprotocol cannot be used ──▶ HandshakeError, nothing was sent
//! ```
//!
//! Each variant knows its section and, when a server says it, its status, so that the mapping from
//! rule to answer stands in one place. `HTTP` rules that RFC 6455 takes over by reference ("a valid
//! HTTP request", §4.1 and §4.2.1) name the section of RFC 6455 that does so.
//!
//! For the next editor: a new variant needs a line in `section()`, and one in `status()` if a
//! server answers it. A status that HTTP ties to a header (405 to Allow, 426 to Upgrade, ...) gets
//! that header in `response()`.

use crate::handshake::Response;
use http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{Method, StatusCode};

/// Why an opening handshake failed.
///
/// ```
/// use clearsocket::HandshakeError;
/// let error = HandshakeError::UnsupportedVersion(8);
/// assert_eq!(error.section(), "4.2.2");
/// let response = error.response().unwrap();
/// assert_eq!(response.status(), 426);
/// assert_eq!(response.headers()["sec-websocket-version"], "13");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    // ---- Either end reads a head that is not HTTP ----
    /// The head is not HTTP: 400. What exactly is wrong with it.
    #[error("the head is not valid HTTP: {0}")]
    MalformedHead(&'static str),
    /// The start line alone reaches [`Config::max_head_size`](crate::Config::max_head_size): 414.
    #[error("the first line of the head is longer than the limit")]
    StartLineTooLong,
    /// The head is larger than [`Config::max_head_size`](crate::Config::max_head_size): 431.
    #[error("the head is larger than the limit")]
    HeadTooLarge,
    /// The head has more header lines than [`Config::max_headers`](crate::Config::max_headers): 431.
    #[error("the head has more header lines than the limit")]
    TooManyHeaders,
    /// HTTP of another major version than 1: 505.
    #[error("the HTTP version is not supported; HTTP/1.1 is expected")]
    UnsupportedHttpVersion,
    /// The connection ended in the middle of the head.
    #[error("the connection was closed before the handshake was complete")]
    ConnectionClosed,

    // ---- A server reads a request ----
    /// The request target is neither a path nor an http or https URI, or has a fragment or a
    /// character that must not stand there: 400.
    #[error(
        "the request target is neither a path nor an http(s) URI, or has a fragment or a forbidden character"
    )]
    InvalidTarget,
    /// No Host header: 400.
    #[error("the Host header is missing")]
    MissingHost,
    /// More than one Host header: 400.
    #[error("the Host header appears more than once")]
    RepeatedHost,
    /// A Host that is no host with an optional port: 400.
    #[error("the Host header is not a host name or address with an optional port")]
    InvalidHost,
    /// Another method than GET: 405.
    #[error("the method is {0}; a WebSocket handshake uses GET")]
    MethodNotGet(Method),
    /// HTTP/1.0, where an Upgrade means nothing: 400.
    #[error("the request is HTTP/1.0; a WebSocket handshake needs HTTP/1.1")]
    HttpVersionTooLow,
    /// No Upgrade to websocket is asked for: 426.
    #[error("this is a WebSocket endpoint; the request does not ask for an Upgrade to websocket")]
    NotWebSocket,
    /// The Connection header does not contain the token Upgrade: 400.
    #[error("the Connection header does not contain the token Upgrade")]
    ConnectionNotUpgrade,
    /// The request announces a body: 400.
    #[error(
        "the request announces a body (Content-Length or Transfer-Encoding); a WebSocket handshake has none"
    )]
    RequestBody,
    /// No Sec-WebSocket-Version: 400.
    #[error("the Sec-WebSocket-Version header is missing; 13 is expected")]
    MissingVersion,
    /// More than one Sec-WebSocket-Version: 400.
    #[error("the Sec-WebSocket-Version header appears more than once")]
    RepeatedVersion,
    /// A Sec-WebSocket-Version that is no number from 0 to 255: 400.
    #[error("the Sec-WebSocket-Version header is not a number from 0 to 255 without leading zeros")]
    MalformedVersion,
    /// A version of the protocol that we do not speak: 426.
    #[error("version {0} of the WebSocket protocol is not supported; 13 is")]
    UnsupportedVersion(u8),
    /// No Sec-WebSocket-Key: 400.
    #[error("the Sec-WebSocket-Key header is missing")]
    MissingKey,
    /// More than one Sec-WebSocket-Key: 400.
    #[error("the Sec-WebSocket-Key header appears more than once")]
    RepeatedKey,
    /// A key that is not the base64 form of 16 bytes: 400.
    #[error("the Sec-WebSocket-Key header is not the base64 form of 16 bytes")]
    InvalidKey,
    /// The offered subprotocols are not a list of tokens: 400.
    #[error("the Sec-WebSocket-Protocol header is not a list of tokens")]
    MalformedSubprotocols,
    /// A subprotocol is offered twice: 400.
    #[error("the Sec-WebSocket-Protocol header names the same subprotocol twice")]
    DuplicateSubprotocol,
    /// Sec-WebSocket-Extensions does not follow its grammar: 400 when a server reads it, and
    /// failure for a client.
    #[error("the Sec-WebSocket-Extensions header does not follow the grammar of a list of extensions")]
    MalformedExtensions,
    /// The page that wants to connect comes from an origin that is not welcome: 403.
    #[error("connections from the origin {0:?} are not allowed")]
    ForeignOrigin(String),
    /// No WebSocket service at this path: 404.
    #[error("there is no WebSocket service at {0:?}")]
    UnknownPath(String),
    /// The server has as many connections as it may have: 503.
    #[error("the server has no room for another connection")]
    ServerFull,
    /// The request was not complete before the deadline: 408.
    #[error("the request was not complete in time")]
    TimedOut,
    /// The server's own hook refused the request; its response is sent as it is.
    #[error("the server refused the request with status {}", .0.status())]
    RefusedByHook(Box<Response>),

    // ---- A client reads a reply ----
    /// The server answered with another status than 101. The response, with its body as far as it
    /// was read.
    #[error("the server answered {} instead of 101 Switching Protocols", .0.status())]
    Refused(Box<Response>),
    /// A redirect that is not followed, although redirects are: it leads from wss to ws, or its Location is no URL to
    /// connect to. What exactly is wrong with it.
    #[error("the server's redirect cannot be followed: {0}")]
    InvalidRedirect(&'static str),
    /// More redirects than [`Client::redirects`](crate::Client::redirects) allows; how many.
    #[error("the server redirects further after {0} redirects, which is the limit")]
    TooManyRedirects(usize),
    /// A 101 in HTTP/1.0.
    #[error("the reply is HTTP/1.0; HTTP/1.1 is expected")]
    ReplyVersionTooLow,
    /// The reply has no Upgrade header, several, or one for something else than websocket.
    #[error("the reply's Upgrade header is not exactly \"websocket\"")]
    ReplyUpgrade,
    /// The reply's Connection header does not contain the token Upgrade.
    #[error("the reply's Connection header does not contain the token Upgrade")]
    ReplyConnection,
    /// The reply has no Sec-WebSocket-Accept header.
    #[error("the reply has no Sec-WebSocket-Accept header")]
    MissingAccept,
    /// The reply has more than one Sec-WebSocket-Accept header.
    #[error("the reply has more than one Sec-WebSocket-Accept header")]
    RepeatedAccept,
    /// The Sec-WebSocket-Accept header does not belong to our key.
    #[error("the reply's Sec-WebSocket-Accept header does not belong to our Sec-WebSocket-Key")]
    WrongAccept,
    /// The server uses an extension that was not offered; its name.
    #[error("the server chose the extension {0:?}, which was not offered")]
    UnrequestedExtension(String),
    /// The server's answer to an extension that was offered is not in order, or more than was offered; its name.
    #[error("the server's parameters for the extension {0:?} cannot be accepted")]
    UnacceptableExtension(String),
    /// More than one Sec-WebSocket-Protocol header in the reply.
    #[error("the reply has more than one Sec-WebSocket-Protocol header")]
    RepeatedSubprotocol,
    /// The server chose something that was not offered, or is not one token; what it chose.
    #[error("the server chose the subprotocol {0:?}, which was not offered")]
    UnrequestedSubprotocol(String),

    // ---- The caller gave something that cannot be used ----
    /// A URL that is no ws or wss URL; what is wrong with it.
    #[error("the URL cannot be used: {0}")]
    InvalidUrl(&'static str),
    /// A header that the handshake itself sets, or that would change the meaning of the message.
    #[error("the header {0} belongs to the handshake and cannot be set")]
    ReservedHeader(HeaderName),
    /// A subprotocol that is no token, or is named twice.
    #[error("the subprotocol {0:?} is not a token, or is named twice")]
    InvalidSubprotocol(String),
    /// An origin that is neither `null` nor of the form `https://example.com`.
    #[error("{0:?} is not an origin such as https://example.com")]
    InvalidOrigin(String),
    /// A path that does not begin with a slash, or contains what a path cannot contain.
    #[error("{0:?} is not a path such as /chat")]
    InvalidPath(String),
}

use HandshakeError::*;

impl HandshakeError {
    /// The status that a server answers with (RFC 6455 §4.2.1, §4.2.2). `None` for what only a
    /// client meets, for a connection that has ended, and for faults of the caller.
    pub fn status(&self) -> Option<StatusCode> {
        // RFC 6455 §4.2.1/a §10.7/d
        Some(match self {
            MalformedHead(_)
            | InvalidTarget
            | MissingHost
            | RepeatedHost
            | InvalidHost
            | HttpVersionTooLow
            | ConnectionNotUpgrade
            | RequestBody
            | MissingVersion
            | RepeatedVersion
            | MalformedVersion
            | MissingKey
            | RepeatedKey
            | InvalidKey
            | MalformedSubprotocols
            | DuplicateSubprotocol
            | MalformedExtensions => StatusCode::BAD_REQUEST,
            // RFC 6455 §4.2.2/f §10.2/b
            ForeignOrigin(_) => StatusCode::FORBIDDEN,
            // RFC 6455 §4.2.2/j
            UnknownPath(_) => StatusCode::NOT_FOUND,
            MethodNotGet(_) => StatusCode::METHOD_NOT_ALLOWED,
            TimedOut => StatusCode::REQUEST_TIMEOUT,
            StartLineTooLong => StatusCode::URI_TOO_LONG,
            // RFC 6455 §4.2.2/h
            NotWebSocket | UnsupportedVersion(_) => StatusCode::UPGRADE_REQUIRED,
            HeadTooLarge | TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            ServerFull => StatusCode::SERVICE_UNAVAILABLE,
            UnsupportedHttpVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            // A hook cannot refuse with an interim status: the client would wait for another response.
            RefusedByHook(response) if response.status().is_informational() => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            // RFC 6455 §4.2.2/c §4.2.2/d §4.2.2/j
            RefusedByHook(response) => response.status(),
            _ => return None,
        })
    }

    /// The refusal that a server sends, with the headers that belong to its status and the message
    /// as a body of plain text. `None` where [`status`](Self::status) is.
    /// [`write_response`](crate::handshake::write_response) turns it into bytes.
    pub fn response(&self) -> Option<Response> {
        let status = self.status()?;
        if let RefusedByHook(response) = self
            && response.status() == status
        {
            return Some(Response::clone(response));
        }
        let mut response = Response::new(format!("{self}\n").into_bytes());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        match self {
            // HTTP/e: a 405 names the methods that are allowed.
            MethodNotGet(_) => {
                headers.insert(ALLOW, HeaderValue::from_static("GET"));
            }
            // HTTP/d: a 426 names the protocol to upgrade to.
            NotWebSocket | UnsupportedVersion(_) => {
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            }
            // RFC 6455 §7.2.3: clients come back after 0 to 5 seconds; ask for the upper end.
            ServerFull => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        // RFC 6455 §4.2.2/h §4.4/a: a refusal for the version's sake names every version that we speak.
        if matches!(
            self,
            NotWebSocket | MissingVersion | RepeatedVersion | MalformedVersion | UnsupportedVersion(_)
        ) {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        Some(response)
    }

    /// The section of RFC 6455 that holds the broken rule, or that lets the server refuse.
    pub fn section(&self) -> &'static str {
        match self {
            InvalidUrl(_) => "3",
            Refused(_)
            | InvalidRedirect(_)
            | TooManyRedirects(_)
            | ReplyVersionTooLow
            | ReplyUpgrade
            | ReplyConnection
            | WrongAccept
            | MissingAccept
            | UnrequestedExtension(_)
            | UnacceptableExtension(_)
            | UnrequestedSubprotocol(_)
            | ReservedHeader(_)
            | InvalidSubprotocol(_)
            | InvalidOrigin(_)
            | ConnectionClosed => "4.1",
            MalformedHead(_)
            | UnsupportedHttpVersion
            | InvalidTarget
            | MissingHost
            | RepeatedHost
            | InvalidHost
            | MethodNotGet(_)
            | HttpVersionTooLow
            | NotWebSocket
            | ConnectionNotUpgrade
            | RequestBody
            | MissingVersion
            | MissingKey
            | InvalidKey
            | MalformedSubprotocols
            | DuplicateSubprotocol => "4.2.1",
            UnsupportedVersion(_) | UnknownPath(_) | RefusedByHook(_) | InvalidPath(_) => "4.2.2",
            MalformedVersion => "4.3",
            MalformedExtensions => "9.1",
            ForeignOrigin(_) => "10.2",
            StartLineTooLong | HeadTooLarge | TooManyHeaders | ServerFull | TimedOut => "10.4",
            RepeatedKey => "11.3.1",
            RepeatedAccept => "11.3.3",
            RepeatedSubprotocol => "11.3.4",
            RepeatedVersion => "11.3.5",
        }
    }

    /// Whether the caller gave something that cannot be used (a URL, a header, a subprotocol, ...):
    /// nothing was sent.
    pub fn is_callers_fault(&self) -> bool {
        matches!(
            self,
            InvalidUrl(_) | ReservedHeader(_) | InvalidSubprotocol(_) | InvalidOrigin(_) | InvalidPath(_)
        )
    }
}
