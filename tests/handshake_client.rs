//! RFC 6455 §4.1: the request that a client sends, and what it makes of the reply.
//!
//! Each test takes the reply of §1.2, changes one thing, and looks at the verdict.

use clearsocket::handshake::{
    BodyReader, ClientHandshake, ClientOptions, HeadReader, MAX_BODY, Request, Response, ServerOptions, Url,
    is_interim, judge,
};
use clearsocket::{Config, HandshakeError};
use http::{HeaderMap, HeaderValue};

/// The lines of the reply in §1.2.
const SAMPLE: [&str; 5] = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Sec-WebSocket-Protocol: chat",
];

const NONCE: [u8; 16] = *b"the sample nonce";

fn join(lines: &[&str]) -> Vec<u8> {
    format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
}

/// The sample with the line of this name replaced by other lines (none, one or several).
fn with(name: &str, replacement: &[&str]) -> Vec<u8> {
    let mut lines: Vec<&str> = SAMPLE.into_iter().filter(|line| !line.starts_with(name)).collect();
    let at = if name == "HTTP" { 0 } else { lines.len() };
    lines.splice(at..at, replacement.iter().copied());
    join(&lines)
}

fn options(subprotocols: &[&str]) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.subprotocols = subprotocols.iter().map(|it| it.to_string()).collect();
    options
}

fn handshake_to(url: &str, options: &ClientOptions) -> Result<ClientHandshake, HandshakeError> {
    ClientHandshake::new(&url.parse::<Url>()?, options, NONCE)
}

fn handshake() -> ClientHandshake {
    handshake_to("ws://server.example.com/chat", &options(&["chat", "superchat"])).unwrap()
}

fn verify(head: &[u8]) -> Result<(Response, Option<String>), HandshakeError> {
    handshake().verify(head, &Config::default())
}

#[track_caller]
fn accepts(head: &[u8]) -> Option<String> {
    verify(head).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(head))).1
}

macro_rules! refuses_with {
    ($head:expr, $variant:pat) => {
        let error = verify($head).map(|_| ()).expect_err(&String::from_utf8_lossy($head));
        assert!(matches!(error, $variant), "{error:?}: {}", String::from_utf8_lossy($head));
    };
}

// ---- The request ----

#[test]
fn the_request_of_section_1_2_is_written_as_printed_there() {
    // RFC 6455 §4.1/q §4.1/r §4.1/s §4.1/t §4.1/u §4.1/v §4.1/w §4.1/z §4.1/aa §4.1/ab §11.3.1/a §11.3.5/b
    let mut options = options(&["chat", "superchat"]);
    options.origin = Some("http://example.com".into());
    let handshake = handshake_to("ws://server.example.com/chat", &options).unwrap();
    assert_eq!(
        std::str::from_utf8(handshake.request()).unwrap(),
        "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n\
         Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
}

#[test]
fn nothing_is_sent_that_was_not_asked_for() {
    // RFC 6455 §3/c §4.1/s §4.1/t §4.1/z
    let handshake = handshake_to("ws://[::1]:9001", &ClientOptions::default()).unwrap();
    assert_eq!(
        std::str::from_utf8(handshake.request()).unwrap(),
        "GET / HTTP/1.1\r\nHost: [::1]:9001\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
}

#[test]
fn each_nonce_makes_its_own_key() {
    // RFC 6455 §4.1/w §4.3/d
    let url: Url = "ws://a".parse().unwrap();
    let key = |nonce| {
        let handshake = ClientHandshake::new(&url, &ClientOptions::default(), nonce).unwrap();
        let request = Request::parse(handshake.request(), &Config::default()).unwrap();
        request.header("sec-websocket-key").unwrap().to_owned()
    };
    assert_eq!(key(NONCE), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_ne!(key([0; 16]), key([1; 16]));
}

#[test]
fn further_headers_follow_and_cannot_replace_ours() {
    // RFC 6455 §4.1/af
    let mut options = ClientOptions::default();
    options.headers.insert("authorization", HeaderValue::from_static("Basic YTpi"));
    let handshake = handshake_to("ws://a", &options).unwrap();
    assert!(handshake.request().ends_with(b"Sec-WebSocket-Version: 13\r\nAuthorization: Basic YTpi\r\n\r\n"));
    for name in [
        "host",
        "upgrade",
        "connection",
        "origin",
        "content-length",
        "transfer-encoding",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
    ] {
        let mut options = ClientOptions::default();
        options.headers.insert(name, HeaderValue::from_static("x"));
        let error = handshake_to("ws://a", &options).unwrap_err();
        assert!(matches!(&error, HandshakeError::ReservedHeader(it) if it == name));
        assert!(error.is_callers_fault());
    }
}

#[test]
fn offered_subprotocols_are_unique_tokens() {
    // RFC 6455 §4.1/ac §4.1/ad HTTP/i
    for wrong in [&[""][..], &["a b"], &["a,b"], &["a", "b", "a"], &["a\r\nX: b"], &["grüße"], &["a/b"]] {
        let error = handshake_to("ws://a", &options(wrong)).unwrap_err();
        assert!(matches!(error, HandshakeError::InvalidSubprotocol(_)));
        assert!(error.is_callers_fault());
    }
    assert!(handshake_to("ws://a", &options(&["a", "A", "v1.chat+json"])).is_ok());
}

#[test]
fn an_origin_is_an_origin() {
    // RFC 6455 §4.1/z HTTP/i
    for (origin, is_one) in [
        ("http://www.example.com", true),
        ("https://a:8443", true),
        ("null", true),
        ("example.com", false),
        ("http://a/", false),
        ("http://a\r\nX: b", false),
        ("", false),
    ] {
        let mut options = ClientOptions::default();
        options.origin = Some(origin.into());
        assert_eq!(handshake_to("ws://a", &options).is_ok(), is_one, "{origin}");
    }
}

#[test]
fn our_server_accepts_what_our_client_sends() {
    // RFC 6455 §4.1/q
    let client = handshake();
    let mut request = Request::parse(client.request(), &Config::default()).unwrap();
    let mut server = ServerOptions::default();
    server.subprotocols = vec!["superchat".into()];
    let accepted = judge(&mut request, &server).unwrap();
    let reply = accepted.response(&HeaderMap::new()).unwrap();
    let (response, subprotocol) = client.verify(&reply, &Config::default()).unwrap();
    assert_eq!(response.status(), 101);
    assert_eq!(subprotocol.as_deref(), Some("superchat"));
}

// ---- The reply ----

#[test]
fn the_reply_of_section_1_2_establishes_the_connection() {
    // RFC 6455 §4.1/ah
    let (response, subprotocol) = verify(&join(&SAMPLE)).unwrap();
    assert_eq!(subprotocol.as_deref(), Some("chat"));
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert!(response.body().is_empty());
}

#[test]
fn the_order_and_the_case_of_header_names_mean_nothing() {
    // RFC 6455 §4.1/aq
    let mut lines = SAMPLE.map(str::to_owned);
    for line in lines.iter_mut().skip(1) {
        let (name, value) = line.split_once(": ").unwrap();
        *line = format!("{}:\t {value} \t", name.to_uppercase());
    }
    lines[1..].reverse();
    accepts(&join(&lines.each_ref().map(String::as_str)));
}

#[test]
fn step_1_another_status_is_a_refusal_with_all_it_says() {
    // RFC 6455 §4.1/ai
    for status in ["200 OK", "301 Moved", "401 Unauthorized", "404", "503 Busy", "100 Continue", "999 Odd"] {
        let head = with("HTTP", &[&format!("HTTP/1.1 {status}"), "Location: ws://b/", "Retry-After: 5"]);
        let Err(HandshakeError::Refused(response)) = verify(&head) else { panic!("{status}") };
        assert_eq!(response.status().as_str(), &status[..3]);
        assert_eq!(response.headers()["location"], "ws://b/");
        assert_eq!(response.headers()["retry-after"], "5");
    }
    refuses_with!(b"HTTP/1.0 400 Bad Request\r\n\r\n", HandshakeError::Refused(_));
}

#[test]
fn the_status_line_is_one() {
    // RFC 6455 §4.1/ap
    accepts(&with("HTTP", &["HTTP/1.1 101"]));
    accepts(&with("HTTP", &["HTTP/1.1 101 "]));
    accepts(&with("HTTP", &["HTTP/1.2 101 WebSocket Protocol Handshake \u{e9}"]));
    for line in [
        "",
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 10",
        "HTTP/1.1 1010",
        "HTTP/1.1  101",
        "HTTP/1.1 101\tOK",
        "HTTP/1.1 0101",
        "HTTP/1.1 001 X",
        "HTTP/1.1 abc",
        "HTTP/1.1101 X",
        "HTTP/1 101 X",
        "http/1.1 101 X",
        " HTTP/1.1 101 X",
        "ICY 101 X",
        "HTTP/1.1 101 a\rb",
        "HTTP/1.1 101 a\0b",
    ] {
        refuses_with!(&with("HTTP", &[line]), HandshakeError::MalformedHead(_));
    }
    refuses_with!(&with("HTTP", &["HTTP/2.0 101 X"]), HandshakeError::UnsupportedHttpVersion);
    refuses_with!(&with("HTTP", &["HTTP/1.0 101 X"]), HandshakeError::ReplyVersionTooLow);
}

#[test]
fn a_malformed_head_is_refused() {
    // RFC 6455 §4.1/ap
    for line in ["X : a", "X: a\r\n b", " X: a", "X", ": a", "X: a\0", "X: a\rb", "X Y: a"] {
        refuses_with!(&with("Cookie", &[line]), HandshakeError::MalformedHead(_));
    }
    let bare = String::from_utf8(join(&SAMPLE)).unwrap().replace("\r\n", "\n");
    refuses_with!(bare.as_bytes(), HandshakeError::MalformedHead(_));
    refuses_with!(&[b"\r\n", &join(&SAMPLE)[..]].concat(), HandshakeError::MalformedHead(_));
    refuses_with!(b"", HandshakeError::MalformedHead(_));
    let many = ["X: y"; 101];
    refuses_with!(&with("Cookie", &many), HandshakeError::TooManyHeaders);
    let long = format!("X: {}", "y".repeat(16 << 10));
    refuses_with!(&with("Cookie", &[&long]), HandshakeError::HeadTooLarge);
}

#[test]
fn step_2_upgrade_is_websocket() {
    // RFC 6455 §4.1/ak
    accepts(&with("Upgrade", &["Upgrade: WebSocket"]));
    for lines in [
        &[][..],
        &["Upgrade:"],
        &["Upgrade: h2c"],
        &["Upgrade: websocket, h2c"],
        &["Upgrade: websocket,"],
        &["Upgrade: web socket"],
        &["Upgrade: websocket/13"],
        &["Upgrade: websocket", "Upgrade: websocket"],
    ] {
        refuses_with!(&with("Upgrade", lines), HandshakeError::ReplyUpgrade);
    }
}

#[test]
fn step_3_connection_contains_upgrade() {
    // RFC 6455 §4.1/al §4.3/c
    for lines in [
        &["Connection: upgrade"][..],
        &["Connection: keep-alive, UPGRADE"],
        &["Connection: a", "Connection: Upgrade"],
    ] {
        accepts(&with("Connection", lines));
    }
    for lines in [
        &[][..],
        &["Connection:"],
        &["Connection: close"],
        &["Connection: Upgraded"],
        &["Connection: a Upgrade"],
    ] {
        refuses_with!(&with("Connection", lines), HandshakeError::ReplyConnection);
    }
}

#[test]
fn step_4_accept_belongs_to_our_key() {
    // RFC 6455 §4.1/am §4.3/d
    refuses_with!(&with("Sec-WebSocket-Accept", &[]), HandshakeError::MissingAccept);
    // RFC 6455 §4.1/ap §11.3.3/a
    let right = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    refuses_with!(&with("Sec-WebSocket-Accept", &[right, right]), HandshakeError::RepeatedAccept);
    accepts(&with("Sec-WebSocket-Accept", &["Sec-WebSocket-Accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t"]));
    let long = "A".repeat(8000);
    for value in [
        "",
        "=",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
        "s3pplmbitxaq9kygzzhzrbk+xoo=",
        "hsBlbuDTkk24srzEOTBUlZAlC2g=",
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo= x",
        "\"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\"",
        "dGhlIHNhbXBsZSBub25jZQ==",
        &long[..80],
        &long,
        "grüße",
    ] {
        let head = with("Sec-WebSocket-Accept", &[&format!("Sec-WebSocket-Accept: {value}")]);
        refuses_with!(&head, HandshakeError::WrongAccept);
    }
}

#[test]
fn step_5_no_extension_that_was_not_offered() {
    // RFC 6455 §4.1/an §5.8/a §11.3.2/c
    for lines in [
        &["Sec-WebSocket-Extensions: permessage-deflate"][..],
        &["Sec-WebSocket-Extensions: foo; bar=\"1\""],
        &["Sec-WebSocket-Extensions: foo", "Sec-WebSocket-Extensions: bar"],
    ] {
        refuses_with!(&with("Sec-WebSocket-Extensions", lines), HandshakeError::UnrequestedExtension(_));
    }
    // RFC 6455 §4.3/a §9.1/a
    for value in ["", ",", "a;", "a b", "a;b=\"c d\"", "a;b=\"c"] {
        let head = with("Sec-WebSocket-Extensions", &[&format!("Sec-WebSocket-Extensions: {value}")]);
        refuses_with!(&head, HandshakeError::MalformedExtensions);
    }
}

#[test]
fn step_6_no_subprotocol_that_was_not_offered() {
    // RFC 6455 §4.1/ao §8.1/b
    assert_eq!(
        accepts(&with("Sec-WebSocket-Protocol", &["Sec-WebSocket-Protocol: superchat"])).unwrap(),
        "superchat"
    );
    for value in ["other", "CHAT", "", "chat, superchat", "chat,", "chat superchat", "\"chat\"", "grüße"] {
        let head = with("Sec-WebSocket-Protocol", &[&format!("Sec-WebSocket-Protocol: {value}")]);
        refuses_with!(&head, HandshakeError::UnrequestedSubprotocol(_));
    }
    // RFC 6455 §4.1/ap §11.3.4/b
    let twice = ["Sec-WebSocket-Protocol: chat"; 2];
    refuses_with!(&with("Sec-WebSocket-Protocol", &twice), HandshakeError::RepeatedSubprotocol);
    let none_offered = handshake_to("ws://a", &ClientOptions::default()).unwrap();
    let error = none_offered.verify(&join(&SAMPLE), &Config::default()).unwrap_err();
    assert!(matches!(error, HandshakeError::UnrequestedSubprotocol(_)));
}

#[test]
fn no_subprotocol_is_the_null_value() {
    // RFC 6455 §4.1/ao
    assert_eq!(accepts(&with("Sec-WebSocket-Protocol", &[])), None);
}

#[test]
fn a_101_ends_at_its_empty_line_whatever_length_it_claims() {
    // RFC 9112 §6.3
    accepts(&with("Content-Length", &["Content-Length: 5"]));
    accepts(&with("Transfer-Encoding", &["Transfer-Encoding: chunked"]));
}

#[test]
fn interim_responses_are_told_from_the_last_one() {
    let config = Config::default();
    for (line, interim) in [
        ("HTTP/1.1 100 Continue", true),
        ("HTTP/1.1 103 Early Hints", true),
        ("HTTP/1.1 101 Switching Protocols", false),
        ("HTTP/1.1 200 OK", false),
        ("HTTP/1.1 10 X", false),
    ] {
        assert_eq!(is_interim(&with("HTTP", &[line]), &config), interim, "{line}");
    }
    // Two heads in one read: the second begins where the first has ended.
    let stream = [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", &join(&SAMPLE)[..]].concat();
    let mut first = HeadReader::new(&config);
    let end = first.push(&stream).unwrap().unwrap();
    assert!(is_interim(first.head(), &config));
    let mut second = HeadReader::new(&config);
    assert_eq!(second.push(&stream[end..]).unwrap(), Some(stream.len() - end));
    assert!(verify(second.head()).is_ok());
}

// ---- The body of a refusal (RFC 9112 §6.3, §7.1) ----

/// The body that is read from these bytes in pieces of this size, and whether it was complete
/// before their end.
fn read_body(headers: &str, body: &[u8], size: usize) -> (Vec<u8>, bool) {
    let head = format!("HTTP/1.1 403 Forbidden\r\n{headers}\r\n");
    let Err(HandshakeError::Refused(response)) = verify(head.as_bytes()) else { panic!("{head}") };
    let mut reader = BodyReader::new(&response);
    let mut complete = reader.is_complete();
    for piece in body.chunks(size) {
        if complete {
            break;
        }
        complete = reader.push(piece);
        assert_eq!(reader.is_complete(), complete);
    }
    (reader.into_body(), complete)
}

#[test]
fn a_body_has_a_length_or_chunks_or_ends_with_the_connection() {
    let chunks = b"5\r\nsorry\r\nB;x=\"1\"\r\n, no room.\n\r\n0\r\nX: y\r\n\r\n";
    for size in [1, 2, 7, 100] {
        assert_eq!(read_body("Content-Length: 5\r\n", b"sorry, no", size), (b"sorry".to_vec(), true));
        assert_eq!(read_body("Content-Length: 5\r\n", b"sor", size), (b"sor".to_vec(), false));
        assert_eq!(read_body("Content-Length: 0\r\n", b"sorry", size), (b"".to_vec(), true));
        assert_eq!(read_body("", b"sorry", size), (b"sorry".to_vec(), false));
        assert_eq!(read_body("Content-Length: x\r\n", b"sorry", size), (b"sorry".to_vec(), false));
        for coding in
            ["Transfer-Encoding: Chunked\r\n", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"]
        {
            assert_eq!(read_body(coding, chunks, size), (b"sorry, no room.\n".to_vec(), true));
        }
    }
}

#[test]
fn no_more_than_64_kib_of_a_body_are_kept() {
    let huge = vec![b'x'; 2 * MAX_BODY];
    let chunked = [b"ffffffffffffffffffff\r\n", &huge[..]].concat();
    for (headers, body) in [
        ("", &huge),
        ("Content-Length: 131072\r\n", &huge),
        ("Content-Length: 18446744073709551615\r\n", &huge),
        ("Transfer-Encoding: chunked\r\n", &chunked),
    ] {
        for size in [1000, 4 * MAX_BODY] {
            let (kept, complete) = read_body(headers, body, size);
            assert_eq!((kept.len(), complete), (MAX_BODY, true), "{headers}");
        }
    }
}

#[test]
fn chunks_that_are_none_do_no_harm() {
    for body in
        [&b"\r\n"[..], b"x\r\nabc", b"\n\n\n", b"5", b"-1\r\nabc\r\n", b"3\r\nabcdef\r\n0\r\n\r\n", b"\0\xff"]
    {
        let _ = read_body("Transfer-Encoding: chunked\r\n", body, 1);
    }
}

// ---- Hostile values ----

#[test]
fn no_byte_changed_or_left_out_makes_a_panic() {
    let head = join(&SAMPLE);
    for position in 0..head.len() {
        for byte in *b"\0\t\n\r \"#%,/:;=?@[\\]{a0\x7f\x80\xff" {
            let mut changed = head.clone();
            changed[position] = byte;
            let _ = verify(&changed);
        }
        let mut shorter = head.clone();
        shorter.remove(position);
        let _ = verify(&shorter);
        assert!(verify(&head[..position]).is_err());
    }
}

#[test]
fn large_hostile_values_end_in_a_verdict() {
    let mut config = Config::default();
    config.max_head_size = 1 << 20;
    for piece in ["a,", ",", "\"", "\\\"", "a;b=\"", ";", "=", "é", "websocket,", "upgrade,"] {
        let value = piece.repeat((64 << 10) / piece.len());
        for name in [
            "Upgrade",
            "Connection",
            "Sec-WebSocket-Accept",
            "Sec-WebSocket-Extensions",
            "Sec-WebSocket-Protocol",
        ] {
            let _ = handshake().verify(&with(name, &[&format!("{name}: {value}")]), &config);
        }
    }
}
