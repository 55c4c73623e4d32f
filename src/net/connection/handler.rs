//! A connection as events, for people who think in `ws.on("message", ...)`.
//!
//! The same machinery as the loop over `read`, turned inside out: [`run`] owns the loop and calls a [`Handler`].
//!
//! ```text
//!   on_open ─▶ ( on_message | on_ping | on_pong )* ─▶ on_error, if it ended badly ─▶ on_close
//! ```

use super::inbound::Inbound;
use super::receiver::Receiver;
use super::sender::Sender;
use super::websocket::WebSocket;
use crate::error::Error;
use crate::handshake::Request;
use crate::proto::{CloseCode, CloseEvent, Event, Message, ReadyState};

/// What to do with the events of one connection. Each has the `sender` to answer with; other threads can be given
/// clones of it.
///
/// All calls for a connection come from one thread, one after the other. An error that is returned ends the connection
/// with 1011 (internal error). What a handler writes is flushed when no further input is at hand.
///
/// A closure `FnMut(&Sender, Message) -> Result<(), Error>` is a handler that knows messages alone.
pub trait Handler: Send {
    /// The connection is open: the `open` event, or `connection` of Node's `ws`.
    fn on_open(&mut self, sender: &Sender, request: &Request) -> Result<(), Error> {
        let _ = (sender, request);
        Ok(())
    }

    /// A message has come.
    fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error>;

    /// A ping has come, and has been answered (§5.5.2).
    fn on_ping(&mut self, sender: &Sender, payload: &[u8]) -> Result<(), Error> {
        let _ = (sender, payload);
        Ok(())
    }

    /// A pong has come, asked for or not (§5.5.3).
    fn on_pong(&mut self, sender: &Sender, payload: &[u8]) -> Result<(), Error> {
        let _ = (sender, payload);
        Ok(())
    }

    /// The connection has ended, well or badly: the `close` event. Always the last call.
    fn on_close(&mut self, sender: &Sender, event: &CloseEvent) {
        let _ = (sender, event);
    }

    /// Something went wrong: the peer broke the protocol, the connection was lost, or this handler returned an error.
    /// [`on_close`](Self::on_close) follows.
    fn on_error(&mut self, sender: &Sender, error: &Error) {
        let _ = (sender, error);
    }
}

impl<F> Handler for F
where
    F: FnMut(&Sender, Message<'_>) -> Result<(), Error> + Send,
{
    fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        self(sender, message)
    }
}

/// Runs a connection to its end, calling `handler`.
///
/// # Errors
///
/// What [`Handler::on_error`] was told, if anything.
pub fn run(ws: WebSocket, request: &Request, handler: &mut dyn Handler) -> Result<(), Error> {
    let (receiver, sender) = ws.split();
    let opened = handler.on_open(&sender, request);
    go_on(receiver, &sender, handler, opened)
}

/// Like [`run`], but does not keep the request.
pub(in crate::net) fn run_without(
    ws: WebSocket,
    request: Request,
    handler: &mut dyn Handler,
) -> Result<(), Error> {
    let (receiver, sender) = ws.split();
    let opened = handler.on_open(&sender, &request);
    drop(request);
    go_on(receiver, &sender, handler, opened)
}

fn go_on(
    mut receiver: Receiver,
    sender: &Sender,
    handler: &mut dyn Handler,
    opened: Result<(), Error>,
) -> Result<(), Error> {
    let result = opened.and_then(|()| tell_all(handler, sender, &mut receiver));
    if let Err(error) = &result {
        handler.on_error(sender, error);
        if receiver.ready_state() == ReadyState::Open {
            receiver.finish(CloseCode::INTERNAL_ERROR, "");
        }
    }
    handler.on_close(sender, &receiver.close_event());
    result
}

/// Tells the handler of every event, until the last.
fn tell_all(handler: &mut dyn Handler, sender: &Sender, receiver: &mut Receiver) -> Result<(), Error> {
    while receiver.wait_for_event()? {
        tell(handler, sender, receiver.inbound())?;
    }
    Ok(())
}

/// Calls the handler's method for the event at hand.
#[inline(always)] // two callers, and each of them calls it for every message
pub(in crate::net) fn tell(
    handler: &mut dyn Handler,
    sender: &Sender,
    inbound: &mut Inbound,
) -> Result<(), Error> {
    if inbound.has_message() {
        return match inbound.take_message()? {
            Some(message) => handler.on_message(sender, message),
            None => Ok(()),
        };
    }
    tell_of_control(handler, sender, inbound)
}

/// The same for what is no message.
#[cold]
fn tell_of_control(handler: &mut dyn Handler, sender: &Sender, inbound: &mut Inbound) -> Result<(), Error> {
    match inbound.take_event()? {
        Some(Event::Message(message)) => handler.on_message(sender, message),
        Some(Event::Ping(payload)) => handler.on_ping(sender, payload),
        Some(Event::Pong(payload)) => handler.on_pong(sender, payload),
        Some(Event::Close(_)) | None => Ok(()),
    }
}
