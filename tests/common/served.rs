//! One connection of a server: the test has its sender, hears what its handler is told, and plays the peer.
//!
//! ```text
//!   raw peer ◀──▶ Server, of either driver ─▶ Telling ─▶ told
//!                          ▲ sender
//! ```

#![allow(dead_code)]

use super::common::{RawPeer, Seen, raw_peer};
use super::raw::{TestServer, next, server};
use clearsocket::handshake::Request;
use clearsocket::{CloseEvent, Config, Error, Handler, Message, Sender, Server};
use socket2::SockRef;
use std::net::TcpListener;
use std::sync::mpsc;

/// What a handler was told, after `on_open`.
#[derive(Debug, PartialEq)]
pub enum Told {
    Saw(Seen),
    /// As `Debug` prints it.
    Error(String),
    Close(u16, String, bool),
}

pub struct Served {
    pub sender: Sender,
    pub told: mpsc::Receiver<Told>,
    pub server: TestServer,
}

/// What a handler does with a message, after telling of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Echo,
}

/// A connection to a server with this configuration.
#[track_caller]
pub fn serve(config: Config) -> (Served, RawPeer) {
    serve_on(server().config(config), Answer::Nothing)
}

/// The same with a network in between that holds no more than about half a MiB each way.
#[track_caller]
pub fn serve_narrow(config: Config, answer: Answer) -> (Served, RawPeer) {
    const NARROW: usize = 128 << 10;
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    SockRef::from(&listener).set_send_buffer_size(NARROW).expect("set_send_buffer_size");
    SockRef::from(&listener).set_recv_buffer_size(NARROW).expect("set_recv_buffer_size");
    let (served, peer) = serve_on(Server::from_listener(listener).config(config), answer);
    SockRef::from(&peer.stream).set_send_buffer_size(NARROW).expect("set_send_buffer_size");
    SockRef::from(&peer.stream).set_recv_buffer_size(NARROW).expect("set_recv_buffer_size");
    (served, peer)
}

#[track_caller]
fn serve_on(server: Server, answer: Answer) -> (Served, RawPeer) {
    let (tell, told) = mpsc::channel();
    let (give, given) = mpsc::channel();
    let server =
        TestServer::start(server, move |_| Telling { tell: tell.clone(), give: give.clone(), answer });
    let mut peer = RawPeer::tcp(server.address);
    peer.send_bytes(raw_peer::request(server.address, "/", "").as_bytes());
    assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
    (Served { sender: next(&given), told, server }, peer)
}

impl Served {
    /// The next call.
    #[track_caller]
    pub fn next(&self) -> Told {
        next(&self.told)
    }

    #[track_caller]
    pub fn assert_saw(&self, text: &str) {
        assert_eq!(self.next(), Told::Saw(Seen::text(text)));
    }

    /// The next calls are `on_error`, if there is an error, and `on_close`; and nothing more.
    #[track_caller]
    pub fn assert_ends(&self, error: Option<&str>, (code, reason, was_clean): (u16, &str, bool)) {
        if let Some(error) = error {
            assert_eq!(self.next(), Told::Error(error.into()));
        }
        assert_eq!(self.next(), Told::Close(code, reason.into(), was_clean));
        assert!(self.told.try_recv().is_err(), "on_close is the last call");
    }

    /// Drops the sender, so that the socket of a connection that has ended is closed; gives the server, which runs on.
    pub fn let_go(self) -> TestServer {
        self.server
    }

    /// The connection is lost: `on_error` and then `on_close` with 1006.
    #[track_caller]
    pub fn assert_lost(&self, error: &str) {
        // RFC 6455 §7.1.5/c
        self.assert_ends(Some(error), (1006, "", false));
    }
}

/// Tells every call.
struct Telling {
    tell: mpsc::Sender<Told>,
    give: mpsc::Sender<Sender>,
    answer: Answer,
}

impl Telling {
    fn tell(&self, what: Told) {
        let _ = self.tell.send(what);
    }
}

impl Handler for Telling {
    fn on_open(&mut self, sender: &Sender, _request: &Request) -> Result<(), Error> {
        let _ = self.give.send(sender.clone());
        Ok(())
    }

    fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        self.tell(Told::Saw(match &message {
            Message::Text(text) => Seen::text(text),
            Message::Binary(data) => Seen::binary(data),
        }));
        if self.answer == Answer::Echo { sender.write(message) } else { Ok(()) }
    }

    fn on_ping(&mut self, _sender: &Sender, payload: &[u8]) -> Result<(), Error> {
        self.tell(Told::Saw(Seen::ping(payload)));
        Ok(())
    }

    fn on_pong(&mut self, _sender: &Sender, payload: &[u8]) -> Result<(), Error> {
        self.tell(Told::Saw(Seen::pong(payload)));
        Ok(())
    }

    fn on_close(&mut self, _sender: &Sender, event: &CloseEvent) {
        self.tell(Told::Close(event.code.get(), event.reason.clone(), event.was_clean));
    }

    fn on_error(&mut self, _sender: &Sender, error: &Error) {
        self.tell(Told::Error(format!("{error:?}")));
    }
}
