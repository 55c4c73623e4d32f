//! HTTP heads, as far as a handshake needs them (RFC 9112 §2 to §5, RFC 9110 §5.6).
//!
//! ```text
//!   GET /chat HTTP/1.1␍␊             the start line
//!   Host: server.example.com␍␊       fields: a name, a colon, a value
//!   Upgrade: websocket␍␊
//!   ␍␊                               an empty line ends the head; what follows is not HTTP any more
//! ```
//!
//! [`HeadReader`] finds the end. `split` takes a complete head apart; `httparse` reads the fields
//! and refuses what RFC 9112 §5 refuses: blanks before the colon, folded lines, control characters.
//!
//! For the next editor: everything that two parsers could read differently is refused here, since a
//! proxy in front of us may have read it the other way (request smuggling). A line ends in CR LF;
//! RFC 9112 §2.2 *may* accept a bare LF, and we do not. A CR elsewhere is refused too. Empty lines
//! before a request are skipped, as the same section asks.

use crate::{Config, HandshakeError};
use http::header::{
    AUTHORIZATION, AsHeaderName, COOKIE, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, SET_COOKIE,
};

/// Collects a head from pieces of any size, up to [`Config::max_head_size`].
///
/// Each byte is looked at once, however small the pieces are.
///
/// ```
/// use clearsocket::{Config, handshake::HeadReader};
/// let mut reader = HeadReader::new(&Config::default());
/// assert_eq!(reader.push(b"GET / HTTP/1.1\r\nHost: exam")?, None);
/// assert_eq!(reader.push(b"ple\r\n\r\n\x81\x80")?, Some(7)); // the head ends before the first frame
/// assert_eq!(reader.head(), b"GET / HTTP/1.1\r\nHost: example\r\n\r\n");
/// # Ok::<(), clearsocket::HandshakeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeadReader {
    head: Vec<u8>,
    max_size: usize,
    line_start: usize,
    has_start_line: bool,
    complete: bool,
}

impl HeadReader {
    /// An empty head.
    pub fn new(config: &Config) -> HeadReader {
        HeadReader {
            head: Vec::new(),
            max_size: config.max_head_size,
            line_start: 0,
            has_start_line: false,
            complete: false,
        }
    }

    /// Takes the next bytes. `Some(n)`: the head is complete with the first `n` of them; the rest
    /// are what follows the head. `None`: they were all taken, and more are needed.
    ///
    /// # Errors
    ///
    /// The head is larger than the limit, or it cannot become a valid head any more.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<usize>, HandshakeError> {
        if self.complete {
            return Ok(Some(0));
        }
        let mut rest = bytes;
        self.head.reserve(bytes.len().min(self.max_size - self.head.len()));
        while !rest.is_empty() {
            // Where the line ends, or what must not stand in it.
            let stop = rest.iter().position(|byte| byte.is_ascii_control() && !matches!(byte, b'\r' | b'\t'));
            let line = stop.map_or(rest.len(), |at| at + 1);
            let taken = line.min(self.max_size - self.head.len());
            // Said at once, so that a TLS hello on a plain port need not wait for the deadline.
            if taken == line && stop.is_some_and(|at| rest[at] != b'\n') {
                return Err(HandshakeError::MalformedHead("it contains a control character"));
            }
            self.head.extend_from_slice(&rest[..taken]);
            if taken < line {
                return Err(self.too_large());
            }
            rest = &rest[line..];
            if self.head.ends_with(b"\n") && self.line_ends_head()? {
                self.complete = true;
                return Ok(Some(bytes.len() - rest.len()));
            }
        }
        Ok(None)
    }

    /// The bytes of the head so far, with the empty line at its end once it is complete.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The same, to keep.
    pub(crate) fn into_head(self) -> Vec<u8> {
        self.head
    }

    fn line_ends_head(&mut self) -> Result<bool, HandshakeError> {
        let line = self.head.get(self.line_start..).unwrap_or_default();
        if !line.ends_with(b"\r\n") {
            return Err(HandshakeError::MalformedHead("a line ends in LF without CR"));
        }
        let is_empty = line.len() == 2;
        let ends_head = is_empty && self.has_start_line;
        self.has_start_line |= !is_empty;
        self.line_start = self.head.len();
        Ok(ends_head)
    }

    fn too_large(&self) -> HandshakeError {
        // RFC 6455 §10.4/a
        match self.has_start_line {
            true => HandshakeError::HeadTooLarge,
            false => HandshakeError::StartLineTooLong,
        }
    }
}

/// A complete head, taken apart.
pub(super) struct Head<'a> {
    pub start_line: &'a [u8],
    pub fields: HeaderMap,
}

/// The reader's rules, for a head that comes from elsewhere.
pub(super) fn check(head: &[u8], config: &Config) -> Result<(), HandshakeError> {
    match HeadReader::new(config).push(head)? {
        Some(used) if used == head.len() => Ok(()),
        _ => Err(HandshakeError::MalformedHead("it is not one complete head")),
    }
}

/// Takes a head apart that a reader has found in order.
pub(super) fn split<'a>(head: &'a [u8], config: &Config) -> Result<Head<'a>, HandshakeError> {
    // RFC 9112 §2.2: empty lines before the start line are ignored.
    let mut head = head;
    while let Some(rest) = head.strip_prefix(b"\r\n") {
        head = rest;
    }
    let end = head.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let (start_line, fields) = head.split_at(end);
    let start_line = start_line.strip_suffix(b"\r").unwrap_or(start_line);
    let fields = fields.strip_prefix(b"\n").unwrap_or(fields);
    Ok(Head { start_line, fields: parse_fields(fields, config)? })
}

fn parse_fields(bytes: &[u8], config: &Config) -> Result<HeaderMap, HandshakeError> {
    // As many as there are lines, so that the table never outgrows the head.
    let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let mut lines = vec![httparse::EMPTY_HEADER; config.max_headers.min(lines)];
    let lines = match httparse::parse_headers(bytes, &mut lines) {
        Ok(httparse::Status::Complete((_, lines))) => lines,
        Ok(httparse::Status::Partial) => return Err(HandshakeError::MalformedHead("it is not complete")),
        Err(httparse::Error::TooManyHeaders) => return Err(HandshakeError::TooManyHeaders),
        // HTTP/b HTTP/c: what a folded line begins with is no name either.
        Err(httparse::Error::HeaderName) => {
            return Err(HandshakeError::MalformedHead(
                "a header name is not a token with a colon right after it",
            ));
        }
        Err(_) => return Err(HandshakeError::MalformedHead("a header value contains a control character")),
    };
    // A `HeaderMap` holds some 24,000 lines; whoever raises the limit beyond that meets this one.
    let mut fields = HeaderMap::try_with_capacity(lines.len()).map_err(|_| HandshakeError::TooManyHeaders)?;
    for line in lines {
        // RFC 6455 §4.1/aq: a `HeaderName` is in lower case.
        let name = HeaderName::from_bytes(line.name.as_bytes())
            .map_err(|_| HandshakeError::MalformedHead("a header name is too long"))?;
        let mut value = HeaderValue::from_bytes(line.value)
            .map_err(|_| HandshakeError::MalformedHead("a header value contains a control character"))?;
        value.set_sensitive(is_secret(&name));
        fields.try_append(name, value).map_err(|_| HandshakeError::TooManyHeaders)?;
    }
    Ok(fields)
}

/// Whether values of this name are kept out of what `Debug` prints.
pub(crate) fn is_secret(name: &HeaderName) -> bool {
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE].contains(name)
}

/// The minor version of `HTTP/1.x` (RFC 9112 §2.3). A minor version above 1 is read as 1.1 by our
/// callers, as RFC 9110 §2.5 asks; RFC 6455 §4.2.1 says "HTTP/1.1 or higher".
pub(super) fn parse_version(version: &[u8]) -> Result<u8, HandshakeError> {
    match version {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9'] => Ok(minor - b'0'),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(HandshakeError::UnsupportedHttpVersion)
        }
        _ => Err(HandshakeError::MalformedHead("the first line has no HTTP version")),
    }
}

/// The elements of a comma-separated list, over all the lines of that name (RFC 9110 §5.6.1: empty
/// ones are ignored).
pub(super) fn list(fields: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &[u8]> {
    // RFC 6455 §4.3/c §9.1/b §11.3.2/a §11.3.4/a
    fields
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// Whether a list contains this token, whatever its case.
pub(super) fn list_contains(fields: &HeaderMap, name: impl AsHeaderName, token: &str) -> bool {
    // RFC 6455 §4.2.1/e §4.2.1/f
    list(fields, name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
}

/// The bytes as a token (RFC 9110 §5.6.2): visible ASCII without separators, and not empty.
pub(super) fn token(bytes: &[u8]) -> Option<&str> {
    // RFC 6455 §4.1/ac §8.1/b
    let is_tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    match !bytes.is_empty() && bytes.iter().all(is_tchar) {
        true => std::str::from_utf8(bytes).ok(),
        false => None,
    }
}

/// The value of a header that may appear once. `Some(Err(()))`: it appears more than once.
pub(super) fn single(fields: &HeaderMap, name: impl AsHeaderName) -> Option<Result<&HeaderValue, ()>> {
    let mut values = fields.get_all(name).iter();
    let first = values.next()?;
    Some(if values.next().is_none() { Ok(first) } else { Err(()) })
}

/// Appends one header line. A [`HeaderValue`] cannot contain CR, LF or NUL, and so neither can the
/// line.
pub(super) fn write_field(out: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    // HTTP/i
    out.extend_from_slice(display_name(name).as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The name with the capitals that people (and too simple peers) expect: `Sec-WebSocket-Version`.
fn display_name(name: &HeaderName) -> String {
    let word = |word: &str| match word {
        "websocket" => "WebSocket".to_owned(),
        "www" => "WWW".to_owned(),
        _ => word.get(..1).unwrap_or_default().to_ascii_uppercase() + word.get(1..).unwrap_or_default(),
    };
    name.as_str().split('-').map(word).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_usual_capitals() {
        for name in ["Sec-WebSocket-Version", "WWW-Authenticate", "Retry-After", "X--Odd-"] {
            let parsed = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(display_name(&parsed), name);
        }
    }

    #[test]
    fn a_token_is_visible_ascii_without_separators() {
        assert_eq!(token(b"chat.v2+json"), Some("chat.v2+json"));
        for byte in 0..=255u8 {
            let separator = b"()<>@,;:\\\"/[]?={} \t".contains(&byte);
            assert_eq!(token(&[byte]).is_some(), byte.is_ascii_graphic() && !separator, "{byte}");
        }
        assert_eq!(token(b""), None);
    }

    #[test]
    fn a_list_runs_over_lines_and_skips_what_is_empty() {
        let mut fields = HeaderMap::new();
        fields.append("connection", HeaderValue::from_static(" keep-alive ,, Upgrade\t"));
        fields.append("connection", HeaderValue::from_static(""));
        fields.append("connection", HeaderValue::from_static("x"));
        let elements: Vec<_> = list(&fields, "connection").collect();
        assert_eq!(elements, [&b"keep-alive"[..], b"Upgrade", b"x"]);
        assert!(list_contains(&fields, "connection", "upgrade"));
        assert!(!list_contains(&fields, "connection", "keep"));
    }
}
