//! Invariant: a server's reply gets the same verdict however it is cut; one that is accepted has every
//! property that RFC 6455 §4.1 asks for, by a naive reading of its lines; one that is refused has a body
//! that is the same in pieces as in one, and never longer than the limit.

#![no_main]

mod edited;

use clearsocket::handshake::{
    BodyReader, ClientHandshake, ClientOptions, MAX_BODY, Response, Url, is_interim,
};
use clearsocket::{Config, HandshakeError};
use edited::{Edited, fields, read_head};
use libfuzzer_sys::fuzz_target;

const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\
    \r\n5\r\nsorry\r\n3;x=y\r\n, n\r\n1\r\no\r\n0\r\n\r\n";

fuzz_target!(|input: Edited| {
    for good in [GOOD, REFUSED] {
        check(&input, &input.apply(good.as_bytes()));
    }
});

fn check(input: &Edited, bytes: &[u8]) {
    let mut config = Config::default();
    if input.small {
        config.max_head_size = 200;
        config.max_headers = 6;
    }
    let head = read_head(bytes, &config, &[usize::MAX]);
    for sizes in [&[1][..], &input.sizes()] {
        assert_eq!(format!("{:?}", read_head(bytes, &config, sizes)), format!("{head:?}"));
    }
    let Ok(Some(head)) = head else { return };
    let verdict = handshake().verify(&head, &config);
    if is_interim(&head, &config) {
        assert!(
            matches!(&verdict, Err(HandshakeError::Refused(response)) if response.status().is_informational())
        );
    }
    match verdict {
        Ok((response, subprotocol)) => check_accepted(&head, &response, subprotocol.as_deref()),
        Err(HandshakeError::Refused(response)) => {
            assert!(response.status() != 101);
            check_body(&response, &bytes[head.len()..], &input.sizes());
        }
        Err(error) => assert!(!error.is_callers_fault(), "{error:?}"),
    }
}

fn handshake() -> ClientHandshake {
    let url: Url = "ws://example.com/chat".parse().expect("a good URL");
    let mut options = ClientOptions::default();
    options.subprotocols = vec!["chat".into(), "superchat".into()];
    ClientHandshake::new(&url, &options, *b"the sample nonce").expect("good options")
}

/// A naive reading of the lines: what §4.1 asks for.
fn check_accepted(head: &[u8], response: &Response, subprotocol: Option<&str>) {
    assert!(head.starts_with(b"HTTP/1.") && !head.starts_with(b"HTTP/1.0"));
    assert_eq!(response.status(), 101);
    let values = |name| fields(head, name);
    assert!(matches!(&values("upgrade")[..], [value] if value.eq_ignore_ascii_case("websocket")));
    let mut connection = values("connection").into_iter();
    assert!(connection.any(|line| line.split(',').any(|item| item.trim().eq_ignore_ascii_case("upgrade"))));
    assert_eq!(values("sec-websocket-accept"), ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    assert_eq!(values("sec-websocket-extensions"), [""; 0]);
    match subprotocol {
        Some(subprotocol) => {
            assert!(["chat", "superchat"].contains(&subprotocol));
            assert_eq!(values("sec-websocket-protocol"), [subprotocol]);
        }
        None => assert_eq!(values("sec-websocket-protocol"), [""; 0]),
    }
}

fn check_body(response: &Response, bytes: &[u8], sizes: &[usize]) {
    let read = |sizes: &[usize]| {
        let mut reader = BodyReader::new(response);
        let mut rest = bytes;
        for size in sizes.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*size));
            rest = behind;
            if reader.is_complete() || reader.push(piece) || rest.is_empty() {
                break;
            }
        }
        (reader.is_complete(), reader.into_body())
    };
    let whole = read(&[usize::MAX]);
    assert!(whole.1.len() <= MAX_BODY);
    assert_eq!(read(&[1]), whole);
    assert_eq!(read(sizes), whole);
}
