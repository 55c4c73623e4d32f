//! A connection as events: which is called when (`Handler`, `run`; RFC 6455 §5.5, §7.1).
//!
//! ```text
//!   on_open ─▶ ( on_message | on_ping | on_pong )* ─▶ on_error, if it ended badly ─▶ on_close
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::handshake::Request;
use clearsocket::{CloseEvent, Error, Handler, Message, Sender, ServerError, run};
use common::frame::Frame;
use common::{ROLES, RawPeer};
use raw::*;
use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;

/// Tells every call. Fails or sends where a message or the path asks for it.
struct Telling {
    tell: mpsc::Sender<String>,
}

impl Telling {
    fn tell(&self, what: impl Into<String>) {
        let _ = self.tell.send(what.into());
    }
}

fn failure() -> Error {
    Error::InvalidArgument("the handler's own".into())
}

impl Handler for Telling {
    fn on_open(&mut self, sender: &Sender, request: &Request) -> Result<(), Error> {
        self.tell(format!("open {}", request.path()));
        sender.write("welcome")?;
        if request.path() == "/fail" { Err(failure()) } else { Ok(()) }
    }

    fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
        self.tell(format!("message {}", message.as_text().unwrap_or("binary")));
        match message.as_text() {
            Some("fail") => Err(failure()),
            Some("panic") => std::panic::resume_unwind(Box::new("boom")),
            Some("close") => sender.close(4000, "asked for"),
            _ => sender.write(message),
        }
    }

    fn on_ping(&mut self, _sender: &Sender, payload: &[u8]) -> Result<(), Error> {
        self.tell(format!("ping {}", payload.escape_ascii()));
        if payload == b"fail" { Err(failure()) } else { Ok(()) }
    }

    fn on_pong(&mut self, _sender: &Sender, payload: &[u8]) -> Result<(), Error> {
        self.tell(format!("pong {}", payload.escape_ascii()));
        Ok(())
    }

    fn on_close(&mut self, _sender: &Sender, event: &CloseEvent) {
        let CloseEvent { code, reason, was_clean } = event;
        self.tell(format!("close {code} {reason:?} {was_clean}"));
    }

    fn on_error(&mut self, _sender: &Sender, error: &Error) {
        self.tell(match error {
            Error::Protocol(_) => "error protocol".into(),
            Error::ConnectionLost => "error lost".into(),
            other => format!("error {other}"),
        });
    }
}

/// A server with such a handler for each connection, and what they tell.
fn telling_server() -> (TestServer, mpsc::Receiver<String>) {
    let (tell, heard) = mpsc::channel();
    (TestServer::start(server(), move |_| Telling { tell: tell.clone() }), heard)
}

#[track_caller]
fn open(server: &TestServer) -> RawPeer {
    let (mut peer, _) = RawPeer::connect_with(server.address, "/chat", "");
    assert_eq!(peer.read(), Some(Frame::text("welcome")));
    peer
}

#[track_caller]
fn assert_told(heard: &mpsc::Receiver<String>, calls: &[&str]) {
    for call in calls {
        assert_eq!(next(heard), *call);
    }
}

#[test]
fn the_calls_come_in_the_order_of_the_events() {
    let (server, heard) = telling_server();
    let mut peer = open(&server);
    peer.send(Frame::text("hello"));
    peer.send(Frame::ping("a"));
    peer.send(Frame::pong("b"));
    peer.send(Frame::binary("c"));
    peer.send(Frame::close(1000, "bye"));
    assert_told(
        &heard,
        &["open /chat", "message hello", "ping a", "pong b", "message binary", "close 1000 \"bye\" true"],
    );
    assert_eq!(peer.read(), Some(Frame::text("hello")));
    // RFC 6455 §5.5.2/b
    assert_eq!(peer.read(), Some(Frame::pong("a")));
    assert_eq!(peer.read(), Some(Frame::binary("c")));
    assert_eq!(read_close_code(&mut peer), 1000);
    assert_eq!(read_end(&mut peer), End::Fin);
    wait_until("nobody is connected", || server.connections() == 0);
    assert!(heard.try_recv().is_err(), "on_close is the last call");
}

#[test]
fn a_close_without_a_code_is_told_as_1005() {
    let (server, heard) = telling_server();
    let mut peer = open(&server);
    peer.send(Frame::close_empty());
    // RFC 6455 §7.1.5/b
    assert_told(&heard, &["open /chat", "close 1005 \"\" true"]);
    assert!(read_to_close(&mut peer).1.is_empty());
}

#[test]
fn a_handler_may_close() {
    let (server, heard) = telling_server();
    let mut peer = open(&server);
    peer.send(Frame::text("close"));
    assert_eq!(peer.read(), Some(Frame::close(4000, "asked for")));
    peer.send(Frame::close(4000, "so be it"));
    assert_told(&heard, &["open /chat", "message close", "close 4000 \"so be it\" true"]);
    assert_eq!(read_end(&mut peer), End::Fin);
}

#[test]
fn an_error_of_the_handler_is_told_and_closes_with_1011() {
    for (frame, call) in [(Frame::text("fail"), "message fail"), (Frame::ping("fail"), "ping fail")] {
        let (server, heard) = telling_server();
        let mut peer = open(&server);
        peer.send(frame);
        assert_eq!(code_of(&read_to_close(&mut peer).1), 1011);
        peer.send(Frame::close(1011, ""));
        assert_eq!(read_end(&mut peer), End::Fin);
        let error = format!("error {}", failure());
        assert_told(&heard, &["open /chat", call, &error, "close 1011 \"\" true"]);
    }
}

#[test]
fn an_error_of_on_open_closes_with_1011_before_any_message() {
    let (server, heard) = telling_server();
    let (mut peer, _) = RawPeer::connect_with(server.address, "/fail", "");
    let (frames, payload) = read_to_close(&mut peer);
    assert_eq!((frames, code_of(&payload)), (vec![Frame::text("welcome")], 1011));
    drop(peer);
    let error = format!("error {}", failure());
    assert_told(&heard, &["open /fail", &error, "close 1006 \"\" false"]);
}

#[test]
fn a_breach_of_the_protocol_is_an_error_and_then_a_close_with_1006() {
    let (server, heard) = telling_server();
    let mut peer = open(&server);
    peer.send(Frame::new(3, "?"));
    // RFC 6455 §7.1.7/e §7.1.5/c
    assert_eq!(read_close_code(&mut peer), 1002);
    assert_eq!(read_end(&mut peer), End::Fin);
    assert_told(&heard, &["open /chat", "error protocol", "close 1006 \"\" false"]);
}

#[test]
fn a_lost_connection_is_an_error_and_then_a_close_with_1006() {
    let (server, heard) = telling_server();
    let peer = open(&server);
    peer.stream.shutdown(Shutdown::Write).expect("shutdown");
    // RFC 6455 §7.2.1/b §7.1.5/c
    assert_told(&heard, &["open /chat", "error lost", "close 1006 \"\" false"]);
}

#[test]
fn a_handler_that_panics_closes_with_1011_and_harms_nobody_else() {
    let (server, _heard) = telling_server();
    let mut resident = open(&server);
    let mut peer = open(&server);
    peer.send(Frame::text("panic"));
    assert_eq!(read_close_code(&mut peer), 1011);
    assert_echoes(&mut resident, "alive");
}

#[test]
fn errors_of_handlers_reach_the_servers_on_error() {
    let (tell, heard) = mpsc::channel();
    let server = server().on_error(move |error| {
        let _ = tell.send(match error {
            ServerError::Connection { error, .. } => error.to_string(),
            other => format!("{other:?}"),
        });
    });
    let server = TestServer::start(server, |_| |_: &Sender, _: Message<'_>| Err(failure()));
    let mut peer = RawPeer::connect(server.address);
    peer.send(Frame::text("?"));
    assert_eq!(read_close_code(&mut peer), 1011);
    drop(peer);
    assert_eq!(next(&heard), failure().to_string());
}

#[test]
fn a_closure_is_a_handler_with_a_state_of_its_own() {
    let server = TestServer::start(server(), |request| {
        let name = request.path().to_owned();
        let mut count = 0;
        move |sender: &Sender, message: Message<'_>| {
            count += 1;
            sender.write(format!("{name} {count} {}", message.as_text().unwrap_or_default()))
        }
    });
    let (mut one, _) = RawPeer::connect_with(server.address, "/one", "");
    let (mut two, _) = RawPeer::connect_with(server.address, "/two", "");
    for number in 1..4 {
        one.send(Frame::text("x"));
        assert_eq!(one.read(), Some(Frame::text(format!("/one {number} x"))));
        two.send(Frame::text("y"));
        assert_eq!(two.read(), Some(Frame::text(format!("/two {number} y"))));
    }
}

#[test]
fn run_is_for_connections_from_elsewhere_and_gives_the_error_that_was_told() {
    let request = Request::parse(b"GET /elsewhere HTTP/1.1\r\nHost: localhost\r\n\r\n", &config(|_| ()))
        .expect("a request");
    for role in ROLES {
        for (last, result, last_calls) in [
            (Frame::close(1000, ""), "Ok", vec!["close 1000 \"\" true"]),
            (Frame::text("fail"), "InvalidArgument", vec!["message fail", "error", "close"]),
            (Frame::new(3, ""), "Protocol", vec!["error protocol", "close 1006"]),
        ] {
            let (ws, mut peer) = pair_with(role, config(|config| config.close_timeout = SHORT));
            let (tell, heard) = mpsc::channel();
            let request = request.clone();
            let running = thread::spawn(move || run(ws, &request, &mut Telling { tell }));
            assert_eq!(peer.read().map(|frame| frame.payload), Some(b"welcome".to_vec()));
            peer.send(last);
            let given = format!("{:?}", in_time(running));
            assert!(given.contains(result), "{given} is {result}");
            assert_eq!(next(&heard), "open /elsewhere");
            for call in last_calls {
                let told = next(&heard);
                assert!(told.starts_with(call), "{told:?} is {call:?}");
            }
        }
    }
}
