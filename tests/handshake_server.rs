//! RFC 6455 §4.2: what a server accepts, what it refuses, and with which answer.
//!
//! Each test takes the request of §1.2, changes one thing, and looks at the verdict. The HTTP rules
//! that §4.2.1 takes over ("a valid HTTP request") come from RFC 9110 and RFC 9112.

use clearsocket::handshake::{
    Accepted, HeadReader, OriginPolicy, Request, ServerOptions, judge, write_response, write_response_head,
};
use clearsocket::{Config, HandshakeError};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// The lines of the request in §1.2.
const SAMPLE: [&str; 8] = [
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Origin: http://server.example.com",
    "Sec-WebSocket-Protocol: chat, superchat",
    "Sec-WebSocket-Version: 13",
];

type Verdict = Result<(Request, Accepted), HandshakeError>;

fn join(lines: &[&str]) -> Vec<u8> {
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

/// The sample with the line of this name replaced by other lines (none, one or several).
fn with(name: &str, replacement: &[&str]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut found = false;
    for line in SAMPLE {
        if line.starts_with(name) {
            found = true;
            lines.extend_from_slice(replacement);
        } else {
            lines.push(line);
        }
    }
    if !found {
        lines.extend_from_slice(replacement);
    }
    join(&lines)
}

fn judge_with(head: &[u8], options: &ServerOptions) -> Verdict {
    let config = Config::default();
    let mut reader = HeadReader::new(&config);
    assert_eq!(reader.push(head)?, Some(head.len()), "the head should be complete");
    let mut request = Request::parse(reader.head(), &config)?;
    let accepted = judge(&mut request, options)?;
    Ok((request, accepted))
}

fn verdict(head: &[u8]) -> Verdict {
    judge_with(head, &ServerOptions::default())
}

#[track_caller]
fn accepts(head: &[u8]) -> (Request, Accepted) {
    verdict(head).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(head)))
}

#[track_caller]
fn refuses(head: &[u8], status: u16) -> HandshakeError {
    let error = verdict(head).map(|_| ()).expect_err(&String::from_utf8_lossy(head));
    assert_eq!(
        error.status().map(|it| it.as_u16()),
        Some(status),
        "{error}: {}",
        String::from_utf8_lossy(head)
    );
    assert_eq!(error.response().unwrap().status().as_u16(), status);
    error
}

macro_rules! refuses_with {
    ($head:expr, $status:expr, $variant:pat) => {
        let error = refuses($head, $status);
        assert!(matches!(error, $variant), "{error:?}");
    };
}

fn reply(head: &[u8], options: &ServerOptions) -> String {
    let (_, accepted) = judge_with(head, options).unwrap();
    String::from_utf8(accepted.response(&HeaderMap::new()).unwrap()).unwrap()
}

fn speaking(subprotocols: &[&str]) -> ServerOptions {
    let mut options = ServerOptions::default();
    options.subprotocols = subprotocols.iter().map(|it| it.to_string()).collect();
    options
}

// ---- The sample, and the answer to it ----

#[test]
fn the_sample_of_section_1_2_is_answered_as_printed_there() {
    // RFC 6455 §4.2.2/o §4.2.2/p §4.2.2/q §4.2.2/r §4.3/d §11.3.3/a §11.3.4/b HTTP/f
    assert_eq!(
        reply(&join(&SAMPLE), &speaking(&["chat"])),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
    );
}

#[test]
fn the_order_of_the_headers_means_nothing() {
    // RFC 6455 §4.2.1/k
    let mut lines = SAMPLE;
    lines[1..].reverse();
    accepts(&join(&lines));
}

#[test]
fn header_names_are_case_insensitive_and_blanks_around_values_are_ignored() {
    // RFC 6455 §4.1/aq
    let lines = SAMPLE.map(|line| match line.split_once(": ") {
        Some((name, value)) => format!("{}:\t {value} \t", name.to_uppercase()),
        None => line.to_owned(),
    });
    accepts(&join(&lines.each_ref().map(String::as_str)));
    accepts(&with("Upgrade", &["upgrade:websocket"]));
}

#[test]
fn the_request_can_be_asked_for_everything() {
    // RFC 6455 §4.2.1/k
    let head =
        with("GET", &["GET /chat?room=1?2 HTTP/1.1", "Cookie: a=b", "X-Utf8: grüße", "X-Bytes: \u{7f}"]);
    let head: Vec<u8> = head.iter().map(|&byte| if byte == 0x7f { 0xff } else { byte }).collect();
    let (mut request, _) = judge_with(&head, &speaking(&["superchat"])).unwrap();
    assert_eq!(request.method(), "GET");
    assert_eq!(request.resource_name(), "/chat?room=1?2");
    assert_eq!(request.path(), "/chat");
    assert_eq!(request.query(), Some("room=1?2"));
    assert_eq!(request.host(), "server.example.com");
    assert_eq!(request.origin(), Some("http://server.example.com"));
    assert_eq!(request.header("COOKIE"), Some("a=b"));
    assert_eq!(request.header("x-utf8"), Some("grüße"));
    assert_eq!(request.header("x-bytes"), None);
    assert_eq!(request.header("x y"), None);
    assert_eq!(request.headers().len(), 10);
    assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "superchat"]);
    assert_eq!(request.subprotocol(), Some("superchat"));
    assert!(request.is_upgrade());
    assert_eq!(request.peer_addr(), None);
    request.set_peer_addr(([127, 0, 0, 1], 5).into());
    assert_eq!(request.peer_addr().map(|it| it.port()), Some(5));
}

// ---- RFC 6455 §4.2.1/b: an HTTP/1.1 or higher GET request ----

#[test]
fn the_method_is_get() {
    // RFC 6455 §4.2.1/b
    for method in ["POST", "HEAD", "PUT", "get", "OPTIONS"] {
        refuses_with!(
            &with("GET", &[&format!("{method} /chat HTTP/1.1")]),
            405,
            HandshakeError::MethodNotGet(_)
        );
    }
    let response = refuses(&with("GET", &["POST /chat HTTP/1.1"]), 405).response().unwrap();
    assert_eq!(response.headers()["allow"], "GET"); // HTTP/e
}

#[test]
fn the_version_is_1_1_or_higher() {
    // RFC 6455 §4.2.1/b
    accepts(&with("GET", &["GET /chat HTTP/1.2"]));
    // HTTP/g: Upgrade is ignored in HTTP/1.0.
    let old = with("GET", &["GET /chat HTTP/1.0"]);
    refuses_with!(&old, 400, HandshakeError::HttpVersionTooLow);
    assert!(!Request::parse(&old, &Config::default()).unwrap().is_upgrade());
    for version in ["HTTP/2.0", "HTTP/0.9", "HTTP/3.1"] {
        refuses_with!(
            &with("GET", &[&format!("GET /chat {version}")]),
            505,
            HandshakeError::UnsupportedHttpVersion
        );
    }
    for version in ["http/1.1", "HTTP/1", "HTTP/1.10", "HTTP/11.1", "HTTP/1.x", "HTTPS/1.1", ""] {
        refuses_with!(
            &with("GET", &[&format!("GET /chat {version}")]),
            400,
            HandshakeError::MalformedHead(_)
        );
    }
}

#[test]
fn the_request_line_has_three_parts_and_one_blank_between_them() {
    // RFC 6455 §4.2.1/a
    for line in [
        "GET /chat",
        "GET",
        "GET  /chat HTTP/1.1",
        "GET /chat  HTTP/1.1",
        " GET /chat HTTP/1.1",
        "GET /chat HTTP/1.1 ",
        "GET\t/chat\tHTTP/1.1",
        "GET /a b HTTP/1.1",
        "G@T /chat HTTP/1.1",
        "GET /chat\r HTTP/1.1",
    ] {
        assert_eq!(refuses(&with("GET", &[line]), 400).section(), "4.2.1", "{line}");
    }
}

#[test]
fn the_target_is_a_resource_name_or_an_absolute_http_uri() {
    // RFC 6455 §3/c §4.2.1/c
    for (target, resource_name, host) in [
        ("/", "/", "server.example.com"),
        ("/chat?room=1", "/chat?room=1", "server.example.com"),
        ("/%23?a|b[c]", "/%23?a|b[c]", "server.example.com"),
        ("//double/slash", "//double/slash", "server.example.com"),
        ("http://other.example/chat?x", "/chat?x", "other.example"),
        ("HTTPS://other.example:8443", "/", "other.example:8443"),
        ("http://other.example?x", "/?x", "other.example"),
    ] {
        let head = with("GET", &[&format!("GET {target} HTTP/1.1")]);
        let head = String::from_utf8(head).unwrap().replace("Origin", "X-Origin");
        let (request, _) = accepts(head.as_bytes());
        assert_eq!(request.resource_name(), resource_name);
        assert_eq!(request.host(), host); // RFC 9112 §3.2.2
    }
}

#[test]
fn other_targets_are_refused() {
    // RFC 6455 §3/d §4.2.1/a §4.2.1/c §8.1/b
    for target in [
        "*",
        "chat",
        "server.example.com:80",
        "ws://server.example.com/chat",
        "ftp://a/",
        "http:///chat",
        "http://",
        "http://user@a/",
        "http://a:b/",
        "http:/chat",
        "/chat#",
        "/chat#x",
        "http://a/#x",
        "/grüße",
        "?x",
    ] {
        refuses_with!(&with("GET", &[&format!("GET {target} HTTP/1.1")]), 400, HandshakeError::InvalidTarget);
    }
}

// ---- The head as HTTP (RFC 9112) ----

#[test]
fn a_malformed_head_is_answered_with_400() {
    // RFC 6455 §4.2.1/a
    for line in [
        "Upgrade : websocket", // HTTP/b
        "X-Folded: a\r\n b",   // HTTP/c
        "X-Folded: a\r\n\tb",
        " X-Indented: a",
        "X-No-Colon",
        ": no name",
        "X Blank: a",
        "X-Nul: a\0b",
        "X-Bell: a\x07b",
        "X-Del: a\x7fb",
        "X-CR: a\rb",
        "X-CR: a\r\rb",
        "X-Nul\0: a",
        "X-Ä: a",
    ] {
        refuses_with!(&with("Cookie", &[line]), 400, HandshakeError::MalformedHead(_));
    }
    let first_is_indented = with("Host", &[" Host: server.example.com"]);
    refuses_with!(&first_is_indented, 400, HandshakeError::MalformedHead(_));
}

#[test]
fn a_line_ends_in_cr_lf_only() {
    let bare = join(&SAMPLE).into_iter().filter(|&byte| byte != b'\r').collect::<Vec<_>>();
    let mixed = String::from_utf8(join(&SAMPLE)).unwrap().replace("websocket\r\n", "websocket\n");
    for head in [&bare[..], mixed.as_bytes()] {
        // The reader says so as soon as the line is there, and parsing agrees with it.
        let error = HeadReader::new(&Config::default()).push(head).unwrap_err();
        assert!(matches!(error, HandshakeError::MalformedHead(_)));
        let error = Request::parse(head, &Config::default()).unwrap_err();
        assert!(matches!(error, HandshakeError::MalformedHead(_)));
    }
    let carriage = [b"\r", &join(&SAMPLE)[..]].concat();
    refuses_with!(&carriage, 400, HandshakeError::MalformedHead(_));
}

#[test]
fn empty_lines_before_the_request_are_skipped() {
    let head = [b"\r\n\r\n", &join(&SAMPLE)[..]].concat();
    accepts(&head); // RFC 9112 §2.2
}

#[test]
fn a_head_must_be_one_whole_head() {
    let head = join(&SAMPLE);
    for wrong in [&head[..head.len() - 1], b"", b"\r\n\r\n", &[&head[..], b"x"].concat()[..]] {
        let error = Request::parse(wrong, &Config::default()).unwrap_err();
        assert!(matches!(error, HandshakeError::MalformedHead(_)), "{error:?}");
    }
}

// ---- Limits (§10.4) ----

#[test]
fn a_head_is_found_in_pieces_of_any_size() {
    let head = join(&SAMPLE);
    let stream = [&head[..], b"\x81\x85"].concat();
    for size in 1..=stream.len() {
        let mut reader = HeadReader::new(&Config::default());
        let mut taken = 0;
        for piece in stream.chunks(size) {
            match reader.push(piece).unwrap() {
                Some(n) => {
                    taken += n;
                    break;
                }
                None => taken += piece.len(),
            }
        }
        assert_eq!(taken, head.len());
        assert_eq!(reader.head(), head);
        assert_eq!(reader.push(b"more").unwrap(), Some(0), "a complete head takes nothing more");
    }
}

#[test]
fn a_head_may_be_as_large_as_the_limit_and_no_larger() {
    // RFC 6455 §10.4/a
    let head = join(&SAMPLE);
    let mut config = Config::default();
    config.max_head_size = head.len();
    assert_eq!(HeadReader::new(&config).push(&head).unwrap(), Some(head.len()));
    config.max_head_size -= 1;
    let error = HeadReader::new(&config).push(&head).unwrap_err();
    assert!(matches!(error, HandshakeError::HeadTooLarge));
    assert_eq!(error.response().unwrap().status(), 431);
}

#[test]
fn an_endless_head_in_single_bytes_is_cut_at_the_limit() {
    let limit = Config::default().max_head_size;
    for (start, status) in [("GET / HTTP/1.1\r\nX: ", 431), ("GET /", 414), ("\r\n", 414)] {
        let mut reader = HeadReader::new(&Config::default());
        let endless = start.bytes().chain(std::iter::repeat(b'a'));
        let error = endless.map(|byte| reader.push(&[byte])).find_map(Result::err).unwrap();
        assert_eq!(error.status().unwrap(), status);
        assert_eq!(reader.head().len(), limit);
    }
}

#[test]
fn so_many_headers_and_no_more() {
    let mut config = Config::default();
    config.max_head_size = 1 << 20;
    for (count, fits) in [(99, true), (100, true), (101, false), (10_000, false)] {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x:\r\n".repeat(count - 1));
        match Request::parse(head.as_bytes(), &config) {
            Ok(request) => assert!(fits && request.headers().len() == count),
            Err(error) => {
                assert!(!fits && matches!(error, HandshakeError::TooManyHeaders), "{error:?}");
                assert_eq!(error.response().unwrap().status(), 431);
            }
        }
    }
    // Beyond what the table can hold there is no panic either.
    config.max_headers = usize::MAX;
    for (count, fits) in [(20_000, true), (100_000, false)] {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x:\r\n".repeat(count));
        assert_eq!(Request::parse(head.as_bytes(), &config).is_ok(), fits);
    }
}

#[test]
fn a_tls_hello_is_refused_at_its_first_byte() {
    let error = HeadReader::new(&Config::default()).push(b"\x16\x03\x01\x02\x00").unwrap_err();
    assert!(matches!(error, HandshakeError::MalformedHead(_)));
}

// ---- RFC 6455 §4.2.1/d: Host ----

#[test]
fn exactly_one_valid_host() {
    // RFC 6455 §4.2.1/d HTTP/a
    refuses_with!(&with("Host", &[]), 400, HandshakeError::MissingHost);
    let twice = ["Host: server.example.com", "Host: server.example.com"];
    refuses_with!(&with("Host", &twice), 400, HandshakeError::RepeatedHost);
    for host in [
        "", "a b", "a/b", "a:b", "a,b:c", "u@a", "a:65536", "[::1", "::1", "a\\b", "grüße", "a:1:2",
        "http://a",
    ] {
        refuses_with!(&with("Host", &[&format!("Host: {host}")]), 400, HandshakeError::InvalidHost);
    }
    for host in ["a", "a:80", "a:", "192.0.2.1:1", "[::1]", "[2001:db8::1]:9001", "A-b_c.%41"] {
        let head = String::from_utf8(with("Host", &[&format!("Host: {host}")])).unwrap();
        let (request, _) = accepts(head.replace("Origin", "X-Origin").as_bytes());
        assert_eq!(request.host(), host);
    }
    // RFC 9112 §3.2: needed beside an absolute target too.
    let absolute = ["GET http://a/ HTTP/1.1", "Upgrade: websocket"];
    refuses_with!(&join(&absolute), 400, HandshakeError::MissingHost);
}

// ---- RFC 6455 §4.2.1/e §4.2.1/f: Upgrade and Connection ----

#[test]
fn upgrade_contains_websocket() {
    // RFC 6455 §4.2.1/e §4.3/c
    for lines in [
        &["Upgrade: WebSocket"][..],
        &["Upgrade: h2c, websocket"],
        &["Upgrade: ,websocket,"],
        &["Upgrade: h2c", "Upgrade: WEBSOCKET"],
    ] {
        accepts(&with("Upgrade", lines));
    }
    for lines in [
        &[][..],
        &["Upgrade: h2c"],
        &["Upgrade:"],
        &["Upgrade: websocket2"],
        &["Upgrade: web socket"],
        &["Upgrade: websocket/13"],
        &["Upgrade: websocket;"],
        &["X-Upgrade: websocket"],
    ] {
        let head = with("Upgrade", lines);
        refuses_with!(&head, 426, HandshakeError::NotWebSocket);
        assert!(!Request::parse(&head, &Config::default()).unwrap().is_upgrade());
    }
}

#[test]
fn connection_contains_upgrade() {
    // RFC 6455 §4.2.1/f §4.3/c
    for lines in [
        &["Connection: upgrade"][..],
        &["Connection: keep-alive, Upgrade"],
        &["Connection: keep-alive", "Connection: UPGRADE"],
    ] {
        accepts(&with("Connection", lines));
    }
    for lines in
        [&[][..], &["Connection: close"], &["Connection: Upgrades"], &["Connection: keep-alive Upgrade"]]
    {
        refuses_with!(&with("Connection", lines), 400, HandshakeError::ConnectionNotUpgrade);
    }
}

#[test]
fn a_plain_http_request_is_told_what_this_is() {
    // RFC 6455 §4.2.1/e HTTP/d
    let error = refuses(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426);
    assert!(matches!(error, HandshakeError::NotWebSocket));
    let bytes = String::from_utf8(write_response(&error.response().unwrap())).unwrap();
    assert!(bytes.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{bytes}");
    for line in ["Upgrade: websocket", "Connection: Upgrade, close", "Sec-WebSocket-Version: 13"] {
        assert!(bytes.contains(&format!("\r\n{line}\r\n")), "{line} in {bytes}");
    }
}

// ---- HTTP/h: no switch before the whole request is read ----

#[test]
fn a_handshake_has_no_body() {
    accepts(&with("Content-Length", &["Content-Length: 0"]));
    for lines in [
        &["Content-Length: 1"][..],
        &["Content-Length: x"],
        &["Content-Length:"],
        &["Content-Length: +0"],
        &["Content-Length: -0"],
        &["Content-Length: 0, 0"],
        &["Content-Length: 0", "Content-Length: 0"],
        &["Content-Length: 99999999999999999999"],
        &["Transfer-Encoding: chunked"],
        &["Transfer-Encoding: identity"],
        &["Content-Length: 0", "Transfer-Encoding: chunked"],
    ] {
        refuses_with!(&with("Content-Length", lines), 400, HandshakeError::RequestBody);
    }
}

// ---- RFC 6455 §4.2.1/g §11.3.1/a: the key ----

#[test]
fn one_key_of_sixteen_bytes() {
    // RFC 6455 §4.2.1/g §4.3/d §11.3.1/a
    refuses_with!(&with("Sec-WebSocket-Key", &[]), 400, HandshakeError::MissingKey);
    let twice = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="; 2];
    refuses_with!(&with("Sec-WebSocket-Key", &twice), 400, HandshakeError::RepeatedKey);
    let long = "A".repeat(8192);
    for key in [
        "",
        "x",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25j",
        "dGhlIHNhbXBsZSBub25jZSE=",
        "AAAAAAAAAAAAAAAAAAAAAAAA",
        "dGhlIHNhbXBsZSBub25j_Q==",
        "dGhlIHNhbXBsZSBub25jZQ==, x",
        "grüße",
        &long,
    ] {
        let head = with("Sec-WebSocket-Key", &[&format!("Sec-WebSocket-Key: {key}")]);
        refuses_with!(&head, 400, HandshakeError::InvalidKey);
    }
    // RFC 6455 §4.3/e: the key that §4.1 prints; the accept is over the text as it was sent.
    let printed = with("Sec-WebSocket-Key", &["Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEC=="]);
    let accept = clearsocket::handshake::accept_key("AQIDBAUGBwgJCgsMDQ4PEC==");
    assert!(reply(&printed, &ServerOptions::default()).contains(&accept));
}

// ---- RFC 6455 §4.2.1/h: the version ----

#[test]
fn the_version_of_the_protocol_is_13() {
    // RFC 6455 §4.2.1/h §4.2.2/h
    for version in ["0", "7", "8", "12", "14", "25", "99", "199", "255"] {
        let head = with("Sec-WebSocket-Version", &[&format!("Sec-WebSocket-Version: {version}")]);
        refuses_with!(&head, 426, HandshakeError::UnsupportedVersion(_));
    }
    // RFC 6455 §4.3/b
    for version in ["", "013", "00", "256", "1000", "-1", "+13", "13.0", "13, 8", "13,", "x", "1 3"] {
        let head = with("Sec-WebSocket-Version", &[&format!("Sec-WebSocket-Version: {version}")]);
        refuses_with!(&head, 400, HandshakeError::MalformedVersion);
    }
    refuses_with!(&with("Sec-WebSocket-Version", &[]), 400, HandshakeError::MissingVersion);
    // RFC 6455 §11.3.5/b
    let twice = ["Sec-WebSocket-Version: 13"; 2];
    refuses_with!(&with("Sec-WebSocket-Version", &twice), 400, HandshakeError::RepeatedVersion);
}

#[test]
fn a_refused_version_is_answered_with_the_one_we_speak() {
    // RFC 6455 §4.2.2/h §4.4/a
    for lines in [&["Sec-WebSocket-Version: 25"][..], &["Sec-WebSocket-Version: x"], &[]] {
        let response = verdict(&with("Sec-WebSocket-Version", lines)).unwrap_err().response().unwrap();
        assert_eq!(response.headers()["sec-websocket-version"], "13");
    }
    // HTTP/d: a 426 has an Upgrade.
    let response =
        refuses(&with("Sec-WebSocket-Version", &["Sec-WebSocket-Version: 25"]), 426).response().unwrap();
    assert_eq!(response.headers()["upgrade"], "websocket");
}

#[test]
fn the_version_says_what_a_key_is() {
    let mut lines = SAMPLE;
    lines[4] = "Sec-WebSocket-Key: of-another-kind";
    lines[7] = "Sec-WebSocket-Version: 14";
    refuses_with!(&join(&lines), 426, HandshakeError::UnsupportedVersion(14));
}

// ---- RFC 6455 §4.2.1/j §4.2.2/k: subprotocols ----

#[test]
fn subprotocols_are_a_list_of_unique_tokens() {
    // RFC 6455 §4.2.1/j §4.3/c §8.1/b §11.3.4/a
    for lines in [
        &["Sec-WebSocket-Protocol: chat"][..],
        &["Sec-WebSocket-Protocol: chat,superchat"],
        &["Sec-WebSocket-Protocol: , chat ,, superchat,"],
        &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat"],
        &["Sec-WebSocket-Protocol: chat, Chat"], // compared byte for byte
        &[],
    ] {
        accepts(&with("Sec-WebSocket-Protocol", lines));
    }
    for lines in [
        &["Sec-WebSocket-Protocol:"][..],
        &["Sec-WebSocket-Protocol: ,"],
        &["Sec-WebSocket-Protocol: a b"],
        &["Sec-WebSocket-Protocol: a;b"],
        &["Sec-WebSocket-Protocol: a/b"],
        &["Sec-WebSocket-Protocol: \"a\""],
        &["Sec-WebSocket-Protocol: chat, a=b"],
        &["Sec-WebSocket-Protocol: grüße"],
    ] {
        refuses_with!(&with("Sec-WebSocket-Protocol", lines), 400, HandshakeError::MalformedSubprotocols);
    }
    for lines in [
        &["Sec-WebSocket-Protocol: chat, chat"][..],
        &["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat, chat"],
    ] {
        refuses_with!(&with("Sec-WebSocket-Protocol", lines), 400, HandshakeError::DuplicateSubprotocol);
    }
}

#[test]
fn the_subprotocol_is_ours_by_preference_and_theirs_by_offer() {
    // RFC 6455 §4.2.2/k
    let head = join(&SAMPLE);
    assert!(
        reply(&head, &speaking(&["superchat", "chat"])).contains("\r\nSec-WebSocket-Protocol: superchat\r\n")
    );
    assert!(reply(&head, &speaking(&["other", "chat"])).contains("\r\nSec-WebSocket-Protocol: chat\r\n"));
    // RFC 6455 §4.2.2/l: none agreed, none offered, none spoken: no header, not even an empty one.
    assert!(!reply(&head, &speaking(&["other", "CHAT"])).contains("Protocol:"));
    assert!(!reply(&head, &ServerOptions::default()).contains("Protocol:"));
    let none_offered = with("Sec-WebSocket-Protocol", &[]);
    assert!(!reply(&none_offered, &speaking(&["chat"])).contains("Protocol:"));
    let (request, accepted) = judge_with(&head, &speaking(&["other"])).unwrap();
    assert_eq!((request.subprotocol(), accepted.subprotocol()), (None, None));
}

// ---- RFC 6455 §9.1: extensions ----

#[test]
fn offered_extensions_are_read_and_none_is_answered() {
    // RFC 6455 §4.2.2/m §4.2.2/n §9/c §9.1/b §11.3.2/a §11.3.2/b
    let head = with(
        "Sec-WebSocket-Extensions",
        &["Sec-WebSocket-Extensions: foo; a=\"1\"", "Sec-WebSocket-Extensions: bar; baz=2; q, foo"],
    );
    let (_, accepted) = accepts(&head);
    let names: Vec<_> = accepted.offered_extensions().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["foo", "bar", "foo"]);
    assert_eq!(
        accepted.offered_extensions()[1].params,
        [("baz".into(), Some("2".into())), ("q".into(), None)]
    );
    assert!(!reply(&head, &ServerOptions::default()).contains("Extensions"));
}

#[test]
fn malformed_extensions_fail_the_handshake() {
    // RFC 6455 §4.2.1/a §4.3/a §8.1/b §9.1/a
    for value in ["", ",", "a;", "a b", "a; b=", "a; b=\"c d\"", "a; b=\"c", "a; b=c\"", "=", ";", "grüße"]
    {
        let head = with("Sec-WebSocket-Extensions", &[&format!("Sec-WebSocket-Extensions: {value}")]);
        refuses_with!(&head, 400, HandshakeError::MalformedExtensions);
    }
}

#[test]
fn an_accept_header_means_nothing_in_a_request() {
    // RFC 6455 §4.2.1/k
    accepts(&with("Sec-WebSocket-Accept", &["Sec-WebSocket-Accept: x", "Sec-WebSocket-Accept: y"]));
}

// ---- §4.2.2, §10.2: the origin ----

fn from_origin(origin: &str, host: &str, policy: &OriginPolicy) -> bool {
    let head = String::from_utf8(with("Origin", &[&format!("Origin: {origin}")])).unwrap();
    let head = head.replace("Host: server.example.com", &format!("Host: {host}"));
    let mut options = ServerOptions::default();
    options.origins = policy.clone();
    match judge_with(head.as_bytes(), &options) {
        Ok(_) => true,
        Err(error) => {
            assert!(matches!(error, HandshakeError::ForeignOrigin(_)), "{error:?}");
            assert_eq!(error.response().unwrap().status(), 403);
            false
        }
    }
}

#[test]
fn by_default_only_pages_of_the_same_origin_connect() {
    // RFC 6455 §4.2.2/e §4.2.2/f §10.2/a §10.2/b
    for (origin, host) in [
        ("http://example.com", "example.com"),
        ("http://example.com", "example.com:80"),
        ("http://example.com:80", "example.com"),
        ("https://example.com", "example.com"), // behind a TLS proxy
        ("https://example.com", "example.com:443"),
        ("HTTP://Example.COM", "eXample.com"),
        ("http://localhost:9001", "localhost:9001"),
        ("http://[::1]:9001", "[::1]:9001"),
    ] {
        assert!(from_origin(origin, host, &OriginPolicy::SameOrigin), "{origin} to {host}");
    }
    for (origin, host) in [
        ("http://evil.example", "example.com"),
        ("http://example.com.evil.example", "example.com"),
        ("http://evilexample.com", "example.com"),
        ("http://sub.example.com", "example.com"),
        ("http://example.com:8080", "example.com"),
        ("http://example.com", "example.com:8080"),
        ("https://example.com", "example.com:80"),
        ("http://127.0.0.1", "localhost"),
        ("http://example.com@evil.example", "evil.example"),
        ("http://example.com/", "example.com"),
        ("http://example.com#", "example.com"),
        ("http://example.com http://example.com", "example.com"),
        ("http://example.com, http://example.com", "example.com"),
        ("example.com", "example.com"),
        ("//example.com", "example.com"),
        ("chrome-extension://example.com", "example.com"),
        ("file://", "example.com"),
        ("null", "example.com"),
        ("null", "null"),
        ("", "example.com"),
        ("grüße", "example.com"),
    ] {
        assert!(!from_origin(origin, host, &OriginPolicy::SameOrigin), "{origin} to {host}");
    }
}

#[test]
fn no_origin_means_no_browser_and_two_mean_no_good() {
    // RFC 6455 §4.2.1/i
    accepts(&with("Origin", &[]));
    let twice = ["Origin: http://server.example.com"; 2];
    for policy in [OriginPolicy::SameOrigin, OriginPolicy::Any] {
        let mut options = ServerOptions::default();
        options.origins = policy;
        let error = judge_with(&with("Origin", &twice), &options).unwrap_err();
        assert_eq!(error.status(), Some(StatusCode::FORBIDDEN));
    }
}

#[test]
fn a_list_of_origins_is_the_whole_list() {
    // RFC 6455 §4.2.2/e §4.2.2/f
    let list = OriginPolicy::Listed(vec!["https://a.example".into(), "http://B.example:8080".into()]);
    assert!(from_origin("https://a.example", "x", &list));
    assert!(from_origin("https://A.example:443", "x", &list));
    assert!(from_origin("http://b.example:8080", "x", &list));
    for origin in [
        "http://a.example",
        "https://a.example:444",
        "http://b.example",
        "http://x",
        "null",
        "https://a.example/",
    ] {
        assert!(!from_origin(origin, "x", &list), "{origin}");
    }
    assert!(from_origin("null", "x", &OriginPolicy::Listed(vec!["null".into()])));
    assert!(!from_origin("nonsense", "x", &OriginPolicy::Listed(vec!["nonsense".into()])));
    assert!(!from_origin("http://x", "x", &OriginPolicy::Listed(vec![])));
    assert!(from_origin("null", "x", &OriginPolicy::Any));
    assert!(from_origin("http://evil.example", "x", &OriginPolicy::Any));
}

// ---- §4.2.2: the resource name ----

#[test]
fn an_unknown_path_is_404() {
    // RFC 6455 §4.2.2/i §4.2.2/j; and §4.2.2/a, for this is the last of the steps, and each before has its test.
    let mut options = ServerOptions::default();
    options.paths = Some(vec!["/chat".into(), "/echo".into()]);
    for target in ["/chat", "/echo?x=1", "http://server.example.com/chat"] {
        assert!(judge_with(&with("GET", &[&format!("GET {target} HTTP/1.1")]), &options).is_ok(), "{target}");
    }
    for target in ["/", "/chat/", "/Chat", "/chatter", "/other?/chat"] {
        let error = judge_with(&with("GET", &[&format!("GET {target} HTTP/1.1")]), &options).unwrap_err();
        assert!(matches!(error, HandshakeError::UnknownPath(_)));
        assert_eq!(error.response().unwrap().status(), 404);
    }
    // Who is not welcome learns nothing about what there is.
    let foreign = String::from_utf8(with("GET", &["GET /nowhere HTTP/1.1"])).unwrap();
    let foreign = foreign.replace("Origin: http://server", "Origin: http://evil");
    assert_eq!(judge_with(foreign.as_bytes(), &options).unwrap_err().status(), Some(StatusCode::FORBIDDEN));
}

#[test]
fn options_that_cannot_match_are_the_callers_fault() {
    let check = |change: fn(&mut ServerOptions)| {
        let mut options = ServerOptions::default();
        change(&mut options);
        options.check()
    };
    assert!(check(|_| {}).is_ok());
    assert!(check(|it| it.origins = OriginPolicy::Listed(vec!["https://a".into(), "null".into()])).is_ok());
    assert!(check(|it| it.paths = Some(vec!["/".into(), "/a%20b".into()])).is_ok());
    for change in [
        (|it| it.subprotocols = vec!["a b".into()]) as fn(&mut ServerOptions),
        |it| it.subprotocols = vec!["".into()],
        |it| it.subprotocols = vec!["a\r\nX: b".into()],
        |it| it.subprotocols = vec!["a".into(), "a".into()],
        |it| it.origins = OriginPolicy::Listed(vec!["example.com".into()]),
        |it| it.origins = OriginPolicy::Listed(vec!["https://example.com/".into()]),
        |it| it.paths = Some(vec!["chat".into()]),
        |it| it.paths = Some(vec!["/chat?x".into()]),
    ] {
        let error = check(change).unwrap_err();
        assert!(
            error.is_callers_fault() && error.status().is_none() && error.response().is_none(),
            "{error:?}"
        );
    }
}

// ---- The 101 and the refusals on the wire ----

#[test]
fn further_headers_follow_ours_and_cannot_replace_them() {
    let (_, accepted) = accepts(&join(&SAMPLE));
    let mut extra = HeaderMap::new();
    extra.append("set-cookie", HeaderValue::from_static("a=b"));
    extra.append("set-cookie", HeaderValue::from_static("c=d"));
    let bytes = String::from_utf8(accepted.response(&extra).unwrap()).unwrap();
    assert!(bytes.ends_with("\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n"), "{bytes}");
    for name in [
        "upgrade",
        "connection",
        "content-length",
        "transfer-encoding",
        "sec-websocket-accept",
        "sec-websocket-protocol",
        "sec-websocket-extensions", // RFC 6455 §4.2.2/n
        "sec-websocket-version",
        "sec-websocket-anything",
    ] {
        let mut extra = HeaderMap::new();
        extra.insert(name, HeaderValue::from_static("x"));
        let error = accepted.response(&extra).unwrap_err();
        assert!(matches!(&error, HandshakeError::ReservedHeader(it) if it == name));
        assert!(error.is_callers_fault());
    }
}

#[test]
fn a_refusal_is_a_complete_response_that_closes() {
    // RFC 6455 §4.2.1/a
    let response = HandshakeError::MissingKey.response().unwrap();
    let bytes = String::from_utf8(write_response(&response)).unwrap();
    assert_eq!(
        bytes,
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 40\r\n\
         Connection: close\r\n\r\nthe Sec-WebSocket-Key header is missing\n"
    );
    let head = String::from_utf8(write_response_head(&response)).unwrap();
    assert_eq!(head, bytes[..bytes.len() - 40]);
}

#[test]
fn busy_and_late_have_their_status() {
    let response = HandshakeError::ServerFull.response().unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "5");
    assert_eq!(HandshakeError::TimedOut.response().unwrap().status(), 408);
    assert!(HandshakeError::ConnectionClosed.response().is_none());
    assert!(HandshakeError::WrongAccept.response().is_none());
}

#[test]
fn the_response_of_a_hook_is_sent_as_it_is_but_framed_by_us() {
    // RFC 6455 §4.2.2/c
    let own = Response::builder()
        .status(401)
        .header("www-authenticate", "Basic")
        .header("content-type", "text/html")
        .header("content-length", "999")
        .header("transfer-encoding", "chunked")
        .header("connection", "keep-alive")
        .body(b"<p>who?</p>".to_vec())
        .unwrap();
    let error = HandshakeError::RefusedByHook(Box::new(own));
    assert_eq!(error.status(), Some(StatusCode::UNAUTHORIZED));
    let bytes = String::from_utf8(write_response(&error.response().unwrap())).unwrap();
    assert_eq!(
        bytes,
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Type: text/html\r\n\
         Content-Length: 11\r\nConnection: close\r\n\r\n<p>who?</p>"
    );
}

#[test]
fn a_hook_cannot_refuse_with_an_interim_status() {
    let own = Response::builder().status(101).body(Vec::new()).unwrap();
    let response = HandshakeError::RefusedByHook(Box::new(own)).response().unwrap();
    assert_eq!(response.status(), 500);
}

#[test]
fn a_status_without_a_body_has_no_length() {
    let response = Response::builder().status(204).body(b"x".to_vec()).unwrap();
    assert_eq!(write_response(&response), b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

// ---- Hostile values ----

#[test]
fn large_hostile_values_end_in_a_verdict() {
    let mut config = Config::default();
    config.max_head_size = 1 << 20;
    for piece in ["a,", ",", "\"", "\\\"", "a;b=\"", ";", "=", "[", "%41", "é", "__proto__,", "websocket,"] {
        let value = piece.repeat((64 << 10) / piece.len());
        for name in
            ["Host", "Upgrade", "Connection", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Origin"]
        {
            let head = with(name, &[&format!("{name}: {value}")]);
            if let Ok(mut request) = Request::parse(&head, &config) {
                let _ = judge(&mut request, &ServerOptions::default());
            }
        }
        let target = with("GET", &[&format!("GET http://{value} HTTP/1.1")]);
        let _ = Request::parse(&target, &config);
    }
}

#[test]
fn no_byte_changed_or_left_out_makes_a_panic() {
    let head = join(&SAMPLE);
    for position in 0..head.len() {
        for byte in *b"\0\t\n\r \"#%,/:;=?@[\\]{a0\x7f\x80\xff" {
            let mut changed = head.clone();
            changed[position] = byte;
            let _ = parse_and_judge(&changed);
        }
        let mut shorter = head.clone();
        shorter.remove(position);
        let _ = parse_and_judge(&shorter);
        let _ = parse_and_judge(&head[..position]);
    }
}

fn parse_and_judge(head: &[u8]) -> Result<Accepted, HandshakeError> {
    let mut request = Request::parse(head, &Config::default())?;
    let accepted = judge(&mut request, &speaking(&["chat"]))?;
    accepted.response(&HeaderMap::new())?;
    Ok(accepted)
}
