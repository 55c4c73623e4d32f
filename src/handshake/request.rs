//! [`Request`]: what a client asks for, as HTTP (RFC 6455 §4.2.1/1-2; RFC 9112 §3; RFC 9110 §7.2).
//!
//! ```text
//!   GET /chat?room=1 HTTP/1.1        method, target, version, one blank between them
//!       └── resource name ┘          a path with an optional query, or http://host/path
//!   Host: server.example.com
//! ```
//!
//! Parsing settles whether the bytes are an HTTP request. Whether that request is a WebSocket
//! handshake, and a welcome one, is for [`judge`](crate::handshake::judge) to say. So a plain HTTP
//! request parses too, and a server can answer it.
//!
//! For the next editor: browsers leave some characters in a target that RFC 3986 wants escaped
//! (`|`, `[`, ...), so every visible ASCII character is taken but `#`, which would begin a fragment
//! (§3).

use super::authority::Authority;
use super::http::{check, list, list_contains, parse_version, single, split, token};
use crate::{Config, HandshakeError};
use http::Method;
use http::header::{HOST, HeaderMap, ORIGIN, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use std::net::SocketAddr;

/// A client's request.
///
/// ```
/// use clearsocket::{Config, handshake::Request};
/// let head = b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nCookie: a=b\r\n\r\n";
/// let request = Request::parse(head, &Config::default())?;
/// assert_eq!(request.path(), "/chat");
/// assert_eq!(request.query(), Some("room=1"));
/// assert_eq!(request.header("cookie"), Some("a=b"));
/// assert!(!request.is_upgrade());
/// # Ok::<(), clearsocket::HandshakeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    resource_name: String,
    minor_version: u8,
    host: String,
    headers: HeaderMap,
    peer_addr: Option<SocketAddr>,
    secure: bool,
    subprotocol: Option<String>,
}

impl Request {
    /// Reads a complete head.
    ///
    /// # Errors
    ///
    /// The head is not HTTP, is too large, or has no usable Host: see [`HandshakeError::response`].
    pub fn parse(head: &[u8], config: &Config) -> Result<Request, HandshakeError> {
        check(head, config)?;
        Request::parse_read(head, config)
    }

    /// The same for a head that a [`HeadReader`](super::HeadReader) has read.
    pub(crate) fn parse_read(head: &[u8], config: &Config) -> Result<Request, HandshakeError> {
        let head = split(head, config)?;
        let mut parts = head.start_line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(HandshakeError::MalformedHead(
                "the first line is not a method, a target and a version",
            ));
        };
        let method = token(method)
            .and_then(|method| Method::from_bytes(method.as_bytes()).ok())
            .ok_or(HandshakeError::MalformedHead("the method is not a token"))?;
        let minor_version = parse_version(version)?;
        // RFC 6455 §4.2.1/c: the target is a resource name or an absolute URI that contains one.
        let target = Target::parse(target).ok_or(HandshakeError::InvalidTarget)?;
        let host = effective_host(&head.fields, &target, minor_version)?.to_owned();
        let resource_name = target.resource_name;
        // RFC 6455 §4.2.1/k: all of them, known or not.
        let headers = head.fields;
        Ok(Request {
            method,
            resource_name,
            minor_version,
            host,
            headers,
            peer_addr: None,
            secure: false,
            subprotocol: None,
        })
    }

    /// The method; GET in every WebSocket handshake.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path, without the query, as it was sent: percent-encoded, and beginning with a slash.
    pub fn path(&self) -> &str {
        self.resource_name.split('?').next().unwrap_or_default()
    }

    /// What follows the first `?`, if there is one.
    pub fn query(&self) -> Option<&str> {
        self.resource_name.split_once('?').map(|(_, query)| query)
    }

    /// The path with the query: the RFC's *resource name* (§3).
    pub fn resource_name(&self) -> &str {
        &self.resource_name
    }

    /// All the headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The first header of this name, in any case. `None` if there is none, or if it is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// The host, with a port if one was sent: from an absolute target, or else from the Host header
    /// (RFC 9112 §3.2.2). Empty only for an HTTP/1.0 request that names none.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The Origin header: the page that a browser runs the script of (§4.1). `None` for most that
    /// is not a browser.
    pub fn origin(&self) -> Option<&str> {
        self.header(ORIGIN.as_str())
    }

    /// The subprotocols that the client offers, the one it likes best first (§4.1).
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        list(&self.headers, SEC_WEBSOCKET_PROTOCOL).filter_map(token)
    }

    /// The subprotocol that [`judge`](crate::handshake::judge) agreed to, if any.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    pub(super) fn set_subprotocol(&mut self, subprotocol: Option<String>) {
        self.subprotocol = subprotocol;
    }

    /// The address of the other end of the TCP connection, which may be a proxy's.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer_addr
    }

    /// Notes the address that the connection came from.
    pub fn set_peer_addr(&mut self, address: SocketAddr) {
        self.peer_addr = Some(address);
    }

    /// Whether it came encrypted to this server (`wss://`, `https://`). A proxy in front may have decrypted it: then it did
    /// not.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Notes whether it came encrypted.
    pub fn set_secure(&mut self, secure: bool) {
        self.secure = secure;
    }

    /// Whether this asks for an Upgrade to websocket. If not, it is a plain HTTP request.
    pub fn is_upgrade(&self) -> bool {
        // RFC 6455 §4.2.1/e HTTP/g: an Upgrade in HTTP/1.0 is ignored.
        !self.is_http_1_0() && list_contains(&self.headers, UPGRADE, "websocket")
    }

    pub(super) fn is_http_1_0(&self) -> bool {
        self.minor_version == 0
    }
}

/// RFC 9112 §3.2: exactly one Host, and a valid one; but the host of an absolute target goes before it.
fn effective_host<'a>(
    fields: &'a HeaderMap,
    target: &'a Target<'a>,
    minor_version: u8,
) -> Result<&'a str, HandshakeError> {
    // RFC 6455 §4.2.1/d HTTP/a: a Host header with the server's authority.
    let host = match single(fields, HOST) {
        Some(Ok(value)) => value.to_str().map_err(|_| HandshakeError::InvalidHost)?,
        Some(Err(())) => return Err(HandshakeError::RepeatedHost),
        None if minor_version == 0 => return Ok(target.authority.unwrap_or_default()),
        None => return Err(HandshakeError::MissingHost),
    };
    match Authority::parse(host) {
        Some(_) => Ok(target.authority.unwrap_or(host)),
        None => Err(HandshakeError::InvalidHost),
    }
}

/// A request target (RFC 9112 §3.2).
struct Target<'a> {
    resource_name: String,
    authority: Option<&'a str>,
}

impl<'a> Target<'a> {
    fn parse(target: &'a [u8]) -> Option<Target<'a>> {
        // RFC 6455 §3/d §3/e §8.1/b: no fragment, and ASCII only.
        if !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
            return None;
        }
        let target = std::str::from_utf8(target).ok()?;
        if target.starts_with('/') {
            return Some(Target { resource_name: target.to_owned(), authority: None });
        }
        // RFC 6455 §4.2.1/c: or an absolute HTTP/HTTPS URI.
        let (scheme, rest) = target.split_once("://")?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        Authority::parse(authority)?;
        // RFC 6455 §3/c: an empty path becomes "/".
        let slash = if path.starts_with('/') { "" } else { "/" };
        Some(Target { resource_name: format!("{slash}{path}"), authority: Some(authority) })
    }
}
