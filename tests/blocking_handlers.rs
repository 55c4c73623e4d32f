//! A handler with a thread and a connection of its own, and how it returns (`Server::spawn`; RFC 6455 §7.3).
//!
//! ```text
//!   handler ─▶ Ok: 1000, an error or a panic: 1011
//! ```
//!
//! Handlers that are called with events run in either kind of server: see `handler.rs` and `handler_sockets.rs`.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Error, ServerError};
use common::{Frame, RawPeer};
use raw::*;
use std::panic::resume_unwind;
use std::sync::mpsc;

#[test]
fn a_handler_that_returns_closes_with_1000() {
    let server = TestServer::spawn(server(), |ws, _| ws.send("bye"));
    let mut peer = RawPeer::connect(server.address);
    let (frames, payload) = read_to_close(&mut peer);
    assert_eq!((frames, code_of(&payload)), (vec![Frame::text("bye")], 1000));
    peer.send(Frame::close(1000, ""));
    assert_eq!(read_end(&mut peer), End::Fin);
}

#[test]
fn a_handler_that_fails_closes_with_1011_and_is_reported() {
    let (tell, heard) = mpsc::channel();
    let server = server().on_error(move |error| {
        if let ServerError::Connection { error: Error::InvalidArgument(text), .. } = error {
            let _ = tell.send(text.clone());
        }
    });
    let server = TestServer::spawn(server, |_ws, _| Err(Error::InvalidArgument("no such room".into())));
    let mut peer = RawPeer::connect(server.address);
    assert_eq!(read_close_code(&mut peer), 1011);
    peer.send(Frame::close(1011, ""));
    assert_eq!(read_end(&mut peer), End::Fin);
    assert_eq!(next(&heard), "no such room");
}

#[test]
fn a_handler_that_panics_closes_with_1011_and_the_server_lives_on() {
    let (tell, heard) = mpsc::channel();
    let server = server().on_error(move |error| {
        let _ = tell.send(matches!(error, ServerError::Panic { .. }));
    });
    let server = TestServer::spawn(server, |mut ws, request| {
        while let Some(message) = ws.read()?.map(|message| message.into_owned()) {
            if request.path() == "/split" {
                let _halves = ws.split();
                resume_unwind(Box::new("boom"));
            }
            if message.as_text() == Some("boom") {
                resume_unwind(Box::new("boom"));
            }
            ws.send(message)?;
        }
        Ok(())
    });
    let mut resident = RawPeer::connect(server.address);
    for path in ["/", "/split", "/"] {
        let (mut peer, _) = RawPeer::connect_with(server.address, path, "");
        peer.send(Frame::text("boom"));
        assert_eq!(read_close_code(&mut peer), 1011, "{path}");
        peer.send(Frame::close(1011, ""));
        assert_eq!(read_end(&mut peer), End::Fin);
        assert!(next(&heard));
        assert_echoes(&mut resident, "alive");
    }
    assert_echoes(&mut RawPeer::connect(server.address), "open");
}

#[test]
fn the_connection_knows_its_subprotocol() {
    let (tell, heard) = mpsc::channel();
    let server = TestServer::spawn(server().subprotocols(["best", "good"]), move |ws, _| {
        tell.send(ws.subprotocol().map(str::to_owned)).expect("the test listens");
        echo(ws)
    });
    for (offer, choice) in [("good", Some("good")), ("unknown", None)] {
        let offer = format!("Sec-WebSocket-Protocol: {offer}\r\n");
        let _peer = RawPeer::connect_with(server.address, "/", &offer);
        // RFC 6455 §4.2.2/k
        assert_eq!(next(&heard).as_deref(), choice);
    }
}
