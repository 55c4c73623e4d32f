//! Sending a message larger than memory: as it is made, through [`std::io::Write`] (RFC 6455 §5.4, §6.1).
//!
//! ```text
//!   text_writer, binary_writer ─▶ write, write, ... ─▶ a fragment whenever one is full ─▶ finish: the last (FIN)
//!                                                            └─ dropped before: Close 1011, the message cannot be
//! ```
//!
//! Nothing may come between the fragments of a message but control frames (§5.4). So there is one writer at a time, and
//! whole messages that anybody sends meanwhile wait for its end, up to
//! [`Config::max_backlog`](crate::Config::max_backlog) bytes of them; beyond that they are refused.
//!
//! For the next editor: who may send fragments is decided under the lock of `Outgoing`, and messages wait in the encoder.

use super::flush::before_writing;
use super::sender::Sender;
use super::websocket::WebSocket;
use crate::error::Error;
use crate::proto::{CloseCode, Message, Utf8Progress};
use std::io::{self, Write};

impl Sender {
    /// Begins a text message that is sent as it is written: what is written must be UTF-8 all together.
    ///
    /// # Errors
    ///
    /// [`Error::NotOpen`]; [`Error::MessageInProgress`] while another message is being sent in fragments.
    pub fn text_writer(&self) -> Result<MessageWriter, Error> {
        MessageWriter::new(self, true)
    }

    /// Begins a binary message that is sent as it is written.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), clearsocket::Error> {
    /// let (ws, _response) = clearsocket::connect("ws://127.0.0.1:9001/")?;
    /// let mut message = ws.binary_writer()?;
    /// std::io::copy(&mut std::fs::File::open("large")?, &mut message)?;
    /// message.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Errors: as [`text_writer`](Self::text_writer).
    pub fn binary_writer(&self) -> Result<MessageWriter, Error> {
        MessageWriter::new(self, false)
    }
}

impl WebSocket {
    /// Begins a text message that is sent as it is written. See [`Sender::text_writer`].
    pub fn text_writer(&self) -> Result<MessageWriter, Error> {
        self.sender().text_writer()
    }

    /// Begins a binary message that is sent as it is written. See [`Sender::binary_writer`].
    pub fn binary_writer(&self) -> Result<MessageWriter, Error> {
        self.sender().binary_writer()
    }
}

/// One message, sent as it is written; made by [`text_writer`](Sender::text_writer) or
/// [`binary_writer`](Sender::binary_writer).
///
/// It leaves in fragments of 64 KiB, or of [`fragment_size`](Self::fragment_size), uncompressed. When the peer reads too
/// slowly, writing waits for room, whatever the sender's [`Overflow`](crate::Overflow) says: a message with a hole in it
/// would be none. Other messages on this connection wait until it is finished, pings and pongs do not.
///
/// Call [`finish`](Self::finish) at the end. A writer that is dropped before has begun a message that will never be
/// whole. The protocol has no way to take it back, so the connection is closed with 1011, and the peer's application never
/// sees the beginning; if no fragment has left yet, nothing happens at all.
///
/// Writes fail with the [`Error`] of [`Sender::send`], as [`io::Error::downcast`] tells, and with
/// [`io::ErrorKind::InvalidData`] for a text that is not UTF-8.
#[derive(Debug)]
#[must_use]
pub struct MessageWriter {
    sender: Sender,
    is_text: bool,
    fragment_size: usize,
    buffer: Vec<u8>,
    /// How far the text has been judged.
    utf8: Utf8Progress,
    /// A fragment has been queued.
    begun: bool,
    finished: bool,
}

impl MessageWriter {
    fn new(sender: &Sender, is_text: bool) -> Result<MessageWriter, Error> {
        before_writing();
        sender.outgoing.begin_fragments()?;
        Ok(MessageWriter {
            sender: sender.clone(),
            is_text,
            fragment_size: FRAGMENT,
            buffer: Vec::new(),
            utf8: Utf8Progress::default(),
            begun: false,
            finished: false,
        })
    }

    /// Sends fragments of so many bytes; at least 16. In a text they may be some bytes shorter.
    pub fn fragment_size(mut self, bytes: usize) -> MessageWriter {
        self.fragment_size = bytes.max(16);
        self
    }

    /// Sends the last fragment: the message is complete.
    ///
    /// Errors: as [`Sender::send`]; [`Error::InvalidArgument`] if a text ends in the middle of a character, after which
    /// the writer counts as dropped.
    pub fn finish(mut self) -> Result<(), Error> {
        if !self.utf8.is_complete() {
            return Err(Error::InvalidArgument("a text message ends in the middle of a character".into()));
        }
        // RFC 6455 §5.4/b §6.1/f
        self.send_fragment(true)?;
        self.finished = true;
        self.sender.flush();
        Ok(())
    }

    /// Sends what is in the buffer; of a text, whole characters.
    fn send_fragment(&mut self, fin: bool) -> Result<(), Error> {
        let part =
            if self.is_text { whole_characters(&self.buffer).into() } else { Message::from(&self.buffer) };
        let len = part.len();
        if len == 0 && !fin {
            return Ok(());
        }
        self.sender.queue_fragment(&part, fin, true)?;
        self.begun = true;
        self.buffer.drain(..len);
        Ok(())
    }
}

impl Write for MessageWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(self.fragment_size.saturating_sub(self.buffer.len()).max(1));
        // RFC 6455 §5.6/a
        if self.is_text {
            let mut utf8 = self.utf8;
            if utf8.push(&bytes[..n]).is_err() {
                let kind = io::ErrorKind::InvalidData;
                return Err(io::Error::new(kind, "a text message is UTF-8, and this is not"));
            }
            self.utf8 = utf8;
        }
        self.buffer.extend_from_slice(&bytes[..n]);
        if self.buffer.len() >= self.fragment_size {
            self.send_fragment(false)?;
        }
        Ok(n)
    }

    /// Sends what has been written as a fragment, without waiting for it to be full.
    fn flush(&mut self) -> io::Result<()> {
        self.send_fragment(false)?;
        self.sender.flush();
        Ok(())
    }
}

impl Drop for MessageWriter {
    fn drop(&mut self) {
        let outgoing = &self.sender.outgoing;
        if self.begun && !self.finished {
            // RFC 6455 §5.4/c: the Close may stand there. The peer has no message, and knows that it will not come.
            outgoing.close_with(CloseCode::INTERNAL_ERROR, "a message was not finished");
            outgoing.keeper.watch_close(outgoing);
        }
        outgoing.end_fragments();
    }
}

/// All but the beginning of a last character, of bytes that were judged when they were written.
fn whole_characters(bytes: &[u8]) -> &str {
    let whole = match std::str::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => &bytes[..error.valid_up_to()],
    };
    std::str::from_utf8(whole).unwrap_or_default()
}

/// As much as is sent at once.
const FRAGMENT: usize = 64 << 10;
