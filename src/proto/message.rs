//! What the decoder hands out: messages and control frames (RFC 6455 §5.5, §5.6).
//!
//! A message is text or binary data, whatever number of frames it came in. Both are borrowed where
//! they can be: a received message lies in the receive buffer, and [`Message::into_owned`] keeps it.

use super::{CloseFrame, Opcode};
use std::borrow::Cow;

/// One message: text (which is always UTF-8) or binary data (§5.6).
///
/// The browser's `event.data`: a string for text, and for binary data what `binaryType` would choose, bytes.
///
/// ```
/// use clearsocket::Message;
/// let text: Message = "hello".into();
/// let data: Message = [1u8, 2, 3].as_slice().into();
/// assert_eq!(text.as_text(), Some("hello"));
/// assert_eq!(data.as_bytes(), [1, 2, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message<'a> {
    /// A text message.
    Text(Cow<'a, str>),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
}

impl Message<'_> {
    /// The payload: UTF-8 for text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(data) => data,
        }
    }

    /// The text, or `None` if this is a binary message.
    #[inline]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Message::Text(text) => Some(text),
            Message::Binary(_) => None,
        }
    }

    /// Length of the payload in bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload is empty. An empty message is a message all the same.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The opcode of its first frame.
    #[inline]
    pub fn opcode(&self) -> Opcode {
        // RFC 6455 §6.1/e
        match self {
            Message::Text(_) => Opcode::Text,
            Message::Binary(_) => Opcode::Binary,
        }
    }

    /// A copy that can be kept after the next read.
    pub fn into_owned(self) -> Message<'static> {
        match self {
            Message::Text(text) => Message::Text(Cow::Owned(text.into_owned())),
            Message::Binary(data) => Message::Binary(Cow::Owned(data.into_owned())),
        }
    }
}

/// What came from the peer.
///
/// [`Message`](Event::Message) is the browser's `message` event and [`Close`](Event::Close) the start of its `close`
/// event; pings and pongs are what Node's `ws` calls by these names. A ping has been answered already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A complete message.
    Message(Message<'a>),
    /// A ping with its payload of 0-125 bytes (§5.5.2). The pong is on its way.
    Ping(&'a [u8]),
    /// A pong with its payload of 0-125 bytes (§5.5.3).
    Pong(&'a [u8]),
    /// The peer's Close frame, with `None` for one without a close code (§5.5.1). Nothing follows it.
    Close(Option<CloseFrame<'a>>),
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Message::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Message<'_> {
    fn from(text: String) -> Self {
        Message::Text(Cow::Owned(text))
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Message::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(data: &'a [u8]) -> Self {
        Message::Binary(Cow::Borrowed(data))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(data: &'a [u8; N]) -> Self {
        Message::Binary(Cow::Borrowed(data))
    }
}

impl From<Vec<u8>> for Message<'_> {
    fn from(data: Vec<u8>) -> Self {
        Message::Binary(Cow::Owned(data))
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(data: &'a Vec<u8>) -> Self {
        Message::Binary(Cow::Borrowed(data))
    }
}

impl<'a> From<&'a Message<'_>> for Message<'a> {
    fn from(message: &'a Message<'_>) -> Self {
        match message {
            Message::Text(text) => Message::Text(Cow::Borrowed(text)),
            Message::Binary(data) => Message::Binary(Cow::Borrowed(data)),
        }
    }
}
