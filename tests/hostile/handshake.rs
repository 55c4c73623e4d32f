//! Attacks on the opening handshake (RFC 6455 §4, §10.5; RFC 9112): C1, C2, C3, C10, C19, C20, C25.
//!
//! The attacker sends heads that are huge, that come byte by byte, that two parsers read differently, or behind which a
//! second request hides; or, as a server, a reply that a careless client takes apart the wrong way. Servers have looked at
//! the whole head again for each byte, crashed on one header too many, needed exponential time for a list, and answered a
//! request behind a refused upgrade that a proxy had taken for somebody's frames; clients have put line breaks of their
//! callers into the request, and panicked on a reply.
//!
//! We promise: each byte of a head is looked at once, up to a limit; what is not plainly HTTP is refused; nothing behind a
//! refusal is read as a request; no CR, LF or NUL leaves in a header; and no secret is compared here.

use super::attacked::{Attacked, name};
use super::common::raw_peer::{accept_for, header, request};
use super::common::{Frame, RawPeer};
use super::each_driver;
use super::figures::{note, note_text};
use super::raw::*;
use clearsocket::handshake::{HeadReader, Response};
use clearsocket::{Client, Error, HandshakeError, Role};
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

// ---- C1, C2, C3: large, many, slow to read ----

/// Sends `head` a byte at a time, until the server has enough; gives what it answered.
fn byte_by_byte(server: &Attacked, head: &[u8]) -> String {
    let mut peer = RawPeer::tcp(server.address);
    for byte in head.chunks(1) {
        if peer.stream.write_all(byte).is_err() {
            break;
        }
    }
    String::from_utf8_lossy(&peer.read_to_end()).into_owned()
}

#[test]
fn c01_a_head_in_single_bytes_costs_linear_time() {
    const N: usize = 24 << 10;
    each_driver(|driver| {
        let (mut server, before) =
            Attacked::start_warm(driver, "max_head_size=2000000 handshake_timeout=60000");
        // It ends in something malformed: the answer says that all of it was read.
        let cpu_of = |len: usize| {
            let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\x01", "y".repeat(len));
            let before = server.measure().cpu;
            assert_eq!(status(&byte_by_byte(&server, head.as_bytes())), 400);
            server.measure().cpu - before
        };
        let (small, large) = (cpu_of(N), cpu_of(4 * N));
        let during = server.measure();
        // Four times as much; a look at everything again for each byte would be sixteen times.
        let allowed = 8 * small.max(Duration::from_millis(50));
        assert!(large <= allowed, "{driver:?}: {N} bytes took {small:?}, four times as many {large:?}");
        let after = server.recovers_to(&before);
        let (small, large) = (small.as_millis(), large.as_millis());
        let attack =
            format!("a head of {N} bytes one by one: {small} ms of CPU; of four times as many: {large} ms");
        note("C1", &attack, &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

/// What comes slowly is read in larger pieces, which hides what a byte costs; so once more without a network.
#[test]
fn c01_each_byte_of_a_head_is_looked_at_once() {
    let config = config(|config| config.max_head_size = usize::MAX);
    let cpu = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let cpu_of = |len: usize| {
        let mut reader = HeadReader::new(&config);
        let begun = cpu();
        for byte in b"GET / HTTP/1.1\r\nX-Long: ".iter().chain(std::iter::repeat_n(&b'y', len)) {
            assert!(matches!(reader.push(&[*byte]), Ok(None)));
        }
        cpu() - begun
    };
    let (small, large) = (cpu_of(50_000), cpu_of(400_000));
    // Eight times as much; a look at everything again for each byte would be 64 times.
    assert!(
        large <= 24 * small.max(Duration::from_millis(1)),
        "50,000 bytes took {small:?}, 400,000 {large:?}"
    );
    let text = format!("50,000: {} µs of CPU; 400,000: {} µs", small.as_micros(), large.as_micros());
    note_text("C1", "bytes of a head, one at a time, without a network", "both", &text);
}

#[test]
fn c01_a_head_without_end_is_refused_at_the_limit() {
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "");
        let mebibyte = "y".repeat(1 << 20);
        let long_header = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {mebibyte}");
        let long_line = format!("GET /{mebibyte}");
        let folded = format!("GET / HTTP/1.1\r\nHost: x\r\n{}", "X: y\r\n".repeat(200_000));
        for (head, expected) in [(&long_header, 431), (&long_line, 414), (&folded, 431)] {
            // RFC 6455 §10.4/a
            let answer = byte_by_byte(&server, head.as_bytes());
            assert!(answer.is_empty() || status(&answer) == expected, "{answer}");
            assert_eq!(status(&http(server.address, &head.as_bytes()[..40 << 10])), expected);
        }
        // A hundred at once, each as far as it gets.
        let crowd: Vec<_> = (0..100)
            .map(|_| {
                let mut peer = RawPeer::tcp(server.address);
                let _ = peer.stream.write_all(&long_header.as_bytes()[..16 << 10]);
                peer
            })
            .collect();
        let during = server.settled();
        assert!(during.rss <= before.rss + (16 << 10), "{before:?} {during:?}");
        drop(crowd);
        let after = server.recovers_to(&before);
        note("C1", "heads of a mebibyte; 100 unfinished ones of 16 KiB", &server, [&before, &during, &after]);
        server.assert_unharmed();
    });
}

#[test]
fn c02_as_many_headers_as_the_limit_and_no_more() {
    each_driver(|driver| {
        let (mut server, before) = Attacked::start_warm(driver, "max_head_size=400000");
        let fields = 5; // Host, Upgrade, Connection, Sec-WebSocket-Key, Sec-WebSocket-Version
        for (count, expected) in [(99, 101), (100, 101), (101, 431), (1_000, 431), (10_000, 431)] {
            let more: String = (fields..count).map(|number| format!("X-{number}: y\r\n")).collect();
            let same: String = (fields..count).map(|_| "X: y\r\n").collect();
            for lines in [more, same] {
                let mut peer = RawPeer::tcp(server.address);
                let _ = peer.stream.write_all(request(server.address, "/", &lines).as_bytes());
                // RFC 6455 §10.4/a
                assert_eq!(status(&peer.read_head()), expected, "{count} header lines");
            }
        }
        let after = server.recovers_to(&before);
        note("C2", "99 to 10,000 header lines", &server, [&before, &after, &after]);
        server.assert_unharmed();
    });
}

/// A header, what its value is made of, and each piece of that.
type Shape = (&'static str, &'static str, fn(usize) -> String);

#[test]
fn c03_long_lists_cost_linear_time() {
    const SMALL: usize = 4 << 10;
    const LARGE: usize = 128 << 10;
    const TOTAL: usize = 3 << 20;
    let shapes: [Shape; 8] = [
        ("Sec-WebSocket-Protocol", "tokens", |i| format!("p{i},")),
        ("Sec-WebSocket-Protocol", "the same token", |_| "same,".into()),
        ("Sec-WebSocket-Protocol", "commas and blanks", |_| ", \t".into()),
        ("Sec-WebSocket-Extensions", "an unclosed quote", |i| {
            if i == 0 { "a;b=\"".into() } else { "\\\\".into() }
        }),
        ("Sec-WebSocket-Extensions", "parameters", |i| format!("a;b{i}=\"c\",")),
        ("Sec-WebSocket-Extensions", "semicolons", |_| "a;".into()),
        ("Sec-WebSocket-Extensions", "names of other languages' insides", |_| {
            "__proto__;constructor,".into()
        }),
        ("Connection", "tokens", |i| format!("t{i},")),
    ];
    each_driver(|driver| {
        let orders = "max_head_size=2000000 deflate=1";
        let (mut server, before) = Attacked::start_warm(driver, orders);
        let mut slowest = (Duration::ZERO, "");
        for (field, what, piece) in shapes {
            let cpu_of = |len: usize| {
                let value: String = (0..)
                    .map(piece)
                    .scan(0, |sum, text: String| {
                        *sum += text.len();
                        (*sum <= len).then_some(text)
                    })
                    .collect();
                let head = request(server.address, "/", &format!("{field}: {value}\r\n"));
                let before = server.measure().cpu;
                for _ in 0..TOTAL / len {
                    let mut peer = RawPeer::tcp(server.address);
                    let _ = peer.stream.write_all(head.as_bytes());
                    peer.read_head();
                }
                server.measure().cpu - before
            };
            let (small, large) = (cpu_of(SMALL), cpu_of(LARGE));
            // The same number of bytes, in values 32 times as long.
            let allowed = 3 * small + Duration::from_millis(500);
            assert!(
                large <= allowed,
                "{driver:?}: {field}, {what}: {small:?} in short values, {large:?} in long ones"
            );
            slowest = slowest.max((large, what));
        }
        let after = server.recovers_to(&before);
        let per_value = slowest.0 / (TOTAL / LARGE) as u32;
        let attack = format!(
            "lists of 128 KiB; the slowest, {}, {:.1} ms each",
            slowest.1,
            per_value.as_secs_f64() * 1000.0
        );
        note("C3", &attack, &server, [&before, &after, &after]);
        server.assert_unharmed();
    });
}

// ---- C19: requests in two minds ----

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

// ---- C10, C25: replies and requests that should make somebody panic ----

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

// ---- C20 ----

/// There is nothing to measure: the handshake compares nothing that is a secret, and does not look at what credentials
/// travel in. That is for the application's hook, which compares them in constant time.
#[test]
fn c20_no_secret_is_compared_on_the_way_in() {
    for file in
        ["handshake/server.rs", "handshake/origin.rs", "handshake/key.rs", "net/greeting.rs", "net/accept.rs"]
    {
        let source = std::fs::read_to_string(format!("{}/src/{file}", env!("CARGO_MANIFEST_DIR")));
        let source = source.expect("a source file").to_ascii_lowercase();
        let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            assert!(
                !["authorization", "cookie", "password"].iter().any(|word| line.contains(word)),
                "{file}: {line}"
            );
        }
    }
}
