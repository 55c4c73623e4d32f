//! Messages that are JSON (feature `json`): a text message of a `serde` type, and back.
//!
//! ```no_run
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Move { x: i32, y: i32 }
//!
//! let (mut ws, _response) = clearsocket::connect("ws://127.0.0.1:9001/")?;
//! ws.send_json(&Move { x: 1, y: 2 })?;
//! while let Some(message) = ws.read()? {
//!     let Move { x, y } = message.json()?;
//!     println!("{x}, {y}");
//! }
//! # Ok::<(), clearsocket::Error>(())
//! ```

use crate::{Error, Message, Sender, WebSocket};
use serde::{Deserialize, Serialize};

impl Message<'_> {
    /// A text message with `value` as JSON: for whatever sends messages.
    ///
    /// Error: [`Error::Json`] if the value cannot be JSON, such as a map whose keys are no strings.
    pub fn from_json(value: &impl Serialize) -> Result<Message<'static>, Error> {
        Ok(serde_json::to_string(value)?.into())
    }

    /// The value that the message is in JSON; a binary message may be one too.
    ///
    /// Error: [`Error::Json`] if it is none, or none of this type; with the place.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        Ok(match self {
            Message::Text(text) => serde_json::from_str(text),
            Message::Binary(data) => serde_json::from_slice(data),
        }?)
    }
}

impl Sender {
    /// Sends a value as JSON in a text message. Errors: [`Error::Json`], and as [`send`](Self::send).
    pub fn send_json(&self, value: &impl Serialize) -> Result<(), Error> {
        self.send(Message::from_json(value)?)
    }
}

impl WebSocket {
    /// Sends a value as JSON in a text message. See [`Sender::send_json`].
    pub fn send_json(&self, value: &impl Serialize) -> Result<(), Error> {
        self.send(Message::from_json(value)?)
    }
}
