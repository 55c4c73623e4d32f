//! The server's verdict on a request, rule by rule (RFC 6455 §4.2.1, §4.2.2).
//!
//! [`Request::parse`] has settled that the bytes are HTTP, with a target that is a resource name
//! and one valid Host (§4.2.1/1-2). With §4.2.1 in hand, [`judge`] goes on in this order, and the
//! first rule that is broken is the answer:
//!
//! ```text
//!    1  §4.2.1/1   the method is GET                                        or else 405
//!    2  §4.2.1/1   HTTP/1.1 or higher                                       400
//!    3  §4.2.1/3   Upgrade contains websocket                               426
//!    4  §4.2.1/4   Connection contains Upgrade                              400
//!    5  RFC 9110   no body (§7.8: no switch before the whole is read)       400
//!    6  §4.2.1/6   one Sec-WebSocket-Version, a number; and it is 13        400; 426
//!    7  §4.2.1/5   one Sec-WebSocket-Key of 16 bytes                        400
//!    8  §4.2.1/8   Sec-WebSocket-Protocol is a list of unique tokens        400
//!    9  §4.2.1/9   Sec-WebSocket-Extensions follows §9.1                    400
//!   10  §4.2.2/4   the Origin is welcome                                    403
//!   11  §4.2.2/4   there is a service at the path                           404
//!   12  §4.2.2/4   choose a subprotocol
//! ```
//!
//! Grammar goes before policy, so that 403 and 404 are said to WebSocket clients only. The version
//! stands before the key, since it is the version that says what a key is. The origin stands before
//! the path: who is not welcome learns nothing about what there is.
//!
//! Sec-WebSocket-Accept has no meaning in a request, and is ignored like every unknown header
//! (§4.2.1/10).
//!
//! For the next editor: an extension that is offered and not answered is declined (§9.1). The one that we know is
//! negotiated in `deflate`.

use super::deflate::{self, Agreed};
use super::extensions::{Extension, parse_extensions};
use super::http::{list, list_contains, single, token, write_field};
use super::key::{accept_key, is_valid_key};
use super::origin::{OriginPolicy, check_origin, is_origin};
use super::request::Request;
use super::response::content_length;
use crate::HandshakeError;
use crate::compression::{Agreement, Deflate};
use http::Method;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use std::collections::BTreeSet;

/// What a server is willing to accept.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The subprotocols that we speak, the one we like best first. Default: none.
    pub subprotocols: Vec<String>,
    /// From which web pages connections are taken. Default: from our own.
    pub origins: OriginPolicy,
    /// Compression, if the client offers it (RFC 7692). Default `None`: never.
    pub deflate: Option<Deflate>,
    /// The paths that there is a service at, such as `/chat`, compared byte for byte and without
    /// the query. Default `None`: every path.
    pub paths: Option<Vec<String>>,
}

impl ServerOptions {
    /// Checks that these options can ever match: subprotocols are unique tokens, listed origins are
    /// origins, and paths begin with a slash.
    ///
    /// # Errors
    ///
    /// Says which of them cannot: a fault of the caller.
    pub fn check(&self) -> Result<(), HandshakeError> {
        check_subprotocols(&self.subprotocols)?;
        if let OriginPolicy::Listed(origins) = &self.origins
            && let Some(wrong) = origins.iter().find(|origin| !is_origin(origin))
        {
            return Err(HandshakeError::InvalidOrigin(wrong.clone()));
        }
        let is_path = |path: &String| {
            path.starts_with('/')
                && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte))
        };
        match self.paths.iter().flatten().find(|path| !is_path(path)) {
            Some(wrong) => Err(HandshakeError::InvalidPath(wrong.clone())),
            None => Ok(()),
        }
    }
}

/// A handshake that was accepted, and what there is to answer.
#[derive(Clone, Debug)]
pub struct Accepted {
    accept: String,
    subprotocol: Option<String>,
    extensions: Vec<Extension>,
    deflate: Option<Agreed>,
}

/// Judges a request. When it is accepted, [`Request::subprotocol`] is known from then on.
///
/// # Errors
///
/// The first rule that the request breaks; [`HandshakeError::response`] is the answer to it. A
/// plain HTTP request gives [`NotWebSocket`](HandshakeError::NotWebSocket) if it is a GET.
///
/// ```
/// use clearsocket::{Config, handshake::{Request, ServerOptions, judge}};
/// let head = b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
///     Sec-WebSocket-Version: 13\r\n\r\n";
/// let mut request = Request::parse(head, &Config::default())?;
/// let accepted = judge(&mut request, &ServerOptions::default())?;
/// let reply = accepted.response(&Default::default())?;
/// assert!(reply.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"));
/// # Ok::<(), clearsocket::HandshakeError>(())
/// ```
pub fn judge(request: &mut Request, options: &ServerOptions) -> Result<Accepted, HandshakeError> {
    // RFC 6455 §4.2.1/a §4.2.2/a
    check_upgrade(request)?;
    check_no_body(request.headers())?;
    check_version(request.headers())?;
    let key = check_key(request.headers())?;
    let offered = parse_offered_subprotocols(request.headers())?;
    // RFC 6455 §5.8/a: here an extension could begin to be in use.
    let extensions = parse_extensions(request.headers())?;
    check_origin(request, &options.origins)?;
    check_path(request, options)?;
    // RFC 6455 §4.2.2/k: out of the client's list, by our own preference.
    let subprotocol = options.subprotocols.iter().find(|ours| offered.contains(ours.as_str())).cloned();
    // RFC 6455 §4.2.2/m §9/c: out of the client's offers.
    let deflate = options.deflate.as_ref().and_then(|ours| deflate::choose(&extensions, ours));
    let accepted =
        Accepted { accept: accept_key(key), subprotocol: subprotocol.clone(), extensions, deflate };
    request.set_subprotocol(subprotocol);
    Ok(accepted)
}

impl Accepted {
    /// The 101 on the wire, with these headers after our own (cookies, for instance).
    ///
    /// # Errors
    ///
    /// [`HandshakeError::ReservedHeader`] if they contain one that belongs to the handshake.
    pub fn response(&self, extra: &HeaderMap) -> Result<Vec<u8>, HandshakeError> {
        check_extra_headers(extra)?;
        // RFC 6455 §4.2.2/o §4.2.2/p §4.2.2/q HTTP/f
        let mut out = Vec::with_capacity(256); // more than most need
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        out.extend_from_slice(b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
        out.extend_from_slice(self.accept.as_bytes()); // RFC 6455 §4.2.2/r §11.3.3/a
        out.extend_from_slice(b"\r\n");
        // RFC 6455 §4.2.2/l §11.3.4/b
        if let Some(subprotocol) = &self.subprotocol {
            write_field(&mut out, &SEC_WEBSOCKET_PROTOCOL, subprotocol.as_bytes());
        }
        // RFC 6455 §4.2.2/n §11.3.2/b: one line at most, and nothing in it that was not offered.
        // RFC 7692 §5/d §5/e §5/h
        if let Some(deflate) = &self.deflate {
            write_field(&mut out, &SEC_WEBSOCKET_EXTENSIONS, deflate.response.as_bytes());
        }
        for (name, value) in extra {
            write_field(&mut out, name, value.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        Ok(out)
    }

    /// The subprotocol that was agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The compression that was agreed on.
    pub fn deflate(&self) -> Option<Agreement> {
        self.deflate.as_ref().map(|agreed| agreed.agreement)
    }

    /// The extensions in use, as the response names them; the `extensions` of the WebSocket API.
    pub fn extensions(&self) -> &str {
        self.deflate.as_ref().map_or("", |agreed| &agreed.response)
    }

    /// The extensions that the client offers, in its order.
    pub fn offered_extensions(&self) -> &[Extension] {
        &self.extensions
    }
}

fn check_upgrade(request: &Request) -> Result<(), HandshakeError> {
    // RFC 6455 §4.2.1/b HTTP/g: a GET request, HTTP/1.1 or higher.
    if request.method() != Method::GET {
        return Err(HandshakeError::MethodNotGet(request.method().clone()));
    }
    if request.is_http_1_0() {
        return Err(HandshakeError::HttpVersionTooLow);
    }
    // RFC 6455 §4.2.1/e
    if !request.is_upgrade() {
        return Err(HandshakeError::NotWebSocket);
    }
    // RFC 6455 §4.2.1/f
    if !list_contains(request.headers(), CONNECTION, "upgrade") {
        return Err(HandshakeError::ConnectionNotUpgrade);
    }
    Ok(())
}

/// RFC 9110 §7.8: the protocol cannot change before the whole request is read. A GET has no use for
/// a body, so one that announces it is refused, which leaves no doubt about where the first frame
/// begins.
fn check_no_body(headers: &HeaderMap) -> Result<(), HandshakeError> {
    // HTTP/h
    let length = match single(headers, CONTENT_LENGTH) {
        None => Some(0),
        Some(value) => value.ok().and_then(content_length),
    };
    if length != Some(0) || headers.contains_key(TRANSFER_ENCODING) {
        return Err(HandshakeError::RequestBody);
    }
    Ok(())
}

fn check_version(headers: &HeaderMap) -> Result<(), HandshakeError> {
    let version = match single(headers, SEC_WEBSOCKET_VERSION) {
        Some(Ok(version)) => version.as_bytes(),
        // RFC 6455 §11.3.5/b: not more than once in a request.
        Some(Err(())) => return Err(HandshakeError::RepeatedVersion),
        // RFC 6455 §4.2.1/h
        None => return Err(HandshakeError::MissingVersion),
    };
    // RFC 6455 §4.2.1/h
    match parse_version_number(version) {
        Some(13) => Ok(()),
        // RFC 6455 §4.2.2/h: 426 and the versions that we speak.
        Some(other) => Err(HandshakeError::UnsupportedVersion(other)),
        None => Err(HandshakeError::MalformedVersion),
    }
}

/// RFC 6455 §4.3: `version`, a number from 0 to 255 without leading zeros.
fn parse_version_number(text: &[u8]) -> Option<u8> {
    // RFC 6455 §4.3/b
    let is_number = matches!(text, [b'0'] | [b'1'..=b'9', ..]) && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

fn check_key(headers: &HeaderMap) -> Result<&str, HandshakeError> {
    match single(headers, SEC_WEBSOCKET_KEY) {
        // RFC 6455 §4.2.1/g §4.3/d: 16 bytes when decoded.
        Some(Ok(key)) => key.to_str().ok().filter(|key| is_valid_key(key)).ok_or(HandshakeError::InvalidKey),
        // RFC 6455 §11.3.1/a: not more than once.
        Some(Err(())) => Err(HandshakeError::RepeatedKey),
        None => Err(HandshakeError::MissingKey),
    }
}

/// RFC 6455 §4.2.1, §4.3: `1#token`, each of them once, over any number of lines (§11.3.4).
fn parse_offered_subprotocols(headers: &HeaderMap) -> Result<BTreeSet<&str>, HandshakeError> {
    // RFC 6455 §4.2.1/j §11.3.4/a
    let mut offered = BTreeSet::new();
    for element in list(headers, SEC_WEBSOCKET_PROTOCOL) {
        let subprotocol = token(element).ok_or(HandshakeError::MalformedSubprotocols)?;
        if !offered.insert(subprotocol) {
            return Err(HandshakeError::DuplicateSubprotocol);
        }
    }
    // RFC 6455 §4.3/c
    if offered.is_empty() && headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return Err(HandshakeError::MalformedSubprotocols);
    }
    Ok(offered)
}

/// RFC 6455 §4.2.2: 404 for a service that is not there.
fn check_path(request: &Request, options: &ServerOptions) -> Result<(), HandshakeError> {
    // RFC 6455 §4.2.2/i §4.2.2/j
    match &options.paths {
        Some(paths) if !paths.iter().any(|path| path == request.path()) => {
            Err(HandshakeError::UnknownPath(request.path().to_owned()))
        }
        _ => Ok(()),
    }
}

fn check_extra_headers(extra: &HeaderMap) -> Result<(), HandshakeError> {
    // RFC 9110 §8.6, RFC 9112 §6.1: no length and no coding in a 101.
    let ours = [UPGRADE, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];
    match extra.keys().find(|name| ours.contains(name) || name.as_str().starts_with("sec-websocket-")) {
        Some(name) => Err(HandshakeError::ReservedHeader(name.clone())),
        None => Ok(()),
    }
}

/// RFC 6455 §4.1: what we name ourselves follows the same rules as what a client offers.
pub(super) fn check_subprotocols(subprotocols: &[String]) -> Result<(), HandshakeError> {
    // RFC 6455 §4.1/ac §4.1/ad
    let mut seen = BTreeSet::new();
    match subprotocols.iter().find(|it| token(it.as_bytes()).is_none() || !seen.insert(*it)) {
        Some(wrong) => Err(HandshakeError::InvalidSubprotocol(wrong.clone())),
        None => Ok(()),
    }
}
