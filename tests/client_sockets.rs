//! The client's half of the opening handshake, against a raw server (RFC 6455 §4.1).
//!
//! ```text
//!   connect ─▶ TCP ─▶ request ─▶ 101, and all of it right ─▶ a WebSocket
//!                            └─▶ anything else, or nothing in time ─▶ an error
//! ```

mod common;
#[path = "common/raw.rs"]
mod raw;

use clearsocket::handshake::Response;
use clearsocket::{Client, Error, HandshakeError, Timeout, WebSocket, connect};
use common::raw_peer::{accept_for, header};
use common::{Frame, RawPeer};
use raw::*;
use socket2::{Domain, Socket, Type};
use std::collections::HashSet;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

type Connected = Result<(WebSocket, Response), Error>;

/// A listener, and the URL of its root.
fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("ws://{}/", listener.local_addr().expect("local_addr"));
    (listener, url)
}

/// Connects `client` in another thread.
fn connecting(client: Client, url: &str) -> JoinHandle<Connected> {
    let url = url.to_owned();
    thread::spawn(move || client.connect(&url))
}

/// What becomes of `client` when the server sends `reply` after the request, and the end of TCP. In it, `{accept}` is
/// replaced by the right digest.
#[track_caller]
fn reply_to(client: Client, reply: &str) -> Connected {
    let (listener, url) = listener();
    let connecting = connecting(client, &url);
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    let request = peer.read_head();
    let accept = accept_for(header(&request, "Sec-WebSocket-Key").expect("a key"));
    let _ = peer.stream.write_all(reply.replace("{accept}", &accept).as_bytes());
    let _ = peer.stream.shutdown(std::net::Shutdown::Write);
    in_time(connecting)
}

const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: {accept}\r\n";

fn good(more: &str) -> String {
    format!("{GOOD}{more}\r\n")
}

/// The request for `url`, to which a good reply is given.
#[track_caller]
fn request_of(client: Client, target: &str) -> (SocketAddr, String) {
    let (listener, url) = listener();
    let address = listener.local_addr().expect("local_addr");
    let connecting = connecting(client, &format!("{}{}", url.trim_end_matches('/'), target));
    let (peer, request) = RawPeer::accept_with(listener.accept().expect("accept").0, "");
    in_time(connecting).expect("connect").0.abort();
    drop(peer);
    (address, request)
}

// ---- The request ----

#[test]
fn the_request_is_the_one_that_the_rfc_describes() {
    let (address, request) = request_of(Client::new(), "/chat?room=1");
    // RFC 6455 §4.1/p §4.1/q §4.1/r §4.1/s
    assert!(request.starts_with("GET /chat?room=1 HTTP/1.1\r\n"), "{request}");
    // RFC 6455 §4.1/t
    assert_eq!(values(&request, "Host"), [address.to_string()]);
    // RFC 6455 §4.1/u §4.1/v §4.1/aa §11.3.5/b
    assert_eq!(values(&request, "Upgrade"), ["websocket"]);
    assert_eq!(values(&request, "Connection"), ["Upgrade"]);
    assert_eq!(values(&request, "Sec-WebSocket-Version"), ["13"]);
    // RFC 6455 §4.1/w §11.3.1/a
    let keys = values(&request, "Sec-WebSocket-Key");
    assert!(keys.len() == 1 && keys[0].len() == 24 && keys[0].ends_with("=="), "{keys:?}");
    for name in ["Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"] {
        assert_eq!(header(&request, name), None);
    }
}

#[test]
fn every_connection_has_a_key_of_its_own() {
    let keys: HashSet<_> = (0..20)
        .map(|_| values(&request_of(Client::new(), "/").1, "Sec-WebSocket-Key")[0].to_owned())
        .collect();
    // RFC 6455 §4.1/x
    assert_eq!(keys.len(), 20);
}

#[test]
fn headers_origin_and_subprotocols_are_sent_as_they_were_given() {
    let client = Client::new()
        .header("Cookie", "a=1")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .origin("https://example.com")
        .subprotocols(["best", "good"]);
    let (_, request) = request_of(client, "");
    assert!(request.starts_with("GET / HTTP/1.1\r\n"), "{request}");
    // RFC 6455 §4.1/z §4.1/ab §4.1/af
    assert_eq!(values(&request, "Cookie"), ["a=1"]);
    assert_eq!(values(&request, "X-Twice"), ["1", "2"]);
    assert_eq!(values(&request, "Origin"), ["https://example.com"]);
    let offered = values(&request, "Sec-WebSocket-Protocol").join(",").replace(' ', "");
    assert_eq!(offered, "best,good");
}

#[test]
fn options_that_cannot_be_sent_fail_before_a_connection_is_made() {
    let (listener, url) = listener();
    listener.set_nonblocking(true).expect("set_nonblocking");
    for client in [
        // HTTP/i
        Client::new().header("X-A", "1\r\nX-Evil: 2"),
        Client::new().header("X-A", "1\n2"),
        Client::new().header("X-A", "1\0"),
        Client::new().header("X A", "1"),
        Client::new().header("Sec-WebSocket-Key", "x"),
        Client::new().header("Host", "elsewhere"),
        Client::new().header("Content-Length", "1"),
        // RFC 6455 §4.1/ac §4.1/ad
        Client::new().subprotocols(["a b"]),
        Client::new().subprotocols([""]),
        Client::new().subprotocols(["a", "a"]),
        Client::new().origin("no origin"),
    ] {
        let error = client.connect(&url).expect_err("an error");
        assert!(matches!(error, Error::InvalidArgument(_) | Error::Handshake(_)), "{error:?}");
    }
    assert_eq!(listener.accept().map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

#[test]
fn a_url_that_is_none_fails_before_a_connection_is_made() {
    let (listener, url) = listener();
    listener.set_nonblocking(true).expect("set_nonblocking");
    for url in [
        // RFC 6455 §3/d §4.1/c
        format!("{url}#fragment"),
        url.replace("ws:", "http:"),
        url.replace("ws://", "ws:"),
        url.replace("127.0.0.1", ""),
        "nonsense".into(),
        String::new(),
    ] {
        let error = connect(&url).expect_err("an error");
        assert!(matches!(error, Error::Handshake(HandshakeError::InvalidUrl(_))), "{url}: {error:?}");
    }
    assert_eq!(listener.accept().map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

// ---- A good reply ----

#[test]
fn a_good_reply_opens_the_connection_and_is_given_to_the_caller() {
    let client = Client::new().subprotocols(["best", "good"]);
    let (ws, response) =
        reply_to(client, &good("Sec-WebSocket-Protocol: good\r\nX-Served-By: me\r\n")).expect("connect");
    // RFC 6455 §4.1/ar
    assert_eq!((response.status().as_u16(), ws.subprotocol()), (101, Some("good")));
    assert_eq!(response.headers()["x-served-by"], "me");
    ws.abort();
    // Names in any case, tokens in any case, blanks around the digest.
    let odd = "HTTP/1.1 101 \r\nUPGRADE: WebSocket\r\nconnection: keep-alive, UPGRADE\r\n\
               sec-websocket-accept:   {accept}  \r\n\r\n";
    // RFC 6455 §4.1/aq §4.1/ak §4.1/al §4.1/am
    reply_to(Client::new(), odd).expect("connect").0.abort();
    // RFC 6455 §4.1/ao
    let (ws, _) = reply_to(Client::new().subprotocols(["a"]), &good("")).expect("connect");
    assert_eq!(ws.subprotocol(), None);
    ws.abort();
}

#[test]
fn frames_in_the_same_segment_as_the_reply_are_not_lost() {
    let early = "\u{1}\u{5}early";
    let reply = good("") + early;
    let (listener, url) = listener();
    let connecting = connecting(Client::new(), &url);
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    let accept = accept_for(header(&peer.read_head(), "Sec-WebSocket-Key").expect("a key"));
    let mut bytes = reply.replace("{accept}", &accept).into_bytes();
    let first = bytes.len() - early.len();
    bytes[first] |= 0x80; // FIN
    peer.send_bytes(&bytes);
    let (mut ws, _) = in_time(connecting).expect("connect");
    // RFC 6455 §4.1/ar
    assert_eq!(ws.read().expect("read"), Some("early".into()));
    ws.abort();
}

#[test]
fn interim_responses_before_the_reply_are_passed_over() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    let (ws, response) = reply_to(Client::new(), &format!("{interim}{}", good(""))).expect("connect");
    assert_eq!(response.status(), 101);
    ws.abort();
    let endless = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
    assert!(matches!(reply_to(Client::new(), &endless), Err(Error::Handshake(_))));
}

#[test]
fn a_reply_that_comes_byte_by_byte_will_do() {
    let (listener, url) = listener();
    let connecting = connecting(Client::new(), &url);
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    let accept = accept_for(header(&peer.read_head(), "Sec-WebSocket-Key").expect("a key"));
    for byte in good("").replace("{accept}", &accept).bytes() {
        peer.send_bytes(&[byte]);
    }
    let (ws, _) = in_time(connecting).expect("connect");
    peer.send(Frame::text("hello"));
    ws.abort();
}

#[test]
fn nothing_is_sent_behind_the_request_before_the_reply_has_come() {
    let (listener, url) = listener();
    let connecting = connecting(Client::new(), &url);
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    let accept = accept_for(header(&peer.read_head(), "Sec-WebSocket-Key").expect("a key"));
    // RFC 6455 §4.1/b §4.1/ag
    assert_quiet(&mut peer);
    assert!(!connecting.is_finished());
    peer.send_bytes(good("").replace("{accept}", &accept).as_bytes());
    let (ws, _) = in_time(connecting).expect("connect");
    ws.send("now").expect("send");
    assert_eq!(peer.read().map(|frame| frame.payload), Some(b"now".to_vec()));
    ws.abort();
}

// ---- A reply that is not right ----

#[test]
fn a_reply_that_breaks_a_rule_fails_the_attempt() {
    let without = |line: &str| format!("{}\r\n", GOOD.replace(line, ""));
    let instead = |from: &str, to: &str| format!("{}\r\n", GOOD.replace(from, to));
    for (what, reply) in [
        // RFC 6455 §4.1/ak
        ("no Upgrade", without("Upgrade: websocket\r\n")),
        ("another Upgrade", instead("Upgrade: websocket", "Upgrade: h2c")),
        ("a list in Upgrade", instead("Upgrade: websocket", "Upgrade: websocket, h2c")),
        // RFC 6455 §4.1/al
        ("no Connection", without("Connection: Upgrade\r\n")),
        ("another Connection", instead("Connection: Upgrade", "Connection: close")),
        // RFC 6455 §4.1/am
        ("no Accept", without("Sec-WebSocket-Accept: {accept}\r\n")),
        ("a wrong Accept", instead("{accept}", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")),
        ("an empty Accept", instead("{accept}", "")),
        ("an Accept of 80 base64 characters", instead("{accept}", &"QUJD".repeat(20))),
        ("an Accept that goes on", instead("{accept}", "{accept}A")),
        // RFC 6455 §11.3.3/a
        ("two Accepts", good("Sec-WebSocket-Accept: {accept}\r\n")),
        // RFC 6455 §4.1/an §9.1/e
        ("an extension", good("Sec-WebSocket-Extensions: permessage-deflate\r\n")),
        // RFC 6455 §9.1/a
        ("extensions that are no list", good("Sec-WebSocket-Extensions: ;\r\n")),
        // RFC 6455 §4.1/ao
        ("a subprotocol", good("Sec-WebSocket-Protocol: chat\r\n")),
        // RFC 6455 §4.1/ap
        ("HTTP/1.0", instead("HTTP/1.1", "HTTP/1.0")),
        ("HTTP/2", instead("HTTP/1.1", "HTTP/2.0")),
        ("no HTTP", "220 mail.example.com ESMTP\r\n\r\n".into()),
        ("nothing", String::new()),
        ("half a head", GOOD.into()),
        ("an endless head", format!("{GOOD}X-A: {}", "x".repeat(100_000))),
    ] {
        let error = reply_to(Client::new(), &reply).expect_err(what);
        // RFC 6455 §4.1/ah §7.1.4/b
        assert!(matches!(error, Error::Handshake(_)), "{what}: {error:?}");
    }
    for (what, reply) in [
        // RFC 6455 §4.1/ao §11.3.4/b
        ("another subprotocol", good("Sec-WebSocket-Protocol: other\r\n")),
        ("a subprotocol in capitals", good("Sec-WebSocket-Protocol: CHAT\r\n")),
        ("two subprotocols", good("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: super\r\n")),
        ("a list of them", good("Sec-WebSocket-Protocol: chat, super\r\n")),
        ("an empty one", good("Sec-WebSocket-Protocol: \r\n")),
    ] {
        let error = reply_to(Client::new().subprotocols(["chat", "super"]), &reply).expect_err(what);
        assert!(matches!(error, Error::Handshake(_)), "{what}: {error:?}");
    }
}

#[test]
fn a_reply_with_bytes_that_are_not_utf8_fails_the_attempt() {
    let (near, far, address) = tcp_pair();
    let connecting = thread::spawn(move || Client::new().handshake(&format!("ws://{address}/"), near));
    let mut peer = RawPeer::new(far, clearsocket::Role::Server);
    let accept = accept_for(header(&peer.read_head(), "Sec-WebSocket-Key").expect("a key"));
    let mut reply = good("Sec-WebSocket-Protocol: \u{1}\r\n").replace("{accept}", &accept).into_bytes();
    reply.iter_mut().filter(|byte| **byte == 1).for_each(|byte| *byte = 0xff);
    peer.send_bytes(&reply);
    // RFC 6455 §8.1/b
    assert!(matches!(in_time(connecting), Err(Error::Handshake(_))));
}

#[test]
fn after_a_failed_attempt_the_connection_is_closed_without_a_frame() {
    let (listener, url) = listener();
    let connecting = connecting(Client::new(), &url);
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    peer.read_head();
    peer.send_bytes(b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    assert!(in_time(connecting).is_err());
    // RFC 6455 §7.1.7/a
    assert_eq!(read_end(&mut peer), End::Fin);
}

// ---- A refusal ----

#[track_caller]
fn refusal(reply: &str) -> Response {
    match reply_to(Client::new(), reply) {
        Err(Error::Handshake(HandshakeError::Refused(response))) => *response,
        other => panic!("{other:?} is no refusal"),
    }
}

#[test]
fn a_refusal_is_given_with_its_status_headers_and_body() {
    let reply = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 12\r\n\r\nwho are you? and more";
    let response = refusal(reply);
    // RFC 6455 §4.1/ai
    assert_eq!(
        (response.status().as_u16(), &response.headers()["www-authenticate"]),
        (401, &"Basic".parse().expect("a value"))
    );
    assert_eq!(response.body(), b"who are you?");
    assert_eq!(refusal("HTTP/1.1 503 \r\nRetry-After: 5\r\n\r\nuntil the end").body(), b"until the end");
    let chunked = "HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n";
    assert_eq!(refusal(chunked).body(), b"hello world");
    assert_eq!(refusal("HTTP/1.1 204 No Content\r\n\r\n").body(), b"");
    assert_eq!(refusal("HTTP/1.0 404 Not Found\r\n\r\nnot here").body(), b"not here");
}

#[test]
fn up_to_64_kib_of_a_refusals_body_are_kept() {
    for head in ["", "Content-Length: 1000000000000\r\n", "Content-Length: 200000\r\n"] {
        let reply = format!("HTTP/1.1 500 Oops\r\n{head}\r\n{}", "x".repeat(200_000));
        let response = refusal(&reply);
        assert!(
            response.body().len() == 64 << 10 && response.body().iter().all(|&byte| byte == b'x'),
            "{head}"
        );
    }
    let chunks = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(3);
    let reply = format!("HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
    assert_eq!(refusal(&reply).body().len(), 64 << 10);
}

#[test]
fn a_refusal_whose_body_never_ends_is_given_at_the_deadline() {
    let (listener, url) = listener();
    let connecting =
        connecting(Client::new().config(config(|config| config.handshake_timeout = SHORT)), &url);
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    peer.read_head();
    peer.send_bytes(b"HTTP/1.1 403 Forbidden\r\n\r\nbecause");
    match in_time(connecting) {
        Err(Error::Handshake(HandshakeError::Refused(response))) => assert_eq!(response.body(), b"because"),
        other => panic!("{other:?} is no refusal"),
    }
}

#[test]
fn a_redirect_is_a_refusal_and_is_not_followed() {
    let (elsewhere, url) = listener();
    elsewhere.set_nonblocking(true).expect("set_nonblocking");
    let client = Client::new().header("Authorization", "Bearer secret");
    let reply = format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n");
    let error = reply_to(client, &reply).expect_err("a refusal");
    // RFC 6455 §4.1/ai
    assert!(matches!(error, Error::Handshake(HandshakeError::Refused(response)) if response.status() == 302));
    assert_eq!(elsewhere.accept().map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

// ---- No reply ----

#[test]
fn a_server_that_is_silent_or_slow_is_given_up_at_the_deadline() {
    let half = &GOOD[..GOOD.len() / 2];
    for part in ["", "H", half, "HTTP/1.1 103 Early Hints\r\n\r\n"] {
        let (listener, url) = listener();
        let connecting =
            connecting(Client::new().config(config(|config| config.handshake_timeout = SHORT)), &url);
        let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
        peer.send_bytes(part.as_bytes());
        let result = in_time(connecting);
        assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{part:?}: {result:?}");
    }
}

#[test]
fn a_reply_that_drips_does_not_move_the_deadline() {
    let (listener, url) = listener();
    let connecting =
        connecting(Client::new().config(config(|config| config.handshake_timeout = SHORT)), &url);
    let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
    let accept = accept_for(header(&peer.read_head(), "Sec-WebSocket-Key").expect("a key"));
    // Each byte comes well before the timeout; all of them together take six seconds.
    let reply = good("").replace("{accept}", &accept);
    for byte in reply.bytes() {
        if connecting.is_finished() || peer.stream.write_all(&[byte]).is_err() {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert!(matches!(in_time(connecting), Err(Error::Timeout(Timeout::Handshake))));
}

#[test]
fn a_connection_that_is_refused_is_an_io_error() {
    // A socket that is bound and does not listen keeps the port from being somebody else's.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("bind");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
    // RFC 6455 §4.1/k §7.1.4/b
    assert!(
        matches!(connect(&format!("ws://{address}/")), Err(Error::Io(error)) if error.kind() == ErrorKind::ConnectionRefused)
    );
}

#[test]
fn a_name_and_an_ipv6_address_are_connected_to() {
    let server = TestServer::echo(server());
    // RFC 6455 §4.1/i: localhost may be ::1 first, where nobody listens.
    let (mut ws, _) = connect(&format!("ws://localhost:{}/", server.address.port())).expect("connect");
    ws.send("by name").expect("send");
    assert_eq!(ws.read().expect("read"), Some("by name".into()));
    drop(ws);

    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return eprintln!("this machine has no ::1");
    };
    let server = TestServer::echo(clearsocket::Server::from_listener(listener));
    let (mut ws, _) = connect(&format!("ws://[::1]:{}/", server.address.port())).expect("connect");
    ws.send("by number").expect("send");
    assert_eq!(ws.read().expect("read"), Some("by number".into()));
}

// ---- One attempt at a time ----

/// The next connection, if one comes within [`A_WHILE`].
fn accept_soon(listener: &TcpListener) -> Option<TcpStream> {
    listener.set_nonblocking(true).expect("set_nonblocking");
    let until = std::time::Instant::now() + A_WHILE;
    let mut accepted = None;
    while accepted.is_none() && std::time::Instant::now() < until {
        accepted = listener.accept().ok();
        thread::sleep(Duration::from_millis(2));
    }
    listener.set_nonblocking(false).expect("set_nonblocking");
    let stream = accepted?.0;
    stream.set_nonblocking(false).expect("set_nonblocking");
    Some(stream)
}

#[test]
fn connections_to_one_address_are_made_one_after_the_other() {
    let (listener, url) = listener();
    let port = listener.local_addr().expect("local_addr").port();
    let by_number = connecting(Client::new(), &url);
    let first = listener.accept().expect("accept").0;
    // RFC 6455 §4.1/d: under another name it is the same address.
    let by_name = connecting(Client::new(), &format!("ws://LOCALHOST:{port}/"));
    let again = connecting(Client::new(), &url);
    // RFC 6455 §4.1/e
    assert!(accept_soon(&listener).is_none(), "the second waits while the first is CONNECTING");
    let _first = RawPeer::accept(first);
    in_time(by_number).expect("connect").0.abort();
    let second = listener.accept().expect("accept").0;
    assert!(accept_soon(&listener).is_none(), "the third waits for the second");
    let _second = RawPeer::accept(second);
    let _third = RawPeer::accept(listener.accept().expect("accept").0);
    in_time(by_name).expect("connect").0.abort();
    in_time(again).expect("connect").0.abort();
}

#[test]
fn an_attempt_that_fails_makes_way_for_the_next() {
    let (listener, url) = listener();
    let first = connecting(Client::new(), &url);
    let silent = listener.accept().expect("accept").0;
    let second = connecting(Client::new(), &url);
    // RFC 6455 §4.1/d
    assert!(accept_soon(&listener).is_none());
    drop(silent);
    assert!(in_time(first).is_err());
    let _peer = RawPeer::accept(listener.accept().expect("accept").0);
    in_time(second).expect("connect").0.abort();
}

#[test]
fn the_wait_for_a_turn_counts_towards_the_deadline() {
    let (listener, url) = listener();
    let first = connecting(Client::new(), &url);
    let silent = listener.accept().expect("accept").0;
    let second = connecting(Client::new().config(config(|config| config.handshake_timeout = SHORT)), &url);
    // RFC 6455 §4.1/e
    assert!(matches!(in_time(second), Err(Error::Timeout(Timeout::Handshake))));
    assert!(accept_soon(&listener).is_none());
    drop(silent);
    assert!(in_time(first).is_err());
}

#[test]
fn a_silent_server_holds_up_nobody_who_goes_elsewhere() {
    let (silent, url) = listener();
    let waiting = connecting(Client::new(), &url);
    let held = silent.accept().expect("accept").0;
    let server = TestServer::echo(server());
    connect(&format!("ws://{}/", server.address)).expect("connect").0.abort();
    assert!(!waiting.is_finished());
    drop(held);
    assert!(in_time(waiting).is_err());
}
