//! Attacks on what a client believes, on credentials, and on parsers (RFC 6455 §4.1, §10.5): C10, C20, C23, C25.
//!
//! The attacker is a server whose reply a careless client takes apart the wrong way, or that sends the client on to
//! somebody else; or he sends a server bytes that nobody would. Clients have panicked on a reply of the wrong length, taken
//! parameters that they could not keep, and shown passwords and cookies to the host that a redirect named; passwords have
//! been compared in a time that told how much of them was right.
//!
//! We promise: no panic, whatever comes; what was not offered is not accepted; credentials stay within their origin, and
//! never go from wss to ws; secrets are compared in constant time.

use super::attacked::Attacked;
use super::common::raw_peer::{accept_for, header, request};
use super::common::{Frame, RawPeer};
use super::each_driver;
use super::figures::{note, note_text};
use super::raw::*;
use clearsocket::{Client, Error, HandshakeError, Role, constant_time_eq};
use std::io::Write;
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Duration;

/// What our client says to a server that answers with `reply`; `{accept}` stands for the right value.
fn client_meets(client: Client, reply: &[u8]) -> Result<(), String> {
    let (near, far, _) = tcp_pair();
    let reply = reply.to_vec();
    let server = thread::spawn(move || {
        let mut peer = RawPeer::new(far, Role::Server);
        let head = peer.read_head();
        let accept = accept_for(header(&head, "Sec-WebSocket-Key").expect("a key"));
        let mut bytes = Vec::new();
        let mut rest = &reply[..];
        while let Some(at) = rest.windows(8).position(|window| window == b"{accept}") {
            bytes.extend_from_slice(&rest[..at]);
            bytes.extend_from_slice(accept.as_bytes());
            rest = &rest[at + 8..];
        }
        bytes.extend_from_slice(rest);
        let _ = peer.stream.write_all(&bytes);
        let _ = peer.stream.shutdown(std::net::Shutdown::Write);
    });
    let client = thread::spawn(move || {
        let config = config(|config| config.handshake_timeout = Duration::from_secs(5));
        let (mut ws, _) =
            client.config(config).handshake("ws://localhost/", near).map_err(|e| e.to_string())?;
        while ws.read().map_err(|error| error.to_string())?.is_some() {}
        Ok(())
    });
    let result = client.join().expect("the client does not panic");
    server.join().expect("the server of the test does not panic");
    result
}

/// A good reply, but for its last lines.
fn reply(lines: &str) -> Vec<u8> {
    format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{lines}\r\n")
        .into_bytes()
}

#[test]
fn c10_parameters_that_nobody_can_keep_fail_the_handshake() {
    let bad = [
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=99",
        "server_max_window_bits=-1",
        "server_max_window_bits=\"\"",
        "server_max_window_bits=",
        "server_max_window_bits",
        "server_max_window_bits=010",
        "server_max_window_bits=99999999999999999999",
        "server_max_window_bits=1e1",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits",
        "server_no_context_takeover=1",
        "client_no_context_takeover=\"\"",
        "server_no_context_takeover; server_no_context_takeover",
        "unknown",
        "__proto__=1",
        ";",
        "=",
        "\"",
    ];
    for parameters in bad {
        let lines = format!(
            "Sec-WebSocket-Accept: {{accept}}\r\nSec-WebSocket-Extensions: permessage-deflate; {parameters}\r\n"
        );
        // RFC 6455 §4.1/an; and that without a panic
        assert!(client_meets(Client::new(), &reply(&lines)).is_err(), "{parameters}: nothing was offered");
        #[cfg(feature = "deflate")]
        {
            let client = Client::new().deflate(clearsocket::Deflate::default());
            assert!(client_meets(client, &reply(&lines)).is_err(), "{parameters}");
        }
    }
    each_driver(|driver| {
        let mut server = Attacked::start(driver, "deflate=1");
        for parameters in bad {
            let offer = format!("Sec-WebSocket-Extensions: permessage-deflate; {parameters}\r\n");
            let mut peer = RawPeer::tcp(server.address);
            peer.send_bytes(request(server.address, "/", &offer).as_bytes());
            let head = peer.read_head();
            // Declined, or refused where it is no list of extensions; `client_max_window_bits` alone is in order.
            let agreed = values(&head, "Sec-WebSocket-Extensions");
            let fine = parameters == "client_max_window_bits";
            assert!(
                matches!(status(&head), 101 | 400) && (agreed.is_empty() || fine),
                "{parameters}: {head}"
            );
        }
        server.assert_unharmed();
    });
}

/// Bytes without a pattern, the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// `bytes` with a few of them changed, cut out, doubled, or put in from `words`.
    pub fn spoil(&mut self, bytes: &[u8], words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(5) {
                0 => bytes.insert(at, self.roll() as u8),
                1 if at < bytes.len() => bytes[at] = self.roll() as u8,
                2 => drop(bytes.drain(at..(at + self.below(20)).min(bytes.len()))),
                3 => {
                    let piece: Vec<u8> = bytes[at..(at + self.below(40)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => drop(bytes.splice(at..at, words[self.below(words.len())].iter().copied())),
            }
        }
        bytes
    }
}

const WORDS: [&[u8]; 12] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b":",
    b"websocket",
    b"Upgrade",
    b"\xff\xfe",
    b",,,",
    b"\"\\",
    b"HTTP/1.1 101",
    b"%s%n",
];

#[test]
fn c25_no_reply_makes_a_client_panic() {
    let accept = |value: &str| reply(&format!("Sec-WebSocket-Accept: {value}\r\n"));
    let mut replies = vec![
        accept(&"A".repeat(80)),
        accept(&"A".repeat(28)),
        accept(&"=".repeat(28)),
        accept(""),
        accept("\u{e4}\u{f6}\u{fc}"),
        accept("{accept}{accept}"),
        reply("Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Accept: {accept}\r\n"),
        reply("Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: \u{1F600}\r\n"),
        b"HTTP/1.1 101\r\n\r\n".to_vec(),
        b"HTTP/1.1 99999999999 x\r\n\r\n".to_vec(),
        b"HTTP/1.1 000 \r\n\r\n".to_vec(),
        b"HTTP/1.1 -1 \r\n\r\n".to_vec(),
        b"HTTP/1.1 302 Found\r\nLocation: \r\n\r\n".to_vec(),
        b"HTTP/1.1 401 x\r\nContent-Length: 18446744073709551615\r\n\r\nx".to_vec(),
        b"HTTP/1.1 401 x\r\nContent-Length: -1\r\n\r\nx".to_vec(),
        b"HTTP/1.1 401 x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx".to_vec(),
        b"HTTP/1.1 401 x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\nx".to_vec(),
        b"HTTP/1.1 401 x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n".to_vec(),
        b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000),
        b"\x16\x03\x01\x02\x00\x01".to_vec(),
        vec![0; 1000],
        vec![],
    ];
    for reply in &replies {
        assert!(client_meets(Client::new(), reply).is_err(), "{:?}", reply.escape_ascii());
    }
    let good = [reply("Sec-WebSocket-Accept: {accept}\r\n"), Frame::text("hello").bytes()].concat();
    let mut dice = Dice(25);
    replies.extend((0..400).map(|_| dice.spoil(&good, &WORDS)));
    // Some of them are good after all; what counts is that `client_meets` sees no panic.
    replies.iter().for_each(|reply| drop(client_meets(Client::new(), reply)));
    note_text(
        "C25",
        "replies that should make a client panic",
        "client",
        &format!("{} replies, no panic", replies.len()),
    );
}

#[test]
fn c25_no_bytes_make_a_server_panic() {
    const EACH: usize = 600;
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "deflate=1 close_timeout=500");
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15\r\n";
        let head = request(server.address, "/chat?a=b", &format!("Sec-WebSocket-Protocol: chat\r\n{offer}"));
        let frames = [
            Frame::text("text \u{1F600}").masked(),
            Frame::binary([7; 200]).more().masked(),
            Frame::ping("ping").masked(),
            Frame::continuation([7; 200]).masked(),
            Frame::text([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]).rsv(4).masked(),
            Frame::close(1000, "bye").masked(),
        ];
        let frames: Vec<u8> = frames.iter().flat_map(Frame::bytes).collect();
        let mut dice = Dice(2525);
        let mut peers = Vec::new();
        for number in 0..2 * EACH {
            let bytes = match number % 2 {
                0 => dice.spoil(head.as_bytes(), &WORDS),
                _ => [head.as_bytes(), &dice.spoil(&frames, &WORDS)].concat(),
            };
            let mut peer = RawPeer::tcp(server.address);
            let _ = peer.stream.write_all(&bytes);
            let _ = peer.stream.shutdown(std::net::Shutdown::Write);
            peers.push(peer);
            if peers.len() == 50 {
                peers.drain(..).for_each(|mut peer: RawPeer| drop(peer.read_to_end()));
            }
        }
        let during = server.measure();
        drop(peers);
        let after = server.recovers_to(&before);
        let attack = format!("{} spoilt heads and rows of frames, no panic", 2 * EACH);
        note("C25", &attack, &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

// ---- C20, C23: credentials ----

#[test]
fn c20_secrets_are_compared_in_constant_time() {
    let secret = "correct horse battery staple";
    for len in 0..secret.len() {
        let other = format!("{}{}", &secret[..len], "x".repeat(secret.len() - len));
        assert!(!constant_time_eq(secret, &secret[..len]) && !constant_time_eq(secret, other));
    }
    assert!(constant_time_eq(secret, secret));
    // A clock proves nothing on a machine with other things to do; what is called does.
    let source = |file: &str| {
        let path = format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a source file").to_ascii_lowercase()
    };
    assert!(source("handshake/authentication.rs").contains("a.as_ref().ct_eq(b.as_ref())"));
    // Nowhere else on the way in is anything looked at that credentials travel in.
    for file in [
        "handshake/server.rs",
        "handshake/origin.rs",
        "handshake/key.rs",
        "net/greeting/greeter.rs",
        "net/greeting/refusal.rs",
        "net/greeting/accept.rs",
    ] {
        let source = source(file);
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let secret = ["authorization", "cookie", "password"].iter().find(|word| line.contains(**word));
            assert_eq!(secret, None, "{file}: {line}");
        }
    }
}

/// A server that answers one request with `reply`; its port, and the head that it was sent.
fn one_answer(reply: String) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("local_addr").port();
    let answering = thread::spawn(move || {
        let mut peer = RawPeer::new(listener.accept().expect("accept").0, Role::Server);
        let head = peer.read_head();
        let _ = peer.stream.write_all(reply.as_bytes());
        let _ = peer.stream.shutdown(Shutdown::Write);
        head
    });
    (port, answering)
}

#[test]
fn c23_credentials_do_not_follow_a_redirect_to_another_origin() {
    const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    let found =
        |location: &str| format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let secrets = ["authorization", "cookie", "proxy-authorization"];
    let clients = [
        ("headers", "", {
            let set = |client: Client, name| client.header(name, "tell-nobody");
            secrets.into_iter().fold(Client::new(), set)
        }),
        ("basic", "", Client::new().basic_auth("ada", "tell-nobody")),
        ("bearer", "", Client::new().bearer("tell-nobody")),
        ("in the URL", "ada:tell-nobody@", Client::new()),
    ];
    for (what, user, client) in clients {
        for scheme in ["ws", "http"] {
            let (evil, told) = one_answer(REFUSED.to_owned());
            let (port, asked) = one_answer(found(&format!("{scheme}://127.0.0.1:{evil}/elsewhere")));
            let client = client.clone().redirects(3);
            assert!(client.connect(&format!("ws://{user}127.0.0.1:{port}/")).is_err());
            let (first, second) = (in_time(asked), in_time(told));
            let credentials = |head: &str| secrets.iter().filter(|name| header(head, name).is_some()).count();
            assert!(credentials(&first) > 0, "{what}: {first}");
            // Another port is another origin.
            assert_eq!(credentials(&second), 0, "{what}: {second}");
            assert!(!second.contains("tell-nobody"), "{what}: {second}");
            assert_eq!(header(&second, "Host"), Some(&*format!("127.0.0.1:{evil}")), "a Host of its own");
            assert_ne!(
                header(&second, "Sec-WebSocket-Key"),
                header(&first, "Sec-WebSocket-Key"),
                "and a nonce"
            );
        }
        // Redirects are off by default.
        let (port, asked) = one_answer(found("ws://127.0.0.1:1/"));
        let result = client.connect(&format!("ws://{user}127.0.0.1:{port}/"));
        assert!(matches!(result, Err(Error::Handshake(HandshakeError::Refused(_)))), "{result:?}");
        in_time(asked);
    }
    note_text("C23", "redirects to another origin", "client", "8 of 8 without credentials");
}
