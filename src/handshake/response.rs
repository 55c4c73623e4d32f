//! A [`Response`] that is not a 101: a server writes one to refuse, a client reads one when it is
//! refused (RFC 9110 §15, RFC 9112 §4, §6, §7.1).
//!
//! ```text
//!   HTTP/1.1 403 Forbidden␍␊
//!   Content-Type: text/plain; charset=utf-8␍␊
//!   Content-Length: 52␍␊                       or Transfer-Encoding: chunked, or until the end
//!   Connection: close␍␊
//!   ␍␊
//!   connections from the origin ... are not allowed
//! ```
//!
//! After a refusal a server closes: whatever the client has sent behind its request was meant for a
//! WebSocket, and must not be taken for another request.
//!
//! For the next editor: the body of a refusal is for people to read, so a client keeps 64 KiB of it
//! and no more.

use super::http::{Head, check, list, list_contains, parse_version, single, split, write_field};
use crate::{Config, HandshakeError};
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::{StatusCode, Version};

/// An HTTP response with its body: empty after a 101, at most [`MAX_BODY`] bytes after a refusal.
pub type Response = http::Response<Vec<u8>>;

/// Most bytes that are kept of a refusal's body.
pub const MAX_BODY: usize = 64 << 10;

/// A response on the wire, after which the server closes the connection.
///
/// Content-Length and Connection are set here, whatever the response says; Content-Type is plain
/// text unless it says something else.
///
/// ```
/// use clearsocket::{HandshakeError, handshake::write_response};
/// let bytes = write_response(&HandshakeError::MissingKey.response().unwrap());
/// assert!(bytes.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
/// ```
pub fn write_response(response: &Response) -> Vec<u8> {
    let mut out = write_response_head(response);
    if may_have_body(response.status()) {
        out.extend_from_slice(response.body());
    }
    out
}

/// The same without the body: the answer to a HEAD request (RFC 9110 §9.3.2).
pub fn write_response_head(response: &Response) -> Vec<u8> {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in response.headers() {
        if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
            write_field(&mut out, name, value.as_bytes());
        }
    }
    // RFC 9110 §8.6: a status without a body has no length either.
    if may_have_body(status) {
        if !response.headers().contains_key(CONTENT_TYPE) {
            write_field(&mut out, &CONTENT_TYPE, b"text/plain; charset=utf-8");
        }
        write_field(&mut out, &CONTENT_LENGTH, response.body().len().to_string().as_bytes());
    }
    // RFC 9110 §7.8: who sends Upgrade names it in Connection too.
    let connection: &[u8] =
        if response.headers().contains_key(UPGRADE) { b"Upgrade, close" } else { b"close" };
    write_field(&mut out, &CONNECTION, connection);
    out.extend_from_slice(b"\r\n");
    out
}

/// RFC 9112 §6.3: 1xx, 204 and 304 end with the head.
fn may_have_body(status: StatusCode) -> bool {
    !status.is_informational() && status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED
}

/// Reads the head of a response. The body is empty yet. The HTTP version is 1.0 or 1.1.
pub(super) fn parse_response(head: &[u8], config: &Config) -> Result<Response, HandshakeError> {
    // RFC 9112 §2.2 lets empty lines stand before a request, but not before a response.
    if head.starts_with(b"\r\n") {
        return Err(HandshakeError::MalformedHead("an empty line stands before the status line"));
    }
    check(head, config)?;
    let Head { start_line, fields } = split(head, config)?;
    let (version, rest) = start_line.split_at_checked(8).unwrap_or((start_line, b""));
    // RFC 6455 §4.1/ap
    let minor_version = parse_version(version)?;
    let mut response = Response::default();
    *response.version_mut() = if minor_version == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    *response.status_mut() = parse_status(rest)
        .ok_or(HandshakeError::MalformedHead("the first line has no status of three digits"))?;
    *response.headers_mut() = fields;
    Ok(response)
}

/// ` 101 Switching Protocols`. The reason, and the blank before it, may be absent: servers do that,
/// and nobody reads it.
fn parse_status(text: &[u8]) -> Option<StatusCode> {
    let [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = text else {
        return None;
    };
    let is_reason = reason.is_empty() || reason.starts_with(b" ");
    // The head reader has refused every control character but CR and TAB.
    let is_status_line = is_reason && !reason.contains(&b'\r');
    is_status_line.then(|| StatusCode::from_bytes(&[*a, *b, *c]).ok()).flatten()
}

/// Collects the body of a refusal, up to [`MAX_BODY`] bytes.
///
/// ```
/// use clearsocket::handshake::{BodyReader, Response};
/// let mut response = Response::default();
/// response.headers_mut().insert("content-length", "5".parse().unwrap());
/// let mut reader = BodyReader::new(&response);
/// assert!(!reader.push(b"sor"));
/// assert!(reader.push(b"ry and more"));
/// assert_eq!(reader.into_body(), b"sorry");
/// ```
#[derive(Clone, Debug)]
pub struct BodyReader {
    body: Vec<u8>,
    framing: Framing,
}

/// Where a body ends (RFC 9112 §6.3).
#[derive(Clone, Debug)]
enum Framing {
    /// This many bytes are still missing.
    Length(u64),
    /// At the end of the connection.
    UntilClose,
    /// In chunks.
    Chunked(Chunks),
}

impl BodyReader {
    /// For the body of this response, to the request that a WebSocket client sends.
    pub fn new(response: &Response) -> BodyReader {
        BodyReader { body: Vec::new(), framing: Framing::of(response.status(), response.headers()) }
    }

    /// Whether the whole body is there, or as much as is kept of it.
    pub fn is_complete(&self) -> bool {
        self.body.len() >= MAX_BODY
            || match &self.framing {
                Framing::Length(missing) => *missing == 0,
                Framing::UntilClose => false,
                Framing::Chunked(chunks) => chunks.is_complete(),
            }
    }

    /// Takes the next bytes, and says whether the body is complete now. The end of the connection
    /// completes it anyway.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let room = MAX_BODY.saturating_sub(self.body.len());
        match &mut self.framing {
            Framing::Length(missing) => {
                let taken = bytes.len().min(room).min(usize::try_from(*missing).unwrap_or(usize::MAX));
                self.body.extend(bytes.iter().take(taken));
                *missing -= taken as u64;
            }
            Framing::UntilClose => self.body.extend(bytes.iter().take(room)),
            Framing::Chunked(chunks) => chunks.push(bytes, &mut self.body),
        }
        self.is_complete()
    }

    /// What has been collected.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

impl Framing {
    fn of(status: StatusCode, fields: &HeaderMap) -> Framing {
        if !may_have_body(status) {
            return Framing::Length(0);
        }
        // RFC 9112 §6.3: Transfer-Encoding goes before Content-Length, and chunked before
        // everything else ends it.
        if fields.contains_key(TRANSFER_ENCODING) {
            let is_chunked = list_contains(fields, TRANSFER_ENCODING, "chunked")
                && list(fields, TRANSFER_ENCODING).count() == 1;
            return if is_chunked { Framing::Chunked(Chunks::default()) } else { Framing::UntilClose };
        }
        match single(fields, CONTENT_LENGTH).and_then(Result::ok).and_then(content_length) {
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        }
    }
}

/// RFC 9110 §8.6: digits only.
pub(super) fn content_length(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten()
}

/// A body in chunks (RFC 9112 §7.1): `5␍␊sorry␍␊0␍␊␍␊`. What follows the last chunk is not looked at.
#[derive(Clone, Debug, Default)]
struct Chunks {
    state: ChunkState,
    size: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ChunkState {
    #[default]
    Size,
    Extension,
    Data,
    DataEnd,
    Complete,
}

impl Chunks {
    fn is_complete(&self) -> bool {
        self.state == ChunkState::Complete
    }

    fn push(&mut self, bytes: &[u8], body: &mut Vec<u8>) {
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (ChunkState::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                    let digit = char::from(byte).to_digit(16).unwrap_or_default();
                    self.size = self.size.saturating_mul(16).saturating_add(u64::from(digit));
                    ChunkState::Size
                }
                (ChunkState::Size | ChunkState::Extension, b'\n') if self.size == 0 => ChunkState::Complete,
                (ChunkState::Size | ChunkState::Extension, b'\n') => ChunkState::Data,
                (ChunkState::Size | ChunkState::Extension, _) => ChunkState::Extension,
                (ChunkState::Data, _) if body.len() < MAX_BODY => {
                    body.push(byte);
                    self.size -= 1;
                    if self.size == 0 { ChunkState::DataEnd } else { ChunkState::Data }
                }
                (ChunkState::DataEnd, b'\n') => ChunkState::Size,
                (ChunkState::DataEnd, _) => ChunkState::DataEnd,
                (ChunkState::Data | ChunkState::Complete, _) => return,
            };
        }
    }
}
