//! What the two targets about heads share: input that is a good head with edits, or bytes from nothing.
//! Random bytes alone would hardly ever come past the first line.

use arbitrary::Arbitrary;
use clearsocket::handshake::HeadReader;
use clearsocket::{Config, HandshakeError};

#[derive(Arbitrary, Debug)]
pub struct Edited {
    /// Without it the first edit is all there is.
    from_good: bool,
    /// Limits so small that they are met.
    pub small: bool,
    edits: Vec<Edit>,
    sizes: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
struct Edit {
    at: u16,
    remove: u8,
    insert: Insert,
}

/// Bytes, or something that means much in a head.
#[derive(Arbitrary, Debug)]
enum Insert {
    Bytes(Vec<u8>),
    Word(u8),
    Line(u8, Vec<u8>),
}

const WORDS: [&str; 24] = [
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    ":",
    ",",
    ";",
    "=",
    "\"",
    "\\",
    " ",
    "\t",
    "\0",
    "http://a/",
    "HTTP/1.0",
    "HTTP/1.1",
    "HTTP/2.0",
    "websocket",
    "upgrade",
    "[::1]",
    "null",
    "13",
    "chat",
    "%23",
];

const NAMES: [&str; 14] = [
    "Host",
    "Upgrade",
    "Connection",
    "Origin",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Accept",
    "Content-Length",
    "Transfer-Encoding",
    "Location",
    "X",
    "",
];

impl Edited {
    pub fn apply(&self, good: &[u8]) -> Vec<u8> {
        let mut bytes = if self.from_good { good.to_vec() } else { Vec::new() };
        for edit in &self.edits {
            let insert = match &edit.insert {
                Insert::Bytes(bytes) => bytes.clone(),
                Insert::Word(i) => WORDS[*i as usize % WORDS.len()].into(),
                Insert::Line(i, value) => {
                    [NAMES[*i as usize % NAMES.len()].as_bytes(), b": ", value, b"\r\n"].concat()
                }
            };
            let mut at = edit.at as usize % (bytes.len() + 1);
            if matches!(edit.insert, Insert::Line(..)) {
                // Lines go between lines.
                at += bytes[at..].windows(2).position(|two| two == b"\r\n").map_or(0, |n| n + 2);
            }
            let end = bytes.len().min(at + edit.remove as usize);
            bytes.splice(at..end, insert);
        }
        bytes
    }

    pub fn sizes(&self) -> Vec<usize> {
        self.sizes.iter().map(|size| 1 + *size as usize).chain([13]).collect()
    }
}

/// The head that `bytes` begin with, read in pieces of these sizes, over and over.
pub fn read_head(bytes: &[u8], config: &Config, sizes: &[usize]) -> Result<Option<Vec<u8>>, HandshakeError> {
    let mut reader = HeadReader::new(config);
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*size));
        if let Some(n) = reader.push(piece)? {
            assert!(n <= piece.len() && reader.head().len() <= config.max_head_size);
            assert_eq!(&bytes[..reader.head().len()], reader.head());
            return Ok(Some(reader.head().to_vec()));
        }
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    Ok(None)
}

/// The values of a field, by a naive reading of the lines.
pub fn fields(head: &[u8], name: &str) -> Vec<String> {
    let text = head.iter().map(|byte| char::from(*byte)).collect::<String>();
    let value = |line: &str| {
        let (found, value) = line.split_once(':')?;
        let blank = |c: char| c == ' ' || c == '\t';
        found.eq_ignore_ascii_case(name).then(|| value.trim_matches(blank).to_string())
    };
    text.trim_start_matches("\r\n").split("\r\n").skip(1).filter_map(value).collect()
}
