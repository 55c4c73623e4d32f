//! How a client gets to a server: names, addresses and time (RFC 6455 §4.1, items 2 to 4).
//!
//! ```text
//!   connect ─▶ the name's addresses, one after the other ─▶ TCP ─▶ the handshake, all before one deadline
//!   dial ────▶ the same without the handshake
//! ```
//!
//! What addresses in which order, and with what share of the time, is tested beside the code, in `src/net/dial`.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::{Client, Error, HandshakeError, Timeout, Transport};
use common::RawPeer;
use raw::*;
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An address that answers nothing, for its queue of connections is full; and what keeps it so.
fn black_hole() -> (SocketAddr, Vec<Socket>) {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    let listener = socket();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bind");
    listener.listen(1).expect("listen");
    let address = listener.local_addr().expect("local_addr");
    let mut sockets = vec![listener];
    for _ in 0..8 {
        let filling = socket();
        filling.set_nonblocking(true).expect("set_nonblocking");
        let _ = filling.connect(&address);
        sockets.push(filling);
    }
    (address.as_socket().expect("an address"), sockets)
}

#[test]
fn an_address_that_never_answers_is_given_up_at_the_deadline() {
    let (address, _sockets) = black_hole();
    let client = Client::new().config(config(|config| config.handshake_timeout = SHORT));
    // RFC 6455 §4.1/k
    let result = client.connect(&format!("ws://{address}/"));
    assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
    let result = client.dial(&format!("ws://{address}/"));
    assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{:?}", result.map(drop));
}

#[test]
fn an_address_that_refuses_is_named() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bind");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
    let url = format!("ws://u:secret@localhost:{}/", address.port());
    // RFC 6455 §4.1/k
    let error = Client::new().connect(&url).expect_err("nobody listens there");
    let Error::Io(error) = error else { panic!("{error:?} is no error of the network") };
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let text = error.to_string();
    assert!(text.contains("localhost") && text.contains(&address.to_string()), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn one_deadline_covers_the_connection_and_the_handshake() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("ws://localhost:{}/", listener.local_addr().expect("local_addr").port());
    let connecting = thread::spawn(move || {
        Client::new().config(config(|config| config.handshake_timeout = SHORT)).connect(&url)
    });
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    peer.read_head();
    let result = in_time(connecting);
    assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
}

#[test]
fn dial_connects_and_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let client = Client::new().config(config(|config| config.handshake_timeout = Duration::from_secs(60)));
    let url = format!("ws://{address}/");
    let transport = client.dial(&url).expect("dial");
    assert_eq!(transport.remote_addr(), Some(address));
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    assert_quiet(&mut peer);
    // The turn to shake hands ends with the dialling: the order is up to the caller now.
    let second = client.dial(&url).expect("dial");
    let _second_peer = listener.accept().expect("accept").0;
    drop(second);
    let shaking = thread::spawn(move || client.handshake(&url, transport));
    let _peer = RawPeer::accept(peer.stream);
    in_time(shaking).expect("handshake").0.abort();
}

#[test]
fn dial_fails_as_connect_does() {
    for url in ["nonsense", "http://a/", "ws://a/#b"] {
        let error = Client::new().dial(url).map(drop).expect_err(url);
        assert!(matches!(error, Error::Handshake(HandshakeError::InvalidUrl(_))), "{error:?}");
    }
    let error = Client::new().header("a b", "c").dial("ws://127.0.0.1:1/").map(drop).expect_err("an error");
    assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
}

/// What somebody writes who wants to see all bytes.
struct Watching {
    inner: Arc<dyn Transport>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Transport for Watching {
    fn prepare(&self) -> io::Result<()> {
        self.inner.prepare()
    }

    fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.recv(buf)
    }

    fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.try_send(bytes)?;
        self.seen.lock().expect("no panic").extend(&bytes[..n]);
        Ok(n)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.inner.send(bytes)?;
        self.seen.lock().expect("no panic").extend(&bytes[..n]);
        Ok(n)
    }

    fn set_recv_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.set_recv_timeout(timeout)
    }

    fn set_send_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.set_send_timeout(timeout)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.shutdown(how)
    }
}

#[test]
fn what_dial_gives_can_be_wrapped() {
    let server = TestServer::echo(server());
    let url = format!("ws://{}/", server.address);
    let client = Client::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watching = Watching { inner: client.dial(&url).expect("dial"), seen: seen.clone() };
    let (mut ws, _) = client.handshake(&url, watching).expect("handshake");
    ws.send("hello").expect("send");
    assert_eq!(ws.read().expect("read"), Some("hello".into()));
    ws.close(1000, "").expect("close");
    assert_eq!(ws.read().expect("read"), None);
    let seen = seen.lock().expect("no panic");
    assert!(seen.starts_with(b"GET / HTTP/1.1\r\n") && seen.len() > 150, "{:?}", seen.escape_ascii());
}

#[test]
fn a_client_can_be_used_from_several_threads_and_many_times() {
    let server = TestServer::echo(server());
    let client = Client::new().header("X-A", "1").redirects(2);
    let connecting: Vec<_> = (0..8)
        .map(|_| {
            let (client, url) = (client.clone(), format!("ws://localhost:{}/", server.address.port()));
            thread::spawn(move || client.connect(&url))
        })
        .collect();
    for connecting in connecting {
        in_time(connecting).expect("connect").0.abort();
    }
}
