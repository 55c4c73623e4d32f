//! UTF-8, whole and in pieces (RFC 6455 §5.6, §8.1).
//!
//! A text message must be UTF-8, a text *frame* need not be: a fragment may end in the middle of a
//! character. Two functions follow from that:
//!
//! - [`from_utf8`] judges a complete payload and lends it as text. It has the last word on every
//!   text message, so no `&str` that leaves this crate was assembled by trust.
//! - [`Utf8Progress`] judges bytes as they come, so that a peer is told 1007 at the first wrong byte
//!   of a message that may never be finished.
//!
//! ```text
//!   bytes come:   c3 | a9 e2 82 | (empty) | ac        "é€"
//!   kept open:    c3 |    e2 82 |   e2 82 |  -        at most three bytes, the start of a character
//! ```

/// The payload as text, or `None` if it is not UTF-8. §8.1.
#[inline]
pub fn from_utf8(payload: &[u8]) -> Option<&str> {
    // RFC 6455 §8.1/a. The vector code of simdutf8 needs some length to pay off, and so do the words of std, which begin
    // at another byte for each address.
    if payload.len() < 16 {
        let Some(chunk) = payload.utf8_chunks().next() else { return Some("") };
        chunk.invalid().is_empty().then_some(chunk.valid())
    } else if payload.len() < 64 {
        std::str::from_utf8(payload).ok()
    } else {
        simdutf8::basic::from_utf8(payload).ok()
    }
}

/// Bytes were found that cannot be part of UTF-8, whatever follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUtf8;

/// How far the UTF-8 of an unfinished message has been judged.
///
/// ```
/// # use clearsocket::proto::Utf8Progress;
/// let mut progress = Utf8Progress::default();
/// assert!(progress.push(b"\xe2\x82").is_ok()); // two thirds of a euro sign
/// assert!(progress.push(b"").is_ok());
/// assert!(progress.push(b"\x28").is_err()); // no third
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8Progress {
    /// The start of a character whose end has not come.
    open: [u8; 4],
    open_len: usize,
}

impl Utf8Progress {
    /// Whether the text may end here: no character is incomplete.
    pub fn is_complete(&self) -> bool {
        self.open_len == 0
    }

    /// Judges the next bytes. An error at the first byte that no continuation could save. §8.1.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), NotUtf8> {
        // RFC 6455 §5.6/a §8.1/a
        while self.open_len > 0 {
            let Some((&byte, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.open[self.open_len] = byte;
            self.open_len += 1;
            match std::str::from_utf8(&self.open[..self.open_len]) {
                Ok(_) => self.open_len = 0,
                Err(e) if e.error_len().is_some() => return Err(NotUtf8),
                Err(_) => {} // still the start of a character
            }
        }
        match simdutf8::compat::from_utf8(bytes) {
            Ok(_) => Ok(()),
            Err(e) if e.error_len().is_some() => Err(NotUtf8),
            Err(e) => {
                let open = &bytes[e.valid_up_to()..];
                self.open[..open.len()].copy_from_slice(open);
                self.open_len = open.len();
                Ok(())
            }
        }
    }
}
