//! The client's request, and the checks of the reply (RFC 6455 §4.1).
//!
//! ```text
//!   GET /chat HTTP/1.1
//!   Host: server.example.com                      the port only if it is not the default
//!   Upgrade: websocket
//!   Connection: Upgrade
//!   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==   16 fresh bytes
//!   Origin: http://example.com                    only if asked for
//!   Sec-WebSocket-Protocol: chat, superchat       only if asked for
//!   Sec-WebSocket-Version: 13
//!
//!   HTTP/1.1 101 Switching Protocols              step 1: the status is 101
//!   Upgrade: websocket                            step 2: exactly that, in any case
//!   Connection: Upgrade                           step 3: contains that token
//!   Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzz...   step 4: belongs to our key
//!   (Sec-WebSocket-Extensions)                    step 5: nothing that was not offered
//!   Sec-WebSocket-Protocol: chat                  step 6: one of those offered
//! ```
//!
//! Where the documents leave a choice:
//!
//! - Interim responses (100, 103) may come before the reply, and a client must be able to read them
//!   (RFC 9110 §15.2): see [`is_interim`]. A 101 is the last word; it is not one of them.
//! - A server may choose no subprotocol though some were offered: that is the null value of §4.1,
//!   and the connection is established. (Browsers fail there, by the WHATWG's rule. A caller who
//!   wants that looks at the subprotocol.)
//! - Content-Length and Transfer-Encoding in a 101 break RFC 9110 §8.6, but a recipient ends every
//!   1xx at its empty line "regardless of the header fields present" (RFC 9112 §6.3). They are
//!   ignored: there is no doubt where frames begin.
//!
//! Credentials in the URL become an Authorization header, unless the caller has given one.
//!
//! For the next editor: what a response may say about the one extension that we offer stands in `deflate`.

use super::deflate;
use super::extensions::parse_extensions;
use super::http::{list_contains, single, token, write_field};
use super::key::{accept_key, encode_nonce};
use super::origin::is_origin;
use super::response::{Response, parse_response};
use super::server::check_subprotocols;
use super::url::Url;
use crate::compression::{Agreement, Deflate};
use crate::{Config, HandshakeError};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, TRANSFER_ENCODING, UPGRADE,
};
use http::{StatusCode, Version};

/// What a client asks for beside the URL.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Further headers (cookies, Authorization, ...), sent after our own.
    pub headers: HeaderMap,
    /// The Origin header. Browsers must send one; others may, if it means the same for them
    /// (§4.1). Default: none.
    pub origin: Option<String>,
    /// The subprotocols to offer, the one we like best first. Default: none.
    pub subprotocols: Vec<String>,
    /// Compression to offer (RFC 7692). Default `None`.
    pub deflate: Option<Deflate>,
}

/// One opening handshake, from the client's side.
///
/// ```
/// use clearsocket::{Config, handshake::{ClientHandshake, ClientOptions}};
/// let url = "ws://server.example.com/chat".parse()?;
/// let handshake = ClientHandshake::new(&url, &ClientOptions::default(), *b"the sample nonce")?;
/// assert!(handshake.request().starts_with(b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
/// let reply = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
/// let (response, subprotocol) = handshake.verify(reply, &Config::default())?;
/// assert_eq!(response.status(), 101);
/// assert_eq!(subprotocol, None);
/// # Ok::<(), clearsocket::HandshakeError>(())
/// ```
#[derive(Clone)]
pub struct ClientHandshake {
    request: Vec<u8>,
    accept: String,
    subprotocols: Vec<String>,
    deflate: Option<Deflate>,
}

impl ClientHandshake {
    /// Writes the request. The nonce must be fresh and unpredictable for each connection (§4.1).
    ///
    /// # Errors
    ///
    /// A subprotocol that is no token or is named twice, an origin that is none, or a header that
    /// belongs to the handshake.
    pub fn new(
        url: &Url,
        options: &ClientOptions,
        nonce: [u8; 16],
    ) -> Result<ClientHandshake, HandshakeError> {
        check_options(options)?;
        let key = encode_nonce(nonce);
        // RFC 6455 §4.1/q §4.1/r §4.1/s §4.1/t §4.1/u §4.1/v §4.1/w §11.3.1/a
        let mut request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\n",
            url.resource_name(),
            url.host_header(),
        )
        .into_bytes();
        // RFC 6455 §4.1/z
        if let Some(origin) = &options.origin {
            write_field(&mut request, &ORIGIN, origin.as_bytes());
        }
        // RFC 6455 §4.1/ab §4.3/c
        if !options.subprotocols.is_empty() {
            write_field(&mut request, &SEC_WEBSOCKET_PROTOCOL, options.subprotocols.join(", ").as_bytes());
        }
        // RFC 6455 §4.1/ae §9/a; RFC 7692 §5/a
        if let Some(deflate) = &options.deflate {
            write_field(&mut request, &SEC_WEBSOCKET_EXTENSIONS, deflate::offer(deflate).as_bytes());
        }
        // RFC 6455 §4.1/aa §11.3.5/b
        request.extend_from_slice(b"Sec-WebSocket-Version: 13\r\n");
        // RFC 6455 §4.1/af
        if let Some(credentials) = url.credentials()
            && !options.headers.contains_key(AUTHORIZATION)
        {
            let value = credentials.to_basic().map_err(HandshakeError::InvalidUrl)?;
            write_field(&mut request, &AUTHORIZATION, value.as_bytes());
        }
        for (name, value) in &options.headers {
            write_field(&mut request, name, value.as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        Ok(ClientHandshake {
            request,
            accept: accept_key(&key),
            subprotocols: options.subprotocols.clone(),
            deflate: options.deflate.clone(),
        })
    }

    /// The bytes to send. Nothing may follow before the reply is verified (§4.1).
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Checks the complete head of the reply. When everything is right the connection is
    /// established; the result is the response and the subprotocol in use.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Refused`] for another status than 101, with an empty body: see
    /// [`BodyReader`](crate::handshake::BodyReader). Otherwise the first rule of §4.1 that the
    /// reply breaks.
    pub fn verify(&self, head: &[u8], config: &Config) -> Result<(Response, Option<String>), HandshakeError> {
        // RFC 6455 §4.1/ah: the steps of the reply, from here to the end.
        let response = parse_response(head, config)?;
        // RFC 6455 §4.1/ai
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(HandshakeError::Refused(Box::new(response)));
        }
        // RFC 6455 §4.1/ap: a valid HTTP response; RFC 9110 §7.8: there is no Upgrade before HTTP/1.1.
        if response.version() == Version::HTTP_10 {
            return Err(HandshakeError::ReplyVersionTooLow);
        }
        check_upgrade(response.headers())?;
        self.check_accept(response.headers())?;
        self.check_extensions(response.headers())?;
        let subprotocol = self.check_subprotocol(response.headers())?;
        Ok((response, subprotocol))
    }

    /// What a response that was verified agrees on.
    pub fn deflate(&self, response: &Response) -> Option<Agreement> {
        self.check_extensions(response.headers()).ok().flatten()
    }

    /// RFC 6455 §4.1, reply, step 5; over several lines too (erratum 3433).
    fn check_extensions(&self, headers: &HeaderMap) -> Result<Option<Agreement>, HandshakeError> {
        let mut agreement = None;
        // RFC 6455 §4.1/an §4.2.2/s §5.8/a §11.3.2/c
        for extension in parse_extensions(headers)? {
            match &self.deflate {
                // RFC 7692 §5/f §5/i: once at most, for it was one thing that was offered.
                Some(ours) if extension.name == deflate::NAME && agreement.is_none() => {
                    agreement = Some(deflate::accept(&extension, ours)?);
                }
                _ => return Err(HandshakeError::UnrequestedExtension(extension.name)),
            }
        }
        Ok(agreement)
    }

    fn check_accept(&self, headers: &HeaderMap) -> Result<(), HandshakeError> {
        // RFC 6455 §4.1/am §4.3/d. Blanks around the value are gone already.
        match single(headers, SEC_WEBSOCKET_ACCEPT) {
            Some(Ok(accept)) if accept.as_bytes() == self.accept.as_bytes() => Ok(()),
            Some(Ok(_)) => Err(HandshakeError::WrongAccept),
            // RFC 6455 §4.1/ap §11.3.3/a: not more than once.
            Some(Err(())) => Err(HandshakeError::RepeatedAccept),
            None => Err(HandshakeError::MissingAccept),
        }
    }

    fn check_subprotocol(&self, headers: &HeaderMap) -> Result<Option<String>, HandshakeError> {
        let chosen = match single(headers, SEC_WEBSOCKET_PROTOCOL) {
            // RFC 6455 §4.1/ao: none is the null value.
            None => return Ok(None),
            Some(Ok(chosen)) => chosen.as_bytes(),
            // RFC 6455 §4.1/ap §11.3.4/b: not more than once in a response.
            Some(Err(())) => return Err(HandshakeError::RepeatedSubprotocol),
        };
        // RFC 6455 §4.1/ao: one token, and one of ours.
        match self.subprotocols.iter().find(|offered| Some(offered.as_str()) == token(chosen)) {
            Some(subprotocol) => Ok(Some(subprotocol.clone())),
            None => Err(HandshakeError::UnrequestedSubprotocol(String::from_utf8_lossy(chosen).into_owned())),
        }
    }
}

impl std::fmt::Debug for ClientHandshake {
    /// Without the request, which may hold credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientHandshake").field("accept", &self.accept).finish_non_exhaustive()
    }
}

/// Whether this complete head is an interim response (RFC 9110 §15.2): another head follows it, and
/// that one counts.
///
/// A head that cannot be parsed is not interim; [`ClientHandshake::verify`] says what is wrong with it.
pub fn is_interim(head: &[u8], config: &Config) -> bool {
    parse_response(head, config).is_ok_and(|response| {
        response.status().is_informational() && response.status() != StatusCode::SWITCHING_PROTOCOLS
    })
}

fn check_upgrade(headers: &HeaderMap) -> Result<(), HandshakeError> {
    // RFC 6455 §4.1/ak: one value, equal to "websocket". A list of protocols is not
    // equal to it.
    match single(headers, UPGRADE) {
        Some(Ok(upgrade)) if upgrade.as_bytes().eq_ignore_ascii_case(b"websocket") => {}
        _ => return Err(HandshakeError::ReplyUpgrade),
    }
    // RFC 6455 §4.1/al
    match list_contains(headers, CONNECTION, "upgrade") {
        true => Ok(()),
        false => Err(HandshakeError::ReplyConnection),
    }
}

fn check_options(options: &ClientOptions) -> Result<(), HandshakeError> {
    // RFC 6455 §4.1/ac §4.1/ad
    check_subprotocols(&options.subprotocols)?;
    if let Some(origin) = options.origin.as_ref().filter(|origin| !is_origin(origin)) {
        return Err(HandshakeError::InvalidOrigin(origin.clone()));
    }
    // RFC 6455 §4.1/af. The handshake's own, and those that would announce a body.
    let ours = [HOST, UPGRADE, CONNECTION, ORIGIN, CONTENT_LENGTH, TRANSFER_ENCODING];
    match options
        .headers
        .keys()
        .find(|name| ours.contains(name) || name.as_str().starts_with("sec-websocket-"))
    {
        Some(name) => Err(HandshakeError::ReservedHeader(name.clone())),
        None => Ok(()),
    }
}
