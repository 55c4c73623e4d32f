//! Attacks with heads that are read in two ways (RFC 6455 §4.2.1, §10.7; RFC 9112): C19.
//!
//! The attacker hides a second request behind an upgrade that is refused, writes lines that a proxy and a server take apart
//! differently, or has a line break of his leave in somebody else's header. A proxy that has taken the first for an upgrade
//! passes on what it takes for frames, and the server has answered it as a request; clients have put their caller's line
//! breaks into the request.
//!
//! We promise: what is not plainly HTTP is refused; nothing behind a refusal is read as a request, and the connection ends;
//! no CR, LF or NUL leaves in a header.

use super::attacked::{Attacked, name};
use super::common::raw_peer::request;
use super::common::{Frame, RawPeer};
use super::each_driver;
use super::figures::note_text;
use super::raw::*;
use clearsocket::handshake::Response;
use clearsocket::{Client, Error, HandshakeError, Role};
use std::io::{Read, Write};

/// Everything that comes back for `bytes`, up to the end of the connection.
fn answers(server: &Attacked, bytes: &str) -> String {
    http(server.address, bytes)
}

#[test]
fn c19_nothing_behind_a_refused_upgrade_is_answered() {
    const SECOND: &str = "GET /secret HTTP/1.1\r\nHost: inside\r\n\r\n";
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "");
        let good = request(server.address, "/", "");
        // The page is there, for whoever asks plainly.
        assert!(answers(&server, SECOND).ends_with("the page /secret"));
        let refused = [
            ("another version", good.replace("Version: 13", "Version: 777")),
            ("no version", good.replace("Sec-WebSocket-Version: 13\r\n", "")),
            ("a wrong key", good.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ=")),
            ("a foreign page", good.replace("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n")),
            (
                "a body of so many bytes",
                good.replace("\r\n\r\n", &format!("\r\nContent-Length: {}\r\n\r\n", SECOND.len())),
            ),
            ("a body in chunks", good.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n")),
            (
                "a body and its chunk",
                good.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            ),
            ("a body of a byte", good.replace("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx")),
            ("two lengths", good.replace("\r\n\r\n", "\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n")),
            ("a POST", good.replace("GET /", "POST /")),
            (
                "HTTP/1.0",
                good.replace("HTTP/1.1", "HTTP/1.0").replace("Upgrade: websocket", "Upgrade: websocket, x"),
            ),
            ("a panic in the hook", good.replace("GET / ", "GET /panic/hook ")),
            ("a page before it", "GET /first HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
            ("HEAD before it", "HEAD /first HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()),
        ];
        for (what, first) in &refused {
            for second in [SECOND.to_owned(), good.clone(), SECOND.repeat(50)] {
                let all = answers(&server, &format!("{first}{second}"));
                // RFC 6455 §4.2.1/a §7.2.2/a §10.7/d: one answer, whatever follows.
                assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{what}: {all}");
                assert!(!all.starts_with("HTTP/1.1 101") && !all.contains("/secret"), "{what}: {all}");
                // Nor does a proxy keep the connection for the next one.
                assert_eq!(values(&all, "Connection"), ["close"], "{what}: {all}");
            }
            // In a segment of its own, and late.
            let mut peer = RawPeer::tcp(server.address);
            peer.send_bytes(first.as_bytes());
            peer.read_head();
            let _ = peer.stream.write_all(SECOND.as_bytes());
            let rest = String::from_utf8_lossy(&peer.read_to_end()).into_owned();
            assert!(!rest.contains("HTTP/1.1") && !rest.contains("/secret"), "{what}: {rest}");
        }
        note_text(
            "C19",
            "a request behind a refused upgrade",
            name(driver),
            &format!("{} ways, none answered", refused.len()),
        );
        server.assert_unharmed();
    });
}

#[test]
fn c19_a_request_behind_an_accepted_upgrade_is_no_request() {
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "");
        let mut peer = RawPeer::tcp(server.address);
        let both = request(server.address, "/", "") + "GET /secret HTTP/1.1\r\nHost: inside\r\n\r\n";
        peer.send_bytes(both.as_bytes());
        assert!(peer.read_head().starts_with("HTTP/1.1 101 "));
        // RFC 6455 §5.1/b: it is a frame, and a bad one.
        assert_eq!(read_close_code(&mut peer), 1002);
        assert!(peer.read_to_end().is_empty());
        server.assert_unharmed();
    });
}

#[test]
fn c19_what_two_parsers_would_read_differently_is_refused() {
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "");
        let good = request(server.address, "/", "");
        let host = format!("Host: {}\r\n", server.address);
        let with = |line: &str| good.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"));
        let tricks = [
            ("two Hosts", with("Host: other")),
            ("no Host", good.replace(&host, "")),
            ("a Host with a blank before its colon", good.replace("Host:", "Host :")),
            ("a tab before a colon", with("X-A\t: b")),
            ("a folded line", with("X-A: b\r\n c")),
            ("a line folded at the first", good.replace("Host:", " Host:")),
            ("a line folded with a tab", with("X-A: b\r\n\tContent-Length: 9")),
            ("LF alone", good.replace("\r\n", "\n")),
            ("one LF alone", with("X-A: b\nContent-Length: 9")),
            ("CR alone", with("X-A: b\rContent-Length: 9")),
            ("CR CR LF", with("X-A: b\r")),
            ("NUL in a value", with("X-A: b\0c")),
            ("NUL in a name", with("X\0A: b")),
            ("no colon", with("X-A")),
            ("no name", with(": b")),
            ("a name in quotes", with("\"X-A\": b")),
            ("two keys", with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")),
            ("two versions", with("Sec-WebSocket-Version: 13")),
            ("a length with a sign", with("Content-Length: +0")),
            ("a length with a blank", with("Content-Length: 0 0")),
            ("a length in hexadecimal", with("Content-Length: 0x0")),
            ("two lengths in one", with("Content-Length: 0, 1")),
            ("a coding", with("Transfer-Encoding: identity")),
            ("a coding with a tab", with("Transfer-Encoding:\tchunked")),
            ("two blanks in the first line", good.replace("GET /", "GET  /")),
            ("a tab in the first line", good.replace("GET /", "GET\t/")),
            ("a blank before the method", good.replace("GET /", " GET /")),
            ("a blank at the end of the first line", good.replace("HTTP/1.1\r\n", "HTTP/1.1 \r\n")),
            ("a fragment", good.replace("GET /", "GET /#")),
            ("a target that is no path", good.replace("GET /", "GET x")),
            ("an asterisk", good.replace("GET / ", "GET * ")),
            ("the authority form", good.replace("GET / ", "GET x:80 ")),
            ("an absolute target of another scheme", good.replace("GET / ", "GET ws://x/ ")),
            ("a user in an absolute target", good.replace("GET / ", "GET http://a@b/ ")),
            ("HTTP/1.11", good.replace("HTTP/1.1", "HTTP/1.11")),
            ("HTTP/2.0", good.replace("HTTP/1.1", "HTTP/2.0")),
            ("http/1.1", good.replace("HTTP/1.1", "http/1.1")),
            ("HTTP/0.9", good.replace(" HTTP/1.1", "")),
            ("bytes beyond ASCII in a name", with("X-\u{e4}: b")),
        ];
        for (what, head) in &tricks {
            let all = answers(&server, head);
            let status = status(&all);
            // RFC 6455 §4.2.1/a §10.7/d
            assert!((400..=505).contains(&status), "{what}: {all}");
            let answers = all.matches("HTTP/1.1 4").count() + all.matches("HTTP/1.1 5").count();
            assert_eq!(answers, 1, "{what}: {all}");
        }
        // An absolute target is in order, and goes before the Host: so it also counts for the origin.
        let absolute = |origin: &str| {
            let head = good.replace("GET / ", "GET http://inside.example/chat ");
            let mut peer = RawPeer::tcp(server.address);
            peer.send_bytes(head.replace("\r\n\r\n", &format!("\r\nOrigin: {origin}\r\n\r\n")).as_bytes());
            status(&peer.read_head())
        };
        assert_eq!(absolute("http://inside.example"), 101);
        assert_eq!(absolute(&format!("http://{}", server.address)), 403);
        note_text(
            "C19",
            "heads in two minds",
            name(driver),
            &format!("{} of {} refused", tricks.len(), tricks.len()),
        );
        server.assert_unharmed();
    });
}

#[test]
fn c19_no_line_break_leaves_in_a_header() {
    const BREAKS: [&str; 7] = [
        "a\r\nX-Evil: 1",
        "a\nX-Evil: 1",
        "a\rX-Evil: 1",
        "a\0b",
        "a\r\n\r\nGET /secret HTTP/1.1",
        "\r\n",
        "\u{7f}",
    ];
    for evil in BREAKS {
        // What a client is told by its caller.
        assert!(
            http::HeaderValue::from_str(evil).is_err()
                && http::HeaderName::from_bytes(evil.as_bytes()).is_err()
        );
        assert!(clearsocket::connect(&format!("ws://127.0.0.1:1/{evil}")).is_err());
        let url: Result<clearsocket::handshake::Url, _> = format!("ws://localhost/{evil}").parse();
        assert!(url.is_err(), "{evil:?}");
        for client in [Client::new().subprotocols([evil]), Client::new().origin(evil)] {
            let (near, far, _) = tcp_pair();
            // RFC 6455 §4.1/ac HTTP/i
            let result = client.handshake("ws://localhost/", near);
            assert!(matches!(result, Err(Error::Handshake(error)) if error.is_callers_fault()), "{evil:?}");
            let mut sent = Vec::new();
            let _ = (&far).read_to_end(&mut sent);
            assert_eq!(sent, b"", "nothing was sent");
        }
        // What a server is told by its owner.
        assert!(server().subprotocols([evil]).spawn(|_, _| Ok(())).is_err());
        assert!(http::HeaderValue::from_bytes(evil.as_bytes()).is_err());
        // A reason is in a frame, where a line break is a character.
        let (ws, mut peer) = pair(Role::Server);
        ws.close(1000, evil).expect("close");
        assert_eq!(peer.read(), Some(Frame::close(1000, evil)));
    }
    // What a hook gives back of what it was sent.
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "");
        let (_, head) = RawPeer::connect_with(server.address, "/", "X-Echo: a%0d%0aX-Evil: 1\\r\\n\r\n");
        assert_eq!(values(&head, "X-Echo"), ["a%0d%0aX-Evil: 1\\r\\n"]);
        assert_eq!(values(&head, "X-Evil"), [""; 0]);
        for evil in ["X-Echo: a\rX-Evil: 1", "X-Echo: a\nX-Evil: 1", "X-Echo: a\0"] {
            let all = answers(&server, &request(server.address, "/", &format!("{evil}\r\n")));
            assert_eq!((status(&all), values(&all, "X-Evil")), (400, vec![]), "{all}");
        }
        server.assert_unharmed();
    });
    // What an error's response says of what came.
    let response: Response =
        HandshakeError::ForeignOrigin("x\r\nX-Evil: 1".into()).response().expect("a 403");
    assert!(
        response
            .headers()
            .values()
            .all(|value| !value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)))
    );
}
