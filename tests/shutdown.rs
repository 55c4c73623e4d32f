//! How a server stops (`ServerHandle::shutdown`; RFC 6455 §7.1.1, §7.3, §7.4.1).
//!
//! ```text
//!   shutdown(grace): no newcomers ─▶ 1001 to everyone ─▶ their Closes, up to the grace ─▶ cut the rest
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::handshake::Response;
use clearsocket::{CloseEvent, Error, Handler, Message, Sender};
use common::RawPeer;
use common::frame::{BINARY, Frame};
use raw::*;
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// More than the machine will need.
const PATIENT: Duration = Duration::from_secs(15);

fn shut_down(server: &TestServer, grace: Duration) -> JoinHandle<bool> {
    let handle = server.handle.clone();
    thread::spawn(move || handle.shutdown(grace))
}

#[test]
fn everybody_is_told_1001_and_when_all_have_answered_the_shutdown_is_complete() {
    let server = TestServer::echo(server());
    let mut peers: Vec<_> = (0..5).map(|_| RawPeer::connect(server.address)).collect();
    peers.iter_mut().for_each(|peer| assert_echoes(peer, "hello"));
    let stopping = shut_down(&server, PATIENT);
    for peer in &mut peers {
        // RFC 6455 §7.3/a §7.4.1/a
        let (frames, payload) = read_to_close(peer);
        assert_eq!((frames, code_of(&payload)), (vec![], 1001));
    }
    for peer in &mut peers {
        peer.send(Frame::close(1001, ""));
        // RFC 6455 §5.5.1/k §5.5.1/l
        assert_eq!(read_end(peer), End::Fin);
    }
    drop(peers);
    assert!(in_time(stopping), "all have left in time");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_server_without_connections_stops_at_once() {
    let server = TestServer::echo(server());
    assert!(in_time(shut_down(&server, PATIENT)));
    assert!(in_time(shut_down(&server, PATIENT)), "a second time too");
}

#[test]
fn a_client_that_does_not_answer_is_cut_after_the_grace() {
    let server = TestServer::echo(server());
    let mut stubborn = RawPeer::connect(server.address);
    let mut polite = RawPeer::connect(server.address);
    [&mut stubborn, &mut polite].into_iter().for_each(|peer| assert_echoes(peer, "open"));
    let stopping = shut_down(&server, SHORT);
    assert_eq!(read_close_code(&mut polite), 1001);
    polite.send(Frame::close(1001, ""));
    drop(polite);
    assert!(!in_time(stopping), "not everybody had left");
    assert_eq!(read_close_code(&mut stubborn), 1001);
    // RFC 6455 §7.1.1/b
    read_end(&mut stubborn);
    wait_until("nobody is connected", || server.connections() == 0);
}

#[test]
fn a_client_that_goes_on_sending_is_cut_after_the_grace() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::connect(server.address);
    assert_echoes(&mut peer, "open");
    let mut writer = peer.stream.try_clone().expect("try_clone");
    let sending = thread::spawn(move || {
        let frame = Frame::text("one more").masked().bytes();
        while std::io::Write::write_all(&mut writer, &frame).is_ok() {}
    });
    let mut reader = RawPeer::new(peer.stream.try_clone().expect("try_clone"), peer.role);
    let reading = thread::spawn(move || reader.read_to_end());
    assert!(!in_time(shut_down(&server, SHORT)));
    in_time(reading);
    end_flood(&peer, sending);
}

#[test]
fn a_client_that_does_not_read_is_cut_after_the_grace() {
    let server = TestServer::start(server(), |_| {
        AtOpen(|sender: &Sender| (0..64).try_for_each(|_| sender.send(vec![0; 1 << 20])))
    });
    let peer = RawPeer::connect(server.address);
    wait_until("something has come", || peer.stream.peek(&mut [0]).is_ok());
    assert!(!in_time(shut_down(&server, SHORT)));
    wait_until("nobody is connected", || server.connections() == 0);
    drop(peer);
}

#[test]
fn handshakes_in_progress_are_ended() {
    let server = TestServer::echo(server());
    let mut silent = RawPeer::tcp(server.address);
    let mut partial = RawPeer::tcp(server.address);
    partial.send_bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\nUpg");
    wait_until("both are in", || server.connections() == 2);
    assert!(in_time(shut_down(&server, PATIENT)));
    for peer in [&mut silent, &mut partial] {
        // RFC 6455 §7.2.2/a
        assert!(!String::from_utf8_lossy(&peer.read_to_end()).contains(" 101 "));
    }
}

#[test]
fn who_is_fetching_a_page_is_not_waited_for() {
    let page = vec![b'x'; 32 << 20]; // more than the network holds
    let server = TestServer::echo(server().on_http(move |_| Response::new(page.clone())));
    let mut peer = RawPeer::tcp(server.address);
    peer.send_bytes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(peer.read_head().starts_with("HTTP/1.1 200 "));
    assert!(in_time(shut_down(&server, PATIENT)));
    assert!(peer.read_to_end().len() < 32 << 20);
}

#[test]
fn newcomers_are_refused_from_then_on() {
    let server = TestServer::echo(server());
    let mut resident = RawPeer::connect(server.address);
    assert_echoes(&mut resident, "open");
    let stopping = shut_down(&server, PATIENT);
    assert_eq!(read_close_code(&mut resident), 1001);
    // The resident has not left yet. A newcomer finds no listener, or is sent away.
    if TcpStream::connect(server.address).is_ok() {
        let response = http(server.address, common::raw_peer::request(server.address, "/", ""));
        assert!(!response.starts_with("HTTP/1.1 101"), "{response}");
    }
    resident.send(Frame::close(1001, ""));
    drop(resident);
    assert!(in_time(stopping));
    assert!(http_or_nothing(server.address).is_empty());
}

/// What a newcomer gets when there may be no listener any more.
fn http_or_nothing(address: std::net::SocketAddr) -> String {
    match TcpStream::connect(address) {
        Ok(stream) => {
            drop(stream);
            http(address, common::raw_peer::request(address, "/", ""))
        }
        Err(_) => String::new(),
    }
}

#[test]
fn the_port_is_free_again_afterwards() {
    let server = TestServer::echo(server());
    let address = server.address;
    assert!(in_time(shut_down(&server, PATIENT)));
    drop(server);
    let again = TestServer::echo(clearsocket::Server::bind(address).expect("the port is free"));
    assert_echoes(&mut RawPeer::connect(again.address), "again");
}

#[test]
fn what_was_queued_is_delivered_before_the_close() {
    let (tell, heard) = mpsc::channel();
    let server = TestServer::start(server(), move |_| {
        let tell = tell.clone();
        AtOpen(move |sender: &Sender| {
            // The network takes less, and what it does not take is queued.
            sender.send(vec![7; 16 << 20])?;
            tell.send(sender.buffered_amount()).expect("the test listens");
            Ok(())
        })
    });
    let mut peer = RawPeer::connect(server.address);
    assert!(next(&heard) > 0, "more than the network takes");
    let stopping = shut_down(&server, PATIENT);
    thread::sleep(A_WHILE);
    let frame = peer.read().expect("a frame");
    assert!(frame.opcode == BINARY && frame.payload == vec![7; 16 << 20]);
    assert_eq!(read_close_code(&mut peer), 1001);
    peer.send(Frame::close(1001, ""));
    drop(peer);
    assert!(in_time(stopping));
}

#[test]
fn a_handler_sees_the_end_of_its_connection_and_may_finish_its_work() {
    /// Sends every message back, and tells how its connection ended.
    struct Telling(mpsc::Sender<CloseEvent>);
    impl Handler for Telling {
        fn on_message(&mut self, sender: &Sender, message: Message<'_>) -> Result<(), Error> {
            sender.write(message)
        }
        fn on_close(&mut self, _sender: &Sender, event: &CloseEvent) {
            let _ = self.0.send(event.clone());
        }
    }
    let (tell, heard) = mpsc::channel();
    let server = TestServer::start(server(), move |_| Telling(tell.clone()));
    let mut peer = RawPeer::connect(server.address);
    assert_echoes(&mut peer, "open");
    let stopping = shut_down(&server, PATIENT);
    assert_eq!(read_close_code(&mut peer), 1001);
    peer.send(Frame::close(1001, ""));
    let CloseEvent { code, was_clean, .. } = next(&heard);
    assert_eq!((code.get(), was_clean), (1001, true), "a clean end is no error");
    drop(peer);
    assert!(in_time(stopping));
}

#[test]
fn wait_returns_when_another_has_shut_the_server_down() {
    let server = TestServer::echo(server());
    let handle = server.handle.clone();
    let waiting = thread::spawn(move || handle.wait());
    let _peer = RawPeer::connect(server.address);
    assert!(!waiting.is_finished());
    in_time(shut_down(&server, Duration::ZERO));
    in_time(waiting);
}

#[test]
fn who_has_been_let_in_is_told_1001_however_late_it_was() {
    // The 101 and the 1001 race; whoever sees the first must see the second.
    let mut let_in = 0;
    for round in 0..20 {
        let server = TestServer::echo(server());
        let address = server.address;
        let clients: Vec<_> = (0..4)
            .map(|_| RawPeer::tcp(address))
            .map(|mut peer| {
                thread::spawn(move || {
                    let request = common::raw_peer::request(address, "/", "");
                    let _ = std::io::Write::write_all(&mut peer.stream, request.as_bytes());
                    peer.read_to_end()
                })
            })
            .collect();
        thread::sleep(Duration::from_micros(100 * round));
        in_time(shut_down(&server, Duration::from_millis(100)));
        for bytes in clients.into_iter().map(in_time) {
            if bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 503 ") {
                continue;
            }
            assert!(bytes.starts_with(b"HTTP/1.1 101 "), "{}", bytes.escape_ascii());
            let end_of_head = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a whole head") + 4;
            // RFC 6455 §7.3/a §7.4.1/a
            let frames = common::frame::read_frames(&bytes[end_of_head..]);
            assert_eq!(frames.len(), 1, "{frames:?}");
            assert_eq!((frames[0].opcode, code_of(&frames[0].payload)), (common::frame::CLOSE, 1001));
            let_in += 1;
        }
    }
    assert!(let_in > 0, "nobody was let in");
}
