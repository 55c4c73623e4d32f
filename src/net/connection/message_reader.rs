//! Receiving a message larger than memory: as it comes, through [`std::io::Read`] (RFC 6455 §5.4, §6.2).
//!
//! ```text
//!   message_reader(limit) ─▶ MessageReader: part ─▶ part ─▶ part ─▶ the end of the message
//!                                             └─ dropped before: the next read skips the rest
//! ```
//!
//! The parts are what has arrived, whatever frames the peer made of it. Pings are answered on the way, text is checked as
//! it comes, a compressed message is inflated piece by piece.
//!
//! For the next editor: how the decoder makes parts stands in `proto/decoder/parts.rs`. Nothing has to be done when a
//! reader is dropped: `Inbound` is in the middle of a message then, and knows it.

use super::inbound::Next;
use super::receiver::Receiver;
use super::websocket::WebSocket;
use crate::Role;
use crate::error::Error;
use std::io::{self, BufRead, Read};

impl Receiver {
    /// Waits for the next message like [`read`](Self::read), and hands it out as it comes: for messages larger than
    /// memory. `None` when the connection has ended cleanly.
    ///
    /// `max_size`, in bytes of payload, takes the place of [`Config::max_message_size`](crate::Config::max_message_size)
    /// and [`max_frame_size`](crate::Config::max_frame_size) for this message: a larger one ends in 1009.
    /// [`max_fragments`](crate::Config::max_fragments) is in force as ever.
    ///
    /// What is left of the message when the reader is dropped is skipped by the next read.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), clearsocket::Error> {
    /// let (mut ws, _response) = clearsocket::connect("ws://127.0.0.1:9001/")?;
    /// while let Some(mut message) = ws.message_reader(10 << 30)? {
    ///     let mut file = std::fs::File::create("received")?;
    ///     std::io::copy(&mut message, &mut file)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Errors: as [`read`](Self::read).
    pub fn message_reader(&mut self, max_size: usize) -> Result<Option<MessageReader<'_>>, Error> {
        // What is left of a message before it.
        while self.inbound().is_in_parts() && self.wait_for_part()? {}
        self.inbound().begin_parts(max_size);
        if self.inbound().part().is_none() && !self.wait_for_part()? {
            return Ok(None);
        }
        let Some(part) = self.inbound().part() else { return Ok(None) };
        let (is_text, last) = (part.is_text, part.last);
        Ok(Some(MessageReader { receiver: self, is_text, used: 0, last, failed: false }))
    }

    /// Waits for the next part of the message in progress. `false` at the end of the connection.
    fn wait_for_part(&mut self) -> Result<bool, Error> {
        loop {
            match self.inbound().next_part() {
                Next::Event if self.inbound().part().is_some() => return Ok(true),
                // RFC 6455 §5.4/g
                Next::Event => drop(self.inbound().take_event()?),
                Next::Input => self.receive()?,
                // RFC 6455 §5.5.1/m §7.1.1/a
                Next::Closed if self.inbound().outgoing.role == Role::Client => self.wait_for_end(),
                Next::Closed | Next::Nothing => return Ok(false),
            }
        }
    }
}

impl WebSocket {
    /// Waits for the next message, and hands it out as it comes. See [`Receiver::message_reader`].
    pub fn message_reader(&mut self, max_size: usize) -> Result<Option<MessageReader<'_>>, Error> {
        self.receiver_mut().message_reader(max_size)
    }
}

/// One message, as it comes; made by [`message_reader`](Receiver::message_reader). Its end is the end of the message.
///
/// As [`BufRead`] it lends what has arrived without a copy. Reads fail with [`io::ErrorKind::UnexpectedEof`] if the
/// connection ends before the message does, and otherwise with the [`Error`] that [`Receiver::read`] would give; as
/// [`io::Error::downcast`] tells.
#[derive(Debug)]
pub struct MessageReader<'a> {
    receiver: &'a mut Receiver,
    is_text: bool,
    /// Bytes of the part at hand that were read.
    used: usize,
    /// The part at hand is the last.
    last: bool,
    failed: bool,
}

impl MessageReader<'_> {
    /// Whether this is a text message. All of it together is UTF-8 then; a single read may end in the middle of a
    /// character.
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    fn unread(&mut self) -> &[u8] {
        let payload = self.receiver.inbound().part().map_or(&[][..], |part| part.payload);
        payload.get(self.used..).unwrap_or_default()
    }

    fn next_part(&mut self) -> io::Result<()> {
        self.failed = true; // unless it turns out well
        self.used = 0;
        if !self.receiver.wait_for_part()? {
            return Err(cut_off());
        }
        self.failed = false;
        self.last = self.receiver.inbound().part().is_none_or(|part| part.last);
        Ok(())
    }
}

impl BufRead for MessageReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.failed {
            return Err(cut_off());
        }
        while self.unread().is_empty() && !self.last {
            self.next_part()?;
        }
        Ok(self.unread())
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}

impl Read for MessageReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let unread = self.fill_buf()?;
        let n = unread.len().min(buf.len());
        buf[..n].copy_from_slice(&unread[..n]);
        self.consume(n);
        Ok(n)
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended before the message did")
}
