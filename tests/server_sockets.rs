//! A server's half of the opening handshake, over real sockets (RFC 6455 §4.2, §10.2; RFC 9110 §15).
//!
//! ```text
//!   raw client ── request ──▶ Server ── 101 ──▶ a WebSocket
//!                                    └─ 4xx, 5xx, the end of the connection, and nothing after it
//! ```
//!
//! A raw client over TCP is the judge: it knows no more of HTTP than a status line and headers. Which
//! request is in order is tested in full without sockets; here it matters that the answer arrives, that it
//! is the last thing that arrives, and that nobody else is harmed.

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::handshake::Response;
use clearsocket::{Error, HandshakeError, Role, Server, ServerError};
use common::raw_peer::{accept_for, header, request};
use common::{Frame, RawPeer};
use raw::*;
use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The lines of a good request but the first two, to be changed one at a time.
const GOOD: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

// ---- 101 ----

#[test]
fn a_good_request_is_answered_with_101_and_the_right_digest() {
    let server = TestServer::echo(server());
    let (mut peer, head) = RawPeer::connect_with(server.address, "/chat?room=1", "");
    // RFC 6455 §4.2.2/o HTTP/f
    assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
    // RFC 6455 §4.2.2/p §4.2.2/q
    assert_eq!(values(&head, "Upgrade"), ["websocket"]);
    assert_eq!(values(&head, "Connection"), ["Upgrade"]);
    // RFC 6455 §4.2.2/r §11.3.3/a
    assert_eq!(values(&head, "Sec-WebSocket-Accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    // RFC 6455 §4.2.2/l §4.2.2/n
    assert_eq!(header(&head, "Sec-WebSocket-Protocol"), None);
    assert_eq!(header(&head, "Sec-WebSocket-Extensions"), None);
    assert_echoes(&mut peer, "hello");
}

#[test]
fn frames_in_the_same_segment_as_the_request_are_not_lost() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::tcp(server.address);
    let mut bytes = request(server.address, "/", "").into_bytes();
    bytes.extend(Frame::text("early").masked().bytes());
    peer.send_bytes(&bytes);
    assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
    assert_eq!(peer.read(), Some(Frame::text("early")));
}

#[test]
fn a_request_that_comes_byte_by_byte_is_accepted() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::tcp(server.address);
    for byte in request(server.address, "/", "").bytes() {
        peer.send_bytes(&[byte]);
    }
    assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
    assert_echoes(&mut peer, "slowly");
}

#[test]
fn names_and_tokens_are_compared_without_regard_to_case_and_found_in_lists() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::tcp(server.address);
    // RFC 6455 §4.1/aq §4.2.1/e §4.2.1/f §4.2.1/k
    peer.send_bytes(
        b"GET / HTTP/1.1\r\nhOST: localhost\r\nUPGRADE: h2c, WebSocket\r\nconnection: keep-alive, upgrade\r\n\
          X-Whatever: 1\r\nsec-websocket-version: 13\r\nSEC-WEBSOCKET-KEY: Iv8io/9s+lYFgZWcXczP8Q==\r\n\r\n",
    );
    let head = peer.read_head();
    assert_eq!(values(&head, "Sec-WebSocket-Accept"), ["hsBlbuDTkk24srzEOTBUlZAlC2g="]);
    assert_echoes(&mut peer, "hello");
}

#[test]
fn an_absolute_request_target_is_accepted_and_the_handler_is_given_its_path_and_query() {
    let (tell, heard) = mpsc::channel();
    let server = TestServer::start(server(), move |request| {
        tell.send((request.path().to_owned(), request.query().map(str::to_owned))).expect("the test listens");
        send_back
    });
    // RFC 6455 §4.2.1/c
    let _peer = RawPeer::connect_with(server.address, "http://localhost/chat?room=1", "");
    assert_eq!(next(&heard), ("/chat".into(), Some("room=1".into())));
}

// ---- 400 ----

/// What is wrong, and the request.
fn bad_requests() -> Vec<(&'static str, String)> {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let with = |line: &str| get(&format!("{GOOD}{line}"));
    let without = |line: &str| get(&GOOD.replace(line, ""));
    let key_is = |value: &str| get(&GOOD.replace("dGhlIHNhbXBsZSBub25jZQ==", value));
    let version_is = |value: &str| get(&GOOD.replace("13", value));
    vec![
        ("no HTTP at all", "hello server, how are you?\r\n\r\n".into()),
        ("no version in the request line", format!("GET /\r\nHost: localhost\r\n{GOOD}\r\n")),
        // RFC 6455 §4.2.1/d HTTP/a
        ("no Host", format!("GET / HTTP/1.1\r\n{GOOD}\r\n")),
        ("two Hosts", with("Host: localhost\r\n")),
        ("an invalid Host", format!("GET / HTTP/1.1\r\nHost: a b\r\n{GOOD}\r\n")),
        // RFC 6455 §4.2.1/b HTTP/g
        ("HTTP/1.0", get(GOOD).replace("HTTP/1.1", "HTTP/1.0")),
        // RFC 6455 §4.2.1/c
        ("a target with a fragment", get(GOOD).replace("GET / ", "GET /a#b ")),
        ("a target without a slash", get(GOOD).replace("GET / ", "GET chat ")),
        ("a target of another scheme", get(GOOD).replace("GET / ", "GET ftp://localhost/ ")),
        // RFC 6455 §4.2.1/f
        ("no Connection", without("Connection: Upgrade\r\n")),
        ("Connection without the token", get(&GOOD.replace("Connection: Upgrade", "Connection: close"))),
        // RFC 6455 §4.2.1/g §4.3/d
        ("no key", without(key)),
        ("a key of 9 bytes", key_is("bm90IDE2IGJ5")),
        ("a key of 17 bytes", key_is("dGhlIHNhbXBsZSBub25jZTE=")),
        ("a key without padding", key_is("dGhlIHNhbXBsZSBub25jZQ")),
        ("a key that is no base64", key_is("dGhlIHNhbXBsZSBub25jZ!==")),
        // RFC 6455 §11.3.1/a
        ("two keys", with(key)),
        // RFC 6455 §4.2.1/h §4.3/b §11.3.5/b
        ("no version", without("Sec-WebSocket-Version: 13\r\n")),
        ("two versions", with("Sec-WebSocket-Version: 13\r\n")),
        ("a version with a leading zero", version_is("013")),
        ("a version that is a list", version_is("13, 8")),
        ("a version above 255", version_is("256")),
        // RFC 6455 §4.2.1/j §4.3/c
        ("an empty subprotocol list", with("Sec-WebSocket-Protocol: ,\r\n")),
        ("a subprotocol that is no token", with("Sec-WebSocket-Protocol: a b\r\n")),
        ("the same subprotocol twice", with("Sec-WebSocket-Protocol: a, a\r\n")),
        // RFC 6455 §9.1/a §4.3/a
        ("extensions that are no list", with("Sec-WebSocket-Extensions: foo;;bar\r\n")),
        ("an extension parameter that is no token", with("Sec-WebSocket-Extensions: foo; a=\"b c\"\r\n")),
        ("an unclosed quote", with("Sec-WebSocket-Extensions: foo; a=\"b\r\n")),
        // HTTP/b HTTP/c
        ("a blank before the colon", with("X-A : 1\r\n")),
        ("a folded line", with("X-A: 1\r\n 2\r\n")),
        ("a line without a colon", with("X-A\r\n")),
        ("a NUL in a value", with("X-A: 1\x002\r\n")),
        ("a bare CR in a value", with("X-A: 1\r2\r\n")),
        // HTTP/h
        ("a body", with("Content-Length: 5\r\n")),
        ("a chunked body", with("Transfer-Encoding: chunked\r\n")),
    ]
}

#[test]
fn a_request_that_does_not_match_the_description_gets_400_and_the_end_of_the_connection() {
    let server = TestServer::echo(server());
    for (what, request) in bad_requests() {
        let response = http(server.address, request);
        // RFC 6455 §4.2.1/a §7.2.2/a
        assert_eq!(status(&response), 400, "{what}: {response}");
        assert_eq!(values(&response, "Connection").last(), Some(&"close"), "{what}: {response}");
        assert!(!response.contains("101 Switching"), "{what}: {response}");
    }
    RawPeer::connect(server.address);
}

#[test]
fn bytes_that_are_not_utf8_where_text_belongs_get_400() {
    let server = TestServer::echo(server());
    // RFC 6455 §8.1/b
    for broken in
        ["GET /\u{1} HTTP/1.1", "Host: \u{1}localhost", "Sec-WebSocket-Key: \u{1}", "Upgrade\u{1}: x"]
    {
        let good = get(GOOD);
        let name = broken.split(['\u{1}', ' ']).next().unwrap_or_default();
        let line = good.lines().find(|line| line.starts_with(name)).expect("a line of the request");
        let request = good.replace(line, broken).into_bytes();
        let request: Vec<u8> = request.into_iter().map(|b| if b == 1 { 0xff } else { b }).collect();
        assert_eq!(status(&http(server.address, request)), 400, "{broken:?}");
    }
}

// ---- Other refusals ----

#[test]
fn a_page_of_a_foreign_origin_gets_403() {
    let server = TestServer::echo(server());
    let own = server.address;
    for origin in [
        "http://evil.example".to_string(),
        "null".into(),
        "http://127.0.0.1".into(),
        format!("http://127.0.0.1:{}", own.port() ^ 1),
        format!("http://{own}.evil.example"),
        format!("http://localhost:{}", own.port()),
        format!("http://{own}/page"),
        "http://".into(),
        "\u{fc}".into(),
    ] {
        let response = http(own, request(own, "/", &format!("Origin: {origin}\r\n")));
        // RFC 6455 §4.2.2/f §10.2/b
        assert_eq!(status(&response), 403, "{origin}: {response}");
    }
    let twice = format!("Origin: http://{own}\r\nOrigin: http://evil.example\r\n");
    assert_eq!(status(&http(own, request(own, "/", &twice))), 403);
}

#[test]
fn a_page_of_the_servers_own_origin_is_let_in_and_so_is_a_program_without_one() {
    let server = TestServer::echo(server());
    let own = server.address;
    // RFC 6455 §10.2/a
    let (mut page, _) = RawPeer::connect_with(own, "/", &format!("Origin: http://{own}\r\n"));
    assert_echoes(&mut page, "page");
    let (mut page, _) = RawPeer::connect_with(own, "/", &format!("Origin: HTTP://{own}\r\n"));
    assert_echoes(&mut page, "in capitals");
    // RFC 6455 §4.2.1/i
    let mut program = RawPeer::connect(own);
    assert_echoes(&mut program, "program");
}

#[test]
fn allow_origins_lets_in_those_it_names_and_nobody_else() {
    let server =
        TestServer::echo(server().allow_origins(["https://example.com", "http://other.example:8080"]));
    let ask = |origin: &str| request(server.address, "/", &format!("Origin: {origin}\r\n"));
    for welcome in
        ["https://example.com", "HTTPS://Example.COM", "https://example.com:443", "http://other.example:8080"]
    {
        let mut peer = RawPeer::tcp(server.address);
        peer.send_bytes(ask(welcome).as_bytes());
        assert!(peer.read_head().starts_with("HTTP/1.1 101 "), "{welcome}");
    }
    for foreign in ["http://example.com", "https://example.com.evil", "https://sub.example.com", "null"] {
        assert_eq!(status(&http(server.address, ask(foreign))), 403, "{foreign}");
    }
    assert_echoes(&mut RawPeer::connect(server.address), "a program");
}

#[test]
fn allow_any_origin_lets_in_every_page() {
    let server = TestServer::echo(server().allow_any_origin());
    for origin in ["http://evil.example", "null"] {
        let (mut peer, _) = RawPeer::connect_with(server.address, "/", &format!("Origin: {origin}\r\n"));
        assert_echoes(&mut peer, origin);
    }
}

#[test]
fn a_path_without_a_service_gets_404() {
    let server = TestServer::echo(server().paths(["/chat", "/news"]));
    for path in ["/", "/Chat", "/chat/", "/other?chat"] {
        let response = http(server.address, request(server.address, path, ""));
        // RFC 6455 §4.2.2/j
        assert_eq!(status(&response), 404, "{path}: {response}");
    }
    for path in ["/chat", "/news?today"] {
        RawPeer::connect_with(server.address, path, "");
    }
}

#[test]
fn another_method_gets_405_and_is_told_what_is_allowed() {
    let server = TestServer::echo(server());
    for method in ["POST", "PUT", "OPTIONS", "get"] {
        let response = http(server.address, get(GOOD).replace("GET", method));
        // RFC 6455 §4.2.1/b HTTP/e
        assert_eq!(
            (status(&response), values(&response, "Allow")),
            (405, vec!["GET"]),
            "{method}: {response}"
        );
    }
}

#[test]
fn another_version_of_the_protocol_gets_426_and_is_told_which_is_spoken() {
    let server = TestServer::echo(server());
    for version in ["0", "7", "8", "12", "14", "255"] {
        let response = http(server.address, get(&GOOD.replace("13", version)));
        assert_eq!(status(&response), 426, "{version}: {response}");
        // RFC 6455 §4.2.2/h §4.4/a HTTP/d
        assert_eq!(values(&response, "Sec-WebSocket-Version"), ["13"], "{response}");
        assert_eq!(values(&response, "Upgrade"), ["websocket"], "{response}");
    }
}

#[test]
fn plain_http_without_a_page_to_give_gets_426() {
    let server = TestServer::echo(server());
    for request in [get(""), get(&GOOD.replace("websocket", "h2c"))] {
        let response = http(server.address, request);
        // RFC 6455 §4.2.1/e HTTP/d
        assert_eq!(status(&response), 426, "{response}");
        assert_eq!(values(&response, "Upgrade"), ["websocket"], "{response}");
    }
}

#[test]
fn a_request_line_or_a_head_beyond_the_limit_gets_414_or_431() {
    let server = TestServer::echo(server());
    let long = "x".repeat(20_000);
    let line = get(GOOD).replace("GET / ", &format!("GET /{long} "));
    assert_eq!(status(&http(server.address, line)), 414);
    let fat = get(&format!("{GOOD}Cookie: {long}\r\n"));
    assert_eq!(status(&http(server.address, fat)), 431);
    let many = get(&format!("{GOOD}{}", "X-A: 1\r\n".repeat(101)));
    assert_eq!(status(&http(server.address, many)), 431);
    RawPeer::connect_with(server.address, "/", &format!("Cookie: {}\r\n", "x".repeat(15_000)));
}

#[test]
fn a_head_without_end_is_refused_while_it_comes() {
    let server = TestServer::echo(server());
    let mut peer = RawPeer::tcp(server.address);
    let mut writer = peer.stream.try_clone().expect("try_clone");
    let writing = thread::spawn(move || {
        let _ = writer.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: ");
        while writer.write_all(&[b'x'; 1024]).is_ok() {}
    });
    let head = peer.read_head();
    assert_eq!(status(&head), 431, "{head}");
    peer.read_to_end();
    in_time(writing);
}

#[test]
fn a_request_that_is_not_there_by_the_deadline_gets_408() {
    let server = TestServer::echo(server().config(config(|config| config.handshake_timeout = SHORT)));
    let whole = request(server.address, "/", "");
    for part in ["", "G", &whole[..40], &whole[..whole.len() - 1]] {
        let response = http(server.address, part);
        assert_eq!(status(&response), 408, "{part:?}: {response}");
    }
}

#[test]
fn a_request_that_drips_does_not_move_the_deadline() {
    let server = TestServer::echo(server().config(config(|config| config.handshake_timeout = SHORT)));
    let mut peer = RawPeer::tcp(server.address);
    let mut writer = peer.stream.try_clone().expect("try_clone");
    // Each byte comes well before the timeout; all of them together take ten seconds.
    let whole = request(server.address, "/", "");
    let dripping = thread::spawn(move || {
        for byte in whole.bytes() {
            if writer.write_all(&[byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    });
    let head = peer.read_head();
    assert_eq!(status(&head), 408, "{head}");
    drop(peer);
    in_time(dripping);
}

#[test]
fn a_server_that_is_full_says_503_and_its_residents_notice_nothing() {
    let server = TestServer::echo(server().max_connections(2));
    let mut first = RawPeer::connect(server.address);
    // Who has not finished the handshake takes a place as well.
    let second = RawPeer::tcp(server.address);
    wait_until("both are in", || server.connections() == 2);
    for _ in 0..3 {
        let response = http(server.address, request(server.address, "/", ""));
        assert_eq!(status(&response), 503, "{response}");
        assert_eq!(values(&response, "Retry-After").len(), 1, "{response}");
        assert_echoes(&mut first, "still here");
    }
    assert_eq!(server.connections(), 2);
    drop(second);
    wait_until("the place is free", || server.connections() == 1);
    assert_echoes(&mut RawPeer::connect(server.address), "newcomer");
    assert_echoes(&mut first, "and still here");
}

/// In HTTP the client speaks first; until it does, the system keeps it from the server, but not for long.
#[test]
#[cfg(target_os = "linux")]
fn who_says_nothing_takes_no_place_at_first_and_is_accepted_all_the_same() {
    let server = TestServer::echo(server());
    let begun = Instant::now();
    let _silent = RawPeer::tcp(server.address);
    let mut talker = RawPeer::connect(server.address);
    assert_echoes(&mut talker, "I came later");
    let connections = server.connections();
    if begun.elapsed() < Duration::from_millis(500) {
        assert_eq!(connections, 1);
    }
    wait_until("both are in", || server.connections() == 2);
}

#[test]
fn nothing_after_a_refusal_is_answered() {
    let (tell, heard) = mpsc::channel();
    let server = server().on_http(move |request| {
        let _ = tell.send(request.path().to_owned());
        Response::new(b"page".to_vec())
    });
    let server = TestServer::echo(server);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for refused in [
        get(&GOOD.replace("13", "8")),
        get(&GOOD.replace("Sec-WebSocket-Key", "X")),
        get(&format!("{GOOD}Content-Length: {}\r\n", smuggled.len())),
        get(GOOD).replace("GET", "POST"),
    ] {
        let response = http(server.address, format!("{refused}{smuggled}{}", get(GOOD)));
        // RFC 6455 §4.2.1/a
        assert_eq!(response.matches("HTTP/1.1").count(), 1, "{response}");
        assert!(status(&response) >= 400);
    }
    assert!(heard.try_recv().is_err(), "the smuggled request was looked at");
}

#[test]
fn a_refusal_arrives_although_the_client_has_sent_much_more() {
    let server = TestServer::echo(server().paths(["/chat"]));
    let mut peer = RawPeer::tcp(server.address);
    peer.send_bytes(request(server.address, "/nowhere", "").as_bytes());
    // Bytes that a server which just closes its socket would leave unread: that is a reset.
    let mut writer = peer.stream.try_clone().expect("try_clone");
    let writing = thread::spawn(move || {
        for _ in 0..64 {
            if writer.write_all(&[b'x'; 16 << 10]).is_err() {
                return;
            }
        }
    });
    in_time(writing);
    let response = String::from_utf8(peer.read_to_end()).expect("text");
    // RFC 6455 §10.7/d
    assert_eq!(status(&response), 404, "{response}");
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_request_is_reported_and_forgotten() {
    let (tell, heard) = mpsc::channel();
    let server = server().on_error(move |error| {
        if let ServerError::Handshake { error: Error::Handshake(error), .. } = error {
            let _ = tell.send(error.clone());
        }
    });
    let server = TestServer::echo(server);
    let mut peer = RawPeer::tcp(server.address);
    peer.send_bytes(b"GET / HTTP/1.1\r\nHost: loc");
    drop(peer);
    assert!(matches!(next(&heard), HandshakeError::ConnectionClosed));
    wait_until("its place is free", || server.connections() == 0);
}

// ---- Subprotocols ----

#[test]
fn the_server_chooses_a_subprotocol_by_its_own_preference_from_what_the_client_offers() {
    let (tell, heard) = mpsc::channel();
    let server = TestServer::start(server().subprotocols(["best", "good", "poor"]), move |request| {
        tell.send(request.subprotocol().map(str::to_owned)).expect("the test listens");
        send_back
    });
    for (offer, choice) in [
        ("poor", Some("poor")),
        ("poor, best, good", Some("best")),
        ("unknown, good\r\nSec-WebSocket-Protocol: poor", Some("good")),
        ("unknown", None),
        ("Best", None),
    ] {
        let offer = format!("Sec-WebSocket-Protocol: {offer}\r\n");
        let (_peer, head) = RawPeer::connect_with(server.address, "/", &offer);
        let chosen: Vec<_> = choice.into_iter().collect();
        // RFC 6455 §4.2.2/k §4.2.2/l §11.3.4/b
        assert_eq!(values(&head, "Sec-WebSocket-Protocol"), chosen, "{offer}");
        assert_eq!(next(&heard).as_deref(), choice, "{offer}");
    }
    let (_peer, head) = RawPeer::connect_with(server.address, "/", "");
    assert_eq!(header(&head, "Sec-WebSocket-Protocol"), None);
}

#[test]
fn extensions_that_are_offered_are_declined_in_silence() {
    let server = TestServer::echo(server());
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-foo\r\n";
    let (mut peer, head) = RawPeer::connect_with(server.address, "/", offer);
    // RFC 6455 §4.2.2/m §4.2.2/n §9/c
    assert_eq!(header(&head, "Sec-WebSocket-Extensions"), None);
    assert_echoes(&mut peer, "plain");
}

// ---- The listener ----

#[test]
fn a_port_that_is_taken_is_an_io_error() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = taken.local_addr().expect("local_addr");
    assert!(matches!(Server::bind(address), Err(Error::Io(_))));
}

#[test]
fn a_listener_of_ones_own_will_do() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let server = Server::from_listener(listener);
    assert_eq!(server.local_addr().ok(), Some(address));
    let server = TestServer::echo(server);
    assert_echoes(&mut RawPeer::connect(address), "hello");
    assert_eq!(server.address, address);
}

/// The standard library lets 128 wait; the system drops whoever comes then, to try again seconds later.
#[test]
#[cfg(target_os = "linux")]
fn a_crowd_that_knocks_at_once_waits_in_line() {
    let server = server(); // which accepts nobody yet
    let address = server.local_addr().expect("local_addr");
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("Linux tells");
    let crowd = most.trim().parse().map_or(0, |most: usize| most.min(400));
    let knock = || std::net::TcpStream::connect_timeout(&address, common::raw_peer::DEADLINE);
    let mut crowd: Vec<_> =
        (0..crowd).map(|_| RawPeer::new(knock().expect("a place in line"), Role::Client)).collect();
    let _server = TestServer::echo(server);
    for peer in &mut crowd {
        peer.send_bytes(request(address, "/", "").as_bytes());
        assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
    }
}

#[test]
fn options_that_can_never_match_are_refused_at_the_start() {
    for server in [
        server().subprotocols(["a b"]),
        server().subprotocols(["a", "a"]),
        server().allow_origins(["example.com"]),
        server().paths(["chat"]),
    ] {
        assert!(Driver::of_this_crate().start(server, |_| send_back).is_err());
    }
}

#[test]
fn the_digest_of_the_raw_peer_is_the_one_of_the_rfc() {
    // RFC 6455 §4.2.2/r
    assert_eq!(accept_for("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
