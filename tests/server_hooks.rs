//! What a server's owner decides: hooks and plain HTTP pages (RFC 6455 §4.2.2, §7.1.7).
//!
//! ```text
//!   request ─▶ on_http      a page, if no WebSocket is asked for
//!          └─▶ on_request   more headers for the 101, or a refusal
//!              on_error     hears of everything that went wrong
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::handshake::Response;
use clearsocket::{Error, Server, ServerError, Timeout};
use common::raw_peer::request;
use common::{Frame, RawPeer};
use raw::*;
use socket2::SockRef;
use std::io::Read;
use std::net::TcpListener;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The lines of a good request but the first two, to be changed one at a time.
const GOOD: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

// ---- Hooks ----

#[test]
fn on_request_sees_the_request_and_adds_a_header() {
    let (tell, heard) = mpsc::channel();
    let server = server().on_request(move |request, headers| {
        let header = |name| request.header(name).map(str::to_owned);
        let address = (request.path().to_owned(), request.query().map(str::to_owned), request.peer_addr());
        tell.send((address, header("x-forwarded-for"), header("Cookie"))).expect("the test listens");
        headers.insert("set-cookie", "seen=1".parse().expect("a value"));
        Ok(())
    });
    let server = TestServer::echo(server);
    let more = "X-Forwarded-For: 203.0.113.7\r\nCookie: session=abc\r\n";
    let (mut peer, head) = RawPeer::connect_with(server.address, "/chat?room=a%20b", more);
    let ((path, query, address), forwarded, cookie) = next(&heard);
    assert_eq!((path.as_str(), query.as_deref()), ("/chat", Some("room=a%20b")));
    assert_eq!(address, peer.stream.local_addr().ok());
    assert_eq!((forwarded.as_deref(), cookie.as_deref()), (Some("203.0.113.7"), Some("session=abc")));
    assert_eq!(values(&head, "Set-Cookie"), ["seen=1"]);
    assert_echoes(&mut peer, "hello");
}

#[test]
fn on_request_refuses_with_a_response_of_its_own() {
    let server = server().on_request(|request, _| {
        let mut refusal = Response::new(b"who are you?".to_vec());
        *refusal.status_mut() = http::StatusCode::UNAUTHORIZED;
        refusal.headers_mut().insert("www-authenticate", "Basic realm=\"chat\"".parse().expect("a value"));
        if request.header("authorization") == Some("Basic b2s=") { Ok(()) } else { Err(refusal.into()) }
    });
    let server = TestServer::echo(server);
    let response = http(server.address, request(server.address, "/", ""));
    assert_eq!(status(&response), 401, "{response}");
    assert_eq!(values(&response, "WWW-Authenticate"), ["Basic realm=\"chat\""]);
    assert_eq!(values(&response, "Content-Length"), ["12"]);
    assert!(response.ends_with("\r\n\r\nwho are you?"), "{response}");
    RawPeer::connect_with(server.address, "/", "Authorization: Basic b2s=\r\n");
}

#[test]
fn on_request_is_not_asked_about_a_request_that_is_refused_anyway() {
    let (tell, heard) = mpsc::channel();
    let server = server().on_request(move |_, _| {
        let _ = tell.send(());
        Ok(())
    });
    let server = TestServer::echo(server);
    // RFC 6455 §4.2.2/a
    for lines in ["Origin: null\r\n", "Sec-WebSocket-Version: 13\r\n", "Content-Length: 1\r\n"] {
        assert!(status(&http(server.address, request(server.address, "/", lines))) >= 400);
    }
    assert!(heard.try_recv().is_err());
}

#[test]
fn a_hook_cannot_split_the_response() {
    for evil in ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b"] {
        // HTTP/i: there is no such value to put into the headers.
        assert!(http::HeaderValue::from_str(evil).is_err(), "{evil:?}");
        assert!(http::HeaderValue::from_bytes(evil.as_bytes()).is_err(), "{evil:?}");
        assert!(http::HeaderName::from_bytes(evil.as_bytes()).is_err(), "{evil:?}");
    }
    let server = server().on_request(|request, headers| {
        let echoed = request.header("x-echo").and_then(|text| http::HeaderValue::from_str(text).ok());
        headers.insert("x-echo", echoed.unwrap_or(http::HeaderValue::from_static("nothing")));
        Ok(())
    });
    let server = TestServer::echo(server);
    let (_peer, head) = RawPeer::connect_with(server.address, "/", "X-Echo: a%0d%0aX-Evil: 1\r\n");
    // HTTP/i
    assert_eq!(values(&head, "X-Echo"), ["a%0d%0aX-Evil: 1"]);
    assert!(values(&head, "X-Evil").is_empty());
}

#[test]
fn a_hook_that_sets_a_header_of_the_handshake_itself_gets_its_client_an_error() {
    for name in ["sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-protocol", "upgrade"] {
        let server = server().on_request(move |_, headers| {
            headers.insert(name, http::HeaderValue::from_static("x"));
            Ok(())
        });
        let server = TestServer::echo(server);
        let response = http(server.address, request(server.address, "/", ""));
        // RFC 6455 §4.2.2/n §10.7/d
        assert_eq!(status(&response), 500, "{name}: {response}");
    }
}

#[test]
fn a_hook_that_panics_harms_nobody_else() {
    let (tell, heard) = mpsc::channel();
    let boom = |path: &str| {
        if path == "/boom" {
            resume_unwind(Box::new("boom"));
        }
    };
    let server = server()
        .on_request(move |request, _| {
            boom(request.path());
            Ok(())
        })
        .on_http(move |request| {
            boom(request.path());
            Response::new(b"page".to_vec())
        })
        .on_error(move |error| {
            let _ = tell.send(matches!(error, ServerError::Panic { .. }));
            resume_unwind(Box::new("this hook too"));
        });
    let server = TestServer::echo(server);
    let mut resident = RawPeer::connect(server.address);
    for _ in 0..3 {
        for request in [request(server.address, "/boom", ""), get("").replace("GET /", "GET /boom")] {
            let response = http(server.address, request);
            assert!(!response.starts_with("HTTP/1.1 1") && !response.starts_with("HTTP/1.1 2"), "{response}");
            assert!(next(&heard));
        }
    }
    wait_until("their places are free", || server.connections() == 1);
    assert_echoes(&mut resident, "alive");
    assert_echoes(&mut RawPeer::connect(server.address), "and open");
}

#[test]
fn on_http_serves_a_page_on_the_same_port() {
    let server = server().on_http(|request| {
        let mut page = Response::new(format!("<p>{}", request.path()).into_bytes());
        page.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html"));
        page
    });
    let server = TestServer::echo(server);
    let page = http(server.address, get("").replace("GET /", "GET /index"));
    assert_eq!(status(&page), 200, "{page}");
    assert_eq!(values(&page, "Content-Type"), ["text/html"]);
    assert_eq!(values(&page, "Content-Length"), ["9"]);
    assert!(page.ends_with("\r\n\r\n<p>/index"), "{page}");

    let head = http(server.address, get("").replace("GET /", "HEAD /index"));
    assert_eq!(status(&head), 200, "{head}");
    assert_eq!(values(&head, "Content-Length"), ["9"]);
    assert!(head.ends_with("\r\n\r\n"), "the answer to HEAD has no body: {head}");

    assert_echoes(&mut RawPeer::connect(server.address), "and a WebSocket");
    // A WebSocket request with something wrong in it is no request for a page.
    let broken = http(server.address, get(&GOOD.replace("Sec-WebSocket-Key", "X")));
    assert_eq!(status(&broken), 400, "{broken}");
}

/// A server with a page of a mebibyte, behind a network that holds about half of it; and somebody who has asked for it.
fn large_page(change: impl FnOnce(Server) -> Server) -> (TestServer, RawPeer) {
    const NARROW: usize = 128 << 10;
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    SockRef::from(&listener).set_send_buffer_size(NARROW).expect("set_send_buffer_size");
    let server = Server::from_listener(listener).on_http(|_| Response::new(vec![b'x'; PAGE]));
    let server = TestServer::echo(change(server));
    let mut peer = RawPeer::tcp(server.address);
    SockRef::from(&peer.stream).set_recv_buffer_size(NARROW).expect("set_recv_buffer_size");
    peer.send_bytes(get("").as_bytes());
    let head = peer.read_head();
    assert_eq!((status(&head), values(&head, "Content-Length")), (200, vec!["1048576"]));
    (server, peer)
}

const PAGE: usize = 1 << 20;

#[test]
fn a_large_page_is_fetched_by_a_slow_reader_in_its_own_time() {
    let (_server, mut peer) = large_page(|server| server);
    let mut page = std::mem::take(&mut peer.buffer);
    let mut piece = vec![0; 32 << 10];
    while page.len() < PAGE {
        thread::sleep(Duration::from_millis(80));
        let n = peer.stream.read(&mut piece).expect("read");
        assert!(n > 0, "the connection was cut after {} bytes", page.len());
        page.extend(&piece[..n]);
    }
    assert!(page == vec![b'x'; PAGE]);
    assert_eq!(read_end(&mut peer), End::Fin);
}

#[test]
fn who_fetches_a_page_takes_a_place_until_it_is_there() {
    let (server, mut peer) = large_page(|server| server.max_connections(1));
    assert_eq!(server.connections(), 1);
    let newcomer = http(server.address, request(server.address, "/", ""));
    assert_eq!(status(&newcomer), 503, "{newcomer}");
    assert_eq!(peer.read_to_end().len(), PAGE);
    drop(peer);
    wait_until("the place is free", || server.connections() == 0);
}

#[test]
fn who_fetches_a_page_and_does_not_read_it_is_cut_at_the_deadline_of_the_handshake() {
    let short = config(|config| config.handshake_timeout = SHORT);
    let (server, mut peer) = large_page(|server| server.config(short));
    wait_until("the place is free", || server.connections() == 0);
    assert!(peer.read_to_end().len() < PAGE);
}

#[test]
fn on_error_hears_of_failed_handshakes() {
    let (tell, heard) = mpsc::channel();
    let server = server().config(config(|config| config.handshake_timeout = SHORT)).on_error(move |error| {
        if let ServerError::Handshake { peer, error } = error {
            let what = match error {
                Error::Handshake(error) => error.section(),
                Error::Timeout(Timeout::Handshake) => "timeout",
                _ => "something else",
            };
            let _ = tell.send((*peer, what.to_owned()));
        }
    });
    let server = TestServer::echo(server);
    let origin = request(server.address, "/", "Origin: http://evil.example\r\n");
    for (bytes, what) in [
        (get(&GOOD.replace("13", "8")), "4.2.2"),
        (origin, "10.2"),
        ("nonsense\r\n\r\n".into(), "4.2.1"),
        ("".into(), "timeout"),
    ] {
        let mut peer = RawPeer::tcp(server.address);
        peer.send_bytes(bytes.as_bytes());
        peer.read_to_end();
        let address = peer.stream.local_addr().expect("local_addr");
        drop(peer);
        // RFC 6455 §7.1.7/d
        assert_eq!(next(&heard), (address, what.to_owned()), "{bytes:?}");
    }
}

#[test]
fn a_peer_that_breaks_the_protocol_is_reported() {
    let (tell, heard) = mpsc::channel();
    let server = server().on_error(move |error| {
        if let ServerError::Connection { error: Error::Protocol(error), peer } = error {
            let _ = tell.send((*peer, error.section()));
        }
    });
    let server = TestServer::echo(server);
    let mut peer = RawPeer::connect(server.address);
    // RFC 6455 §5.1/b
    peer.send_bytes(&Frame::text("not masked").bytes());
    assert_eq!(read_close_code(&mut peer), 1002);
    assert_eq!(read_end(&mut peer), End::Fin);
    let address = peer.stream.local_addr().expect("local_addr");
    drop(peer);
    // RFC 6455 §7.1.7/d
    assert_eq!(next(&heard), (address, "5.1"));
}
