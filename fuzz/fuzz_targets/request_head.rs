//! Invariant: a request gets the same verdict however it is cut; one that is accepted has every property
//! that RFC 6455 §4.2.1 asks for, by a naive reading of its lines, and its 101 satisfies the client that
//! sent the key; one that is refused is answered with a well-formed response that is not a 101.

#![no_main]

mod edited;

use clearsocket::handshake::{
    HeadReader, OriginPolicy, Request, ServerOptions, accept_key, judge, write_response,
};
use clearsocket::{Config, HandshakeError};
use edited::{Edited, fields, read_head};
use libfuzzer_sys::fuzz_target;

const GOOD: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

fuzz_target!(|input: Edited| {
    let bytes = input.apply(GOOD.as_bytes());
    let mut config = Config::default();
    if input.small {
        config.max_head_size = 300;
        config.max_headers = 9;
    }
    let mut options = ServerOptions::default();
    options.subprotocols = vec!["superchat".into(), "other".into()];
    if !input.small {
        options.origins = OriginPolicy::Any;
    }

    let head = read_head(&bytes, &config, &[usize::MAX]);
    for sizes in [&[1][..], &input.sizes()] {
        assert_eq!(format!("{:?}", read_head(&bytes, &config, sizes)), format!("{head:?}"));
    }
    let verdict = match head {
        Ok(Some(head)) => answer(&head, &config, &options),
        Ok(None) => return,
        Err(error) => Err(error),
    };
    match verdict {
        Ok((head, reply)) => check_accepted(&head, &reply, &options),
        Err(error) => check_refused(&error),
    }
});

fn answer(
    head: &[u8],
    config: &Config,
    options: &ServerOptions,
) -> Result<(Vec<u8>, Vec<u8>), HandshakeError> {
    let mut request = Request::parse(head, config)?;
    let accepted = judge(&mut request, options)?;
    assert_eq!(request.subprotocol(), accepted.subprotocol());
    assert!(request.resource_name().starts_with('/'));
    Ok((head.to_vec(), accepted.response(&Default::default())?))
}

/// A naive reading of the lines: what §4.2.1 asks for.
fn check_accepted(head: &[u8], reply: &[u8], options: &ServerOptions) {
    let text = String::from_utf8_lossy(head);
    let start_line = text.trim_start_matches("\r\n").lines().next().unwrap_or_default();
    assert!(start_line.starts_with("GET ") && !start_line.ends_with("HTTP/1.0"), "{start_line}");
    let values = |name| fields(head, name);
    let has_token = |name, token: &str| {
        values(name).iter().any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    };
    assert_eq!(values("host").len(), 1);
    assert!(has_token("upgrade", "websocket") && has_token("connection", "upgrade"));
    assert_eq!(values("sec-websocket-version"), ["13"]);
    let [key] = &values("sec-websocket-key")[..] else { panic!("not one key") };
    assert!(key.len() == 24 && key.ends_with("=="), "{key}");

    let reply_fields = |name| fields(reply, name);
    assert!(reply.starts_with(b"HTTP/1.1 101 ") && reply.ends_with(b"\r\n\r\n"));
    assert_eq!(reply_fields("sec-websocket-accept"), [accept_key(key)]);
    assert_eq!(reply_fields("sec-websocket-extensions"), [""; 0]);
    for subprotocol in reply_fields("sec-websocket-protocol") {
        assert!(options.subprotocols.contains(&subprotocol));
        assert!(has_token("sec-websocket-protocol", &subprotocol));
    }
}

fn check_refused(error: &HandshakeError) {
    assert!(!error.is_callers_fault(), "{error:?}");
    let Some(response) = error.response() else { panic!("{error:?} has no answer") };
    assert!(response.status().is_client_error() || response.status().is_server_error(), "{error:?}");
    let bytes = write_response(&response);
    let mut config = Config::default();
    config.max_head_size = 1 << 20;
    let mut reader = HeadReader::new(&config);
    let end = reader.push(&bytes).expect("our own answer is a head").expect("and a complete one");
    assert_eq!(&bytes[end..], response.body());
    assert_eq!(fields(reader.head(), "content-length"), [response.body().len().to_string()]);
}
